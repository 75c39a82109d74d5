// The SQLite engine keeps the contract of every engine, and what only a file can get wrong: deleted,
// replaced, restored from a copy, too new, too old, held by a stopped process. The home around the
// file has a contract of its own (tests/support/home_contract.ts).

import { SCHEMA_VERSION } from "../../src/store/schema.ts";
import { assert, assertEquals, assertLess, assertNotEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import fc from "fast-check";
import { Refusal } from "../../src/core/errors.ts";
import { TIMES } from "../../src/core/limits.ts";
import { ftsQuery } from "../../src/flock/search.ts";
import { BLANKED, type JournalRow, macOf, rowsAfter } from "../../src/store/journal.ts";
import type { Store } from "../../src/store/unit.ts";
import { eventually } from "../support/eventually.ts";
import { startHolder } from "../support/holder.ts";
import { act, refusal, seqOf, type TestHome, withHome } from "../support/home.ts";
import { homeContract } from "../support/home_contract.ts";
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
homeContract();

Deno.test("bell: where nothing can be said about bells, all of them ring and nobody fails", async () => {
  await withHome(async (home) => {
    // As on a full disk: what stands at the place of the file cannot be written.
    Deno.mkdirSync(home.folder, { mode: 0o700 });
    Deno.mkdirSync(join(home.folder, "bells"));
    const [a, b] = [(await home.open()).engine, (await home.open()).engine];
    let rings = 0;
    const bell = await b.bell(() => rings++);
    bell.quiet(true);
    a.ring([bell.address]);
    await eventually(() => rings > 0, { what: "the ring" });
    bell.quiet(false);
    bell.close();
  });
});

Deno.test("pulse: makes the presence again although all of them were removed, but no home", async () => {
  await withHome(async (home) => {
    const [a, b] = [(await home.open()).engine, (await home.open()).engine];
    const holds = [a.hold("one"), b.hold("two")];
    Deno.removeSync(join(home.folder, "peers"), { recursive: true });
    for (const hold of holds) hold.pulse();
    assertEquals([b.held("one"), a.held("two")], ["held", "held"]);
    assertEquals((Deno.statSync(join(home.folder, "peers")).mode ?? 0) & 0o777, 0o700);
    Deno.removeSync(home.folder, { recursive: true });
    await assertRejects(() => Promise.resolve().then(() => holds[0]?.pulse()));
    await assertRejects(() => Deno.stat(home.folder), Deno.errors.NotFound);
    for (const hold of holds) hold.release(true);
  });
});

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

Deno.test("STORE_GONE: what is refused since the home was moved is not in it either", async () => {
  await withHome(async (home) => {
    const store = await home.open();
    await act(store);
    const moved = `${home.folder}-moved`;
    Deno.renameSync(home.folder, moved);
    await refusal("STORE_GONE", () => act(store));
    Deno.writeTextFileSync(home.folder, "a file in its place");
    await refusal("STORE_GONE", () => act(store));
    Deno.removeSync(home.folder);
    Deno.renameSync(moved, home.folder);
    assertEquals(await seqOf(store), 1);
    await act(store);
    assertEquals(await seqOf(store), 2, "and it goes on when the home is back");
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

/** Puts a copy of the first six rows in place of twelve: the same inode, nothing in the log. */
async function restoreOlder(home: TestHome, stores: readonly Store[]): Promise<() => void> {
  for (const store of stores) await act(store, 3);
  stores[0]?.engine.shrinkLog(0);
  const copy = Deno.readFileSync(home.database);
  for (const store of stores) await act(store, 3);
  for (const store of stores) assertEquals(await seqOf(store), 12);
  stores[0]?.engine.shrinkLog(0);
  const inode = Deno.statSync(home.database).ino;
  return () => {
    Deno.writeFileSync(home.database, copy);
    assertEquals(Deno.statSync(home.database).ino, inode);
  };
}

Deno.test("STORE_REPLACED: an older copy in the same file is noticed by its journal", async () => {
  await withHome(async (home) => {
    const stores = [await home.open(), await home.open()];
    const restore = await restoreOlder(home, stores);
    restore();
    for (const store of stores) await refusal("STORE_REPLACED", () => act(store));
    assertEquals(await seqOf(await home.open()), 6);
  });
});

Deno.test("write: nothing is acknowledged after the write-ahead log alone was deleted", async () => {
  await withHome(async (home) => {
    const store = await home.open();
    await act(store);
    Deno.removeSync(`${home.database}-wal`);
    await assertRejects(() => act(store), Refusal);
  });
});

Deno.test("STORE_NEWER: a raised min_writer stops writers that run and those that come", async () => {
  await withHome(async (home) => {
    const store = await home.open();
    await act(store);
    home.setMeta("min_writer", String(SCHEMA_VERSION + 1));
    await refusal("STORE_NEWER", () => act(store));
    await refusal("STORE_NEWER", () => home.open());
    home.setMeta("min_writer", String(SCHEMA_VERSION));
    await act(store);
    assertEquals(await seqOf(store), 2);
  });
});

Deno.test("checkpoint: a log that grew begins anew in its file, which a pause gives back", async () => {
  await withHome(async (home) => {
    const store = await home.open();
    await act(store, 200);
    const size = () => Deno.statSync(`${home.database}-wal`).size;
    const passive = store.engine.checkpoint(0, Number.MAX_SAFE_INTEGER);
    assert(passive !== null && passive.before.pendingBytes > 0);
    assertEquals(passive.after.pendingBytes, 0);
    const full = size();
    assert(store.engine.checkpoint(0, 0) !== null);
    await act(store, 10);
    assertEquals(size(), full);
    // Ten are in it, not two hundred: a tenth of its file, and half is no cause for anything.
    assertEquals(store.engine.checkpoint(full / 2, full / 2), null);
    store.engine.shrinkLog(full);
    assertEquals(size(), full);
    store.engine.shrinkLog(full - 1);
    assertEquals(size(), 0);
    assertEquals(await seqOf(store), 210);
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
      assertLess(longestMs, 1_000, "the event loop went on");
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
