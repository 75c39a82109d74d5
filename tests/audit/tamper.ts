// A real store, and hands that reach into its files behind skein's back: a second connection, copies
// of the whole database, other head files. What skein then says of its trail is `verdict`.

import { join } from "@std/path";
import { systemClock } from "../../src/core/clock.ts";
import { HeadKeeper } from "../../src/node/head.ts";
import { forgetHistory } from "../../src/node/retention.ts";
import { type Verdict, verify } from "../../src/audit/verify.ts";
import { commit, type Store } from "../../src/store/unit.ts";
import { setMeta } from "../../src/store/meta.ts";
import { act, type TestHome } from "../support/home.ts";

export const DAY_MS = 86_400_000;

/** Statements as somebody who can write the file, and has no secret, may run them. */
export function tamper(home: TestHome, ...statements: readonly string[]): void {
  home.sql((db) => {
    for (const sql of statements) db.prepare(sql).run();
  });
}

/** What verify says, as if it were `nowMs`. */
export function verdict(store: Store, nowMs = Date.now()): Promise<Verdict> {
  const { folder, secret, engine } = store;
  return verify({ folder, secret, nowMs, read: (body) => engine.read(body) });
}

/** The faults alone, as `what seq`. */
export async function faults(store: Store, nowMs = Date.now()): Promise<string[]> {
  return (await verdict(store, nowMs)).faults.map(({ what, seq }) => `${what} ${seq}`);
}

/** A store with so many rows in its journal. */
export async function storeWith(home: TestHome, rows: number): Promise<Store> {
  const store = await home.open();
  await act(store, rows);
  return store;
}

/** Many rows at once. */
export function actMany(store: Store, rows: number): Promise<void> {
  return commit(store, ({ record }) => {
    for (let i = 0; i < rows; i++) {
      record({ actor: "anna", op: "test", subject: `thing/${i}`, detail: { i } });
    }
    return Promise.resolve();
  });
}

/** A store whose clock stands so many days back. */
export function openInThePast(home: TestHome, days: number): Promise<Store> {
  const { wallMs, upS } = systemClock;
  return home.open({ wallMs: () => wallMs() - days * DAY_MS, upS });
}

/** A task that somebody made just now, and the row of the journal that says so. */
export function makeTask(store: Store, id: string): Promise<void> {
  return commit(store, async ({ tx, at, record }) => {
    await tx.run(
      `INSERT INTO task (id, project, title, description, accept, files, status, priority, open_deps,
         created_by, creator, created_at, max_attempts, updated_at)
       VALUES (?, '/p', 'x', '', '', '[]', 'pending', 3, 0, 'a', 'anna', ?, 3, ?)`,
      id,
      at,
      at,
    );
    record({ actor: "anna", op: "create_task", subject: `task/${id}`, detail: {} });
  });
}

/** As if the wall clock had gone with the seconds since boot for long enough to be believed. */
export async function believeClock(store: Store): Promise<void> {
  const wallS = store.clock.wallMs() / 1000;
  const look = { wallS, upS: store.clock.upS(), confirmedS: wallS, steadyS: 86_400 };
  await store.engine.write((tx) => setMeta(tx, "retention_clock", JSON.stringify(look)));
}

/** What a leader does each second. */
export class Leader {
  readonly #store: Store;
  readonly #head: HeadKeeper;

  constructor(store: Store) {
    this.#store = store;
    this.#head = new HeadKeeper(store);
  }

  keepHead(): Promise<void> {
    return this.#head.keep({
      write: (body) => commit(this.#store, body),
      current: () => Promise.resolve(true),
    });
  }

  /** Forgets all that is old enough by a clock that is long sure; gives how many steps it took. */
  async forget(afterEach: () => Promise<void> = () => Promise.resolve()): Promise<number> {
    await believeClock(this.#store);
    for (let steps = 1;; steps++) {
      const more = await commit(this.#store, (unit) => forgetHistory(unit, this.#store, 0));
      await afterEach();
      if (!more) return steps;
    }
  }
}

/** The database as one file, with nothing left in its log. */
export function copyDatabase(home: TestHome): Uint8Array {
  home.sql((db) => db.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get());
  return Deno.readFileSync(home.database);
}

/** Puts a copy in the place of the database; nobody may have it open. */
export function putBack(home: TestHome, copy: Uint8Array): void {
  for (const suffix of ["-wal", "-shm"]) {
    try {
      Deno.removeSync(home.database + suffix);
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    }
  }
  Deno.writeFileSync(home.database, copy, { mode: 0o600 });
}

export function headFile(home: TestHome): string {
  return join(home.folder, "head");
}
