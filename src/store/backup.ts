// Backups. One is a home of its own: the store as it was at one moment, its secret and its head. So any
// command can look into it (`--home`), and restoring is to put a copy of it in the home's place. The
// home that was there is moved aside and never removed; a step that fails leaves both where they were.

import { join } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import { Refusal } from "../core/errors.ts";
import { writeHead } from "./headfile.ts";
import { type Home, homeAt } from "./home.ts";
import type { JournalRow } from "./journal.ts";
import { signedLastRow } from "./open.ts";
import { probe } from "./presence_file.ts";
import { SCHEMA_VERSION } from "./schema.ts";

/** What a copy holds. */
export interface Copy {
  readonly folder: string;
  /** Number and time of its newest journal row; 0 and null where nothing has happened yet. */
  readonly seq: number;
  readonly at: string | null;
  readonly bytes: number;
}

type Newest = Pick<JournalRow, "seq" | "at" | "mac">;

/** Another process may be in the middle of a write, or of its own opening. */
const TIMEOUT_MS = 5_000;

/**
 * Copies a home, while others use it, to a folder that does not exist yet.
 * @throws Refusal `INVALID_INPUT`, `STORE_DAMAGED`, `STORE_FULL`
 */
export function copyHome(from: string, to: string): Copy {
  const source = homeAt(from);
  const secret = secretOf(source);
  refuseTaken(to);
  const made = homeAt(`${to}.${Deno.pid}.new`);
  Deno.mkdirSync(made.folder, { recursive: true, mode: 0o700 });
  try {
    Deno.writeFileSync(made.secret, secret, { mode: 0o600 });
    // There before SQLite writes it, so that nobody else ever could read it.
    Deno.writeFileSync(made.database, new Uint8Array(), { mode: 0o600 });
    within(source, (db) => db.prepare("VACUUM INTO ?").run(made.database));
    const { last, bytes } = within(made, (db) => {
      db.prepare("PRAGMA journal_mode = WAL").get();
      return checked(made, db, secret);
    });
    if (last !== undefined) writeHead(made.folder, secret, last);
    for (const path of [made.database, made.secret]) sync(path);
    Deno.renameSync(made.folder, to);
    return { folder: to, seq: last?.seq ?? 0, at: last?.at ?? null, bytes };
  } catch (thrown) {
    Deno.removeSync(made.folder, { recursive: true });
    throw thrown;
  }
}

/**
 * Makes ready what is to take a home's place, beside it. Who lived in the backup does not live in what is
 * made of it: its presence is there and free, so the first leader reaps it like anybody who has died.
 * @throws Refusal `INVALID_INPUT`, `STORE_DAMAGED`, `STORE_NEWER`, `STORE_FULL`
 */
export function prepareRestore(backup: string, home: string): Copy {
  const copy = copyHome(backup, `${home}.restoring-${Deno.pid}`);
  const { peers } = homeAt(copy.folder);
  Deno.mkdirSync(peers, { mode: 0o700 });
  for (const { incarnation } of within(homeAt(copy.folder), residentsOf)) {
    Deno.writeFileSync(join(peers, `${incarnation}.lock`), new Uint8Array(), { mode: 0o600 });
  }
  return copy;
}

/**
 * Puts what was made ready in the home's place. Returns where the home is that was there, or null. Who
 * dies between the two steps leaves no home, and both of them beside it.
 */
export function takePlace(ready: string, home: string, stamp: string): string | null {
  let aside: string | null = `${home}.before-${stamp}`;
  try {
    Deno.renameSync(home, aside);
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    aside = null;
  }
  try {
    Deno.renameSync(ready, home);
  } catch (thrown) {
    if (aside !== null) Deno.renameSync(aside, home);
    throw thrown;
  }
  return aside;
}

/**
 * Refuses while a session lives in a home: it would be cut off in the middle of its work.
 * @throws Refusal `HOME_IN_USE`
 */
export function refuseLiving(folder: string): void {
  const home = homeAt(folder);
  const held = presencesOf(home).filter((name) => probe(join(home.peers, name)) === "held");
  if (held.length === 0) return;
  const lives = new Set(held.map((name) => name.replace(/\.lock$/, "")));
  let names: string[] = [];
  try {
    names = within(home, residentsOf).filter(({ incarnation }) => lives.has(incarnation))
      .map(({ name }) => name);
  } catch {
    // A store that cannot be read is a reason to restore; who is there is counted all the same.
  }
  const who = names.length === held.length ? names.join(", ") : `${held.length} sessions`;
  throw new Refusal("HOME_IN_USE", `${folder} is in use by ${who}`, { peers: names });
}

function presencesOf(home: Home): string[] {
  try {
    return [...Deno.readDirSync(home.peers)].map(({ name }) => name);
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return [];
    throw thrown;
  }
}

function residentsOf(db: DatabaseSync): { name: string; incarnation: string }[] {
  return db.prepare(
    `SELECT name, incarnation FROM peer
     WHERE state = 'live' AND kind = 'resident' AND incarnation IS NOT NULL ORDER BY name`,
  ).all() as { name: string; incarnation: string }[];
}

/** Whole, of a schema this code knows, and under the secret that lies beside it. */
function checked(
  home: Home,
  db: DatabaseSync,
  secret: Uint8Array,
): { last: Newest | undefined; bytes: number } {
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

function secretOf(home: Home): Uint8Array {
  let secret: Uint8Array;
  try {
    Deno.statSync(home.database);
    secret = Deno.readFileSync(home.secret);
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound || thrown instanceof Deno.errors.NotADirectory)) {
      throw thrown;
    }
    throw new Refusal("INVALID_INPUT", `${home.folder} holds no store with its secret`, {
      field: "folder",
      hint: "Name a folder that skein backup has made.",
    });
  }
  if (secret.length === 32) return secret;
  throw new Refusal("STORE_DAMAGED", `${home.secret} holds ${secret.length} bytes, not 32`);
}

function refuseTaken(folder: string): void {
  try {
    Deno.lstatSync(folder);
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return;
    throw thrown;
  }
  throw new Refusal("INVALID_INPUT", `${folder} is there already`, {
    field: "folder",
    hint: "Name a folder that does not exist yet.",
  });
}

function within<T>(home: Home, body: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(home.database, { timeout: TIMEOUT_MS });
  try {
    return body(db);
  } catch (thrown) {
    const code = ((thrown as { errcode?: number }).errcode ?? 0) & 0xff;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    if (code === 13) throw new Refusal("STORE_FULL", `the disk is full: ${message}`);
    if (code === 11 || code === 26) {
      throw new Refusal("STORE_DAMAGED", `${home.database}: ${message}`);
    }
    throw thrown;
  } finally {
    db.close();
  }
}

/** On the disk before it counts: a backup is for the day the machine went down. */
function sync(path: string): void {
  const file = Deno.openSync(path, { read: true });
  try {
    file.syncSync();
  } finally {
    file.close();
  }
}
