// The ground of the HTTP tests: a flock of real processes whose leader serves, a browser's session that
// was signed in by a real link, requests as bytes where a client would not send them, and a reader of
// events.

import { assertEquals } from "@std/assert";
import { type Flock, type MemberOptions, withFlock } from "../cluster/flock.ts";
import { eventually } from "../support/eventually.ts";
import type { Peer, Reply } from "../support/peer.ts";
import { isToken, Line, type Wish } from "../../dashboard/data/proof.ts";

export type Json = Reply["json"];

/** An answer over HTTP. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON. */
  readonly json: Json;
}

/** What a request brings besides its input. */
export interface More {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Somebody with a token. */
export class Session {
  readonly url: string;
  readonly token: string;
  readonly project: string;

  readonly #line: Line | null;

  constructor(url: string, token: string, project = "") {
    this.url = url;
    this.token = token;
    this.project = project;
    this.#line = isOfBrowser(token) ? new Line(token, url) : null;
  }

  /** What a program sends that has the token. */
  get headers(): Readonly<Record<string, string>> {
    const authorization = `Bearer ${this.token}`;
    const project = encodeURIComponent(this.project);
    return project === "" ? { authorization } : { authorization, "skein-project": project };
  }

  /** Asks as whoever has such a token does: a page signs, a program sends it. */
  async ask(path: string, wish: Wish = {}): Promise<Response> {
    if (this.#line !== null) return await this.#line.ask(path, wish);
    const headers = { ...this.headers, ...wish.headers };
    return await fetch(`${this.url}${path}`, { ...wish, headers });
  }

  /** The same session at another address. */
  at(url: string): Session {
    return new Session(url, this.token, this.project);
  }

  async post(operation: string, input: unknown = {}, more: More = {}): Promise<Answer> {
    return await answerOf(
      await this.ask(`/api/${operation}`, {
        method: "POST",
        body: JSON.stringify(input),
        ...(more.signal === undefined ? {} : { signal: more.signal }),
        headers: { "content-type": "application/json", ...more.headers },
      }),
    );
  }

  /** Calls an operation that has to succeed. */
  async ok(operation: string, input: unknown = {}, more: More = {}): Promise<Json> {
    const answer = await this.post(operation, input, more);
    assertEquals(answer.status, 200, `${operation}: ${answer.text}`);
    return answer.json;
  }

  /** Calls an operation that has to be refused with this status and code. */
  async refused(
    status: number,
    code: string,
    operation: string,
    input: unknown = {},
    more: More = {},
  ): Promise<Json> {
    const answer = await this.post(operation, input, more);
    assertEquals([answer.status, answer.json.code], [status, code], answer.text);
    for (const part of ["message", "hint"]) assertEquals(typeof answer.json[part], "string");
    return answer.json;
  }

  async get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return await answerOf(await this.ask(path, { headers }));
  }

  /** The same human with a token as programs send it. */
  async bearer(): Promise<Session> {
    const { token } = await this.ok("issue_token");
    return new Session(this.url, token, this.project);
  }
}

/** Whether a token is a page's session or a link's code: neither is ever sent. */
function isOfBrowser(token: string): boolean {
  if (!isToken(token)) return false;
  const payload = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
  return /"(page|link)-/.test(atob(payload));
}

/** One request, its answer read whole. */
export async function request(url: string, init: RequestInit = {}): Promise<Answer> {
  return await answerOf(await fetch(url, init));
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    get json(): Json {
      return JSON.parse(text);
    },
  };
}

/** A request as bytes, for what no client would send; gives status and what came back. */
export async function raw(
  url: string,
  lines: readonly string[],
  body = "",
): Promise<{ status: number; text: string }> {
  const { port } = new URL(url);
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  try {
    const head = [...lines, "connection: close", "", ""].join("\r\n");
    await connection.write(new TextEncoder().encode(head + body));
    let text = "";
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(65_536);
    // Not to the end of the connection: where a body is still due, the server keeps it open.
    while (!isWhole(text, lines[0]?.startsWith("HEAD ") === true)) {
      const count = await connection.read(buffer);
      if (count === null) break;
      text += decoder.decode(buffer.subarray(0, count), { stream: true });
    }
    return { status: Number(text.split(" ")[1]), text };
  } finally {
    connection.close();
  }
}

function isWhole(text: string, headOnly: boolean): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = Number(/content-length: (\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
  return headOnly || new TextEncoder().encode(text.slice(end + 4)).length >= length;
}

/** Where the leader says that it is reached; waits until it says so. */
export async function urlOf(flock: Flock, withinMs = 5_000): Promise<string> {
  return await eventually(
    () => flock.rows<{ url: string | null }>("SELECT url FROM leader")[0]?.url ?? "",
    { withinMs, what: "the leader's url" },
  );
}

/** A link as `skein dashboard` makes it, while somebody else leads. */
export async function linkOf(flock: Flock, options: MemberOptions = {}): Promise<Json> {
  const { code, json, stderr } = await flock.cli<Json>(["dashboard"], options);
  assertEquals(code, 0, stderr);
  return json;
}

/** Signs in as the human, by a link. */
export async function signIn(flock: Flock, options: MemberOptions = {}): Promise<Session> {
  const { url, link } = await linkOf(flock, options);
  const code = String(link).split("#code=")[1] ?? "";
  const answer = await exchange(url, code);
  assertEquals(answer.status, 200, answer.text);
  return new Session(url, answer.json.token, answer.json.project);
}

/** Trades the code of a link for a session, as a page does; what can be no code is sent as a bearer. */
export async function exchange(url: string, code: string): Promise<Answer> {
  const wish: Wish = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: "{}",
  };
  if (isToken(code)) return await answerOf(await new Line(code, url).ask("/api/session", wish));
  const headers = { ...wish.headers, authorization: `Bearer ${code}` };
  return await request(`${url}/api/session`, { ...wish, headers });
}

/** A flock of peers, the first of which leads and serves, and the human's session there. */
export async function withSite(
  body: (flock: Flock, session: Session, peers: readonly Peer[]) => Promise<void>,
  options: { readonly names?: readonly string[]; readonly env?: MemberOptions["env"] } = {},
): Promise<void> {
  await withFlock(async (flock) => {
    const peers: Peer[] = [];
    for (const name of options.names ?? ["anna"]) {
      peers.push(await flock.join({ name, ...(options.env ? { env: options.env } : {}) }));
    }
    await urlOf(flock);
    await body(flock, await signIn(flock), peers);
  });
}

/** One event of a stream. */
export interface Event {
  readonly id: number | null;
  readonly event: string;
  readonly data: Json;
}

/** Follows events, as a page does. */
export class Follower {
  readonly events: Event[] = [];
  /** Set when the stream has ended, however. */
  ended = false;
  beats = 0;
  readonly #stop = new AbortController();
  readonly #reading: Promise<void>;
  readonly response: Response;

  private constructor(response: Response, stop: AbortController) {
    this.response = response;
    this.#stop = stop;
    this.#reading = this.#read().catch(() => {}).finally(() => this.ended = true);
  }

  static async open(
    session: Session,
    after: number | null,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Follower> {
    const stop = new AbortController();
    const query = after === null ? "" : `?after=${after}`;
    const response = await session.ask(`/api/events${query}`, { headers, signal: stop.signal });
    if (response.status !== 200) throw new Error(`events: ${await response.text()}`);
    return new Follower(response, stop);
  }

  async #read(): Promise<void> {
    const stream = this.response.body?.pipeThrough(new TextDecoderStream());
    if (stream === undefined) return;
    let text = "";
    for await (const chunk of stream) {
      text += chunk;
      const parts = text.split("\n\n");
      text = parts.pop() ?? "";
      for (const part of parts) this.#take(part);
    }
  }

  #take(part: string): void {
    if (part.startsWith(":")) {
      this.beats += 1;
      return;
    }
    const field = (name: string): string | undefined =>
      part.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    const id = field("id");
    this.events.push({
      id: id === undefined ? null : Number(id),
      event: field("event") ?? "",
      data: JSON.parse(field("data") ?? "null"),
    });
  }

  /** The events of one kind. */
  of(event: string): Event[] {
    return this.events.filter((one) => one.event === event);
  }

  /** Number of the last row that was told. */
  get last(): number {
    return this.of("journal").at(-1)?.id ?? 0;
  }

  /** Waits for something among the events. */
  async until(probe: (events: readonly Event[]) => boolean, what: string): Promise<void> {
    await eventually(() => probe(this.events), { what, withinMs: 15_000 });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#reading;
  }
}
