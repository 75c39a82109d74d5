// Events: every row of the journal, in order, once, to whoever follows from wherever it was; what is
// too far behind is told to begin anew; who takes nothing is cut, and holds nobody up.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { join } from "@std/path";
import type { Flock } from "../cluster/flock.ts";
import { LIMITS } from "../../src/core/limits.ts";
import { OPERATOR, pageMark } from "../../src/peer/session.ts";
import { issueToken } from "../../src/peer/token.ts";
import { eventually } from "../support/eventually.ts";
import { Follower, type Json, Session, withSite } from "./site.ts";

/** Rows as skein would write them, many at a time; nobody rings for them. */
function fill(flock: Flock, count: number, characters: number): void {
  const db = new DatabaseSync(flock.database, { timeout: 5_000 });
  try {
    db.prepare("BEGIN IMMEDIATE").run();
    const row = db.prepare("SELECT max(seq) AS seq FROM journal").get() as { seq: number };
    const detail = JSON.stringify({ filler: "x".repeat(characters) });
    const insert = db.prepare("INSERT INTO journal VALUES (?, ?, 'filler', 'fill', 'x/y', ?, '')");
    const at = new Date().toISOString();
    for (let i = 1; i <= count; i++) insert.run(row.seq + i, at, detail);
    db.prepare("COMMIT").run();
  } finally {
    db.close();
  }
}

function head(flock: Flock): number {
  return flock.count("SELECT max(seq) FROM journal");
}

/** Numbers without a gap and without a repetition. */
function assertWhole(follower: Follower, from: number, to: number): void {
  const ids = follower.of("journal").map(({ id }) => id);
  assertEquals(ids, Array.from({ length: to - from + 1 }, (_, i) => from + i));
}

async function streams(session: Session): Promise<number> {
  const { text } = await session.get("/metrics");
  return Number(/skein_event_streams (\d+)/.exec(text)?.[1]);
}

Deno.test("events: hello, then each act as list_audit shows it, at once", async () => {
  await withSite(async (flock, session, [anna]) => {
    const follower = await Follower.open(session, null);
    await follower.until((events) => events.length > 0, "hello");
    const { event, data } = follower.events[0] as { event: string; data: Json };
    assertEquals([event, data.seq, data.project], ["hello", head(flock), flock.folder]);
    assertEquals([data.leader.name, data.leader.epoch], ["anna", 1]);
    assertEquals(data.leader.url, session.url);
    const from = head(flock) + 1;
    const startMs = performance.now();
    await anna?.ok("create_task", { title: "one" });
    await follower.until(() => follower.of("journal").length > 0, "the act");
    const tookMs = performance.now() - startMs;
    await session.ok("send", { to: "anna", content: "two" });
    await follower.until(() => follower.last === head(flock), "both");
    assertWhole(follower, from, head(flock));
    const { rows } = await session.ok("list_audit", { limit: 2 });
    assertEquals(follower.of("journal").map(({ data }) => data), rows.reverse());
    assertEquals(follower.response.headers.get("content-type"), "text/event-stream");
    assert(tookMs < 2_000, `it took ${tookMs} ms`);
    await follower.close();
  });
});

Deno.test("events: from any row on, by after or Last-Event-ID, with nothing missed", async () => {
  await withSite(async (flock, session, [anna]) => {
    const tasks = Array.from({ length: 700 }, (_, i) => ({ key: `k${i}`, title: `task ${i}` }));
    await anna?.ok("create_task", { tasks });
    const all = await Follower.open(session, 0);
    const some = await Follower.open(session, 300);
    const header = await Follower.open(session, null, { "last-event-id": "650" });
    // Acts go on while they catch up.
    for (let i = 0; i < 20; i++) await anna?.ok("create_task", { title: `later ${i}` });
    const last = head(flock);
    for (const follower of [all, some, header]) {
      await follower.until(() => follower.last >= last, "everything");
    }
    assertWhole(all, 1, last);
    assertWhole(some, 301, last);
    assertWhole(header, 651, last);
    for (const follower of [all, some, header]) await follower.close();
    for (const bad of ["x", "-1", "1.5", "1e3", "99999999999999999999"]) {
      assertEquals((await session.get(`/api/events?after=${bad}`)).status, 400, bad);
    }
  });
});

Deno.test("events: too far behind, or from another history: reset, and on from now", async () => {
  await withSite(async (flock, session, [anna]) => {
    fill(flock, LIMITS.eventRows + 500, 10);
    for (const after of [0, 10, head(flock) + 1_000]) {
      const follower = await Follower.open(session, after);
      await follower.until(() => follower.of("reset").length === 1, "reset");
      const from = head(flock) + 1;
      await anna?.ok("create_task", { title: "on" });
      await follower.until(() => follower.last === head(flock), "what comes next");
      assertWhole(follower, from, head(flock));
      await follower.close();
    }
    const near = await Follower.open(session, head(flock) - LIMITS.eventRows);
    await near.until(() => near.last === head(flock), "just near enough");
    assertEquals([near.of("reset").length, near.of("journal").length], [0, LIMITS.eventRows]);
    await near.close();
  });
});

Deno.test("events: who takes nothing is cut, and holds nobody up", async () => {
  await withSite(async (flock, session, [anna]) => {
    const { host, port } = new URL(session.url);
    const slow = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
    const lines = [
      "GET /api/events HTTP/1.1",
      `host: ${host}`,
      `authorization: ${(await session.bearer()).headers["authorization"]}`,
    ];
    await slow.write(new TextEncoder().encode([...lines, "", ""].join("\r\n")));
    await eventually(async () => await streams(session) === 1);
    const good = await Follower.open(session, null);
    const from = head(flock) + 1;
    fill(flock, 4_000, 5_000);
    await good.until(() => good.last === head(flock), "the one that reads has everything");
    assertWhole(good, from, head(flock));
    assertEquals(await streams(session), 2);
    await eventually(async () => await streams(session) === 1, {
      withinMs: 20_000,
      what: "the slow one is cut",
    });
    await anna?.ok("create_task", { title: "on" });
    await good.until(() => good.last === head(flock), "and goes on");
    slow.close();
    await good.close();
  });
});

Deno.test("events: at most so many streams, and places are free again", async () => {
  await withSite(async (_flock, session) => {
    const open: Follower[] = [];
    for (let i = 0; i < LIMITS.eventStreams; i++) open.push(await Follower.open(session, null));
    const more = await session.get("/api/events");
    assertEquals([more.status, more.json.code], [503, "LIMIT_REACHED"]);
    assertMatch(more.headers.get("retry-after") ?? "", /^\d+$/);
    await open.pop()?.close();
    await eventually(async () => await streams(session) === LIMITS.eventStreams - 1);
    const again = await Follower.open(session, null);
    for (const follower of [...open, again]) await follower.close();
    await eventually(async () => await streams(session) === 0);
  });
});

Deno.test("events: a stream ends with the token it was opened by; a beat shows the others", async () => {
  await withSite(async (flock, session) => {
    const nowS = Math.floor(Deno.osUptime());
    const token = issueToken(Deno.readFileSync(join(flock.home, "secret")), {
      peer: OPERATOR,
      role: "operator",
      project: flock.folder,
      incarnation: pageMark("short"),
      issuedS: nowS,
      expiresS: nowS + 4,
    });
    const short = await Follower.open(new Session(session.url, token), null);
    const long = await Follower.open(session, null);
    await eventually(() => short.ended && long.beats > 0, { withinMs: 15_000, what: "it is cut" });
    assertEquals(long.ended, false);
    await short.close();
    await long.close();
  });
});

Deno.test("events: nobody listens when nobody follows", async () => {
  await withSite(async (flock, session) => {
    const watching = (): number => flock.count("SELECT count(*) FROM peer WHERE watch = 1");
    assertEquals(watching(), 0);
    const follower = await Follower.open(session, null);
    await eventually(() => watching() === 1);
    await follower.close();
    await eventually(() => watching() === 0);
  });
});
