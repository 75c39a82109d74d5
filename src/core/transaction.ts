// What a table may ask of a transaction. The interface is asynchronous so that an engine with a
// network in between can stand behind it; the SQLite engine answers at once.

/** A value that can be bound to a statement. */
export type Param = string | number | bigint | null | Uint8Array;

/** What a probe of a presence lock says. A missing file is unknown: it proves no death. */
export type Presence = "held" | "free" | "missing";

/** An open transaction. Its body may await nothing but these. */
export interface Tx {
  /** All rows of a query. */
  all<R>(sql: string, ...params: Param[]): Promise<R[]>;
  /** The first row of a query, if any. */
  get<R>(sql: string, ...params: Param[]): Promise<R | undefined>;
  /** Runs a statement and returns how many rows it changed. */
  run(sql: string, ...params: Param[]): Promise<number>;
  /** Inserts one row into a table that numbers its rows, and returns its number. */
  insert(sql: string, ...params: Param[]): Promise<number>;
  /** Whether an incarnation's presence lock is held right now. */
  held(incarnation: string): Promise<Presence>;
}

/**
 * `LIMIT n` with the number written out: SQLite prepares a statement with a bound LIMIT again each
 * time a value is bound, which costs more than running it. Rounded up to a power of two, so that
 * there are few different statements; the caller cuts what is too much.
 */
export function limitTo(rows: number): string {
  return `LIMIT ${2 ** Math.ceil(Math.log2(Math.max(1, rows)))}`;
}

/** One act, as the journal keeps it. */
export interface Act {
  /** Name of the peer that acted, or `skein` for the flock's own work. */
  readonly actor: string;
  /** Operation or duty. */
  readonly op: string;
  /** What it was done to: `task/t12`, `message/m5`, `peer/anna`, `lock/src/a.ts`, … */
  readonly subject: string;
  /** What else there is to say; stored as JSON. */
  readonly detail: unknown;
}

/** A write in progress: a transaction, the time it happens at, and what has to be told after. */
export interface Unit {
  readonly tx: Tx;
  /** Wall time of the write, ISO 8601 in UTC: one for the whole write. */
  readonly at: string;
  /** Seconds since boot. */
  readonly upS: number;
  /** Adds a row to the journal. */
  record(act: Act): void;
  /** Rings the peer's bell once the write is committed; `bell`, if it was read in this write. */
  wake(peerId: string, bell?: number): void;
}
