// Opening a store: make it if it is missing, bring it up to date, and find out whether this boot
// may use it. Opening is a race of its own (eight processes that make the same file see
// "database is locked" from WAL mode and from DDL), so whatever changes the file runs under a lock.

import { DatabaseSync } from "node:sqlite";
import type { Clock } from "../core/clock.ts";
import { iso, systemClock } from "../core/clock.ts";
import { hmacSha256, loadHashes } from "../core/digest.ts";
import { Refusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Engine } from "./engine.ts";
import { explain } from "./faults.ts";
import { type JournalRow, macOf } from "./journal.ts";
import {
  type Boot,
  type Home,
  prepareHome,
  readSecret,
  refuseNetwork,
  thisBoot,
  whileOpening,
} from "./home.ts";
import { type Migration, MIGRATIONS, SCHEMA_VERSION } from "./schema.ts";
import { SqliteEngine } from "./sqlite.ts";
import type { Store } from "./unit.ts";

/** Whether a presence lock is held; how `adopt` and `migrate` learn who lives. */
type Probe = (incarnation: string) => boolean;

/**
 * Opens the store in `folder`, making it on first use.
 * @param given its secret, where that is not in the home
 * @param durable whether a write is on the disk before it is acknowledged
 * @throws Refusal `HOME_UNSAFE`, `HOME_NETWORK`, `HOME_SHARED`, `STORE_NEWER`, `STORE_OLD_PEERS`,
 * `STORE_DAMAGED`, `STORE_BUSY`, `STORE_FULL`, `STORE_READONLY`, `HOME_MOVED`
 */
export async function openStore(
  folder: string,
  clock: Clock = systemClock,
  given: Uint8Array | null = null,
  durable = false,
): Promise<Store> {
  await loadHashes();
  const home = prepareHome(folder);
  try {
    return await openHome(home, clock, given, durable);
  } catch (thrown) {
    throw explain(thrown, home.database);
  }
}

async function openHome(
  home: Home,
  clock: Clock,
  given: Uint8Array | null,
  durable: boolean,
): Promise<Store> {
  if (isCurrent(home, clock, given)) {
    const secret = given ?? readSecret(home);
    return {
      engine: new SqliteEngine(home, durable),
      clock,
      secret,
      folder: home.folder,
      seenSeq: 0,
    };
  }
  refuseNetwork(home);
  if (isSealed(home)) return lookAt(home, clock, given);
  return await whileOpening(home, () => {
    const secret = given ?? readSecret(home);
    makeDatabase(home);
    const engine: Engine = new SqliteEngine(home, durable);
    bringUp(home, clock, secret, (name) => engine.held(name) === "held");
    return { engine, clock, secret, folder: home.folder, seenSeq: 0 };
  });
}

/** Whether the home is on a medium that cannot be written, and holds a store: then it is looked at as it is. */
function isSealed(home: Home): boolean {
  try {
    Deno.openSync(home.openLock, { read: true, write: true, create: true, mode: 0o600 }).close();
    return false;
  } catch (thrown) {
    return (thrown as { code?: unknown }).code === "EROFS" && Deno.statSync(home.database).size > 0;
  }
}

/** A store that nobody can write is nobody's of this boot: only who may read it is checked. */
function lookAt(home: Home, clock: Clock, given: Uint8Array | null): Store {
  const secret = given ?? readSecret(home);
  const db = new DatabaseSync(home.database, { readOnly: true });
  try {
    refuseOtherSecret(db, home, secret);
  } finally {
    db.close();
  }
  return { engine: new SqliteEngine(home), clock, secret, folder: home.folder, seenSeq: 0 };
}

/**
 * Whether there is nothing to do: made, up to date, and this boot's. Then nobody has to queue; a
 * hundred sessions may start at once.
 */
function isCurrent(home: Home, clock: Clock, given: Uint8Array | null): boolean {
  let secret: Uint8Array;
  try {
    secret = given ?? Deno.readFileSync(home.secret);
    if (secret.length !== 32 || Deno.statSync(home.database).size === 0) return false;
  } catch {
    // Not made yet, or not whole: the way through the lock says what is wrong.
    return false;
  }
  let db: DatabaseSync;
  try {
    db = new DatabaseSync(home.database, { timeout: 1_000 });
  } catch {
    return false;
  }
  try {
    return journalMode(db) === "wal" && meta(db, "schema") === String(SCHEMA_VERSION) &&
      Number(meta(db, "min_writer")) <= SCHEMA_VERSION &&
      meta(db, "secret_id") === secretId(secret) &&
      isBoot(meta(db, "boot"), thisBoot(clock));
  } catch {
    return false;
  } finally {
    db.close();
  }
}

/** The file exists with its mode before SQLite opens it, so that -wal and -shm inherit the mode. */
function makeDatabase(home: Home): void {
  try {
    Deno.openSync(home.database, { write: true, createNew: true, mode: 0o600 }).close();
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.AlreadyExists)) throw thrown;
  }
}

function bringUp(home: Home, clock: Clock, secret: Uint8Array, probe: Probe): void {
  const db = new DatabaseSync(home.database, { timeout: 5_000 });
  try {
    const has = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'meta'").get() !== undefined;
    if (!has) {
      // A send touches five small rows in five trees: smaller pages are half the log and half its
      // checksums.
      db.prepare("PRAGMA page_size = 2048").get();
    }
    // A backup is made without a log.
    if (journalMode(db) !== "wal") db.prepare("PRAGMA journal_mode = WAL").get();
    const schema = has ? Number(meta(db, "schema")) : 0;
    const minWriter = has ? Number(meta(db, "min_writer")) : 0;
    if (minWriter > SCHEMA_VERSION) {
      throw new Refusal(
        "STORE_NEWER",
        `the store in ${home.folder} needs schema ${minWriter}; this skein writes ${SCHEMA_VERSION}`,
      );
    }
    if (has) refuseOtherSecret(db, home, secret);
    if (schema < SCHEMA_VERSION) migrate(db, MIGRATIONS, schema, probe);
    // A store that is only looked at is not written, nor waited for.
    if (meta(db, "secret_id") !== secretId(secret)) setMeta(db, "secret_id", secretId(secret));
    adopt(db, thisBoot(clock), clock, probe);
  } catch (thrown) {
    // While it is open: closing gives back what a full disk has no room for.
    throw explain(thrown, home.database);
  } finally {
    db.close();
  }
}

/** Tells one secret from another and nothing about it. */
function secretId(secret: Uint8Array): string {
  return hmacSha256(secret, "secret id").slice(0, 16);
}

/** Two secrets in one store would break the journal's chain and every token. */
function refuseOtherSecret(db: DatabaseSync, home: Home, secret: Uint8Array): void {
  const stored = meta(db, "secret_id");
  const fits = stored === undefined ? signedLastRow(db, secret) : stored === secretId(secret);
  if (fits) return;
  throw new Refusal("SECRET_CHANGED", `the store in ${home.folder} was made under another secret`);
}

/** An older store does not say which secret it is under; its last row does. */
export function signedLastRow(db: DatabaseSync, secret: Uint8Array): boolean {
  const rows = db.prepare(
    "SELECT seq, at, actor, op, subject, detail, mac FROM journal ORDER BY seq DESC LIMIT 2",
  ).all() as unknown as JournalRow[];
  const [last, before] = rows;
  if (last === undefined || (before === undefined && last.seq !== 1)) return true;
  return macOf(secret, before?.mac ?? "", last) === last.mac;
}

/** Runs `body` in a transaction; what ends it is what is thrown, whatever SQLite has undone by itself. */
function whole(db: DatabaseSync, body: () => void): void {
  db.prepare("BEGIN IMMEDIATE").run();
  try {
    body();
    db.prepare("COMMIT").run();
  } catch (thrown) {
    try {
      db.prepare("ROLLBACK").run();
    } catch {
      // On a full disk SQLite has rolled it back before.
    }
    throw thrown;
  }
}

function journalMode(db: DatabaseSync): unknown {
  return db.prepare("PRAGMA journal_mode").get()?.["journal_mode"];
}

function meta(db: DatabaseSync, key: string): string | undefined {
  const row = db.prepare("SELECT value FROM meta WHERE key = ?").get(key);
  return (row as { value: string } | undefined)?.value;
}

function setMeta(db: DatabaseSync, key: string, value: string): void {
  db.prepare(
    "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
  ).run(key, value);
}

/** Runs the missing steps in one transaction; breaking ones only when nobody older lives. */
export function migrate(
  db: DatabaseSync,
  migrations: readonly Migration[],
  from: number,
  probe: Probe,
): void {
  const steps = migrations.filter((step) => step.version > from);
  const breaking = steps.findLast((step) => step.breaking);
  if (from > 0 && breaking !== undefined) refuseOlderPeers(db, breaking.version, probe);
  whole(db, () => {
    for (const step of steps) db.exec(step.sql);
    setMeta(db, "schema", String(steps.at(-1)?.version ?? from));
    if (breaking !== undefined) setMeta(db, "min_writer", String(breaking.version));
  });
}

function refuseOlderPeers(db: DatabaseSync, version: number, probe: Probe): void {
  const rows = db.prepare(
    "SELECT name, incarnation FROM peer WHERE state = 'live' AND kind = 'resident' AND schema < ?",
  ).all(version) as { name: string; incarnation: string }[];
  const living = rows.filter((row) => probe(row.incarnation)).map((row) => row.name);
  if (living.length === 0) return;
  throw new Refusal(
    "STORE_OLD_PEERS",
    `the store has to change in a way that older sessions would damage; still running: ${
      living.join(", ")
    }`,
    { peers: living },
  );
}

/**
 * Makes this boot the store's. On the same machine a boot that moved is either a reboot (nobody's
 * lock is held: leases start afresh) or a clock that was set (they go on, since they count from
 * boot). Locks that another machine's processes hold mean that two kernels share the home.
 */
function adopt(db: DatabaseSync, boot: Boot, clock: Clock, probe: Probe): void {
  const text = JSON.stringify(boot);
  const stored = meta(db, "boot");
  if (stored === text) return;
  whole(db, () => {
    const before = stored === undefined ? null : JSON.parse(stored) as Boot;
    if (before !== null && !sameBoot(before, boot)) {
      const live = db.prepare("SELECT name, incarnation FROM peer WHERE state = 'live'").all() as {
        name: string;
        incarnation: string | null;
      }[];
      const holder = live.find((row) => row.incarnation !== null && probe(row.incarnation));
      if (holder !== undefined && before.machine !== boot.machine) {
        throw new Refusal(
          "HOME_SHARED",
          `the home is in use by ${holder.name} on another machine or in another container`,
        );
      }
      if (holder === undefined) restartLeases(db, clock);
    }
    setMeta(db, "boot", text);
    if (stored === undefined) setMeta(db, "made_at", iso(clock.wallMs()));
  });
}

/** The minute of a boot is rounded, and moves with the wall clock: a text says nothing. */
function isBoot(stored: string | undefined, boot: Boot): boolean {
  return stored !== undefined && sameBoot(JSON.parse(stored) as Boot, boot);
}

function sameBoot(a: Boot, b: Boot): boolean {
  return a.machine === b.machine && Math.abs(a.bootMinute - b.bootMinute) <= 2;
}

/** Earlier than any hour of replies that is counted, whatever the seconds since boot. */
const LONG_AGO_S = -86_400;

/** After a reboot seconds count from zero again: what was leased gets one whole lease. */
function restartLeases(db: DatabaseSync, clock: Clock): void {
  const upS = clock.upS();
  db.prepare("UPDATE peer SET lease_until_s = ? WHERE lease_until_s IS NOT NULL")
    .run(upS + LIMITS.leaseS);
  db.prepare(
    "UPDATE peer SET stalled_since_s = NULL, rate_at_s = 0, urgent_at_s = 0, strikes_at_s = 0",
  ).run();
  db.prepare("UPDATE lock SET expires_s = ? + iif(tree IS NULL, ?, ?)")
    .run(upS, LIMITS.lockTtlS, LIMITS.automaticLockS);
  // Nobody can tell how much of these was left: who comes back is told that they have expired.
  db.prepare("UPDATE lost SET detail = json_set(detail, '$.expires_s', 0) WHERE kind = 'lock'")
    .run();
  db.prepare("UPDATE message SET up_s = ? WHERE chain IS NOT NULL AND up_s > ?")
    .run(LONG_AGO_S, LONG_AGO_S);
  db.prepare("UPDATE task SET not_before_s = 0 WHERE not_before_s > 0").run();
  db.prepare("DELETE FROM lock_wait").run();
}
