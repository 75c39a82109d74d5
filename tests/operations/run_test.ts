// run: a goal that outlives its sessions, and stamps what is said, made and found on the way to it.

import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { flockTest, type Json } from "./flock.ts";

flockTest("run: a new session resumes with everything it needs to go on", async (flock) => {
  const { lead, anna } = await flock.crew();
  const { run } = await lead.call("run", { action: "start", goal: "Ship v2", plan: "1. a\n2. b" });
  assertMatch(run.id, /^r\d+$/);
  assertEquals([run.goal, run.plan, run.status, run.done, run.total], [
    "Ship v2",
    "1. a\n2. b",
    "active",
    0,
    0,
  ]);
  const { ids } = await lead.call("create_task", {
    tasks: [
      { key: "a", title: "schema" },
      { key: "b", title: "queries", blocked_by: ["a"] },
      { key: "c", title: "docs" },
    ],
  });
  await lead.call("set_memory", { key: "db", value: "SQLite", type: "decision" });
  await anna.call("join", { run: run.id });
  await anna.call("claim_task", { id: ids.a });
  await anna.call("send", { to: "lead", content: "on it" });
  await anna.call("complete_task", { id: ids.a, summary: "tables made" });
  await lead.leave();
  await anna.leave();

  const next = await flock.member("next");
  const { run: whole } = await next.call("run", { action: "resume" });
  assertEquals([whole.id, whole.goal, whole.plan], [run.id, "Ship v2", "1. a\n2. b"]);
  assertEquals([whole.done, whole.total, whole.tasks.completed, whole.tasks.ready], [1, 3, 1, 2]);
  assertEquals(whole.completed.map((it: Json) => [it.id, it.summary]), [[ids.a, "tables made"]]);
  assertEquals(whole.open.map((it: Json) => [it.id, it.ready]), [[ids.b, true], [ids.c, true]]);
  assertEquals(whole.memory.map((it: Json) => [it.key, it.value]), [["db", "SQLite"]]);
  assertEquals(whole.messages.map((it: Json) => [it.from, it.content]), [["anna", "on it"]]);
  assertEquals((await next.call("status")).run, run.id);
  await next.call("create_task", { title: "goes on" });
  assertEquals((await next.call("run", { action: "status" })).run.total, 4);
});

flockTest(
  "run: stamps tasks, messages and memory of its members, not those of others",
  async (flock) => {
    const { lead, anna } = await flock.crew();
    const { run } = await lead.call("run", { action: "start", goal: "g" });
    const { id } = await lead.call("create_task", { title: "in" });
    await anna.call("create_task", { title: "out" });
    await anna.call("set_memory", { key: "out", value: "v" });
    await anna.call("send", { to: "lead", content: "out" });
    await lead.call("set_memory", { key: "in", value: "v" });
    await lead.call("send", { to: "anna", content: "in" });
    const { run: whole } = await anna.call("run", { action: "status", id: run.id });
    assertEquals(whole.open.map((it: Json) => it.id), [id]);
    assertEquals(whole.memory.map((it: Json) => it.key), ["in"]);
    assertEquals(whole.messages.map((it: Json) => it.content), ["in"]);
    const [entry] = (await anna.call("get_memory", { key: "in" })).entries;
    assertEquals(entry.run, run.id);
    assertEquals((await anna.call("list_tasks", { run: run.id })).tasks.map((it: Json) => it.id), [
      id,
    ]);
    await anna.call("create_task", { title: "by hand", run: run.id });
    assertEquals((await anna.call("list_tasks", { run: run.id })).tasks.length, 2);
  },
);

flockTest("run: update changes goal or plan, and wants one of them", async (flock) => {
  const { lead, anna } = await flock.crew();
  const { run } = await lead.call("run", { action: "start", goal: "old", plan: "keep" });
  const { run: changed } = await anna.call("run", { action: "update", id: run.id, goal: "new" });
  assertEquals([changed.goal, changed.plan], ["new", "keep"]);
  await lead.call("run", { action: "update", plan: "" });
  assertEquals((await lead.call("run", { action: "status" })).run.plan, "");
  await lead.refused("INVALID_INPUT", "run", { action: "update" });
});

flockTest("run: list shows all, newest first, with how far each is", async (flock) => {
  const { lead } = await flock.crew();
  flock.freeze();
  for (let n = 1; n <= 12; n++) await lead.call("run", { action: "start", goal: `goal ${n}` });
  const { id } = await lead.call("create_task", { title: "a" });
  await lead.call("claim_task", { id });
  await lead.call("complete_task", { id, summary: "done" });
  const { runs } = await lead.call("run", { action: "list" });
  const goals = runs.map((run: Json) => run.goal);
  assertEquals(goals, Array.from({ length: 12 }, (_, n) => `goal ${12 - n}`));
  assertEquals([runs[0].done, runs[0].total, runs[1].total], [1, 1, 0]);
});

flockTest("run: ends once, with its outcome, and stamps nothing more", async (flock) => {
  const { lead, anna } = await flock.crew();
  const { run } = await lead.call("run", { action: "start", goal: "g", plan: "p" });
  await anna.call("join", { run: run.id });
  const { run: ended } = await lead.call("run", { action: "end", plan: "reached" });
  assertEquals([ended.status, ended.outcome, ended.plan], ["ended", "reached", "p"]);
  assertEquals((await anna.call("status")).run, null);
  await anna.call("create_task", { title: "after" });
  const { run: later } = await anna.call("run", { action: "status", id: run.id });
  assertEquals([later.total, later.status], [0, "ended"]);
  await lead.refused("TASK_STATE", "run", { action: "end", id: run.id });
  assertEquals((await lead.refused("UNKNOWN_RUN", "run", { action: "status" })).field, "id");
});

flockTest("run: an ended one is not gone on with by mistake", async (flock) => {
  const { lead, anna } = await flock.crew();
  const { run } = await lead.call("run", { action: "start", goal: "g" });
  await lead.call("run", { action: "end" });
  const ways = [
    ["run", { action: "resume", id: run.id }],
    ["join", { run: run.id }],
    ["create_task", { title: "into it", run: run.id }],
  ] as const;
  for (const [name, args] of ways) {
    assertEquals((await anna.refused("RUN_ENDED", name, args)).run, run.id, name);
  }
  await anna.call("create_task", { title: "after the end" });
  assertEquals((await lead.call("run", { action: "status", id: run.id })).run.total, 0);
});

flockTest("run: refuses what is missing, unknown or of another project", async (flock) => {
  const { lead } = await flock.crew();
  const far = await flock.member("far", { folder: "elsewhere" });
  const eve = await flock.member("eve", { role: "observer" });
  const { run } = await far.call("run", { action: "start", goal: "theirs" });
  assertEquals((await lead.refused("INVALID_INPUT", "run", { action: "start" })).field, "goal");
  for (const action of ["resume", "status", "update", "end"]) {
    await lead.refused("UNKNOWN_RUN", "run", { action, id: run.id, goal: "x" });
    await lead.refused("UNKNOWN_RUN", "run", { action, id: "r99", goal: "x" });
  }
  assertEquals((await lead.call("run", { action: "list" })).runs, []);
  await lead.refused("UNKNOWN_RUN", "join", { run: run.id });
  await lead.call("run", { action: "start", goal: "ours" });
  for (const action of ["start", "update", "end"]) {
    await eve.refused("NOT_ALLOWED", "run", { action, goal: "x" });
  }
  await eve.call("run", { action: "status" });
});

flockTest("run: a digest is bounded and cut between characters", async (flock) => {
  const { lead } = await flock.crew();
  await lead.call("run", { action: "start", goal: "g" });
  const long = `x${"\u{1f9a2}".repeat(2_000)}`;
  for (let n = 0; n < 30; n++) {
    await lead.call("set_memory", { key: `k${n}`, value: long });
    await lead.call("send", { to: "anna", content: long.slice(0, 4_001) });
  }
  const { run } = await lead.call("run", { action: "status" });
  const text = JSON.stringify(run);
  assert(text.length < 40_000, `${text.length} characters`);
  assertFalse(/\\ud[89ab]|\\ud[c-f]/i.test(text), "half a character");
});
