// The audit trail of a real store, and everything that somebody with write access to its files, but
// without the secret, may do to it: it is found, and the first row that was touched is named. What
// skein does itself (retention, clocks that are set, writers meanwhile) is never called a fault.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dropUpTo } from "../../src/store/journal.ts";
import { commit } from "../../src/store/unit.ts";
import { withShell } from "../door/shell.ts";
import { flockTest } from "../operations/flock.ts";
import { startPeer } from "../support/peer.ts";
import { eventually } from "../support/eventually.ts";
import { act, TestHome, withHome } from "../support/home.ts";
import {
  actMany,
  copyDatabase,
  faults,
  Leader,
  makeTask,
  openInThePast,
  putBack,
  storeWith,
  tamper,
  verdict,
} from "./tamper.ts";
import { blanked } from "./trail.ts";

function homeTest(name: string, body: (home: TestHome) => Promise<void>): void {
  Deno.test(name, () => withHome(body));
}

/** What the trail says after these statements, on a fresh store of nine rows and a head of them. */
async function after(...statements: string[]): Promise<string[]> {
  return await withHome(async (home) => {
    const store = await storeWith(home, 9);
    await new Leader(store).keepHead();
    assertEquals(await faults(store), []);
    tamper(home, ...statements);
    return await faults(store);
  });
}

const ROW = "INSERT INTO journal (seq, at, actor, op, subject, detail, mac) ";

homeTest("verify: an untouched trail is whole, however long, and says how long", async (home) => {
  const store = await home.open();
  assertEquals((await verdict(store)).faults, [], "an empty one");
  for (let i = 0; i < 6; i++) await actMany(store, 900);
  await new Leader(store).keepHead();
  const { rows, fromSeq, toSeq, faults: found, unknown } = await verdict(store);
  assertEquals([rows, fromSeq, toSeq, found, unknown], [5_400, 1, 5_400, [], []]);
  tamper(home, "UPDATE journal SET actor = 'eve' WHERE seq IN (4321, 4322, 5399)");
  assertEquals(await faults(store), ["edited 4321"]);
});

Deno.test("verify: an edit of any column names the row", async () => {
  const edits = [
    "at = '2020-01-01T00:00:00.000Z'",
    "actor = 'eve'",
    "op = 'else'",
    "subject = 'thing/else'",
    "detail = '{}'",
    "detail = detail || ' '",
    "detail = ''",
    "mac = (SELECT mac FROM journal WHERE seq = 4)",
    "mac = x'00'",
    "actor = CAST(actor AS BLOB)",
  ];
  for (const edit of edits) {
    assertEquals(await after(`UPDATE journal SET ${edit} WHERE seq = 5`), ["edited 5"], edit);
  }
});

Deno.test("verify: a detail that is no text at all is an edit like any other", async () => {
  for (const detail of ["x'00ff'", "CAST(detail AS BLOB)", "zeroblob(10)"]) {
    const sql = `UPDATE journal SET detail = ${detail} WHERE seq = 5`;
    assertEquals(await after(sql), ["edited 5"], detail);
  }
});

Deno.test("verify: rows that are gone, came in, or changed places are named", async () => {
  const shifted = "SELECT seq + 1, at, actor, op, subject, detail, mac FROM journal WHERE seq = 9";
  const forged =
    "SELECT 10, at, 'operator', 'control', 'peer/eve', '{}', hex(randomblob(32)) FROM " +
    "journal WHERE seq = 9";
  const cases: [string[], string[]][] = [
    [["DELETE FROM journal WHERE seq = 5"], ["missing 5"]],
    [["DELETE FROM journal WHERE seq IN (1, 2)"], ["missing 1"]],
    [[ROW + shifted], ["edited 10"]],
    [[ROW + forged], ["edited 10"]],
    [[ROW + forged.replace("10", "12")], ["missing 10"]],
    [
      [
        "UPDATE journal SET seq = 100 WHERE seq = 5",
        "UPDATE journal SET seq = 5 WHERE seq = 6",
        "UPDATE journal SET seq = 6 WHERE seq = 100",
      ],
      ["edited 5"],
    ],
  ];
  for (const [statements, found] of cases) {
    assertEquals(await after(...statements), found, statements.join());
  }
});

Deno.test("verify: a row put in front of the first one is found: lists and why show it", async () => {
  for (const seq of [0, -7]) {
    const row = `SELECT ${seq}, at, 'operator', op, subject, '{}', mac FROM journal WHERE seq = 1`;
    const found = await after(ROW + row);
    assert(found.length > 0, `a row numbered ${seq} was not noticed`);
  }
});

homeTest("verify: a row put among those that were dropped is found", async (home) => {
  const store = await storeWith(home, 9);
  await commit(store, async ({ tx }) => {
    const base = await tx.get<{ seq: number; mac: string }>(
      "SELECT seq, mac FROM journal WHERE seq = 4",
    );
    assert(base !== undefined);
    await dropUpTo(tx, store.secret, base);
  });
  assertEquals(await faults(store), []);
  const row = "SELECT 2, at, 'operator', op, subject, '{}', mac FROM journal WHERE seq = 5";
  tamper(home, ROW + row);
  assert((await faults(store)).length > 0, "row 2 was not noticed");
});

homeTest("verify: the base is signed: forged, gone or put back it is found", async (home) => {
  const past = await openInThePast(home, 40);
  await act(past, 9);
  const store = await home.open();
  await act(store, 3);
  await commit(
    store,
    ({ tx }) => tx.run("INSERT INTO meta VALUES ('search_seq', '6')").then(() => undefined),
  );
  await new Leader(store).forget();
  assertEquals(await faults(store), []);
  const { fromSeq } = await verdict(store);
  assert(fromSeq > 1, "rows were dropped");
  const first = home.meta("journal_base") ?? "";
  const { mac, sealed } = JSON.parse(first);
  const bad = ["", "null", "{}", "x", "[1]"];
  for (const seq of [0, fromSeq - 2, fromSeq, 100]) bad.push(JSON.stringify({ seq, mac, sealed }));
  bad.push(JSON.stringify({ seq: fromSeq - 1, mac: "0", sealed }));
  for (const base of bad) {
    home.setMeta("journal_base", base);
    assertEquals(await faults(store), ["base 0"], base);
  }
  tamper(home, "DELETE FROM meta WHERE key = 'journal_base'");
  assertEquals(await faults(store), ["missing 1"]);
  tamper(home, "INSERT INTO meta VALUES ('journal_base', '')");
  home.setMeta("journal_base", first);
  home.setMeta("search_seq", "9");
  await new Leader(store).forget();
  assertEquals(await faults(store), []);
  home.setMeta("journal_base", first);
  assertEquals(await faults(store), [`missing ${fromSeq}`], "an older base, honestly signed");
});

homeTest("verify: retention is no fault at any moment, and hides none", async (home) => {
  for (const days of [40, 20, 6]) {
    const past = await openInThePast(home, days);
    await actMany(past, 450);
  }
  const store = await home.open();
  await act(store, 50);
  await new Leader(store).keepHead();
  await commit(
    store,
    ({ tx }) => tx.run("INSERT INTO meta VALUES ('search_seq', '1400')").then(() => undefined),
  );
  const steps = await new Leader(store).forget(async () => {
    assertEquals(await faults(store), []);
  });
  assert(steps > 3, "in chunks");
  const { fromSeq, toSeq, rows } = await verdict(store);
  assertEquals([fromSeq, toSeq, rows], [451, 1_400, 950]);
  const blank = (from: number): number =>
    home.sql((db) =>
      Number(
        db.prepare("SELECT count(*) AS n FROM journal WHERE seq >= ? AND detail LIKE '#sha256:%'")
          .get(from)?.["n"],
      )
    );
  assertEquals([blank(1), blank(901)], [450, 0]);
  tamper(home, "UPDATE journal SET actor = 'eve' WHERE seq = 600");
  assertEquals(await faults(store), ["edited 600"], "a forgotten row is still signed");
});

homeTest("verify: a detail that somebody took out before its time is named", async (home) => {
  const store = await storeWith(home, 9);
  tamper(home, `UPDATE journal SET detail = '${blanked('{"i":4}')}' WHERE seq = 5`);
  assertEquals(await faults(store), ["blanked 5"]);
});

homeTest("verify: whoever writes meanwhile is not taken for a fault", async (home) => {
  const store = await home.open();
  await actMany(store, 2_000);
  const other = await home.open();
  const leader = new Leader(other);
  let done = false;
  const writing = (async () => {
    for (let i = 0; !done; i++) {
      await makeTask(other, `t${i}`);
      await leader.keepHead();
    }
  })();
  try {
    for (let i = 0; i < 15; i++) assertEquals(await faults(store), []);
  } finally {
    done = true;
    await writing;
  }
});

flockTest("verify_audit: architect and operator may; rows are the operator's", async (flock) => {
  const { lead, anna } = await flock.crew();
  const watcher = await flock.member("watcher", { role: "observer" });
  for (const name of ["verify_audit", "list_audit", "export_audit"]) {
    await anna.refused("NOT_ALLOWED", name);
    await watcher.refused("NOT_ALLOWED", name);
    // They tell of every project of the home.
    if (name !== "verify_audit") await lead.refused("NOT_ALLOWED", name);
  }
  await anna.call("create_task", { title: "x" });
  const found = await lead.call("verify_audit");
  assertEquals([found.ok, found.first_bad_seq, found.faults], [true, null, []]);
  assertEquals([found.from_seq, found.rows], [1, found.to_seq]);
});

flockTest(
  "verify_audit: a real flock is whole after work, leavings and a new leader",
  async (flock) => {
    const { lead, anna, bob } = await flock.crew();
    const { ids } = await lead.call("create_task", { tasks: [{ title: "a" }, { title: "b" }] });
    await anna.call("claim_task", { id: Object.values(ids)[0] });
    await bob.call("lock_file", { paths: ["a.ts"] });
    await anna.refused("LOCK_HELD", "lock_file", { paths: ["a.ts"] });
    await bob.call("send", { to: "*", content: "off" });
    await bob.leave();
    await lead.leave();
    const chief = await flock.member("chief", { role: "architect" });
    await eventually(() => anna.node.epoch !== null || chief.node.epoch !== null);
    await eventually(async () => (await chief.call("verify_audit")).unknown.length === 0);
    assertEquals((await chief.call("verify_audit")).faults, []);
  },
);

Deno.test("skein audit verify: 0 when whole, 1 when not, and the first bad row in words", async () => {
  await withShell(async (shell) => {
    for (const title of ["a", "b"]) await shell.ok("task", "create", title);
    const here = new TestHome(shell.home);
    const copy = copyDatabase(here);
    assertEquals((await shell.run(["audit", "verify"])).code, 0);
    for (const title of ["c", "d"]) await shell.ok("task", "create", title);
    const good = copyDatabase(here);
    tamper(here, "UPDATE journal SET actor = 'eve' WHERE seq = 2");
    const edited = await shell.run(["audit", "verify"]);
    assertEquals([edited.code, edited.stderr], [1, ""]);
    for (const part of ["edited", "row 2", "eve"]) assertStringIncludes(edited.stdout, part);
    assertEquals((await shell.run(["audit", "verify", "--json"])).json.first_bad_seq, 2);
    putBack(here, good);
    assertEquals((await shell.run(["audit", "verify"])).code, 0);
    putBack(here, copy);
    const { home, folder } = shell;
    const chief = await startPeer({ home, folder, name: "chief", role: "architect" });
    try {
      await eventually(async () => {
        const { attention } = await chief.ok("status");
        return attention.some(({ kind }: { kind: string }) => kind === "older_copy");
      }, { what: "a leader that notices the swap" });
      const { ok, faults: [first] } = await chief.ok("verify_audit");
      assertEquals([ok, first.what], [false, "older_copy"]);
    } finally {
      await chief.close();
    }
    const swapped = await shell.run(["audit", "verify"]);
    assertEquals(swapped.code, 1);
    assertStringIncludes(swapped.stdout, "older_copy");
    assertStringIncludes((await shell.run(["status"])).stdout, "older_copy");
    await shell.ok("task", "create", "e");
    assertEquals((await shell.run(["audit", "verify"])).code, 1, "also afterwards");
  });
});
