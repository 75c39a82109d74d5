// A model that follows a script: an HTTP server on loopback that answers what a client asks of its
// model's API with the next fitting step, and logs each request, which is the evidence of a test.
// How requests and answers look is a client's wire (messages_api.ts, codex.ts, gemini.ts).

import { eventually } from "../support/eventually.ts";

// deno-lint-ignore no-explicit-any -- what clients send has every shape
export type Json = any;

/** What the model says: a text, or a call of a tool by the name the client shows to the model. */
export type Block =
  | { readonly text: string }
  | { readonly tool: string; readonly input?: Json; readonly id?: string };

/** One turn of the model. */
export interface Step {
  /** On what the model is shown since its last turn; without it the step fits any request. */
  readonly match?: RegExp | ((shown: string, request: ApiRequest) => boolean);
  /** A function may wait: the model thinks until its promise resolves. */
  readonly blocks: readonly Block[] | ((request: ApiRequest) => Promise<readonly Block[]>);
  /** Fits again and again instead of once. */
  readonly repeat?: boolean;
  readonly delayMs?: number;
  /** An HTTP error instead of an answer; `blocks` may be empty then. */
  readonly status?: number;
}

/** A logged request. */
export interface ApiRequest {
  readonly atMs: number;
  readonly path: string;
  readonly body: Json;
  /** Headers of the client's own, without those of HTTP. */
  readonly headers: Readonly<Record<string, string>>;
  /** Id of the client's session, where the client tells. */
  readonly session: string | null;
  /** Everything the model is shown since its last turn. */
  readonly shown: string;
  /** Names of the tools the model may call. */
  readonly tools: readonly string[];
}

/** What a wire makes of a request: null is a path the client should not know. */
export type Reading = Pick<ApiRequest, "session" | "shown" | "tools"> | Response | null;

/** How one vendor's API looks. */
export interface Wire {
  read(path: string, body: Json, headers: Headers): Reading;
  write(request: ApiRequest, blocks: readonly Block[], turn: number): Response;
}

interface Script {
  readonly of: (request: ApiRequest) => boolean;
  readonly steps: Step[];
}

/** What the model says when no step fits, and to requests without tools (titles and the like). */
export const UNSCRIPTED = "done";

export class ScriptedApi {
  /** What the model was asked, oldest first. */
  readonly requests: ApiRequest[] = [];
  /** `METHOD path` of whatever else the client tried. */
  readonly strays: string[] = [];
  readonly url: string;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #wire: Wire;
  readonly #scripts: Script[] = [];
  readonly #closing = new AbortController();
  #turns = 0;

  constructor(wire: Wire) {
    this.#wire = wire;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
    this.url = `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /**
   * Adds steps, for the session with this id, for the requests that `of` accepts, or for all. Of all
   * scripts that accept a request, in the order they were added, the first step that fits answers.
   */
  script(
    steps: readonly Step[],
    of: string | ((request: ApiRequest) => boolean) = () => true,
  ): this {
    const accepts = typeof of === "string" ? (one: ApiRequest) => one.session === of : of;
    this.#scripts.push({ of: accepts, steps: [...steps] });
    return this;
  }

  /** Steps that nobody has reached yet, repeated ones aside. */
  pending(): Step[] {
    return this.#scripts.flatMap(({ steps }) => steps).filter((step) => step.repeat !== true);
  }

  /** The first request, past or to come, that `wanted` accepts: a pattern is tried on what is shown. */
  async waitFor(
    wanted: RegExp | ((request: ApiRequest) => boolean),
    withinMs = 15_000,
  ): Promise<ApiRequest> {
    const accepts = wanted instanceof RegExp
      ? (one: ApiRequest) => new RegExp(wanted).test(one.shown)
      : wanted;
    const found = await eventually(() => this.requests.find(accepts), {
      withinMs,
      what: `a request with ${wanted}`,
    }).catch((thrown) => {
      throw new Error(`${thrown.message}; asked so far:\n${this.transcript()}`);
    });
    return found as ApiRequest;
  }

  /** What was asked, for the message of a failed test. */
  transcript(): string {
    return this.requests.map(({ shown }, i) => `[${i}] ${shown.slice(-600)}`).join("\n");
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#server.shutdown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #answer(http: Request): Promise<Response> {
    const path = new URL(http.url).pathname;
    const text = await http.text();
    const body = parsed(text);
    const reading = http.method === "POST" ? this.#wire.read(path, body, http.headers) : null;
    if (reading instanceof Response) return reading;
    if (reading === null) {
      this.strays.push(`${http.method} ${path}`);
      return failure(404);
    }
    const headers = Object.fromEntries(
      [...http.headers].filter(([name]) => /^x-|agent/.test(name)),
    );
    const request = { atMs: performance.now(), path, body, headers, ...reading };
    this.requests.push(request);
    const step = request.tools.length === 0 ? undefined : this.#take(request);
    const blocks = step === undefined ? [{ text: UNSCRIPTED }] : await this.#think(step, request);
    if (step?.status !== undefined || blocks === null) return failure(step?.status ?? 503);
    return this.#wire.write(request, blocks, ++this.#turns);
  }

  /** What the step says, in its time; null if the server closes meanwhile. */
  async #think({ delayMs, blocks }: Step, request: ApiRequest): Promise<readonly Block[] | null> {
    const { signal } = this.#closing;
    if (delayMs !== undefined) await pause(delayMs, signal);
    if (typeof blocks !== "function") return signal.aborted ? null : blocks;
    const closed = new Promise<null>((done) => {
      signal.addEventListener("abort", () => done(null), { once: true });
    });
    return await Promise.race([blocks(request), closed]);
  }

  #take(request: ApiRequest): Step | undefined {
    for (const { of, steps } of this.#scripts) {
      if (!of(request)) continue;
      const at = steps.findIndex((step) => fits(step, request));
      if (at < 0) continue;
      return steps[at]?.repeat === true ? steps[at] : steps.splice(at, 1)[0];
    }
    return undefined;
  }
}

function fits({ match }: Step, request: ApiRequest): boolean {
  if (match === undefined) return true;
  return match instanceof RegExp
    ? new RegExp(match).test(request.shown)
    : match(request.shown, request);
}

/** Over when the time is, or when the signal comes. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const stop = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      done();
    };
    const timer = setTimeout(stop, ms);
    signal.addEventListener("abort", stop);
  });
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function failure(status: number): Response {
  const type = status === 404 ? "not_found_error" : "api_error";
  return Response.json({ type: "error", error: { type, message: "scripted" } }, { status });
}

/** Server-sent events, each with its type as the event's name if it has one. */
export function events(list: readonly Json[]): Response {
  const text = list.map((data) => {
    const name = data.type === undefined ? "" : `event: ${data.type}\n`;
    return `${name}data: ${JSON.stringify(data)}\n\n`;
  });
  return new Response(text.join(""), { headers: { "content-type": "text/event-stream" } });
}
