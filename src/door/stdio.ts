// The wire of the MCP door: one JSON-RPC message a line on stdin and stdout. Own, since the door
// has to know what the SDK's transport does not tell: that the client has gone (end of stdin), that
// an answer was written out, and which line was no JSON.

import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { LIMITS } from "../core/limits.ts";

/** Error codes of JSON-RPC. */
const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;

/** What the door wants to know. */
export interface WireEvents {
  /** A message came in; before anybody handles it. */
  received(message: JSONRPCMessage): void;
  /** An answer is on its way to the client: the pipe took it. */
  flushed(id: string | number): void;
  /** The client closed stdin, or cannot be written to any more. */
  ended(): void;
}

export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #events: WireEvents;
  readonly #input: ReadableStream<Uint8Array>;
  readonly #output: WritableStreamDefaultWriter<Uint8Array>;
  readonly #encoder = new TextEncoder();
  #closed = false;
  /** The line that is coming in is too long: it was refused, what is left of it is dropped. */
  #skipping = false;

  constructor(
    events: WireEvents,
    input: ReadableStream<Uint8Array> = Deno.stdin.readable,
    output: WritableStream<Uint8Array> = Deno.stdout.writable,
  ) {
    this.#events = events;
    this.#input = input;
    this.#output = output.getWriter();
  }

  start(): Promise<void> {
    void this.#read();
    return Promise.resolve();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for await (const chunk of this.#input) {
        rest += decoder.decode(chunk, { stream: true });
        let from = 0;
        for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n", from)) {
          this.#line(rest.slice(from, end));
          from = end + 1;
        }
        rest = rest.slice(from);
        if (rest.length > LIMITS.requestBytes) {
          this.#refuse(null, INVALID_REQUEST, `a line is longer than ${LIMITS.requestBytes} bytes`);
          rest = "";
          this.#skipping = true;
        }
      }
    } catch (thrown) {
      this.onerror?.(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
    this.#end();
  }

  #line(text: string): void {
    if (this.#skipping) {
      this.#skipping = false;
      return;
    }
    const line = text.trim();
    if (line === "") return;
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      this.#refuse(null, PARSE_ERROR, "the line is not JSON");
      return;
    }
    const fault = messageFault(message);
    if (fault !== null) {
      this.#refuse(idOf(message), INVALID_REQUEST, fault);
      return;
    }
    this.#events.received(message as JSONRPCMessage);
    this.onmessage?.(message as JSONRPCMessage);
  }

  #refuse(id: string | number | null, code: number, message: string): void {
    void this.#write(JSON.stringify({ jsonrpc: "2.0", id, error: { code, message } }));
  }

  async send(message: JSONRPCMessage): Promise<void> {
    await this.#write(JSON.stringify(message));
    if ("id" in message && !("method" in message) && message.id !== undefined) {
      this.#events.flushed(message.id);
    }
  }

  async #write(line: string): Promise<void> {
    try {
      await this.#output.write(this.#encoder.encode(`${line}\n`));
    } catch (thrown) {
      this.#end();
      throw thrown;
    }
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events.ended();
    this.onclose?.();
  }

  close(): Promise<void> {
    this.#end();
    return Promise.resolve();
  }
}

/** Why a value is no JSON-RPC message; null if it is one. */
function messageFault(value: unknown): string | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return "a message is a JSON object";
  }
  const message = value as Record<string, unknown>;
  if (message["jsonrpc"] !== "2.0") return 'jsonrpc must be "2.0"';
  const { id, method, params } = message;
  if (id !== undefined && typeof id !== "string" && typeof id !== "number") {
    return "id must be a string or a number";
  }
  if (method === undefined) {
    return "result" in message || "error" in message ? null : "method is required";
  }
  if (typeof method !== "string") return "method must be a string";
  if (params !== undefined && (typeof params !== "object" || params === null)) {
    return "params must be an object";
  }
  return null;
}

function idOf(value: unknown): string | number | null {
  const id = (value as { id?: unknown } | null)?.id;
  return typeof id === "string" || typeof id === "number" ? id : null;
}
