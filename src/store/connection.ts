// One SQLite connection with its prepared statements and its queue, and the transaction that a
// body gets to see. The transaction is of no use once it ended: a body that went on would
// otherwise write into somebody else's.

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { invariant } from "../core/invariant.ts";
import type { Param, Presence, Tx } from "../core/transaction.ts";

/** What Deno's types leave out. */
type Prepared = StatementSync & { setReturnArrays(on: boolean): void };

/** Opening may meet the first use of the log by another process, which is over soon. */
const OPEN_TIMEOUT_MS = 2_000;

/**
 * A prepared statement whose rows become objects here: the binding would make the name of every
 * column anew for every row, which costs as much as a short row itself.
 */
class Statement {
  readonly #prepared: Prepared;
  #names: readonly string[] = [];

  constructor(prepared: Prepared) {
    this.#prepared = prepared;
    prepared.setReturnArrays(true);
  }

  get(...params: readonly Param[]): unknown {
    const values = this.#prepared.get(...params) as unknown as readonly unknown[] | undefined;
    return values === undefined ? undefined : this.#row(values);
  }

  all(...params: readonly Param[]): unknown[] {
    const rows = this.#prepared.all(...params) as unknown as readonly (readonly unknown[])[];
    return rows.map((values) => this.#row(values));
  }

  /** Returns how many rows were changed. */
  run(...params: readonly Param[]): number {
    return Number(this.#prepared.run(...params).changes);
  }

  /** Returns the number of the row that was inserted last. */
  insert(...params: readonly Param[]): number {
    return Number(this.#prepared.run(...params).lastInsertRowid);
  }

  #row(values: readonly unknown[]): unknown {
    // Asked for at the first row; again where a migration has widened a `SELECT *`.
    if (this.#names.length !== values.length) {
      this.#names = this.#prepared.columns().map(({ name }) => name);
    }
    const row: Record<string, unknown> = {};
    for (let i = 0; i < values.length; i++) row[this.#names[i] ?? ""] = values[i];
    return row;
  }
}

/** One open connection with its prepared statements and its queue. */
export class Connection {
  readonly #db: DatabaseSync;
  readonly #probe: (incarnation: string) => Presence;
  readonly #statements = new Map<string, Statement>();
  #last: Promise<unknown> = Promise.resolve();

  /**
   * `timeoutMs` is SQLite's own wait, which sleeps the thread. What is committed outlives any process; with
   * `durable` a power cut, too: each commit then waits for the disk.
   */
  constructor(
    path: string,
    probe: (incarnation: string) => Presence,
    timeoutMs: number,
    durable = false,
  ) {
    this.#probe = probe;
    this.#db = new DatabaseSync(path, { timeout: OPEN_TIMEOUT_MS });
    this.#db.exec(
      `PRAGMA synchronous = ${durable ? "FULL" : "NORMAL"}; ` +
        "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -1024; " +
        "PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF; " +
        `PRAGMA busy_timeout = ${timeoutMs}`,
    );
  }

  /** Runs `body` after everything that was asked of this connection before. */
  queue<T>(body: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(body, body);
    this.#last = mine.then(nothing, nothing);
    return mine;
  }

  prepare(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = new Statement(this.#db.prepare(sql) as Prepared);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  rollback(): void {
    try {
      this.prepare("ROLLBACK").run();
    } catch {
      // No transaction is active: SQLite rolled it back by itself, or BEGIN never succeeded.
    }
  }

  /** A probe never waits, so it may run inside a transaction. */
  held(name: string): Presence {
    return this.#probe(name);
  }

  close(): void {
    this.#db.close();
  }
}

/** One transaction: of no use once it ended, whatever its body still tries. */
export class OpenTransaction implements Tx {
  readonly #connection: Connection;
  #over = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  all<R>(sql: string, ...params: Param[]): Promise<R[]> {
    try {
      return Promise.resolve(this.#prepare(sql).all(...params) as R[]);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  get<R>(sql: string, ...params: Param[]): Promise<R | undefined> {
    try {
      return Promise.resolve(this.#prepare(sql).get(...params) as R | undefined);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  run(sql: string, ...params: Param[]): Promise<number> {
    try {
      return Promise.resolve(this.#prepare(sql).run(...params));
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  insert(sql: string, ...params: Param[]): Promise<number> {
    try {
      return Promise.resolve(this.#prepare(sql).insert(...params));
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  held(incarnation: string): Promise<Presence> {
    return Promise.resolve(this.#connection.held(incarnation));
  }

  end(): void {
    this.#over = true;
  }

  #prepare(sql: string): Statement {
    invariant(!this.#over, "a statement came after its transaction had ended");
    return this.#connection.prepare(sql);
  }
}

function nothing(): void {}
