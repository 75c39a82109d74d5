// A claim is fenced by its epoch. Whoever answers for a claim that ended changes nothing, be it the
// worker that was overtaken or an architect who speaks of a claim that is over; and a request that
// is sent twice under one idempotency key is one request, also across the caller's death.

import { assert, assertEquals } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import type { Peer, Reply } from "../support/peer.ts";
import { type Flock, withFlock } from "./flock.ts";

/** Everything about a task that a late answer could spoil. */
function taskRow(flock: Flock, id: string): unknown[] {
  return [
    ...flock.rows("SELECT * FROM task WHERE id = ?", id),
    ...flock.rows("SELECT * FROM note WHERE task = ?", id),
    ...flock.rows("SELECT seq FROM journal WHERE subject = ?", `task/${id}`),
  ];
}

/** A task that ann had in one epoch and ben has in a later one. */
async function overtaken(flock: Flock): Promise<{
  boss: Peer;
  ann: Peer;
  ben: Peer;
  id: string;
  old: number;
  now: number;
}> {
  const boss = await flock.join({ name: "boss", role: "architect" });
  const [ann, ben] = await flock.joinAll("ann", "ben");
  if (ann === undefined || ben === undefined) throw new Error("nobody joined");
  const { id } = await boss.ok("create_task", { title: "one at a time" });
  const old = (await ann.ok("claim_task", { id })).epoch as number;
  await boss.ok("update_task", { id, action: "release" });
  const now = (await ben.ok("claim_task", { id })).epoch as number;
  assert(now > old, `epoch ${now} after ${old}`);
  return { boss, ann, ben, id, old, now };
}

function assertRefused(reply: Reply, codes: readonly string[], what: string): void {
  assertEquals(reply.isError, true, `${what} was done: ${reply.text}`);
  assert(codes.includes(reply.json.error.code), `${what}: ${reply.text}`);
}

Deno.test("promise 2: an answer with a stale epoch is refused and changes nothing", async () => {
  await withFlock(async (flock) => {
    const { ann, ben, id, old, now } = await overtaken(flock);
    const before = taskRow(flock, id);
    const late: [string, Record<string, unknown>][] = [
      ["complete_task", { id, summary: "late" }],
      ["complete_task", { id, summary: "late", epoch: old }],
      ["update_task", { id, progress: "late" }],
      ["update_task", { id, progress: "late", epoch: old }],
      ["update_task", { id, action: "release" }],
      ["update_task", { id, action: "fail", note: "late", epoch: old }],
      ["update_task", { id, action: "request_review", note: "late" }],
    ];
    for (const [tool, args] of late) {
      const reply = await ann.call(tool, args);
      assertRefused(reply, ["STALE_EPOCH"], `${tool} ${JSON.stringify(args)}`);
      assertEquals(reply.json.error.claimed_by, "ben");
    }
    // The right epoch in the wrong hands is worth nothing either.
    assertRefused(
      await ann.call("complete_task", { id, summary: "stolen", epoch: now }),
      ["NOT_YOUR_CLAIM"],
      "completing somebody else's claim",
    );
    assertEquals(taskRow(flock, id), before);
    assertEquals((await ben.ok("complete_task", { id, summary: "mine" })).status, "completed");
    const done = taskRow(flock, id);
    for (const [tool, args] of late) assertEquals((await ann.call(tool, args)).isError, true);
    assertEquals(taskRow(flock, id), done);
  });
});

Deno.test("promise 2: a stale epoch that is named is refused whatever the call does", async () => {
  await withFlock(async (flock) => {
    const { boss, ann, id, old } = await overtaken(flock);
    const before = taskRow(flock, id);
    const late: [string, Peer, Record<string, unknown>][] = [
      ["a note of the former worker", ann, { id, note: "late", epoch: old }],
      ["an architect's release", boss, { id, action: "release", epoch: old }],
      ["an architect's fail", boss, { id, action: "fail", epoch: old }],
      ["an architect's cancel", boss, { id, action: "cancel", epoch: old }],
      ["an architect's priority", boss, { id, priority: 1, epoch: old }],
    ];
    const done: string[] = [];
    for (const [what, peer, args] of late) {
      const reply = await peer.call("update_task", args);
      if (!reply.isError) done.push(what);
    }
    assertEquals(done, [], "these were done although their claim is over");
    assertEquals(taskRow(flock, id), before);
  });
});

Deno.test("promise 2: an idempotency key that is repeated gives the same claim", async () => {
  await withFlock(async (flock) => {
    const [ann, ben] = await flock.joinAll("ann", "ben");
    if (ann === undefined || ben === undefined) throw new Error("nobody joined");
    await ann.ok("create_task", { tasks: [{ title: "a" }, { title: "b" }, { title: "c" }] });
    const first = await ann.ok("claim_task", {}, { key: "k1" });
    // In parallel and one after the other: one claim, one answer.
    const again = await Promise.all([1, 2, 3].map(() => ann.ok("claim_task", {}, { key: "k1" })));
    for (const answer of again) {
      assertEquals([answer.task.id, answer.epoch], [first.task.id, first.epoch]);
    }
    assertEquals(flock.count("SELECT count(*) FROM task WHERE status = 'in_progress'"), 1);
    // Another peer's key is another key; another request under the same key is refused.
    const other = await ben.ok("claim_task", {}, { key: "k1" });
    assert(other.task.id !== first.task.id);
    const reused = await ann.call("claim_task", { id: "t3" }, { key: "k1" });
    assertEquals(reused.json.error.code, "KEY_REUSED");
    assertEquals(flock.count("SELECT count(*) FROM task WHERE status = 'in_progress'"), 2);
    const made = await ann.ok("create_task", { title: "once" }, { key: "k2" });
    assertEquals((await ann.ok("create_task", { title: "once" }, { key: "k2" })).id, made.id);
    assertEquals(flock.count("SELECT count(*) FROM task WHERE title = 'once'"), 1);
  });
});

Deno.test("promise 2: a claim repeated by the next life does not spoil what it was given back", async () => {
  await withFlock(async (flock) => {
    await flock.join({ name: "boss", role: "architect" });
    const ann = await flock.join({ name: "ann" });
    const { id } = await ann.ok("create_task", { title: "begun" });
    const claimed = await ann.ok("claim_task", {}, { key: "k1" });
    await ann.kill();
    const back = await flock.join({ name: "ann" });
    await eventually(() =>
      flock.count("SELECT count(*) FROM task WHERE claimed_by IS NOT NULL") === 1
    );
    // A client that saw no answer before it died sends the same request once more.
    const repeated = await back.ok("claim_task", {}, { key: "k1" });
    assertEquals(repeated.task.id, claimed.task.id);
    const done = await back.call("complete_task", { id, summary: "done in the second life" });
    assertEquals(done.isError, false, done.text);
  });
});
