// THE path. Whatever comes through any door goes: parse, authorise, transaction, handle, journal,
// commit, wake. Nothing else calls a handler. Of what is refused on the way nothing is stored but
// who, what code and how large.

import { authorise, type Authorised, type Identity } from "./authorise.ts";
import { iso } from "./core/clock.ts";
import { defectRefusal } from "./core/defects.ts";
import { asRefusal, Refusal } from "./core/errors.ts";
import { invariant } from "./core/invariant.ts";
import { LIMITS } from "./core/limits.ts";
import { METER } from "./core/meter.ts";
import { type AnyOperation, type Context, type Shown, WAIT } from "./core/operation.ts";
import { permits, RIGHTS } from "./core/policy.ts";
import type { Tx, Unit } from "./core/transaction.ts";
import { screened } from "./filter/screen.ts";
import { bringIndexUp } from "./flock/indexing.ts";
import { parse, sizeOf } from "./parse.ts";
import { addUsage } from "./peer/standing.ts";
import { renewLease } from "./peer/table.ts";
import { noteRefusal } from "./refusals.ts";
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
export interface Caller extends Identity {
  heldEpoch(taskId: string): number | undefined;
  /** Messages that were shown to the caller already. */
  readonly shown: Shown;
  /** The answer of this call shows a message. */
  offer(message: number): void;
  /** Begins to wait for a change, for at most `ms`. */
  changed(ms: number): Change;
  /** Tool calls of the peer that the store has not counted yet. */
  readonly uncounted?: number;
  /** Who acts under the peer's name, if it is a subagent of it. */
  readonly label?: string | undefined;
  /** So many of them were counted. */
  counted?(calls: number): void;
}

export interface CallOptions {
  /** Idempotency key: the same key gives the same answer and does nothing twice. */
  readonly key?: string | undefined;
  /** Who the call says it is; it has to be who it is. */
  readonly claims?: readonly string[] | undefined;
  /**
   * Runs in the same transaction, after the operation: reading there costs next to nothing. `at` is
   * the time of the write; null in a read, which cannot write.
   */
  readonly beside?: ((tx: Tx, at: string | null) => Promise<void>) | undefined;
  /** Set when the caller no longer wants the answer. */
  readonly signal?: AbortSignal | undefined;
}

/** The answer of an operation: one JSON object. */
export type Answer = Readonly<Record<string, unknown>>;

/**
 * Runs one operation for a caller.
 * @throws Refusal whatever stands in the way; of the call nothing is stored then but code, field and
 * size
 */
export async function perform(
  store: Store,
  caller: Caller,
  operation: AnyOperation,
  raw: unknown,
  options: CallOptions = {},
): Promise<Answer> {
  const startMs = performance.now();
  let waits = false;
  try {
    const { input, harmless } = screened(operation, parse(operation, raw));
    waits = (operation.waitMs?.(input) ?? 0) > 0;
    const answer = await attempt(store, caller, operation, input, options);
    METER.note(operation.name, waits ? null : performance.now() - startMs, null);
    return harmless.length === 0 ? answer : { ...answer, made_harmless: harmless };
  } catch (thrown) {
    let refusal = asRefusal(thrown);
    if (refusal.code === "INTERNAL") {
      refusal = defectRefusal(store.folder, operation.name, thrown, raw);
    }
    METER.note(operation.name, waits ? null : performance.now() - startMs, refusal.code);
    await noteRefusal(store, caller.token, operation.name, refusal, sizeOf(raw));
    throw refusal;
  }
}

/** Tries, and waits where the operation waits, until there is an answer. */
async function attempt(
  store: Store,
  caller: Caller,
  operation: AnyOperation,
  input: unknown,
  options: CallOptions,
): Promise<Answer> {
  const reads = operation.effect === "read" || operation.readsOnly?.(input) === true;
  const prepared = await prepare(store, caller, operation, input, reads, options);
  const waitMs = operation.waitMs?.(input) ?? 0;
  const deadline = performance.now() + waitMs;
  let waited = false;
  for (;;) {
    const leftMs = Math.max(0, deadline - performance.now());
    // Waiting begins before looking, or what happens in between is missed.
    const change = leftMs > 0 ? caller.changed(leftMs) : null;
    try {
      refuseCancelled(options.signal);
      const run = reads ? runRead : runWrite;
      const answer = await run(store, caller, operation, input, prepared, leftMs, options);
      // A file that was deleted or replaced reads on as if nothing were new; a write asks by itself.
      if (reads) store.engine.assertOurs();
      if (answer !== WAIT) return answer;
      invariant(change !== null, `${operation.name} waits although its time is over`);
      waited = true;
      await Promise.race([change.happened, aborted(options.signal)]);
    } catch (thrown) {
      // What ended the wait is what the caller is told, whatever becomes of its trace: that ends by its
      // own time, too, and a store that was too busy for the answer is not asked once more before it.
      const busy = thrown instanceof Refusal && thrown.code === "STORE_BUSY";
      if (waited && !busy) await unwait(store, caller, operation).catch(() => {});
      throw thrown;
    } finally {
      change?.stop();
    }
  }
}

/** What is to be done before the transaction; whoever may not has no work done for it. */
async function prepare(
  store: Store,
  caller: Caller,
  operation: AnyOperation,
  input: unknown,
  reads: boolean,
  { claims }: CallOptions,
): Promise<unknown> {
  const searches = operation.searches?.(input) === true;
  if (!searches && operation.prepare === undefined && operation.survey === undefined) {
    return undefined;
  }
  const { engine, clock, secret, folder } = store;
  await engine.read((tx) => authorise(tx, clock.upS(), secret, caller, operation, reads, claims));
  if (searches) await bringIndexUp(store);
  if (operation.survey === undefined) return await operation.prepare?.(input, caller.folder);
  // Long reads, in many short ones.
  return await operation.survey(input, {
    folder,
    secret,
    nowMs: clock.wallMs(),
    read: (body) => engine.read(body),
  });
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
    const upS = store.clock.upS();
    const who = await authorise(tx, upS, store.secret, caller, operation, true, options.claims);
    const noWrites = (): never => {
      throw new Error(`invariant broken: ${operation.name} is a read and writes`);
    };
    const at = iso(store.clock.wallMs());
    const reading = { tx, at, upS, record: noWrites, wake: noWrites };
    const ctx = contextOf(reading, who, caller, waitMs);
    const answer = await operation.handle(ctx, input, prepared) as Answer | typeof WAIT;
    if (answer !== WAIT) await options.beside?.(tx, null);
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
  const calls = caller.uncounted ?? 0;
  let counting = false;
  const answer = await commit(store, async (unit) => {
    refuseCancelled(options.signal);
    const who = await authorise(
      unit.tx,
      unit.upS,
      store.secret,
      caller,
      operation,
      false,
      options.claims,
    );
    const { actor } = who;
    // Written when it matters to a budget, else now and then: a call costs no write of its own.
    counting = calls > (actor.budgeted ? 0 : LIMITS.uncountedCalls);
    if (counting) await addUsage(unit.tx, actor.id, { tool_calls: calls });
    if (options.key !== undefined) {
      const known = await rememberedAnswer(unit.tx, actor.id, options.key, request);
      if (known !== null) {
        await options.beside?.(unit.tx, unit.at);
        return known;
      }
    }
    if (!actor.resident) {
      await renewLease(unit.tx, actor.id, unit.upS + caller.settings.leaseS, unit.at);
    }
    const ctx = contextOf(unit, who, caller, waitMs, operation.name);
    const answer = await operation.handle(ctx, input, prepared) as Answer | typeof WAIT;
    if (answer !== WAIT && options.key !== undefined && operation.secret !== true) {
      const carriesOut = operation.carriesOut !== undefined;
      await rememberAnswer(
        unit,
        actor.id,
        options.key,
        operation.name,
        request,
        answer,
        carriesOut,
      );
    }
    if (answer !== WAIT) await options.beside?.(unit.tx, unit.at);
    return answer;
  });
  if (counting) caller.counted?.(calls);
  return answer;
}

/** What a handler sees: the transaction, who acts, and what the caller's node knows. */
function contextOf(
  unit: Unit,
  { actor, policy }: Authorised,
  caller: Caller,
  waitMs: number,
  op = "",
): Context {
  return {
    tx: unit.tx,
    at: unit.at,
    upS: unit.upS,
    actor,
    policy,
    waitMs,
    settings: caller.settings,
    shown: caller.shown,
    may: (right) => permits(RIGHTS[right], actor.role, policy),
    offer: (message) => caller.offer(message),
    heldEpoch: (id) => caller.heldEpoch(id),
    held: (incarnation) => unit.tx.held(incarnation),
    wake: (peer, bell) => unit.wake(peer, bell),
    record: (act) => {
      const { label } = caller;
      const detail = label === undefined ? act.detail : { ...act.detail as object, as: label };
      unit.record({ actor: actor.name, op, ...act, detail });
    },
  };
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
    const { tx, upS } = unit;
    const { actor } = await authorise(tx, upS, store.secret, caller, operation, true);
    await operation.unwait?.(unit, actor);
  });
}
