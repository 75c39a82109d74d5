// A unit of work: one write transaction with its journal rows, and the rings that follow it.
// Operations and duties both write through here, so nothing is stored without a trace, by too
// old a writer, or into a store that was swapped for an older copy.

import type { Clock } from "../core/clock.ts";
import { iso } from "../core/clock.ts";
import { Refusal } from "../core/errors.ts";
import type { Act, Tx, Unit } from "../core/transaction.ts";
import type { Engine } from "./engine.ts";
import { append, headForWrite } from "./journal.ts";

/** An open store. */
export interface Store {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly secret: Uint8Array;
  readonly folder: string;
  /** The newest journal row this process has seen; the store never goes behind it. */
  seenSeq: number;
}

/** Runs `body` in one write transaction, journals its acts, and rings who has to know. */
export async function commit<T>(store: Store, body: (unit: Unit) => Promise<T>): Promise<T> {
  const bells = new Set<number>();
  let seq = 0;
  const result = await store.engine.write(async (tx) => {
    const head = await headForWrite(tx);
    refuseOlder(store, head.seq);
    const acts: Act[] = [];
    const woken = new Map<string, number | undefined>();
    bells.clear();
    const at = iso(store.clock.wallMs());
    const result = await body({
      tx,
      at,
      upS: store.clock.upS(),
      record: (act) => void acts.push(act),
      wake: (peerId, bell) => void woken.set(peerId, bell),
    });
    seq = (await append(tx, store.secret, head, at, acts)).seq;
    if (acts.length > 0 || woken.size > 0) {
      for (const bell of head.watchers) bells.add(bell);
      for (const [id, bell] of woken) bells.add(bell ?? await bellOf(tx, id));
      // Who has none is rung by nobody.
      bells.delete(0);
    }
    return result;
  });
  store.seenSeq = Math.max(store.seenSeq, seq);
  store.engine.ring(bells);
  return result;
}

async function bellOf(tx: Tx, id: string): Promise<number> {
  return (await tx.get<{ bell: number }>("SELECT bell FROM peer WHERE id = ?", id))?.bell ?? 0;
}

/** A journal that ends before what this process has seen belongs to another, older file. */
export function refuseOlder(store: Store, seq: number): void {
  if (seq >= store.seenSeq) return;
  throw new Refusal(
    "STORE_REPLACED",
    `the journal ends at ${seq}, but this session has seen ${store.seenSeq}: an older copy of the ` +
      "store was put in its place",
  );
}
