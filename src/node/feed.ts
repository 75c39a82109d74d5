// Being told. A ring or the safety poll makes the feed look; it then tells everybody in this
// process who waits for something to change, and reads the journal for those who want the rows.

import type { Bell } from "../store/engine.ts";
import type { Change } from "../perform.ts";
import type { JournalRow } from "../store/journal.ts";
import { headSeq, rowsAfter } from "../store/journal.ts";
import { refuseOlder, type Store } from "../store/unit.ts";

type Listener = (rows: readonly JournalRow[]) => void;

/** Rows read in one look; the rest follows in the next. */
const PAGE_ROWS = 500;

export class Feed {
  readonly #store: Store;
  readonly #waiting = new Set<() => void>();
  readonly #listeners = new Set<Listener>();
  /** Who is about to listen. */
  #arriving = 0;
  #cursor = 0;
  #looking: Promise<void> | null = null;
  #again = false;
  #lastRingMs = -Infinity;
  #ringTimer: ReturnType<typeof setTimeout> | null = null;
  #bell: Pick<Bell, "quiet"> | null = null;
  #quiet = true;
  /** Called when somebody begins to wait where nobody did. */
  onAwaited: (() => void) | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Where rings come from: it is quiet as long as nobody here waits for anything. */
  hear(bell: Pick<Bell, "quiet">): void {
    this.#bell = bell;
    this.#bell.quiet(this.#quiet);
  }

  #hush(): void {
    const quiet = !this.awaited;
    if (quiet === this.#quiet) return;
    this.#quiet = quiet;
    this.#bell?.quiet(quiet);
    if (!quiet) this.onAwaited?.();
  }

  /** Somebody rang. Wakes are capped at one a millisecond. */
  rung(): void {
    if (this.#ringTimer !== null) return;
    const sinceMs = performance.now() - this.#lastRingMs;
    if (sinceMs >= 1) {
      this.#lastRingMs = performance.now();
      this.look();
      return;
    }
    this.#ringTimer = setTimeout(() => {
      this.#ringTimer = null;
      this.#lastRingMs = performance.now();
      this.look();
    }, 1 - sinceMs);
  }

  /** Looks, and looks again if something came in meanwhile. */
  look(): void {
    for (const wake of [...this.#waiting]) wake();
    if (this.#listeners.size === 0) return;
    if (this.#looking !== null) {
      this.#again = true;
      return;
    }
    this.#looking = this.#read().catch(() => {
      // The store says why on the next call; a feed has nobody to tell.
    }).finally(() => {
      this.#looking = null;
      if (!this.#again) return;
      this.#again = false;
      this.look();
    });
  }

  async #read(): Promise<void> {
    const rows = await this.#store.engine.read((tx) => rowsAfter(tx, this.#cursor, PAGE_ROWS));
    const last = rows.at(-1);
    if (last === undefined) {
      refuseOlder(this.#store, await this.#store.engine.read(headSeq));
      return;
    }
    this.#cursor = last.seq;
    this.#store.seenSeq = Math.max(this.#store.seenSeq, last.seq);
    if (rows.length === PAGE_ROWS) this.#again = true;
    for (const listener of [...this.#listeners]) listener(rows);
  }

  /** Waits until something may have changed, for at most `ms`. */
  changed(ms: number): Change {
    let stop = (): void => {};
    const happened = new Promise<void>((done) => {
      stop = () => {
        clearTimeout(timer);
        this.#waiting.delete(stop);
        this.#hush();
        done();
      };
      const timer = setTimeout(stop, ms);
      this.#waiting.add(stop);
      this.#hush();
    });
    return { happened, stop };
  }

  /** Calls `listener` with every row from now on. Returns how to stop. */
  async listen(listener: Listener): Promise<() => void> {
    this.#arriving += 1;
    this.#hush();
    try {
      const seq = this.#listeners.size > 0 ? null : await this.#store.engine.read(headSeq);
      // Meanwhile another may have begun to listen: it reads on from where it came.
      if (seq !== null && this.#listeners.size === 0) this.#cursor = seq;
      this.#listeners.add(listener);
    } finally {
      this.#arriving -= 1;
      this.#hush();
    }
    // What was rung for meanwhile nobody has read.
    this.look();
    return () => {
      this.#listeners.delete(listener);
      this.#hush();
    };
  }

  get listening(): boolean {
    return this.#listeners.size > 0;
  }

  /** Whether anybody in this process waits for news. */
  get awaited(): boolean {
    return this.#waiting.size + this.#listeners.size + this.#arriving > 0;
  }

  /** Lets everybody go who waits. */
  close(): void {
    this.#bell = null;
    if (this.#ringTimer !== null) clearTimeout(this.#ringTimer);
    this.#listeners.clear();
    for (const wake of [...this.#waiting]) wake();
  }
}
