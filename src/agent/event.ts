// What an agent's stream tells, in the words in which the rest of skein hears it, whichever agent it
// is. Texts in here are excerpts: the log has the lines as they came.

/** Tokens so far, over all turns. */
export interface Usage {
  /** What counts against a budget: input, output and what was written to the cache. */
  readonly tokens: number;
  readonly input: number;
  readonly output: number;
  readonly cacheWritten: number;
  /** Read from the cache: cheap, much, and not part of `tokens`. */
  readonly cacheRead: number;
  /** Answers of the model. */
  readonly turns: number;
}

/** The end of a turn, as the agent itself reports it: the last one of a stream is its verdict. */
export interface ResultEvent {
  readonly kind: "result";
  /** Neither an error nor cut short. */
  readonly ok: boolean;
  readonly isError: boolean;
  readonly subtype: string;
  readonly text: string;
  readonly turns: number;
  readonly costUsd: number;
  readonly tokens: number;
  readonly session: string | null;
  readonly durationMs: number;
  /** HTTP status of the API's error; null where it was none. */
  readonly apiStatus: number | null;
  /** Messages that the agent has taken and goes on with: more results follow. */
  readonly queued: number;
  /** Tools that it was not permitted to call. */
  readonly denied: readonly string[];
}

/** One thing that happened. */
export type AgentEvent =
  | {
    readonly kind: "init";
    readonly session: string | null;
    readonly model: string | null;
    readonly tools: readonly string[];
    /** MCP servers that did not come up. */
    readonly failedServers: readonly string[];
  }
  | { readonly kind: "text"; readonly text: string }
  /** `key` is equal for equal calls; `input` is an excerpt of its JSON. */
  | {
    readonly kind: "tool";
    readonly id: string;
    readonly name: string;
    readonly input: string;
    readonly key: string;
  }
  /** `key` is equal for equal answers. */
  | {
    readonly kind: "tool_result";
    readonly id: string;
    readonly isError: boolean;
    readonly text: string;
    readonly key: string;
  }
  | { readonly kind: "usage" } & Usage
  /** The agent waits before it asks its API once more. */
  | {
    readonly kind: "retry";
    readonly status: number | null;
    readonly error: string;
    readonly delayMs: number;
  }
  /** A usage limit was hit; `resetsAtMs` since 1970, null where nothing tells. */
  | { readonly kind: "limit"; readonly resetsAtMs: number | null; readonly text: string }
  | ResultEvent
  /** A line of a type that means nothing here: a sign of life. */
  | { readonly kind: "other"; readonly type: string }
  /** A line that is none of the protocol's. */
  | { readonly kind: "noise"; readonly line: string };

/** What an agent speaks: Claude Code's stream-json, or lines of text for people. */
export type Protocol = "claude" | "text";
