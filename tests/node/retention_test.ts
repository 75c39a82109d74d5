// What is forgotten, and what never: only by time that the seconds since boot confirm, whatever the wall
// clock says for a minute; mail that nobody has read waits, and says so when it is given up; the search
// index forgets along; and a chunk takes no longer because the store is large.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { operationNamed } from "../../mod.ts";
import { systemClock } from "../../src/core/clock.ts";
import { LIMITS, TIMES } from "../../src/core/limits.ts";
import { forgetHistory } from "../../src/node/retention.ts";
import { type Look, nextLook } from "../../src/node/steady.ts";
import { Visitor } from "../../src/node/visitor.ts";
import { commit, type Store } from "../../src/store/unit.ts";
import { believeClock, DAY_MS, verdict } from "../audit/tamper.ts";
import { flockTest } from "../operations/flock.ts";
import { act, type TestHome, withHome } from "../support/home.ts";

const DAY_S = 86_400;

function homeTest(name: string, body: (home: TestHome) => Promise<void>): void {
  Deno.test(name, () => withHome(body));
}

function iso(daysAgo: number): string {
  return new Date(Date.now() - daysAgo * DAY_MS).toISOString();
}

/** The same store under a clock that is ahead. */
function ahead(store: Store, days: number, upDays = 0): Store {
  const { wallMs, upS } = store.clock;
  const clock = { wallMs: () => wallMs() + days * DAY_MS, upS: () => upS() + upDays * DAY_S };
  return { ...store, clock };
}

/** Forgets all there is to forget; gives the longest chunk in milliseconds. */
async function forget(store: Store): Promise<number> {
  let longestMs = 0;
  for (let more = true; more;) {
    const startMs = performance.now();
    more = await commit(store, (unit) => forgetHistory(unit, store));
    longestMs = Math.max(longestMs, performance.now() - startMs);
  }
  return longestMs;
}

function count(home: TestHome, from: string): number {
  return home.sql((db) => Number(db.prepare(`SELECT count(*) AS n FROM ${from}`).get()?.["n"]));
}

function run(home: TestHome, ...statements: readonly string[]): void {
  home.sql((db) => {
    for (const sql of statements) db.exec(sql);
  });
}

const BLANK = "journal WHERE detail LIKE '#sha256:%'";
const NUMBERS = (n: number) =>
  `WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < ${n})`;

/** Messages that everybody has seen, at a time. */
function messages(n: number, at: string): string {
  return `INSERT INTO message (sender, sender_name, sender_role, project, category, content, recipients,
    at, up_s) ${
    NUMBERS(n)
  } SELECT 'a', 'a', 'worker', '/p', 'finding', 'x' || i, '["b"]', '${at}', 0 FROM k`;
}

function turns(n: number, at: string): string {
  return `INSERT INTO conversation (peer, project, turn, content, at) ${NUMBERS(n)}
    SELECT 'a', '/p', 'user', 'x' || i, '${at}' FROM k`;
}

/** Documents of what one table has, as the index has them. */
function documents(kind: string, table: string, prefix: string): string[] {
  return [
    `INSERT INTO search_doc (kind, ref, project, at)
       SELECT '${kind}', '${prefix}' || id, project, at FROM ${table}`,
    `INSERT INTO search_text (rowid, title, body) SELECT id, 't', 'word' || ref FROM search_doc
       WHERE kind = '${kind}'`,
  ];
}

homeTest("retention: a clock that is days ahead takes nothing away", async (home) => {
  const store = await home.open();
  // Before the journal's rows: what is newer than all of them tells of rows that are missing.
  const at = iso(0);
  await act(store, 30);
  run(home, messages(30, at), turns(30, at));
  home.sql((db) =>
    db.prepare(
      "INSERT INTO idempotency (peer, key, op, request, answer, at) VALUES ('a', 'k', 'x', '', '', ?)",
    ).run(at)
  );
  run(home, "INSERT OR REPLACE INTO meta VALUES ('search_seq', '30')");
  await believeClock(store);
  for (const days of [8, 40, 400]) {
    await forget(ahead(store, days));
    const left = ["journal", "message", "conversation", "idempotency", BLANK];
    assertEquals(left.map((from) => count(home, from)), [30, 30, 30, 1, 0], `${days} days ahead`);
  }
  await forget(store);
  assertEquals((await verdict(store)).faults, []);
  // Nor when it has been ahead for an hour, nor after a reboot in the middle of it.
  await forget(ahead(store, 8));
  await forget(ahead(store, 8 + 1 / 24, 1 / 24));
  assertEquals([count(home, "message"), count(home, BLANK)], [30, 0]);
  // Confirmed by a day of a running machine it is believed.
  await forget(ahead(store, 9.1, 1.1));
  assertEquals([count(home, "message"), count(home, BLANK)], [1, 30]);
});

Deno.test("nextLook: only what the seconds since boot confirm counts, the rest after a steady day", () => {
  const start: Look = { wallS: 1_000_000, upS: 500, confirmedS: 1_000_000, steadyS: DAY_S };
  const step = (from: Look, wall: number, up: number): Look =>
    nextLook(from, from.wallS + wall, from.upS + up);
  assertEquals(step(start, 3_600, 3_600).confirmedS, start.wallS + 3_600);
  // Ahead by a week for a minute, and back.
  const jumped = step(start, 7 * DAY_S, 60);
  assertEquals([jumped.confirmedS, jumped.steadyS], [start.confirmedS + 60, 0]);
  const back = step(jumped, 60 - 7 * DAY_S, 60);
  assertEquals([back.confirmedS, back.steadyS], [start.confirmedS + 120, 0]);
  assertEquals(step(back, DAY_S, DAY_S).confirmedS, step(back, DAY_S, DAY_S).wallS);
  // Off for every night: a day of work catches up with the nights, though no day is whole.
  let look: Look = start;
  for (let day = 0; day < 10; day++) {
    look = nextLook(look, look.wallS + 16 * 3_600, 60);
    look = step(look, 8 * 3_600, 8 * 3_600);
  }
  assert(
    look.wallS - look.confirmedS < 3 * DAY_S,
    `${(look.wallS - look.confirmedS) / DAY_S} days`,
  );
  // Off for a month: nothing is taken for old on its first morning.
  const month = nextLook(start, start.wallS + 30 * DAY_S, 60);
  assertEquals([month.confirmedS, month.steadyS], [start.confirmedS + 60, 0]);
});

homeTest("retention: rows dated ahead stop nothing behind them", async (home) => {
  const store = await home.open();
  const day = { future: iso(-365), past: iso(60) };
  for (const at of [day.future, day.past]) run(home, messages(250, at), turns(250, at));
  const dated = (at: string) => ({
    ...store,
    clock: { ...systemClock, wallMs: () => Date.parse(at) },
  });
  await act(dated(day.future), 250);
  await act(dated(day.past), 250);
  await act(store, 3);
  run(home, messages(1, iso(0)), "INSERT OR REPLACE INTO meta VALUES ('search_seq', '503')");
  await act(store, 1);
  await believeClock(store);
  await forget(store);
  assertEquals([count(home, "message"), count(home, "conversation")], [251, 251]);
  assertEquals(count(home, "journal"), 4);
  assertEquals((await verdict(store)).faults, []);
});

homeTest("retention: what is forgotten is found by nobody", async (home) => {
  const store = await home.open();
  run(home, messages(30, iso(9)), turns(30, iso(9)), turns(1, iso(0)), messages(1, iso(0)));
  run(
    home,
    ...documents("message", "message", "m"),
    ...documents("conversation", "conversation", ""),
  );
  await believeClock(store);
  await forget(store);
  assertEquals([count(home, "message"), count(home, "conversation")], [1, 1]);
  assertEquals([count(home, "search_doc"), count(home, "search_text")], [2, 2]);
});

homeTest("retention: a chunk takes no longer in a large store", async (home) => {
  const store = await home.open();
  const longest = async (): Promise<number> => {
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      run(home, "DELETE FROM message", messages(300, iso(9)), messages(1, iso(0)), ...ended(100));
      await believeClock(store);
      times.push(await forget(store));
    }
    return Math.min(...times);
  };
  const small = await longest();
  run(home, turns(40_000, iso(0)), ...documents("conversation", "conversation", ""));
  run(
    home,
    `INSERT INTO task (id, project, title, description, accept, files, status, priority, open_deps,
       created_by, creator, created_at, max_attempts, updated_at) ${NUMBERS(30_000)}
     SELECT 't' || i, '/p', 'x', '', '', '[]', 'pending', 5, 0, 'a', 'a', '', 3, '' FROM k`,
  );
  const large = await longest();
  assert(large < 4 * small + TIMES.chunkMs, `${small.toFixed(1)} ms, then ${large.toFixed(1)} ms`);
  assertEquals(count(home, "peer WHERE state = 'gone'"), 0);
});

/** Peers that ended long ago. */
function ended(n: number): string[] {
  return [
    `INSERT OR IGNORE INTO peer (id, name, role, project, folder, tree, kind, state, joined_at, seen_at,
       ended_at) ${
      NUMBERS(n)
    } SELECT 'g' || i, 'g' || i, 'worker', '/p', '/p', '/p', 'resident', 'gone',
       '', '', '${iso(9)}' FROM k`,
  ];
}

flockTest(
  "retention: mail that nobody read keeps its reader, until it is given up and its sender told",
  async (flock) => {
    const anna = await flock.member("anna");
    const bob = await flock.member("bob");
    const carl = await flock.member("carl");
    await anna.call("control", { action: "budget", peer: "carl", value: { tokens: 100 } });
    const store = await anna.node.store();
    const settings = { messagesPerMinute: null, leaseS: 900, stalledGraceS: 300 };
    const operator = new Visitor({
      home: flock.home,
      folder: flock.project,
      name: null,
      role: null,
      session: null,
      settings,
    });
    const status = operationNamed("status");
    assert(status !== undefined);
    await operator.call(status, {});
    await bob.leave();
    await carl.leave();
    await anna.call("send", { to: ["bob"], content: "for bob" });
    await anna.call("send", { to: ["operator"], content: "for the human" });
    await anna.call("send", { to: ["anna", "bob"], content: "last" }).catch(() => {});
    const set = (sql: string, ...values: string[]) =>
      store.engine.write((tx) => tx.run(sql, ...values));
    const names = async () =>
      (await store.engine.read((tx) =>
        tx.all<{ name: string }>("SELECT name FROM peer ORDER BY name")
      ))
        .map(({ name }) => name);
    await set(
      "UPDATE peer SET state = 'gone', incarnation = NULL, ended_at = ? WHERE name IN ('bob', 'carl', 'operator')",
      iso(9),
    );
    await believeClock(store);
    await forget(store);
    assertEquals(await names(), ["anna", "bob", "carl", "operator"]);
    const [delivery] = (await anna.call("check", { id: "m1" })).deliveries;
    assertEquals([delivery.name, delivery.state], ["bob", "queued"]);

    await set("UPDATE message SET at = ? WHERE id < 3", iso(LIMITS.undeliveredDays + 1));
    await forget(store);
    const { deliveries, mail } = await anna.call("check", { id: "m1" });
    assertEquals([deliveries[0].name, deliveries[0].state], ["bob", "undelivered"]);
    const told = mail.messages.map(({ content }: { content: string }) => content).join("\n");
    assertStringIncludes(told, "bob has been gone");
    assertStringIncludes(told, "m1");
    assertEquals(await names(), ["anna", "bob", "carl", "operator"]);
    const [human] = (await anna.call("check", { id: "m2" })).deliveries;
    assertEquals(human.state, "queued", "the human's mail is never given up");

    // A week later the sender has had its time to ask.
    await set("UPDATE delivery SET seen_at = ? WHERE state = 3", iso(8));
    await set("UPDATE delivery SET state = 2 WHERE state = 0 AND peer <> 'operator'");
    await forget(store);
    await forget(store);
    assertEquals(await names(), ["anna", "carl", "operator"]);
    await anna.refused("UNKNOWN_MESSAGE", "check", { id: "m1" });
  },
);

homeTest(
  "acknowledge_audit: what was taken out too early is acknowledged, what comes later is not",
  async (home) => {
    const store = await home.open();
    await act(store, 30);
    await believeClock(ahead(store, 8));
    await forget(ahead(store, 8));
    const faults = async () =>
      (await verdict(store)).faults.map(({ what, seq }) => `${what} ${seq}`);
    assertEquals(await faults(), ["blanked 1"]);
    const acknowledge = operationNamed("acknowledge_audit");
    assert(acknowledge !== undefined);
    const operator = new Visitor({
      home: home.folder,
      folder: home.folder,
      name: null,
      role: null,
      session: null,
      settings: { messagesPerMinute: null, leaseS: 900, stalledGraceS: 300 },
    });
    await operator.call(acknowledge, {});
    assertEquals(await faults(), []);
    await act(store, 5);
    await forget(ahead(store, 8));
    assert((await faults()).length > 0, "details that were taken out since");
    await operator.call(acknowledge, {});
    assertEquals(await faults(), []);
  },
);
