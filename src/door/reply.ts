// What surrounds a call through MCP: what it means, the shape of its answer, signs of life while it
// waits, and where trouble goes that no answer can carry.

// @ts-types="@modelcontextprotocol/sdk/types"
import { type CallToolResult, ErrorCode, McpError } from "@modelcontextprotocol/sdk/types.js";
import { listedAs } from "../aliases.ts";
import { operationNamed } from "../catalogue.ts";
import { asRefusal, Refusal } from "../core/errors.ts";
import { TIMES } from "../core/limits.ts";
import type { AnyOperation } from "../core/operation.ts";
import { head } from "../core/text.ts";
import { translate } from "../translate.ts";
import { remark } from "./output.ts";

/** How often a waiting call says that it is still there. */
const PROGRESS_MS = 5_000;

/** What the SDK hands to a handler, as far as it is used. */
export interface Extra {
  readonly requestId: string | number;
  readonly signal: AbortSignal;
  readonly _meta?: { readonly progressToken?: string | number | undefined } | undefined;
  // deno-lint-ignore no-explicit-any
  readonly sendNotification: (notification: any) => Promise<void>;
}

/**
 * What a call means, by whatever name it came, under a profile of tools.
 * @throws Refusal `UNKNOWN_TOOL`, `INVALID_INPUT` for what a tool of another system requires
 */
export function understood(
  name: string,
  args: unknown,
  profile: string,
): { operation: AnyOperation; input: unknown; claims: readonly string[] } {
  const translated = translate(name, args);
  const operation = operationNamed(translated.operation);
  if (operation === undefined) {
    const shown = head(name, 100);
    throw new Refusal("UNKNOWN_TOOL", `there is no tool ${shown}`, { tool: shown });
  }
  const input = translated.input as Readonly<Record<string, unknown>> | null | undefined;
  for (const [param, own] of Object.entries(listedAs(profile, name)?.own ?? {})) {
    if (input?.[own] !== undefined) continue;
    throw new Refusal("INVALID_INPUT", `${name}: ${param} is required`, { field: param });
  }
  return { ...translated, operation };
}

/**
 * The idempotency key of a call, if it has one.
 * @throws Refusal `INVALID_INPUT`
 */
export function keyOf(meta: Readonly<Record<string, unknown>> | undefined): string | undefined {
  const key = meta?.["skein/key"];
  if (key === undefined || typeof key === "string") return key;
  throw new Refusal("INVALID_INPUT", '_meta["skein/key"] must be a string', { field: "key" });
}

/** One JSON object, as structured content and as the same text: clients show one or the other. */
export function result(
  answer: Readonly<Record<string, unknown>>,
  isError: boolean,
): CallToolResult {
  return {
    content: [{ type: "text", text: JSON.stringify(answer) }],
    structuredContent: answer as Record<string, unknown>,
    ...(isError ? { isError: true } : {}),
  };
}

/** Where MCP has no place for a result with an error, the refusal travels as data of one. */
export function protocolError(thrown: unknown): McpError {
  const refusal = asRefusal(thrown);
  const code = refusal.code === "INTERNAL" ? ErrorCode.InternalError : ErrorCode.InvalidParams;
  return new McpError(code, `${refusal.message}. ${refusal.hint}`, refusal.toJSON());
}

export function reportProgress(extra: Extra): () => void {
  const progressToken = extra._meta?.progressToken;
  if (progressToken === undefined) return () => {};
  const startMs = performance.now();
  const timer = setInterval(() => {
    const progress = Math.round((performance.now() - startMs) / 1000);
    extra.sendNotification({
      method: "notifications/progress",
      params: { progressToken, progress, message: `waiting for ${progress} s` },
    }).catch(() => {
      // The client is gone: the wire says so itself.
    });
  }, PROGRESS_MS);
  return () => clearInterval(timer);
}

/**
 * A client that was killed cannot close the pipe if somebody else holds its end: looks whether it is
 * still there. Looks by itself as long as nobody calls it, and again when nobody has for a while: mostly
 * the caller's timer does, since every wake of an idle session costs.
 */
export function watchParent(
  gone: () => void,
  parentNow: () => number = () => Deno.ppid,
): () => void {
  const parent = parentNow();
  let timer: ReturnType<typeof setTimeout>;
  const look = (nextMs: number): void => {
    clearTimeout(timer);
    if (parentNow() !== parent) gone();
    else timer = setTimeout(() => look(TIMES.parentMs), nextMs);
  };
  look(TIMES.parentMs);
  return () => look(3 * TIMES.parentMs);
}

/** Trouble that no answer can carry goes to stderr, one line each. */
export function complain(text: string): void {
  remark(`skein: ${text}`);
}
