// THE path. Whatever comes through any door goes: parse, authorise, transaction, handle, journal,
// commit, wake. Nothing else calls a handler. Of what is refused on the way nothing is stored.

import type { z } from "zod";
import { iso } from "./core/clock.ts";
import { Refusal } from "./core/errors.ts";
import { invariant } from "./core/invariant.ts";
import { LIMITS } from "./core/limits.ts";
import { head } from "./core/text.ts";
import {
  type Actor,
  type AnyOperation,
  type Context,
  type Settings,
  type Shown,
  WAIT,
} from "./core/operation.ts";
import type { Tx, Unit } from "./core/transaction.ts";
import { indexLags, indexStep } from "./flock/search.ts";
import { actorById, renewLease } from "./peer/table.ts";
import { runById } from "./run/table.ts";
import { rememberAnswer, rememberedAnswer, requestHash } from "./store/idempotency.ts";
import { commit, type Store } from "./store/unit.ts";

/** A wait for something to change. */
export interface Change {
  /** Resolves at the change or when the time is over; never rejects. */
  readonly happened: Promise<void>;
  /** Ends the wait: nobody is interested any more. */
  stop(): void;
}

/** On whose behalf a call comes, as the door or the node knows it. */
export interface Caller {
  readonly peer: string;
  /** The life in which the peer calls; a newer one fences it. */
  readonly incarnation: string;
  readonly folder: string;
  /** The operator has no project of its own: it acts in the one it stands in. */
  readonly project: string;
  readonly settings: Settings;
  heldEpoch(taskId: string): number | undefined;
  /** Messages that were shown to the caller already. */
  readonly shown: Shown;
  /** The answer of this call shows a message. */
  offer(message: number): void;
  /** Begins to wait for a change, for at most `ms`. */
  changed(ms: number): Change;
}

export interface CallOptions {
  /** Idempotency key: the same key gives the same answer and does nothing twice. */
  readonly key?: string | undefined;
  /** Who the call says it is; it has to be who it is. */
  readonly claims?: readonly string[] | undefined;
  /** Runs in the same transaction, after the operation: reading there costs next to nothing. */
  readonly beside?: ((tx: Tx) => Promise<void>) | undefined;
  /** Set when the caller no longer wants the answer. */
  readonly signal?: AbortSignal | undefined;
}

/** How long a search may spend on the index before it answers from what there is. */
const INDEX_MS = 2_000;

/** The answer of an operation: one JSON object. */
export type Answer = Readonly<Record<string, unknown>>;

/**
 * Runs one operation for a caller.
 * @throws Refusal whatever stands in the way; nothing of the call is stored then
 */
export async function perform(
  store: Store,
  caller: Caller,
  operation: AnyOperation,
  raw: unknown,
  options: CallOptions = {},
): Promise<Answer> {
  const input = parse(operation, raw);
  const prepared = await operation.prepare?.(input, caller.folder);
  if (operation.searches?.(input) === true) await bringIndexUp(store);
  const waitMs = operation.waitMs?.(input) ?? 0;
  const deadline = performance.now() + waitMs;
  let waited = false;
  for (;;) {
    const leftMs = Math.max(0, deadline - performance.now());
    // Waiting begins before looking, or what happens in between is missed.
    const change = leftMs > 0 ? caller.changed(leftMs) : null;
    try {
      refuseCancelled(options.signal);
      const reads = operation.effect === "read" || operation.readsOnly?.(input) === true;
      const run = reads ? runRead : runWrite;
      const answer = await run(store, caller, operation, input, prepared, leftMs, options);
      if (answer !== WAIT) return answer;
      invariant(change !== null, `${operation.name} waits although its time is over`);
      waited = true;
      await Promise.race([change.happened, aborted(options.signal)]);
    } catch (thrown) {
      if (waited) await unwait(store, caller, operation);
      throw thrown;
    } finally {
      change?.stop();
    }
  }
}

function parse(operation: AnyOperation, raw: unknown): unknown {
  if (typeof raw === "object" && raw !== null && Object.hasOwn(raw, "__proto__")) {
    throw new Refusal("INVALID_INPUT", `${operation.name}: unknown field __proto__`, {
      field: "__proto__",
    });
  }
  const result = operation.input.safeParse(raw ?? {});
  if (result.success) return result.data;
  throw inputRefusal(operation.name, result.error.issues, raw);
}

/** A refusal that names the field, the reason and the remedy. */
export function inputRefusal(
  name: string,
  issues: readonly z.core.$ZodIssue[],
  raw: unknown,
): Refusal {
  const first = issues[0];
  invariant(first !== undefined, "a failed parse has an issue");
  if (first.code === "unrecognized_keys") {
    const keys = first.keys.join(", ");
    return new Refusal("INVALID_INPUT", `${name}: unknown field ${keys}`, { field: first.keys[0] });
  }
  const field = first.path.length === 0 ? "input" : first.path.join(".");
  const missing = first.path.length > 0 && valueAt(raw, first.path) === undefined;
  const wrongType = first.code === "invalid_type" && !/^(must|is|has)\b/.test(first.message);
  const reason = missing && first.code !== "custom"
    ? "is required"
    : wrongType
    ? `must be ${article(first.expected)}`
    : first.message;
  const tooLarge = first.code === "too_big" && first.origin === "string";
  return new Refusal(tooLarge ? "TOO_LARGE" : "INVALID_INPUT", `${name}: ${field} ${reason}`, {
    field,
  });
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

function article(expected: string): string {
  return `${/^[aeiou]/.test(expected) ? "an" : "a"} ${expected}`;
}

async function runRead(
  store: Store,
  caller: Caller,
  operation: AnyOperation,
  input: unknown,
  prepared: unknown,
  waitMs: number,
  options: CallOptions,
): Promise<Answer | typeof WAIT> {
  return await store.engine.read(async (tx) => {
    const actor = await actorOf(tx, caller, operation, options.claims);
    const noWrites = (): never => {
      throw new Error(`invariant broken: ${operation.name} is a read and writes`);
    };
    const at = iso(store.clock.wallMs());
    const reading = { tx, at, upS: store.clock.upS(), record: noWrites, wake: noWrites };
    const ctx = contextOf(reading, actor, caller, waitMs);
    const answer = await operation.handle(ctx, input, prepared) as Answer | typeof WAIT;
    if (answer !== WAIT) await options.beside?.(tx);
    return answer;
  });
}

async function runWrite(
  store: Store,
  caller: Caller,
  operation: AnyOperation,
  input: unknown,
  prepared: unknown,
  waitMs: number,
  options: CallOptions,
): Promise<Answer | typeof WAIT> {
  const request = options.key === undefined ? "" : requestHash(operation.name, input);
  return await commit(store, async (unit) => {
    refuseCancelled(options.signal);
    const actor = await actorOf(unit.tx, caller, operation, options.claims);
    if (options.key !== undefined) {
      const known = await rememberedAnswer(unit.tx, actor.id, options.key, request);
      if (known !== null) {
        await options.beside?.(unit.tx);
        return known;
      }
    }
    if (!actor.resident) {
      await renewLease(unit.tx, actor.id, unit.upS + caller.settings.leaseS, unit.at);
    }
    const ctx = contextOf(unit, actor, caller, waitMs, operation.name);
    const answer = await operation.handle(ctx, input, prepared) as Answer | typeof WAIT;
    if (answer !== WAIT && options.key !== undefined) {
      await rememberAnswer(unit, actor.id, options.key, operation.name, request, answer);
    }
    if (answer !== WAIT) await options.beside?.(unit.tx);
    return answer;
  });
}

/** What a handler sees: the transaction, who acts, and what the caller's node knows. */
function contextOf(
  unit: Unit,
  actor: Actor,
  caller: Caller,
  waitMs: number,
  op = "",
): Context {
  return {
    tx: unit.tx,
    at: unit.at,
    upS: unit.upS,
    actor,
    waitMs,
    settings: caller.settings,
    shown: caller.shown,
    offer: (message) => caller.offer(message),
    heldEpoch: (id) => caller.heldEpoch(id),
    held: (incarnation) => unit.tx.held(incarnation),
    wake: (peer) => unit.wake(peer),
    record: (act) => unit.record({ actor: actor.name, op, ...act }),
  };
}

/**
 * Loads who acts, from the store and not from the call, and checks that it may.
 * @throws Refusal `NOT_JOINED`, `FENCED`, `NOT_YOU`, `NOT_ALLOWED`
 */
async function actorOf(
  tx: Tx,
  caller: Caller,
  operation: AnyOperation,
  claims: readonly string[] = [],
): Promise<Actor> {
  const row = await actorById(tx, caller.peer);
  if (row === undefined) throw new Refusal("NOT_JOINED", "this session is not part of the flock");
  if (row.incarnation !== caller.incarnation) {
    if (row.state === "gone") throw new Refusal("NOT_JOINED", `${row.name} has left the flock`);
    throw new Refusal("FENCED", `a newer session acts as ${row.name} now`);
  }
  const other = claims.find((name) => name !== row.name);
  if (other !== undefined) {
    throw new Refusal("NOT_YOU", `you are ${row.name}, not ${head(other, LIMITS.nameChars)}`, {
      you: row.name,
    });
  }
  if (!operation.roles.includes(row.role)) {
    throw new Refusal(
      "NOT_ALLOWED",
      `${operation.name} is for ${operation.roles.join(", ")}; you are ${row.role}`,
      { role: row.role },
    );
  }
  return {
    id: caller.peer,
    name: row.name,
    role: row.role,
    project: row.role === "operator" ? caller.project : row.project,
    folder: row.role === "operator" ? caller.folder : row.folder,
    incarnation: caller.incarnation,
    run: row.role === "operator" ? await operatorsRun(tx, row.run, caller.project) : row.run,
    resident: row.kind === "resident",
    pinned: row.pinned === 1,
    bucket: { tokens: row.rate_tokens, atS: row.rate_at_s },
  };
}

/** The operator's run counts only in its own project. */
async function operatorsRun(tx: Tx, run: string | null, project: string): Promise<string | null> {
  if (run === null) return null;
  return (await runById(tx, run))?.project === project ? run : null;
}

/** Takes into the search index what is missing, for a bounded time. */
async function bringIndexUp(store: Store): Promise<void> {
  const deadline = performance.now() + INDEX_MS;
  let lags = await store.engine.read(indexLags);
  while (lags && performance.now() < deadline) {
    lags = await commit(store, ({ tx }) => indexStep(tx));
  }
}

function refuseCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new Refusal("CANCELLED", "the call was cancelled");
}

function aborted(signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return new Promise(() => {});
  return new Promise((done) => signal.addEventListener("abort", () => done(), { once: true }));
}

async function unwait(store: Store, caller: Caller, operation: AnyOperation): Promise<void> {
  if (operation.unwait === undefined) return;
  await commit(store, async (unit) => {
    const actor = await actorOf(unit.tx, caller, operation);
    await operation.unwait?.(unit, actor);
  });
}
