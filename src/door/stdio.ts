// The wire of the MCP door: one JSON-RPC message a line on stdin and stdout. Own, since the door
// has to know what the SDK's transport does not tell: that the client has gone (end of stdin), that
// an answer was written out, and which line was no JSON.

import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { LIMITS } from "../core/limits.ts";
import { excerpt } from "../core/text.ts";
import { Output } from "./wireout.ts";

/** Error codes of JSON-RPC. */
const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const INVALID_PARAMS = -32602;
const NEWLINE = 10;
const READ_BYTES = 65_536;
/** A request that is older waits for something to happen: whoever has it open may be reading all the same. */
const YOUNG_MS = 1_000;

/** What matters here of a message whose shape was checked. */
interface Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: { readonly requestId?: string | number };
}

/** What the door wants to know. */
export interface WireEvents {
  /** A message came in; whether it is taken care of, and not the SDK's. */
  received(message: JSONRPCMessage): boolean;
  /** An answer is on its way to the client. */
  flushed(id: string | number): void;
  /** The client closed stdin, or (`deaf`) cannot be written to any more. */
  ended(deaf: boolean): void;
}

export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #events: WireEvents;
  readonly #output: Output = new Output(() => this.#end(true));
  /** Requests without an answer, and when they came. */
  readonly #asked = new Map<string | number, number>();
  #onAnswer = (): void => {};
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #closed = false;

  constructor(events: WireEvents) {
    this.#events = events;
  }

  start(): Promise<void> {
    void this.#read();
    return Promise.resolve();
  }

  /** Splits bytes into lines; only whole lines are decoded, so that bad bytes spoil one alone. */
  async #read(): Promise<void> {
    const buffer = new Uint8Array(READ_BYTES);
    let pieces: Uint8Array[] = [];
    let bytes = 0;
    let skipping = false;
    try {
      for (;;) {
        // Read and written as plain files: the streams around them cost more than the call.
        const length = await Deno.stdin.read(buffer);
        if (length === null) break;
        const chunk = buffer.subarray(0, length);
        let from = 0;
        for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
          pieces.push(chunk.subarray(from, end));
          if (!skipping) this.#bytes(pieces);
          [pieces, bytes, skipping] = [[], 0, false];
          from = end + 1;
        }
        if (skipping) continue;
        // A copy: the next read writes over it.
        pieces.push(chunk.slice(from));
        bytes += chunk.length - from;
        if (bytes <= LIMITS.requestBytes) continue;
        this.#refuse(null, INVALID_REQUEST, `a line is longer than ${LIMITS.requestBytes} bytes`);
        // It was refused: what is left of it is dropped.
        [pieces, bytes, skipping] = [[], 0, true];
      }
    } catch (thrown) {
      this.onerror?.(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
    this.#end(false);
  }

  #bytes(pieces: readonly Uint8Array[]): void {
    let text: string;
    try {
      text = this.#decoder.decode(joined(pieces));
    } catch {
      this.#refuse(null, PARSE_ERROR, "the line is not UTF-8");
      return;
    }
    this.#line(text);
  }

  #line(text: string): void {
    const line = text.trim();
    if (line === "") return;
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      this.#refuse(null, PARSE_ERROR, "the line is not JSON");
      return;
    }
    const fault = messageFault(message) ?? protoFault(line);
    if (fault !== null) {
      this.#refuse(idOf(message), fault.code, fault.message);
      return;
    }
    this.#ask(message as Message);
    if (this.#events.received(message as JSONRPCMessage)) return;
    this.onmessage?.(message as JSONRPCMessage);
  }

  #ask({ id, method, params }: Message): void {
    // Who asks on after all answers has read them; who asks on before that may read none.
    const fromMs = performance.now() - YOUNG_MS;
    if (!this.#asked.values().some((atMs) => atMs >= fromMs)) this.#output.wasRead();
    if (id !== undefined && method !== undefined) this.#asked.set(id, performance.now());
    // What is given up is never answered.
    const { requestId } = params ?? {};
    if (method === "notifications/cancelled" && requestId !== undefined) {
      this.#asked.delete(requestId);
      this.#onAnswer();
    }
  }

  #refuse(id: string | number | null, code: number, message: string): void {
    this.#output.write(JSON.stringify({ jsonrpc: "2.0", id, error: { code, message } })).catch(
      () => {
        // The client is gone: the wire has said so.
      },
    );
  }

  async send(message: JSONRPCMessage): Promise<void> {
    const answers = "id" in message && !("method" in message) && message.id !== undefined;
    const written = this.#output.write(JSON.stringify(message), answers);
    // Said as the write begins: the client may answer before the write is known to be done.
    if (answers) {
      this.#events.flushed(message.id as string | number);
      this.#asked.delete(message.id as string | number);
      this.#onAnswer();
    }
    await written;
  }

  /** Of one who may still read the SDK is not told: it would answer nothing any more. */
  #end(deaf: boolean): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events.ended(deaf);
    if (deaf) this.onclose?.();
  }

  /**
   * Resolves when what was asked within the last `ms` milliseconds is answered, and all is written; what
   * was asked before that waits for something to happen.
   */
  async answered(ms: number): Promise<void> {
    const fromMs = performance.now() - ms;
    while (this.#asked.values().some((atMs) => atMs >= fromMs)) {
      await new Promise<void>((next) => this.#onAnswer = next);
    }
    await this.#output.written;
  }

  close(): Promise<void> {
    this.#end(true);
    return Promise.resolve();
  }
}

/** What a message may have. */
const MEMBERS: ReadonlySet<string> = new Set([
  "jsonrpc",
  "id",
  "method",
  "params",
  "result",
  "error",
]);

interface Fault {
  readonly code: number;
  readonly message: string;
}

function invalid(message: string): Fault {
  return { code: INVALID_REQUEST, message };
}

/** Nearly always one piece. */
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [first] = pieces;
  if (pieces.length === 1 && first !== undefined) return first;
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Why a value is no JSON-RPC message; null if it is one. */
function messageFault(value: unknown): Fault | null {
  if (!isObject(value)) return invalid("a message is a JSON object");
  if (value["jsonrpc"] !== "2.0") return invalid('jsonrpc must be "2.0"');
  const { id, method, params } = value;
  if (id !== undefined && typeof id !== "string" && typeof id !== "number") {
    return invalid("id must be a string or an integer");
  }
  if (typeof id === "number" && !Number.isSafeInteger(id)) {
    return invalid("id must be a string or an integer");
  }
  const extra = Object.keys(value).find((name) => !MEMBERS.has(name));
  if (extra !== undefined) return invalid(`a message has no member ${excerpt(extra, 40)}`);
  if (method === undefined) {
    return "result" in value || "error" in value ? null : invalid("method is required");
  }
  if (typeof method !== "string" || method === "") {
    return invalid("method must be a string that is not empty");
  }
  if ("result" in value || "error" in value) return invalid("a request has no result and no error");
  const meta = isObject(params) ? params["_meta"] : undefined;
  if (meta !== undefined && !isObject(meta)) {
    return { code: INVALID_PARAMS, message: "params._meta must be an object" };
  }
  const progress = meta?.["progressToken"];
  if (progress !== undefined && typeof progress !== "string" && !Number.isInteger(progress)) {
    return {
      code: INVALID_PARAMS,
      message: "params._meta.progressToken must be a text or an integer",
    };
  }
  if (params === undefined || isObject(params)) return null;
  // A list is well-formed JSON-RPC; it is MCP that has only named parameters.
  const code = Array.isArray(params) ? INVALID_PARAMS : INVALID_REQUEST;
  return { code, message: "params must be an object" };
}

/** The SDK drops a field of this name without a word; nothing that is sent may be dropped. */
function protoFault(line: string): Fault | null {
  if (!/(?<!\\)"__proto__"\s*:/.test(line)) return null;
  return { code: INVALID_PARAMS, message: "__proto__ is the name of no field" };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function idOf(value: unknown): string | number | null {
  const id = (value as { id?: unknown } | null)?.id;
  return typeof id === "string" || typeof id === "number" ? id : null;
}
