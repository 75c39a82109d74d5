// The marks of delivery that the store has still to be told: what was offered, seen, or given back.
// They go along with the next write of the same peer, or after a moment in one of their own. If they
// are lost with the process, the message is offered again to the next one: never to none.

import { TIMES } from "../core/limits.ts";
import type { Tx } from "../core/transaction.ts";
import { markOffered, markQueued, markSeen } from "../message/deliveries.ts";
import { peerByIncarnation } from "../peer/table.ts";
import { commit, type Store } from "../store/unit.ts";

/** Delay before marks are written again that a busy store did not take. */
const WRITE_AGAIN_MS = 1_000;
/** SQLite's code of whatever breaks a constraint. */
const CONSTRAINT = 19;

/** Messages of one peer by what became of them. */
export class Batch {
  readonly offered = new Set<number>();
  readonly seen = new Set<number>();
  readonly queued = new Set<number>();

  get empty(): boolean {
    return this.offered.size + this.seen.size + this.queued.size === 0;
  }

  addAll(other: Batch): void {
    for (const id of other.offered) this.offered.add(id);
    for (const id of other.seen) this.seen.add(id);
    for (const id of other.queued) this.queued.add(id);
  }
}

export class Marks {
  readonly #store: Store;
  readonly #peer: string;
  readonly #incarnation: string;
  readonly #written: (batch: Batch) => void;
  #due = new Batch();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #writing: Promise<void> = Promise.resolve();
  /** Batches on their way: one overtakes no other, or what was seen would not be offered yet. */
  #underway = 0;

  /** `written` is told what the store knows from now on. */
  constructor(
    store: Store,
    peer: string,
    incarnation: string,
    written: (batch: Batch) => void,
  ) {
    this.#store = store;
    this.#peer = peer;
    this.#incarnation = incarnation;
    this.#written = written;
  }

  /** What is due; whoever adds to it says so with `soon`. */
  get due(): Batch {
    return this.#due;
  }

  soon(): void {
    this.#later(TIMES.marksMs);
  }

  #later(ms: number): void {
    this.#timer ??= setTimeout(() => {
      // Also if nothing is due any more: what is due next sets a timer of its own.
      this.#timer = null;
      void this.write().catch(() => {});
    }, ms);
  }

  /**
   * Writes what is due inside a write of the peer's own. Returns how to say whether that was
   * committed; null if nothing was written. Marks that the store's rules refuse stop no act: they stay
   * due, as after any write that failed.
   */
  async within(tx: Tx, at: string): Promise<((kept: boolean) => void) | null> {
    if (this.#due.empty || this.#underway > 0) return null;
    const batch = this.#take();
    const settle = (kept: boolean): void => this.#settle(batch, kept);
    try {
      await this.#mark(tx, at, batch);
    } catch (thrown) {
      settle(false);
      if (isConstraint(thrown)) return null;
      throw thrown;
    }
    return settle;
  }

  /** Writes what is due; resolves when the store knows it. */
  write(): Promise<void> {
    if (!this.#due.empty) {
      const batch = this.#take();
      this.#writing = this.#writing.catch(() => {}).then(() => this.#commit(batch));
    }
    return this.#writing;
  }

  /** Writes what is due, at the end. */
  async close(): Promise<void> {
    await this.write();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #take(): Batch {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const batch = this.#due;
    this.#due = new Batch();
    this.#underway += 1;
    return batch;
  }

  async #commit(batch: Batch): Promise<void> {
    try {
      await commit(this.#store, async ({ tx, at }) => {
        // A newer life was shown it meanwhile, or will be: what this one saw counts no more.
        if (await peerByIncarnation(tx, this.#incarnation) === undefined) return;
        await this.#mark(tx, at, batch);
      });
    } catch (thrown) {
      this.#settle(batch, false);
      throw thrown;
    }
    this.#settle(batch, true);
  }

  async #mark(tx: Tx, at: string, { offered, seen, queued }: Batch): Promise<void> {
    // Most of what an agent is shown it has seen by its next call: both are told in one go.
    const both = offered.intersection(seen);
    await markOffered(tx, this.#peer, both, this.#incarnation, at, true);
    await markOffered(tx, this.#peer, offered.difference(both), this.#incarnation, at);
    await markSeen(tx, this.#peer, [...seen.difference(both)], this.#incarnation, at);
    await markQueued(tx, this.#peer, [...queued], this.#incarnation);
  }

  #settle(batch: Batch, kept: boolean): void {
    this.#underway -= 1;
    if (kept) return this.#written(batch);
    // Not lost: they are due again with the next mark, and memory still prevents a repeat.
    this.#due.addAll(batch);
    this.#later(WRITE_AGAIN_MS);
  }
}

/** SQLite undoes the one statement that breaks a constraint; the transaction goes on. */
function isConstraint(thrown: unknown): boolean {
  return (((thrown as { errcode?: number } | null)?.errcode ?? 0) & 0xff) === CONSTRAINT;
}
