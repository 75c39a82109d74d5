// The words of a fake agent's scenario, and which of its rules a prompt meets.

/** One thing that a fake agent does. Texts and paths may name groups of the rule's pattern: `$<task>`. */
export type Step =
  | { readonly do: "say"; readonly text: string; readonly tokens?: number }
  | {
    readonly do: "write";
    readonly path: string;
    readonly text: string;
    readonly append?: boolean;
  }
  /** Any command: git, skein. Its output is the answer of a Bash tool. */
  | { readonly do: "run"; readonly argv: readonly string[]; readonly env?: Record<string, string> }
  /** Only shows a call; nothing happens. */
  | {
    readonly do: "tool";
    readonly name: string;
    readonly input?: unknown;
    readonly answer?: string;
  }
  /** Calls a tool of the server `skein` in `--mcp-config`. */
  | { readonly do: "mcp"; readonly name: string; readonly input?: Record<string, unknown> }
  /** Waits for another user message, and repeats it. */
  | { readonly do: "hear" }
  /** Waits until so many messages have come that were not taken yet. */
  | { readonly do: "queue"; readonly count: number }
  /** Waits until the file is there. */
  | { readonly do: "wait"; readonly file: string }
  | { readonly do: "pause"; readonly ms: number }
  | { readonly do: "hang" }
  /** Ignores SIGTERM, SIGINT and SIGHUP from now on. */
  | { readonly do: "deaf" }
  /** Starts processes that stay. */
  | {
    readonly do: "fork";
    readonly count?: number;
    /** They ignore SIGTERM. */
    readonly deaf?: boolean;
    /** They leave our process group. */
    readonly ownGroup?: boolean;
    /** They have none of our environment. */
    readonly cleanEnv?: boolean;
    /** They keep our output open. */
    readonly holdOutput?: boolean;
    /** File to which each adds its process id. */
    readonly tell?: string;
  }
  /** Written as it is. */
  | { readonly do: "junk"; readonly text: string }
  | { readonly do: "huge"; readonly bytes: number }
  /** To standard error. */
  | { readonly do: "complain"; readonly text: string }
  /** Ends the turn at a usage limit. */
  | { readonly do: "limit"; readonly resetsAtS?: number; readonly inS?: number }
  /** Ends the turn with a result that has these fields instead of its own. */
  | { readonly do: "result"; readonly fields?: Readonly<Record<string, unknown>> }
  | { readonly do: "exit"; readonly code: number };

/** What to do when a prompt matches. */
export interface Rule {
  /** A pattern, tried on the whole message; its named groups fill the steps. Absent: any. */
  readonly match?: string;
  /** How often the rule is used, over all agents with this scenario; then the next that matches is. */
  readonly times?: number;
  readonly steps: readonly Step[];
}

/** What a fake agent does with each message it is told. */
export interface Scenario {
  readonly rules: readonly Rule[];
  /** Says nothing before it acts, not even its first line. */
  readonly silent?: boolean;
  /** Does not leave at the end of its input. */
  readonly stays?: boolean;
}

/** The steps for a message: of the first rule that matches and is not used up. None: just a result. */
export function pick(scenario: Scenario, path: string, said: string): Step[] {
  for (const [i, { match, times, steps }] of scenario.rules.entries()) {
    const found = new RegExp(match ?? "", "s").exec(said);
    if (found === null || !taken(`${path}.${i}`, times)) continue;
    return steps.map((step) => filled(step, found.groups ?? {}) as Step);
  }
  return [];
}

/** Takes one of a rule's uses, by a file for each. */
function taken(prefix: string, times: number | undefined): boolean {
  if (times === undefined) return true;
  for (let i = 0; i < times; i++) {
    try {
      Deno.openSync(`${prefix}.${i}`, { write: true, createNew: true }).close();
      return true;
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.AlreadyExists)) throw thrown;
    }
  }
  return false;
}

function filled(value: unknown, groups: Record<string, string>): unknown {
  if (typeof value === "string") {
    return value.replaceAll(/\$<(\w+)>/g, (all, name: string) => groups[name] ?? all);
  }
  if (Array.isArray(value)) return value.map((one) => filled(one, groups));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [name, filled(one, groups)]),
  );
}
