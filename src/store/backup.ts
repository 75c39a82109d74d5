// Backups. One is a home of its own: the store as it was at one moment, its secret and its head. So any
// command can look into it (`--home`), and restoring is to put a copy of it in the home's place
// (place.ts). What is made stands under another name until it is whole and on the disk.

import { dirname, join } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import { Refusal } from "../core/errors.ts";
import { exists, namesIn, sizeOf } from "../core/folders.ts";
import { CODE, codeOf, explain } from "./faults.ts";
import { writeHead } from "./headfile.ts";
import { type Home, homeAt } from "./home.ts";
import type { JournalRow } from "./journal.ts";
import { Making, sweepLeft } from "./making.ts";
import { signedLastRow } from "./open.ts";
import { SCHEMA_VERSION } from "./schema.ts";

/** What a copy holds. */
export interface Copy {
  readonly folder: string;
  /** Number and time of its newest journal row; 0 and null where nothing has happened yet. */
  readonly seq: number;
  readonly at: string | null;
  readonly bytes: number;
  /** Whether the home's secret is in it; else the environment gives it. */
  readonly secret: boolean;
}

type Newest = Pick<JournalRow, "seq" | "at" | "mac">;

/** Another process may be in the middle of a write, or of its own opening. */
const TIMEOUT_MS = 5_000;

/**
 * Copies a home, while others use it, to a folder that does not exist yet.
 * @param given the home's secret, where it is not in the home
 * @throws Refusal `INVALID_INPUT`, `STORE_DAMAGED`, `STORE_FULL`, `STORE_READONLY`, `CANCELLED`
 */
export async function copyHome(from: string, to: string, given: Uint8Array | null): Promise<Copy> {
  refuseTaken(to);
  sweepLeft(dirname(to));
  using making = new Making(`${to}.${Deno.pid}.new`);
  const copy = await fill(making, homeAt(from), given);
  Deno.renameSync(making.folder, to);
  making.placed(to);
  for (const path of [to, dirname(to)]) sync(path);
  return { ...copy, folder: to };
}

/**
 * Makes ready what is to take a home's place, beside it. Who lived in the backup does not live in what is
 * made of it: its presence is there and free, so the first leader reaps it like anybody who has died.
 * @returns what is in it, and the folder, which is removed unless it is put in its place
 * @throws Refusal `INVALID_INPUT`, `STORE_DAMAGED`, `STORE_NEWER`, `STORE_FULL`, `CANCELLED`
 */
export async function prepareRestore(
  backup: string,
  home: string,
  given: Uint8Array | null,
): Promise<{ copy: Copy; making: Making }> {
  sweepLeft(dirname(home));
  const making = new Making(`${home}.restoring-${Deno.pid}`);
  try {
    const copy = await fill(making, homeAt(backup), given);
    const made = homeAt(making.folder);
    Deno.mkdirSync(made.peers, { mode: 0o700 });
    for (const { incarnation } of within(made, residentsOf)) {
      Deno.writeFileSync(join(made.peers, `${incarnation}.lock`), new Uint8Array(), {
        mode: 0o600,
      });
    }
    return { copy, making };
  } catch (thrown) {
    making[Symbol.dispose]();
    throw thrown;
  }
}

/**
 * What a backup holds, looked at where it is: whole, of a known schema, signed under its secret.
 * @throws Refusal as `prepareRestore` would
 */
export function checkBackup(backup: string, given: Uint8Array | null): Copy {
  const source = homeAt(backup);
  const { secret, own } = secretOf(source, given);
  return within(source, (db) => copyOf(backup, checked(source, db, secret), own));
}

async function fill(making: Making, source: Home, given: Uint8Array | null): Promise<Copy> {
  const { secret, own } = secretOf(source, given);
  const made = homeAt(making.folder);
  try {
    if (own) Deno.writeFileSync(made.secret, secret, { mode: 0o600 });
    // There before SQLite writes it, so that nobody else ever could read it.
    Deno.writeFileSync(made.database, new Uint8Array(), { mode: 0o600 });
  } catch (thrown) {
    throw explain(thrown, made.database);
  }
  // What is copied is opened first: what is wrong there is said of it, and not of the copy.
  within(source, (db) => {
    db.prepare("SELECT 1 FROM sqlite_master").get();
    try {
      db.prepare("VACUUM INTO ?").run(made.database);
    } catch (thrown) {
      throw explain(thrown, codeOf(thrown) === CODE.full ? made.database : source.database);
    }
  });
  await making.step();
  // Left without a log of its own, as it was made: so it can be read where nothing can be written.
  const found = within(made, (db) => checked(made, db, secret));
  if (found.last !== undefined) writeHead(made.folder, secret, found.last);
  for (const name of namesIn(made.folder)) sync(join(made.folder, name));
  sync(made.folder);
  await making.step();
  return copyOf(made.folder, found, own);
}

function copyOf(folder: string, { last, bytes }: Found, secret: boolean): Copy {
  return { folder, seq: last?.seq ?? 0, at: last?.at ?? null, bytes, secret };
}

export function residentsOf(
  db: DatabaseSync,
): { name: string; incarnation: string; pid: number }[] {
  return db.prepare(
    `SELECT name, incarnation, pid FROM peer
     WHERE state = 'live' AND kind = 'resident' AND incarnation IS NOT NULL ORDER BY name`,
  ).all() as { name: string; incarnation: string; pid: number }[];
}

interface Found {
  readonly last: Newest | undefined;
  readonly bytes: number;
}

/** Whole, of a schema this code knows, and under the secret that lies beside it. */
function checked(
  home: Home,
  db: DatabaseSync,
  secret: Uint8Array,
): Found {
  const found = db.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
  if (found.quick_check !== "ok") {
    throw new Refusal("STORE_DAMAGED", `${home.database}: ${found.quick_check}`);
  }
  const needed = db.prepare("SELECT value FROM meta WHERE key = 'min_writer'").get() as
    | { value: string }
    | undefined;
  if (Number(needed?.value ?? 0) > SCHEMA_VERSION) {
    throw new Refusal("STORE_NEWER", `the store needs a writer of schema ${needed?.value}`);
  }
  if (!signedLastRow(db, secret)) {
    throw new Refusal(
      "SECRET_CHANGED",
      "the secret is not the one that its journal was signed with",
    );
  }
  const last = db.prepare("SELECT seq, at, mac FROM journal ORDER BY seq DESC LIMIT 1").get() as
    | Newest
    | undefined;
  const { bytes } = db.prepare(
    "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size",
  ).get() as { bytes: number };
  return { last, bytes };
}

/** The secret of a home, and whether it lies in it. */
function secretOf(home: Home, given: Uint8Array | null): { secret: Uint8Array; own: boolean } {
  if (!exists(home.database)) {
    throw new Refusal("INVALID_INPUT", `${home.folder} holds no store`, {
      field: "folder",
      hint: "Name a folder that skein backup has made.",
    });
  }
  let secret: Uint8Array;
  try {
    secret = Deno.readFileSync(home.secret);
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw explain(thrown, home.secret);
    if (given !== null) return { secret: given, own: false };
    throw new Refusal("INVALID_INPUT", `${home.folder} holds a store, but not its secret`, {
      field: "folder",
      hint:
        "Where the secret came from the environment it is not in a backup: set SKEIN_SECRET to " +
        "what it was.",
    });
  }
  // Both say the same, or the copy is not what it says it is.
  if (secret.length === 32) return { secret: given ?? secret, own: true };
  throw new Refusal("STORE_DAMAGED", `${home.secret} holds ${secret.length} bytes, not 32`);
}

/**
 * Refuses what stands in the way of a backup.
 * @throws Refusal `INVALID_INPUT`
 */
export function refuseTaken(folder: string): void {
  if (!exists(folder)) return;
  throw new Refusal("INVALID_INPUT", `${folder} is there already`, {
    field: "folder",
    hint: "Name a folder that does not exist yet.",
  });
}

/** Runs `body` on a home's database, which is only read. */
export function within<T>(home: Home, body: (db: DatabaseSync) => T): T {
  try {
    return on(home.database, body);
  } catch (thrown) {
    const code = codeOf(thrown);
    if (code !== CODE.cantOpen && code !== CODE.readonly) throw explain(thrown, home.database);
    // On a medium that cannot be written nobody else writes, either: no locks are needed.
    if (sizeOf(home.log) > 0) throw explain(thrown, home.database);
    const uri = new URL(`file://${encodeURI(home.database).replace(/[?#]/g, encodeURIComponent)}`);
    uri.searchParams.set("immutable", "1");
    try {
      return on(uri.href, body);
    } catch (again) {
      throw explain(again, home.database);
    }
  }
}

function on<T>(path: string, body: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path, { timeout: TIMEOUT_MS });
  try {
    return body(db);
  } finally {
    db.close();
  }
}

/** On the disk before it counts: a backup is for the day the machine went down. */
export function sync(path: string): void {
  const file = Deno.openSync(path, { read: true });
  try {
    file.syncSync();
  } finally {
    file.close();
  }
}
