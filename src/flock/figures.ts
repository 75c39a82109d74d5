// Figures of the home: how large its files are, and what was done in each minute of the last hour. The
// journal has no index by time, and needs none: its numbers rise with time, so the beginning of the
// hour is found by halving, and what was counted once is not counted again.

import { join } from "@std/path";
import { iso } from "../core/clock.ts";
import { sizeOf } from "../core/folders.ts";
import type { Tx } from "../core/transaction.ts";

/** Sizes in bytes; 0 for what is not there. */
export function storeSizes(folder: string): { readonly bytes: number; readonly walBytes: number } {
  const path = join(folder, "skein.db");
  return { bytes: sizeOf(path), walBytes: sizeOf(`${path}-wal`) };
}

/** One read of the store. */
type Read = <T>(body: (tx: Tx) => Promise<T>) => Promise<T>;

/** What was done in each minute, oldest first. */
export interface Series {
  readonly minute: string[];
  readonly acts: number[];
  readonly messages: number[];
  readonly completed: number[];
}

interface Counts {
  acts: number;
  messages: number;
  completed: number;
}

const MINUTES = 60;
const MINUTE_MS = 60_000;
/** Rows that one read counts: a few milliseconds. */
const STEP_ROWS = 4_000;

/** Number of the last row before a time; 0 if there is none. */
export async function seqBefore(tx: Tx, at: string): Promise<number> {
  const ends = await tx.get<{ first: number | null; last: number | null }>(
    `SELECT (SELECT seq FROM journal ORDER BY seq LIMIT 1) AS first,
       (SELECT seq FROM journal ORDER BY seq DESC LIMIT 1) AS last`,
  );
  let low = (ends?.first ?? 1) - 1;
  let high = ends?.last ?? 0;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const row = await tx.get<{ at: string }>("SELECT at FROM journal WHERE seq = ?", middle);
    if (row !== undefined && row.at < at) low = middle;
    else high = middle - 1;
  }
  return low;
}

class Counter {
  #cursor = -1;
  readonly #minutes = new Map<string, Counts>();

  #busy: Promise<unknown> = Promise.resolve();

  /** Takes in what is new and gives the last hour; one call at a time, or rows would count twice. */
  read(read: Read, nowMs: number): Promise<Series> {
    const mine = this.#busy.then(() => this.#read(read, nowMs));
    this.#busy = mine.catch(() => {});
    return mine;
  }

  async #read(read: Read, nowMs: number): Promise<Series> {
    const from = iso(nowMs - MINUTES * MINUTE_MS);
    if (this.#cursor < 0) this.#cursor = await read((tx) => seqBefore(tx, from));
    for (;;) {
      const cursor = this.#cursor;
      const rows = await read((tx) => countFrom(tx, cursor));
      for (const row of rows) this.#add(row);
      if (this.#cursor - cursor < STEP_ROWS) break;
    }
    for (const minute of this.#minutes.keys()) {
      if (minute < from.slice(0, 16)) this.#minutes.delete(minute);
    }
    return this.#series(nowMs);
  }

  #add(row: Counts & { minute: string; last: number }): void {
    const counts = this.#minutes.get(row.minute) ?? { acts: 0, messages: 0, completed: 0 };
    counts.acts += row.acts;
    counts.messages += row.messages;
    counts.completed += row.completed;
    this.#minutes.set(row.minute, counts);
    this.#cursor = Math.max(this.#cursor, row.last);
  }

  #series(nowMs: number): Series {
    const series: Series = { minute: [], acts: [], messages: [], completed: [] };
    for (let back = MINUTES - 1; back >= 0; back--) {
      const minute = iso(nowMs - back * MINUTE_MS).slice(0, 16);
      const counts = this.#minutes.get(minute);
      series.minute.push(`${minute}:00.000Z`);
      series.acts.push(counts?.acts ?? 0);
      series.messages.push(counts?.messages ?? 0);
      series.completed.push(counts?.completed ?? 0);
    }
    return series;
  }
}

function countFrom(tx: Tx, cursor: number): Promise<(Counts & { minute: string; last: number })[]> {
  return tx.all(
    `SELECT substr(at, 1, 16) AS minute, count(*) AS acts, max(seq) AS last,
       sum(op = 'send') AS messages, sum(op = 'complete_task') AS completed
     FROM journal WHERE seq > ? AND seq <= ? GROUP BY minute`,
    cursor,
    cursor + STEP_ROWS,
  );
}

/** Counters by the home's folder: one process looks at one home, tests at several. */
const counters = new Map<string, Counter>();
const MOST_COUNTERS = 8;

/** What was done in the last hour, by minute, in a few short reads. */
export async function lastHour(folder: string, read: Read, nowMs: number): Promise<Series> {
  let counter = counters.get(folder);
  if (counter === undefined) {
    if (counters.size >= MOST_COUNTERS) counters.clear();
    counters.set(folder, counter = new Counter());
  }
  return await counter.read(read, nowMs);
}
