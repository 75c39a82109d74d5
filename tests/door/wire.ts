// A server at the other end of bare pipes: what is sent is what a test writes, byte for byte, and
// every line that comes back is kept. The SDK's client would never send what these tests send.

import { peerEnv, type PeerOptions, type Reply, SOURCE_COMMAND } from "../support/peer.ts";

export type Json = Reply["json"];

const WITHIN_MS = 20_000;

export class Wire {
  readonly child: Deno.ChildProcess;
  /** Every line of stdout, as it came. */
  readonly lines: string[] = [];
  stderr = "";
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #waiting = new Map<string | number, (message: Json) => void>();
  readonly #encoder = new TextEncoder();
  readonly #drained: Promise<unknown>;
  #ids = 0;

  constructor(options: PeerOptions) {
    const [command = "", ...args] = options.command ?? SOURCE_COMMAND;
    this.child = new Deno.Command(command, {
      args: [...args, "mcp"],
      cwd: options.folder,
      env: peerEnv(options),
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#writer = this.child.stdin.getWriter();
    this.#drained = Promise.all([this.#readLines(), this.#readErrors()]);
  }

  async #readLines(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.child.stdout) {
      rest += decoder.decode(chunk, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(line);
    }
    if (rest !== "") this.lines.push(rest);
  }

  #take(line: string): void {
    this.lines.push(line);
    let message: Json;
    try {
      message = JSON.parse(line);
    } catch {
      // Kept in `lines`, where a test finds it.
      return;
    }
    const { id } = message;
    if (message.method !== undefined || id === undefined || id === null) return;
    this.#waiting.get(id)?.(message);
    this.#waiting.delete(id);
  }

  async #readErrors(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.child.stderr) {
      this.stderr += decoder.decode(chunk, { stream: true });
    }
  }

  /** Writes a line, or bytes that may be no text at all. */
  async write(line: string | Uint8Array): Promise<void> {
    const bytes = typeof line === "string" ? this.#encoder.encode(`${line}\n`) : line;
    await this.#writer.write(bytes);
  }

  /** Resolves with the answer to the request `id`. */
  answerTo(id: string | number): Promise<Json> {
    let timer: ReturnType<typeof setTimeout>;
    return new Promise<Json>((done, fail) => {
      this.#waiting.set(id, done);
      timer = setTimeout(
        () => fail(new Error(`no answer to ${id} within ${WITHIN_MS} ms`)),
        WITHIN_MS,
      );
    }).finally(() => clearTimeout(timer));
  }

  /** A new request id. */
  nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }

  /** Sends a request and resolves with the whole answer, error or result. */
  async request(method: string, params?: unknown): Promise<Json> {
    const id = this.nextId();
    const answer = this.answerTo(id);
    await this.write(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    return await answer;
  }

  /** Calls a tool and gives its result. */
  async call(name: string, args: unknown = {}, meta?: unknown): Promise<Json> {
    const { result } = await this.request("tools/call", {
      name,
      arguments: args,
      ...(meta === undefined ? {} : { _meta: meta }),
    });
    return result;
  }

  async notify(method: string, params?: unknown): Promise<void> {
    await this.write(JSON.stringify({ jsonrpc: "2.0", method, params }));
  }

  /** The handshake of an older client. */
  async initialize(): Promise<Json> {
    const answer = await this.request("initialize", {
      protocolVersion: "2025-06-18",
      capabilities: {},
      clientInfo: { name: "wire", version: "1" },
    });
    await this.notify("notifications/initialized");
    return answer;
  }

  /** Closes stdin, as a client that ends does; the process has to follow. */
  async close(): Promise<Deno.CommandStatus> {
    await this.#writer.close().catch(() => {});
    const status = await this.child.status;
    await this.#drained;
    return status;
  }
}

/** Runs `body` with a server and ends it however `body` ends. */
export async function withWire<T>(
  options: PeerOptions,
  body: (wire: Wire) => Promise<T>,
): Promise<T> {
  const wire = new Wire(options);
  try {
    return await body(wire);
  } finally {
    await wire.close();
  }
}
