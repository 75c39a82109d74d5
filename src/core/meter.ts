// What this process has done and how long it took: one histogram for each operation. In memory, for
// /metrics and the page; it dies with the process, which is why both say whose figures they are.

/** Upper bounds of the buckets, in milliseconds: from a cached read to a store that is busy. */
export const BUCKETS_MS = [
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  25,
  50,
  100,
  250,
  500,
  1_000,
  2_500,
  10_000,
] as const;

/** What is known of one operation. */
export interface Measured {
  readonly op: string;
  readonly calls: number;
  /** Calls whose time was taken: those that waited for something to happen are not among them. */
  readonly timed: number;
  readonly sumMs: number;
  /** Calls up to each bound and above the bound before; the last one is for all longer ones. */
  readonly buckets: readonly number[];
  /** Refusals by code. */
  readonly refused: ReadonlyMap<string, number>;
}

interface Entry {
  calls: number;
  timed: number;
  sumMs: number;
  readonly buckets: number[];
  readonly refused: Map<string, number>;
}

export class Meter {
  readonly #entries = new Map<string, Entry>();

  /** Takes note of one call; `ms` is null where the call waited, `code` where it was refused. */
  note(op: string, ms: number | null, code: string | null): void {
    let entry = this.#entries.get(op);
    if (entry === undefined) {
      const buckets = new Array<number>(BUCKETS_MS.length + 1).fill(0);
      entry = { calls: 0, timed: 0, sumMs: 0, buckets, refused: new Map() };
      this.#entries.set(op, entry);
    }
    entry.calls += 1;
    if (code !== null) entry.refused.set(code, (entry.refused.get(code) ?? 0) + 1);
    if (ms === null) return;
    entry.timed += 1;
    entry.sumMs += ms;
    let at = 0;
    while (at < BUCKETS_MS.length && ms > (BUCKETS_MS[at] ?? 0)) at += 1;
    entry.buckets[at] = (entry.buckets[at] ?? 0) + 1;
  }

  /** Everything so far, by name. */
  all(): Measured[] {
    return [...this.#entries].map(([op, entry]) => ({ op, ...entry }))
      .sort((a, b) => a.op < b.op ? -1 : 1);
  }
}

/** A quantile in milliseconds, interpolated within its bucket; 0 when nothing was timed. */
export function quantileMs(measured: Pick<Measured, "timed" | "buckets">, q: number): number {
  const wanted = measured.timed * q;
  let below = 0;
  for (const [at, count] of measured.buckets.entries()) {
    if (count > 0 && below + count >= wanted) {
      const from = at === 0 ? 0 : BUCKETS_MS[at - 1] ?? 0;
      const to = BUCKETS_MS[at] ?? from;
      return from + (to - from) * Math.max(0, Math.min(1, (wanted - below) / count));
    }
    below += count;
  }
  return 0;
}

/** The operations of this process. */
export const METER = new Meter();
