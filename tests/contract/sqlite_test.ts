// The SQLite engine keeps the contract of every engine, and what only a file can get wrong: deleted,
// replaced, restored from a copy, on the wrong boot, too new, too old, held by a stopped process.

import {
  assert,
  assertEquals,
  assertLess,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import fc from "fast-check";
import type { Clock } from "../../src/core/clock.ts";
import { type ErrorCode, Refusal } from "../../src/core/errors.ts";
import { LIMITS, TIMES } from "../../src/core/limits.ts";
import { ftsQuery } from "../../src/flock/search.ts";
import { BLANKED, type JournalRow, macOf, rowsAfter } from "../../src/store/journal.ts";
import { migrate } from "../../src/store/open.ts";
import type { Migration } from "../../src/store/schema.ts";
import { commit, type Store } from "../../src/store/unit.ts";
import { startHolder } from "../support/holder.ts";
import { type TestHome, withHome } from "../support/home.ts";
import { engineContract, type Pair } from "./engine_contract.ts";

/** Two handles on one fresh home, closed and removed by `close`. */
function openPair(): Promise<Pair> {
  return new Promise((opened, failed) => {
    const done = withHome(async (home) => {
      const [a, b] = [(await home.open()).engine, (await home.open()).engine];
      const { promise: closing, resolve: close } = Promise.withResolvers<void>();
      opened({ a, b, close: () => (close(), done) });
      await closing;
    });
    done.catch(failed);
  });
}

engineContract("SqliteEngine", openPair);

/** Runs `body` and returns its refusal, which has to have this code. */
async function refusal(code: ErrorCode, body: () => Promise<unknown>): Promise<Refusal> {
  const thrown = await assertRejects(body, Refusal);
  assertEquals(thrown.code, code, thrown.message);
  return thrown;
}

/** Acknowledged writes: one journal row each. */
async function act(store: Store, times = 1): Promise<void> {
  for (let i = 0; i < times; i++) {
    await commit(store, ({ record }) => {
      record({ actor: "anna", op: "test", subject: `thing/${i}`, detail: { i } });
      return Promise.resolve();
    });
  }
}

async function seqOf(store: Store): Promise<number> {
  const rows = await store.engine.read((tx) => rowsAfter(tx, 0, 1_000));
  return rows.at(-1)?.seq ?? 0;
}

Deno.test("STORE_GONE: nothing is acknowledged after the home was deleted", async () => {
  await withHome(async (home) => {
    const store = await home.open();
    await act(store);
    Deno.removeSync(home.folder, { recursive: true });
    await refusal("STORE_GONE", () => act(store));
    await refusal("STORE_GONE", () => store.engine.write(() => Promise.resolve()));
    await refusal("STORE_GONE", () => Promise.resolve().then(() => store.engine.assertOurs()));
  });
});

Deno.test("STORE_REPLACED: nothing is acknowledged after another file took its place", async () => {
  await withHome(async (home) => {
    const store = await home.open();
    await act(store);
    Deno.removeSync(home.folder, { recursive: true });
    const other = await home.open();
    await act(other);
    await refusal("STORE_REPLACED", () => act(store));
    assertEquals(await seqOf(other), 1);
  });
});

Deno.test("STORE_REPLACED: an older copy in the same file is noticed by its journal", async () => {
  await withHome(async (home) => {
    const stores = [await home.open(), await home.open()];
    for (const store of stores) await act(store, 3);
    stores[0]?.engine.checkpoint(0, 0);
    const copy = Deno.readFileSync(home.database);
    for (const store of stores) await act(store, 3);
    for (const store of stores) assertEquals(await seqOf(store), 12);
    stores[0]?.engine.checkpoint(0, 0);
    const inode = Deno.statSync(home.database).ino;
    Deno.writeFileSync(home.database, copy);
    assertEquals(Deno.statSync(home.database).ino, inode, "the same file, older");
    for (const store of stores) await refusal("STORE_REPLACED", () => act(store));
    assertEquals(await seqOf(await home.open()), 6);
  });
});

Deno.test("STORE_NEWER: a raised min_writer stops writers that run and those that come", async () => {
  await withHome(async (home) => {
    const store = await home.open();
    await act(store);
    home.setMeta("min_writer", "2");
    await refusal("STORE_NEWER", () => act(store));
    await refusal("STORE_NEWER", () => home.open());
    home.setMeta("min_writer", "1");
    await act(store);
    assertEquals(await seqOf(store), 2);
  });
});

const ADDITIVE: Migration = { version: 2, breaking: false, sql: "CREATE TABLE more (x INTEGER)" };
const BREAKING: Migration = { version: 3, breaking: true, sql: "CREATE TABLE less (x INTEGER)" };

function tables(home: TestHome): string[] {
  return home.sql((db) =>
    db.prepare("SELECT name FROM sqlite_master WHERE name IN ('more', 'less')").all()
      .map((row) => String(row["name"]))
  );
}

Deno.test("STORE_OLD_PEERS: a breaking step waits for older sessions and names them", async () => {
  await withHome(async (home) => {
    const store = await home.open();
    for (const [name, schema] of [["old", 1], ["dead", 1], ["new", 3]] as const) {
      home.addPeer(name, { schema });
    }
    const lives = (life: string): boolean => life !== "life-of-dead";
    const steps = [ADDITIVE, BREAKING];
    const refused = await refusal("STORE_OLD_PEERS", async () => {
      await Promise.resolve();
      home.sql((db) => migrate(db, steps, 1, lives));
    });
    assertEquals(refused.details["peers"], ["old"]);
    assertStringIncludes(refused.message, "old");
    assertEquals([tables(home), home.meta("schema")], [[], "1"]);
    await act(store);
    home.sql((db) => migrate(db, steps, 1, (life) => life === "life-of-new"));
    assertEquals([home.meta("schema"), home.meta("min_writer")], ["3", "3"]);
    assertEquals(tables(home).sort(), ["less", "more"]);
    await refusal("STORE_NEWER", () => act(store));
  });
});

Deno.test("migrate: an additive step lets older writers go on; a failing one leaves no trace", async () => {
  await withHome(async (home) => {
    const store = await home.open();
    home.addPeer("old", { schema: 1 });
    home.sql((db) => migrate(db, [ADDITIVE], 1, () => true));
    assertEquals([home.meta("schema"), home.meta("min_writer")], ["2", "1"]);
    await act(store);
    const bad: Migration = { version: 4, breaking: false, sql: "CREATE TABLE more (x)" };
    await assertRejects(async () => {
      await Promise.resolve();
      home.sql((db) => migrate(db, [{ ...BREAKING, breaking: false }, bad], 2, () => true));
    });
    assertEquals([tables(home), home.meta("schema")], [["more"], "2"]);
    await act(store);
  });
});

Deno.test("openStore: a file that is no database and a broken secret are STORE_DAMAGED", async () => {
  await withHome(async (home) => {
    (await home.open()).engine.close();
    Deno.writeTextFileSync(home.database, "this is no database ".repeat(100));
    assertStringIncludes((await refusal("STORE_DAMAGED", () => home.open())).message, "skein.db");
    const secret = join(home.folder, "secret");
    Deno.writeTextFileSync(secret, "short");
    assertStringIncludes((await refusal("STORE_DAMAGED", () => home.open())).message, secret);
  });
});

Deno.test("openStore: many that open a new home at once make one store", async () => {
  await withHome(async (home) => {
    const stores = await Promise.all(Array.from({ length: 8 }, () => home.open()));
    await Promise.all(stores.map((store) => act(store)));
    const secrets = new Set(stores.map((store) => store.secret.toString()));
    assertEquals([await seqOf(stores[0] as Store), secrets.size], [8, 1]);
  });
});

Deno.test("openStore: files are the user's alone, whatever the umask", async () => {
  await withHome(async (home) => {
    const umask = Deno.umask(0);
    try {
      const store = await home.open();
      await act(store);
      const hold = store.engine.hold("life");
      const modes: Record<string, string> = {};
      const look = (folder: string, prefix: string): void => {
        for (const { name, isDirectory } of Deno.readDirSync(folder)) {
          const path = join(folder, name);
          modes[prefix + name] = ((Deno.statSync(path).mode ?? 0) & 0o777).toString(8);
          if (isDirectory) look(path, `${name}/`);
        }
      };
      look(home.folder, "");
      assertEquals((Deno.statSync(home.folder).mode ?? 0) & 0o777, 0o700);
      assertEquals(modes, {
        "open.lock": "600",
        "peers": "700",
        "peers/life.lock": "600",
        "secret": "600",
        "skein.db": "600",
        "skein.db-shm": "600",
        "skein.db-wal": "600",
      });
      hold.release();
    } finally {
      Deno.umask(umask);
    }
  });
});

Deno.test("HOME_UNSAFE: an open folder with other files is refused and left alone", async () => {
  await withHome(async (home) => {
    Deno.mkdirSync(home.folder);
    Deno.writeTextFileSync(join(home.folder, "letter.txt"), "mine");
    Deno.chmodSync(home.folder, 0o755);
    assertStringIncludes((await refusal("HOME_UNSAFE", () => home.open())).message, "755");
    assertEquals([...Deno.readDirSync(home.folder)].map((entry) => entry.name), ["letter.txt"]);
    assertEquals((Deno.statSync(home.folder).mode ?? 0) & 0o777, 0o755);
    Deno.removeSync(join(home.folder, "letter.txt"));
    await home.open();
    assertEquals((Deno.statSync(home.folder).mode ?? 0) & 0o777, 0o700, "an empty one is closed");
    Deno.chmodSync(home.folder, 0o755);
    await home.open();
    assertEquals((Deno.statSync(home.folder).mode ?? 0) & 0o777, 0o700, "and so is our own");
  });
});

Deno.test("HOME_UNSAFE: neither a file nor another user's folder is a home", async () => {
  await withHome(async (home) => {
    Deno.writeTextFileSync(home.folder, "a file");
    await refusal("HOME_UNSAFE", () => home.open());
    Deno.removeSync(home.folder);
    // Only root can give a folder away.
    if (Deno.uid() !== 0) return;
    Deno.mkdirSync(home.folder, { mode: 0o700 });
    Deno.chownSync(home.folder, 12_345, 12_345);
    assertStringIncludes((await refusal("HOME_UNSAFE", () => home.open())).message, "12345");
  });
});

/** A clock that stands where it is put. */
function clockAt(wallMs: number, upS: number): Clock {
  return { wallMs: () => wallMs, upS: () => upS };
}

Deno.test("HOME_SHARED: refused while a peer of another machine lives, adopted afterwards", async () => {
  await withHome(async (home) => {
    const store = await home.open();
    home.addPeer("anna");
    const hold = store.engine.hold("life-of-anna");
    const boot = JSON.parse(home.meta("boot") ?? "{}") as Record<string, unknown>;
    home.setMeta("boot", JSON.stringify({ ...boot, machine: "another" }));
    assertStringIncludes((await refusal("HOME_SHARED", () => home.open())).message, "anna");
    assertStringIncludes(home.meta("boot") ?? "", "another");
    hold.release();
    await home.open();
    assertEquals(JSON.parse(home.meta("boot") ?? ""), boot);
  });
});

interface Leased {
  readonly lease: number;
  readonly lock: number;
  readonly waits: number;
  readonly notBefore: number;
  readonly rateAt: number;
}

function addLeased(home: TestHome): void {
  home.addPeer("cli", { kind: "leased", leaseUntilS: 5_000 });
  home.sql((db) =>
    db.exec(
      `INSERT INTO lock (space, path, shown, mode, peer, incarnation, since, expires_s)
         VALUES ('s', 'p', 'p', 'exclusive', 'id-cli', 'life-of-cli', '', 6000);
       INSERT INTO lock_wait VALUES ('id-cli', 'life-of-cli', 's', 'p', 'exclusive', 5000);
       INSERT INTO task (id, project, title, description, accept, files, status, priority,
         open_deps, created_by, created_at, max_attempts, not_before_s, updated_at)
         VALUES ('t1', '/p', '', '', '', '', 'pending', 5, 0, '', '', 3, 7000, '')`,
    )
  );
}

function readLeased(home: TestHome): Leased {
  return home.sql((db) =>
    db.prepare(
      `SELECT (SELECT lease_until_s FROM peer) AS lease, (SELECT expires_s FROM lock) AS lock,
         (SELECT count(*) FROM lock_wait) AS waits, (SELECT not_before_s FROM task) AS notBefore,
         (SELECT rate_at_s FROM peer) AS rateAt`,
    ).get() as unknown as Leased
  );
}

Deno.test("openStore: a reboot starts every lease afresh", async () => {
  await withHome(async (home) => {
    await home.open(clockAt(1_700_000_000_000, 4_000));
    addLeased(home);
    await home.open(clockAt(1_700_000_030_000, 4_030));
    assertEquals([readLeased(home).lease, readLeased(home).waits], [5_000, 1], "the same boot");
    await home.open(clockAt(1_700_003_600_000, 20));
    assertEquals(readLeased(home), {
      lease: 20 + LIMITS.leaseS,
      lock: 20 + LIMITS.lockTtlS,
      waits: 0,
      notBefore: 0,
      rateAt: 0,
    });
  });
});

Deno.test("openStore: a clock that was set ends no lease while somebody lives", async () => {
  await withHome(async (home) => {
    const store = await home.open(clockAt(1_700_000_000_000, 4_000));
    addLeased(home);
    const before = readLeased(home);
    const hold = store.engine.hold("life-of-cli");
    await home.open(clockAt(1_800_000_000_000, 4_010));
    assertEquals(readLeased(home), before);
    hold.release();
  });
});

Deno.test("checkpoint: shrinks the write-ahead log", async () => {
  await withHome(async (home) => {
    const store = await home.open();
    await act(store, 200);
    const passive = store.engine.checkpoint(0, Number.MAX_SAFE_INTEGER);
    assert(passive !== null && passive.beforeBytes > 0);
    const done = store.engine.checkpoint(0, 0);
    assertEquals(done?.afterBytes, 0);
    assertEquals(Deno.statSync(`${home.database}-wal`).size, 0);
    assertEquals(await seqOf(store), 200);
  });
});

Deno.test("STORE_BUSY: a stopped writer is given up on after 10 s, and readers never wait", async () => {
  await withHome(async (home) => {
    const store = await home.open();
    await act(store);
    const holder = await startHolder("write", home.database);
    try {
      holder.child.kill("SIGSTOP");
      const startMs = performance.now();
      let [last, longestMs, reads] = [startMs, 0, 0];
      const timer = setInterval(() => {
        const nowMs = performance.now();
        [last, longestMs] = [nowMs, Math.max(longestMs, nowMs - last)];
        void seqOf(store).then((seq) => reads += seq);
      }, 10);
      const refused = await refusal("STORE_BUSY", () => act(store)).finally(() =>
        clearInterval(timer)
      );
      const tookMs = performance.now() - startMs;
      assert(tookMs >= TIMES.busyMs && tookMs < TIMES.busyMs + 2_000, `${tookMs} ms`);
      assertNotEquals(refused.hint, "");
      assertLess(longestMs, 250, "the event loop went on");
      assert(reads > 100, `${reads} reads in the meantime`);
    } finally {
      await holder.end();
    }
    await act(store);
    assertEquals(await seqOf(store), 2);
  });
});

Deno.test("held, freed: a killed process frees its presence at once, a stopped one keeps it", async () => {
  await withHome(async (home) => {
    const { engine } = await home.open();
    Deno.writeTextFileSync(join(home.folder, "peers", "life.lock"), "");
    const holder = await startHolder("hold", join(home.folder, "peers", "life.lock"));
    try {
      holder.child.kill("SIGSTOP");
      const freed = engine.freed("life");
      assertEquals(engine.held("life"), "held");
      const startMs = performance.now();
      holder.child.kill("SIGKILL");
      assertEquals(await freed, "freed");
      assertLess(performance.now() - startMs, 500);
      assertEquals(engine.held("life"), "free");
      engine.forget("life");
      assertEquals(engine.held("life"), "missing");
    } finally {
      await holder.end();
    }
  });
});

/** The first row whose MAC is not that of its content, or null. */
function firstTouched(secret: Uint8Array, rows: readonly JournalRow[]): number | null {
  let mac = "";
  for (const row of rows) {
    mac = macOf(secret, mac, row);
    if (mac !== row.mac) return row.seq;
  }
  return null;
}

Deno.test("journal: the MACs of all rows are a chain that only the secret can make", async () => {
  await withHome(async (home) => {
    const [one, two] = [await home.open(), await home.open()];
    for (let i = 0; i < 5; i++) {
      await act(one);
      await act(two, 2);
    }
    const rows = await one.engine.read((tx) => rowsAfter(tx, 0, 1_000));
    assertEquals(rows.map((row) => row.seq), Array.from({ length: 15 }, (_, i) => i + 1));
    assertEquals(firstTouched(one.secret, rows), null);
    assertEquals(firstTouched(new Uint8Array(32), rows), 1);
    const edits: Partial<JournalRow>[] = [
      { actor: "bea" },
      { op: "other" },
      { subject: "thing/9" },
      { at: "2000-01-01T00:00:00.000Z" },
      { detail: '{"i":1}' },
      { seq: 70 },
    ];
    for (const edit of edits) {
      const touched = rows.map((row) => row.seq === 7 ? { ...row, ...edit } : row);
      assertEquals(firstTouched(one.secret, touched), edit.seq ?? 7, Deno.inspect(edit));
    }
    assertEquals(firstTouched(one.secret, rows.filter((row) => row.seq !== 7)), 8, "removed");
  });
});

Deno.test("journal: a detail that is blanked to its hash keeps the chain, another one does not", async () => {
  await withHome(async (home) => {
    const store = await home.open();
    await act(store, 5);
    const rows = await store.engine.read((tx) => rowsAfter(tx, 0, 1_000));
    const digest = await crypto.subtle.digest(
      "SHA-256",
      new TextEncoder().encode(rows[2]?.detail ?? ""),
    );
    const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0"));
    const blank = (detail: string): JournalRow[] =>
      rows.map((row) => row.seq === 3 ? { ...row, detail } : row);
    assertEquals(firstTouched(store.secret, blank(BLANKED + hex.join(""))), null);
    assertEquals(firstTouched(store.secret, blank(BLANKED + "0".repeat(64))), 3);
  });
});

Deno.test("ftsQuery: whatever is typed is a query that the real index understands", async () => {
  await withHome(async (home) => {
    await home.open();
    const nasty = ['"', "*", "^", "AND", "NOT", "NEAR(", "a:b", "-x", "(", "{a b}", "+", "'", ";"];
    home.sql((db) => {
      db.exec(
        "INSERT INTO search_text (title, body) VALUES ('locks', 'The quick caf\u00e9 waits')",
      );
      const count = db.prepare("SELECT count(*) AS n FROM search_text WHERE search_text MATCH ?");
      const hits = (typed: string): number => Number(count.get(ftsQuery(typed))?.["n"]);
      for (
        const found of ["quick", "QUI", "wait", "lock quick", "cafe", "caf\u00e9", 'the "quick']
      ) {
        assertEquals(hits(found), 1, found);
      }
      for (const absent of ["slow", "quick slow", "NOT quick"]) {
        assertEquals(hits(absent), 0, absent);
      }
      const typed = fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...nasty)));
      fc.assert(fc.property(typed, (parts) => {
        if (ftsQuery(parts.join(" ")) !== "") hits(parts.join(" "));
      }));
    });
    assertEquals(ftsQuery("?! -- \n"), "");
    assertEquals(ftsQuery("a ".repeat(50)).split(" ").length, 16);
  });
});
