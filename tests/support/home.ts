// Stores on temporary homes, and rows that a test puts there behind skein's back.

import { DatabaseSync } from "node:sqlite";
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import type { Clock } from "../../src/core/clock.ts";
import { type ErrorCode, Refusal } from "../../src/core/errors.ts";
import { rowsAfter } from "../../src/store/journal.ts";
import { openStore } from "../../src/store/open.ts";
import { commit, type Store } from "../../src/store/unit.ts";
import { withTempFolder } from "./temp.ts";

/** A home of one test: opens stores on it and closes them all in the end. */
export class TestHome {
  readonly folder: string;
  readonly database: string;
  readonly #open: Store[] = [];

  constructor(folder: string) {
    this.folder = folder;
    this.database = join(folder, "skein.db");
  }

  async open(clock?: Clock): Promise<Store> {
    const store = await openStore(this.folder, ...(clock === undefined ? [] : [clock]));
    this.#open.push(store);
    return store;
  }

  /** Runs statements on a connection of its own, as nobody of skein would. */
  sql<T>(body: (db: DatabaseSync) => T): T {
    const db = new DatabaseSync(this.database, { timeout: 1_000 });
    try {
      return body(db);
    } finally {
      db.close();
    }
  }

  /** Puts a live peer into the store. */
  addPeer(name: string, more: { kind?: string; schema?: number; leaseUntilS?: number } = {}): void {
    this.sql((db) =>
      db.prepare(
        `INSERT INTO peer (id, name, role, project, folder, tree, kind, state, incarnation, schema,
           joined_at, seen_at, lease_until_s, stalled_since_s, rate_tokens, rate_at_s)
         VALUES (?, ?, 'worker', '/p', '/p', '/p', ?, 'live', ?, ?, '', '', ?, 77, 3, 4000)`,
      ).run(
        `id-${name}`,
        name,
        more.kind ?? "resident",
        `life-of-${name}`,
        more.schema ?? 1,
        more.leaseUntilS ?? null,
      )
    );
  }

  meta(key: string): string | undefined {
    return this.sql((db) => {
      const row = db.prepare("SELECT value FROM meta WHERE key = ?").get(key);
      return row === undefined ? undefined : String(row["value"]);
    });
  }

  setMeta(key: string, value: string): void {
    this.sql((db) => db.prepare("UPDATE meta SET value = ? WHERE key = ?").run(value, key));
  }

  closeAll(): void {
    for (const store of this.#open) {
      try {
        store.engine.close();
      } catch {
        // The test has closed it.
      }
    }
  }
}

/** Runs `body` with a home that does not exist yet. */
export async function withHome<T>(body: (home: TestHome) => Promise<T>): Promise<T> {
  return await withTempFolder(async (folder) => {
    const home = new TestHome(join(folder, "home"));
    try {
      return await body(home);
    } finally {
      home.closeAll();
    }
  });
}

/** Runs `body` and returns its refusal, which has to have this code. */
export async function refusal(code: ErrorCode, body: () => Promise<unknown>): Promise<Refusal> {
  const thrown = await assertRejects(body, Refusal);
  assertEquals(thrown.code, code, thrown.message);
  return thrown;
}

/** Acknowledged writes: one journal row each. */
export async function act(store: Store, times = 1): Promise<void> {
  for (let i = 0; i < times; i++) {
    await commit(store, ({ record }) => {
      record({ actor: "anna", op: "test", subject: `thing/${i}`, detail: { i } });
      return Promise.resolve();
    });
  }
}

/** The number of the newest journal row, as this store sees it. */
export async function seqOf(store: Store): Promise<number> {
  const rows = await store.engine.read((tx) => rowsAfter(tx, 0, 1_000));
  return rows.at(-1)?.seq ?? 0;
}
