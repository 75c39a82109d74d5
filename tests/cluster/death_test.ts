// Death is noticed, by the kernel's locks and by nobody's clock: what a killed worker held is there
// for others within two seconds, each thing once, with a word on how far it had come; and who comes
// back gets what nobody took meanwhile.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import type { Peer } from "../support/peer.ts";
import { type Flock, report, withFlock } from "./flock.ts";

const WITHIN_MS = 2_000;

/** Claims whatever is ready until there is something; resolves with the answer. */
async function claimNext(peer: Peer): Promise<{ id: string; epoch: number; briefing: string }> {
  const claimed = { id: "", epoch: 0, briefing: "" };
  await eventually(async () => {
    const { task, epoch, briefing } = await peer.ok("claim_task");
    Object.assign(claimed, { id: task?.id ?? "", epoch, briefing });
    return task !== null;
  }, { withinMs: 10_000, what: "a task to claim" });
  return claimed;
}

Deno.test("promise 4: a dead worker's task and lock are free within 2 s, once, with a note", async () => {
  await withFlock(async (flock) => {
    const boss = await flock.join({ name: "boss" });
    const [ann, ben, cyd, dan] = await flock.joinAll("ann", "ben", "cyd", "dan");
    if (!ann || !ben || !cyd || !dan) throw new Error("nobody joined");
    const { id } = await boss.ok("create_task", { title: "half done" });
    const { epoch } = await ann.ok("claim_task");
    await ann.ok("update_task", { id, progress: "two of five files" });
    await ann.ok("lock_file", { paths: ["src/a.ts", "src/b/"] });
    assertEquals((await ben.ok("claim_task")).task, null);
    const waiting = dan.call("lock_file", { paths: ["src/b/c.ts"], wait_ms: 20_000 });
    await dan.ok("list_peers");
    const startMs = performance.now();
    await ann.kill();
    const claims = [ben, cyd].map((peer) => claimNext(peer));
    const won = await Promise.race(claims);
    const tookMs = performance.now() - startMs;
    const locked = await waiting;
    const lockMs = performance.now() - startMs;
    report("a dead worker's task, its lock", tookMs, lockMs);
    assert(tookMs < WITHIN_MS, `the task took ${tookMs} ms`);
    assert(lockMs < WITHIN_MS, `the lock took ${lockMs} ms`);
    assertEquals(locked.isError, false, locked.text);
    assertEquals(won.id, id);
    assert(won.epoch > epoch);
    assertStringIncludes(won.briefing, "two of five files");
    assertStringIncludes(won.briefing, "ann");
    const { task } = await boss.ok("get_task", { id });
    const notes = task.notes.filter((note: { kind: string }) => note.kind === "handover");
    assertEquals(notes.length, 1, "handover notes");
    // The other one goes on asking; a second task ends its wait, the first one is not given twice.
    const second = await boss.ok("create_task", { title: "another" });
    const both = await Promise.all(claims);
    assertEquals(both.map((one) => one.id).sort(), [id, second.id].sort());
    for (const [op, subject] of [["reap", "peer/ann"], ["reassign", `task/${id}`]] as const) {
      const n = flock.count(
        "SELECT count(*) FROM journal WHERE op = ? AND subject = ?",
        op,
        subject,
      );
      assertEquals(n, 1, `${op} ${subject}`);
    }
    assertEquals(
      (await boss.ok("list_locks")).locks.map((lock: { holder: string }) => lock.holder),
      [
        "dan",
      ],
    );
  });
});

Deno.test("promise 4: the leader's own death frees what it held, also when all others die", async () => {
  await withFlock(async (flock) => {
    const [ann, ben, cyd] = await flock.joinAll("ann", "ben", "cyd");
    if (!ann || !ben || !cyd) throw new Error("nobody joined");
    assertEquals(flock.leader().name, "ann");
    await ann.ok("create_task", {
      tasks: [{ title: "one" }, { title: "two" }, { title: "three" }],
    });
    for (const peer of [ann, ben]) await peer.ok("claim_task");
    await ann.ok("lock_file", { paths: ["a.ts"] });
    await cyd.ok("claim_task", { id: "t3" });
    let startMs = performance.now();
    await ann.kill();
    assertEquals((await claimNext(cyd)).id, "t1");
    assertEquals((await cyd.ok("lock_file", { paths: ["a.ts"] })).granted, ["a.ts"]);
    const leaderMs = performance.now() - startMs;
    assert(leaderMs < WITHIN_MS, `the leader's task took ${leaderMs} ms`);
    // Nobody is left: whoever comes next finds everything free.
    await Promise.all([ben.kill(), cyd.kill()]);
    const dan = await flock.join({ name: "dan" });
    startMs = performance.now();
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) ids.push((await claimNext(dan)).id);
    const allMs = performance.now() - startMs;
    report("the leader's task; all tasks of a dead flock", leaderMs, allMs);
    assertEquals(ids.sort(), ["t1", "t2", "t3"]);
    assert(allMs < WITHIN_MS, `a dead flock's tasks took ${allMs} ms`);
    assertEquals((await dan.ok("list_peers")).peers.length, 1);
  });
});

Deno.test("promise 4: five deaths in a row, each task comes back within 2 s", async () => {
  await withFlock(async (flock) => {
    const [boss, ben] = await flock.joinAll("boss", "ben");
    if (!boss || !ben) throw new Error("nobody joined");
    const took: number[] = [];
    for (let n = 0; n < 5; n++) {
      const victim = await flock.join({ name: `victim-${n}` });
      const { id } = await boss.ok("create_task", { title: `task ${n}` });
      await victim.ok("claim_task", { id });
      const startMs = performance.now();
      await victim.kill();
      assertEquals((await claimNext(ben)).id, id);
      took.push(performance.now() - startMs);
      await ben.ok("complete_task", { id, summary: "done" });
    }
    report("five tasks of five dead workers", ...took);
    assert(Math.max(...took) < WITHIN_MS, `it took ${took}`);
    assertEquals(flock.count("SELECT count(*) FROM journal WHERE op = 'reap'"), 5);
  });
});

Deno.test("node: nothing of the dead stays among the presence files", async () => {
  await withFlock(async (flock) => {
    const session = { clientName: "claude-code", session: "superseded" };
    const [boss, ben] = await flock.joinAll("boss", "ben");
    if (!boss || !ben) throw new Error("nobody joined");
    for (let n = 0; n < 4; n++) {
      const victim = await flock.join({ name: `victim-${n}` });
      const { id } = await boss.ok("create_task", { title: `task ${n}` });
      await victim.ok("claim_task", { id });
      await victim.kill();
      // Whoever wants the task is faster than the leader's regular look, and reaps, too.
      await eventually(async () => !(await ben.call("claim_task", { id })).isError);
    }
    const older = await flock.join(session);
    await flock.join(session);
    await older.kill();
    await eventually(() => {
      const files = [...Deno.readDirSync(join(flock.home, "peers"))].map(({ name }) => name).sort();
      const live = flock.rows<{ file: string }>(
        "SELECT incarnation || '.lock' AS file FROM peer WHERE state = 'live' ORDER BY 1",
      );
      assertEquals(files, live.map(({ file }) => file));
      return true;
    }, { withinMs: 3_000, what: "only the living have a file" });
  });
});

Deno.test("promise 4: a death is noticed although the dead one's presence file was removed", async () => {
  await withFlock(async (flock) => {
    const [boss, ann, ben] = await flock.joinAll("boss", "ann", "ben");
    if (!boss || !ann || !ben) throw new Error("nobody joined");
    await boss.ok("create_task", { tasks: [{ title: "one" }, { title: "two" }] });
    await ann.ok("claim_task", { id: "t1" });
    await ben.ok("claim_task", { id: "t2" });
    await ben.ok("lock_file", { paths: ["ben.ts"] });
    // Ben is stopped, so it cannot make its file again; but it lives. Of ann nothing is left.
    ben.signal("SIGSTOP");
    for (const name of ["ann", "ben"]) Deno.removeSync(flock.presenceFile(name));
    await ann.kill();
    await eventually(
      async () => (await boss.call("claim_task", { id: "t1" })).isError === false,
      { withinMs: 45_000, what: "the task of the dead one" },
    );
    const live = flock.rows<{ name: string }>("SELECT name FROM peer WHERE state = 'live'");
    assertEquals(live.map(({ name }) => name).sort(), ["ben", "boss"], "a live one was reaped");
    ben.signal("SIGCONT");
    assertEquals((await ben.ok("complete_task", { id: "t2", summary: "ok" })).status, "completed");
    assertEquals((await flock.join({ name: "ann" })).pid > 0, true);
    assertEquals(flock.count("SELECT count(*) FROM peer WHERE name LIKE 'ann%'"), 1, "its name");
  });
});

/** What ann held when she died, and who took part of it meanwhile. */
async function annDies(flock: Flock, options: Record<string, string>): Promise<Peer> {
  const ben = await flock.join({ name: "ben" });
  const ann = await flock.join(options);
  await ben.ok("create_task", { tasks: [{ title: "one" }, { title: "two" }, { title: "three" }] });
  for (const id of ["t1", "t2", "t3"]) await ann.ok("claim_task", { id });
  await ann.ok("lock_file", { paths: ["mine.ts"] });
  await ann.ok("lock_file", { paths: ["lost.ts"] });
  await ann.kill();
  await eventually(async () => !(await ben.call("claim_task", { id: "t2" })).isError);
  await ben.ok("lock_file", { paths: ["lost.ts"] });
  // The third was taken and done in between: no way back to it either.
  await ben.ok("claim_task", { id: "t3" });
  await ben.ok("complete_task", { id: "t3", summary: "done by ben" });
  return ben;
}

const RETURNS: readonly [string, Record<string, string>][] = [
  ["session", { clientName: "claude-code", session: "a-session-of-ann" }],
  ["name", { name: "ann" }],
];

for (const [how, options] of RETURNS) {
  Deno.test(`promise 4: who returns by its ${how} gets back what nobody took`, async () => {
    await withFlock(async (flock) => {
      const ben = await annDies(flock, options);
      const before = flock.rows<{ claim_epoch: number }>(
        "SELECT claim_epoch FROM task WHERE id = 't1'",
      )[0]?.claim_epoch ?? 0;
      const back = await flock.start(options);
      const joined = await back.ok("join");
      const lost = (joined.lost as string[]).sort();
      assertEquals(lost.length, 3, `lost: ${lost}`);
      for (const [i, words] of [["lost.ts", "ben"], ["t2", "ben"], ["t3", "completed"]].entries()) {
        for (const word of words) assertStringIncludes(lost[i] ?? "", word);
      }
      assertEquals((await back.ok("join")).lost, [], "told once");
      const { task } = await back.ok("get_task", { id: "t1" });
      assertEquals(task.claimed_by, joined.you.name);
      assert(task.epoch > before, "the claim has a new epoch");
      const refused = await ben.call("lock_file", { paths: ["mine.ts"] });
      assertEquals(refused.json.error?.code, "LOCK_HELD", "the lock did not come back");
      assertEquals((await back.call("complete_task", { id: "t2", summary: "no" })).isError, true);
      assertEquals(
        (await back.ok("complete_task", { id: "t1", summary: "yes" })).status,
        "completed",
      );
    });
  });
}

Deno.test("promise 4: the architect's seat is free the moment it dies", async () => {
  await withFlock(async (flock) => {
    const [ann, ben, cyd] = await flock.joinAll("ann", "ben", "cyd");
    if (!ann || !ben || !cyd) throw new Error("nobody joined");
    assertEquals((await ben.call("join", { role: "architect" })).json.error?.code, "ROLE_TAKEN");
    await ann.kill();
    // At once, without waiting for anybody to notice; and only one of two who ask gets it.
    const replies = await Promise.all(
      [ben, cyd].map((peer) => peer.call("join", { role: "architect" })),
    );
    assertEquals(replies.map((reply) => reply.json.you?.role ?? reply.json.error.code).sort(), [
      "ROLE_TAKEN",
      "architect",
    ]);
    const architects = flock.count(
      "SELECT count(*) FROM peer WHERE state = 'live' AND role = 'architect'",
    );
    assertEquals(architects, 1);
  });
});

Deno.test("promise 4: who was meant to be the architect gets the seat when it falls empty", async () => {
  await withFlock(async (flock) => {
    const ann = await flock.join({ name: "ann" });
    const ben = await flock.start({ name: "ben", role: "architect" });
    const joined = await ben.ok("join");
    assertEquals(joined.you.role, "worker");
    assertStringIncludes(joined.notice, "ann");
    await ann.kill();
    const { messages } = await ben.ok("check", { wait_ms: 5_000 });
    assertStringIncludes(messages[0]?.content ?? "", "architect");
    assertEquals((await ben.ok("join")).you.role, "architect");
  });
});
