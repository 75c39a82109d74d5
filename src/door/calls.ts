// Calls of tools are dispatched here and not by the SDK, which tries every message against all of its
// schemas, the answer too: longer than most calls take. What it would do for a call is done here: the
// parameters are checked, a cancelled call is aborted and never answered, and each gets an answer.

// @ts-types="@modelcontextprotocol/sdk/types"
import {
  type CallToolResult,
  ErrorCode,
  type JSONRPCMessage,
} from "@modelcontextprotocol/sdk/types.js";
import { asRefusal } from "../core/errors.ts";
import type { Extra } from "./reply.ts";

/** What a call brings; whether its arguments fit, the operation says. */
export interface Call {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>> | undefined;
  readonly meta: Readonly<Record<string, unknown>> | undefined;
}

/** A message whose shape the wire has checked. */
interface Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

type Handler = (call: Call, extra: Extra) => Promise<CallToolResult>;
type Send = (message: JSONRPCMessage) => Promise<void>;

export class Calls {
  readonly #handler: Handler;
  readonly #send: Send;
  readonly #running = new Map<string | number, AbortController>();

  /** `send` writes to the client; it rejects when the client is gone. */
  constructor(handler: Handler, send: Send) {
    this.#handler = handler;
    this.#send = send;
  }

  /** Takes a message if it is a call; all others are the SDK's. */
  take(message: JSONRPCMessage): boolean {
    const { id, method, params } = message as Message;
    if (method !== "tools/call" || id === undefined) return false;
    const call = callOf(params ?? {});
    if (typeof call === "string") {
      const error = {
        code: ErrorCode.InvalidParams,
        message: `Invalid tools/call request: ${call}`,
      };
      void this.#answer({ jsonrpc: "2.0", id, error });
    } else {
      void this.#run(id, call);
    }
    return true;
  }

  /** The client gave a call up. */
  cancel(id: string | number): void {
    this.#running.get(id)?.abort();
  }

  async #run(id: string | number, call: Call): Promise<void> {
    const controller = new AbortController();
    this.#running.set(id, controller);
    const { signal } = controller;
    const message = await this.#handler(call, {
      requestId: id,
      signal,
      _meta: call.meta,
      sendNotification: async (notification) => {
        if (!signal.aborted) await this.#send({ jsonrpc: "2.0", ...notification });
      },
    }).then((result) => ({ jsonrpc: "2.0" as const, id, result }), (thrown) => {
      const error = { code: ErrorCode.InternalError, message: asRefusal(thrown).message };
      return { jsonrpc: "2.0" as const, id, error };
    });
    // A later call may have come under the same number.
    if (this.#running.get(id) === controller) this.#running.delete(id);
    if (!signal.aborted) await this.#answer(message);
  }

  async #answer(message: JSONRPCMessage): Promise<void> {
    try {
      await this.#send(message);
    } catch {
      // The client is gone: the wire has said so.
    }
  }
}

/** What a call brings, or what is wrong with it. */
function callOf(params: Readonly<Record<string, unknown>>): Call | string {
  const { name, arguments: args, _meta: meta } = params;
  if (typeof name !== "string") return "name must be a string";
  if (args !== undefined && !isObject(args)) return "arguments must be an object";
  return { name, args, meta: meta as Call["meta"] };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
