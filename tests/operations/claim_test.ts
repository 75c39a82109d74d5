// claim_task and complete_task: the best task first, one holder at a time, a briefing that is
// enough to begin, and completions that set free exactly what waited.

import { assert, assertEquals, assertFalse, assertMatch, assertStringIncludes } from "@std/assert";
import { flockTest, type Json } from "./flock.ts";

flockTest("claim_task: the best ready one first, by priority, then by age", async (flock) => {
  const { lead, anna } = await flock.crew();
  const { ids } = await lead.call("create_task", {
    tasks: [
      { key: "low", title: "low", priority: "low" },
      { key: "old", title: "normal, older" },
      { key: "ten", title: "last of all", priority: 10 },
      { key: "high", title: "high", priority: "high" },
      { key: "new", title: "normal, newer", priority: "medium" },
      { key: "first", title: "critical but blocked", priority: 1, blocked_by: ["ten"] },
    ],
  });
  const order: string[] = [];
  for (let n = 0; n < 5; n++) order.push((await anna.call("claim_task")).task.id);
  assertEquals(order, [ids.high, ids.old, ids.new, ids.low, ids.ten]);
  assertEquals(await anna.call("claim_task").then((it) => [it.task, it.reason]), [null, "blocked"]);
});

flockTest("claim_task: says why there is nothing", async (flock) => {
  const { lead, anna } = await flock.crew();
  assertEquals(await anna.call("claim_task"), { task: null, reason: "empty" });
  const { ids } = await lead.call("create_task", {
    tasks: [{ key: "a", title: "a" }, { key: "b", title: "b", blocked_by: ["a"] }],
  });
  await anna.call("claim_task", { id: ids.a });
  assertEquals((await anna.call("claim_task")).reason, "blocked");
  await anna.call("update_task", { id: ids.a, action: "fail", note: "flaky" });
  assertEquals((await anna.call("claim_task")).reason, "delayed");
});

flockTest("claim_task: a taken or blocked one is refused with who and what", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const { ids } = await lead.call("create_task", {
    tasks: [{ key: "a", title: "a" }, { key: "b", title: "b", blocked_by: ["a"] }],
  });
  const { task, epoch } = await anna.call("claim_task", { id: ids.a });
  assertEquals([task.status, task.claimed_by, epoch], ["in_progress", "anna", 1]);
  assertEquals((await bob.refused("TASK_TAKEN", "claim_task", { id: ids.a })).claimed_by, "anna");
  await anna.refused("TASK_TAKEN", "claim_task", { id: ids.a });
  const { blocked_by } = await bob.refused("TASK_BLOCKED", "claim_task", { id: ids.b });
  assertEquals(blocked_by, [ids.a]);
  await bob.refused("UNKNOWN_TASK", "claim_task", { id: "t99" });
});

flockTest("claim_task: an assigned task is for its assignee alone", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const { id } = await lead.call("create_task", { title: "yours", assign_to: "anna" });
  assertEquals((await bob.call("claim_task")).task, null);
  assertEquals((await bob.refused("TASK_TAKEN", "claim_task", { id })).assigned_to, "anna");
  assertEquals((await anna.call("claim_task")).task.id, id);
  const { id: other } = await lead.call("create_task", { title: "first anna, then bob" });
  await lead.call("update_task", { id: other, action: "assign", assign_to: "anna" });
  await lead.call("update_task", { id: other, assign_to: "bob" });
  assertEquals((await bob.call("claim_task")).task.id, other);
  const { id: free } = await lead.call("create_task", { title: "for all", assign_to: "anna" });
  await lead.call("update_task", { id: free, assign_to: "" });
  assertEquals((await bob.call("claim_task")).task.id, free);
});

flockTest("claim_task: observers do not work", async (flock) => {
  const { lead } = await flock.crew();
  const eve = await flock.member("eve", { role: "observer" });
  const { id } = await lead.call("create_task", { title: "a" });
  for (
    const [name, args] of [
      ["claim_task", {}],
      ["create_task", { title: "b" }],
      ["complete_task", { id, summary: "x" }],
      ["update_task", { id, note: "x" }],
      ["review_task", { id, verdict: "approve" }],
      ["lock_file", { paths: "a.ts" }],
      ["unlock_file", {}],
      ["set_memory", { key: "a", value: "b" }],
    ] as const
  ) await eve.refused("NOT_ALLOWED", name, args);
  await eve.call("get_task", { id });
  await eve.refused("NOT_ALLOWED", "send", { to: "lead", content: "observers read" });
});

flockTest(
  "claim_task: the briefing has what it builds on, what binds it and what was",
  async (flock) => {
    const { lead, anna, bob } = await flock.crew();
    await lead.call("set_memory", { key: "db", value: "use SQLite", type: "decision" });
    await lead.call("set_memory", { key: "style", value: "no any", type: "constraint" });
    await lead.call("set_memory", { key: "noise", value: "a mere fact", type: "fact" });
    const { ids } = await lead.call("create_task", {
      tasks: [{ key: "a", title: "schema" }, { key: "b", title: "queries", blocked_by: ["a"] }],
    });
    await anna.call("claim_task", { id: ids.a });
    await anna.call("complete_task", {
      id: ids.a,
      summary: "tables made",
      files: ["schema.sql"],
      risks: "no index yet",
    });
    await bob.call("claim_task", { id: ids.b });
    await bob.call("update_task", { id: ids.b, note: "half of it is on branch q" });
    await bob.call("update_task", { id: ids.b, action: "release" });
    const { briefing } = await anna.call("claim_task", { id: ids.b });
    const expected = [
      "tables made",
      "schema.sql",
      "no index yet",
      "use SQLite",
      "no any",
      "half of it",
    ];
    for (const part of expected) assertStringIncludes(briefing, part);
    assertFalse(briefing.includes("a mere fact"));
  },
);

flockTest("claim_task: a briefing cuts long text between characters", async (flock) => {
  const { lead, anna } = await flock.crew();
  const value = `x${"\u{1f9a2}".repeat(1_000)}`;
  await lead.call("set_memory", { key: "long", value, type: "decision" });
  await lead.call("create_task", { title: "a" });
  const { briefing } = await anna.call("claim_task");
  assertFalse(/\\ud8|\\udd/i.test(briefing), "half a character, escaped");
  assert(briefing.isWellFormed(), "half a character");
});

flockTest("complete_task: unblocks exactly what waited for nothing else", async (flock) => {
  const { lead, anna } = await flock.crew();
  const { ids } = await lead.call("create_task", {
    tasks: [
      { key: "a", title: "a" },
      { key: "b", title: "b" },
      { key: "c", title: "needs a", blocked_by: ["a"] },
      { key: "d", title: "needs both", blocked_by: ["a", "b"] },
    ],
  });
  const complete = async (id: string): Promise<Json> => {
    await anna.call("claim_task", { id });
    return await anna.call("complete_task", { id, summary: "done" });
  };
  const first = await complete(ids.a);
  assertEquals(first, { id: ids.a, status: "completed", unblocked: [ids.c] });
  assertEquals((await complete(ids.b)).unblocked, [ids.d]);
  assertEquals((await complete(ids.d)).unblocked, []);
  const { tasks } = await lead.call("list_tasks");
  assertEquals(tasks.map((task: Json) => task.id), [ids.c]);
});

flockTest("complete_task: keeps what was done, by whom, and the history", async (flock) => {
  const { lead, anna } = await flock.crew();
  const { id } = await lead.call("create_task", { title: "a" });
  await anna.call("claim_task", { id });
  await anna.call("complete_task", {
    id,
    summary: "all of it",
    files: "src/a.ts",
    tests: "deno test: ok",
    risks: "none",
  });
  const { task } = await lead.call("get_task", { id });
  assertEquals([task.status, task.completed_by, task.summary], ["completed", "anna", "all of it"]);
  assertEquals(task.artifacts, { files: ["src/a.ts"], tests: "deno test: ok", risks: "none" });
  const ops = task.history.map((act: Json) => [act.actor, act.op]);
  assertEquals(ops, [["lead", "create_task"], ["anna", "claim_task"], ["anna", "complete_task"]]);
});

flockTest(
  "complete_task: only the holder, only once, only with the current epoch",
  async (flock) => {
    const { lead, anna, bob } = await flock.crew();
    const { id } = await lead.call("create_task", { title: "a" });
    await bob.refused("NOT_YOUR_CLAIM", "complete_task", { id, summary: "x" });
    const { epoch } = await anna.call("claim_task", { id });
    assertEquals(
      (await bob.refused("NOT_YOUR_CLAIM", "complete_task", { id, summary: "x" })).claimed_by,
      "anna",
    );
    await anna.refused("STALE_EPOCH", "complete_task", { id, summary: "x", epoch: epoch + 1 });
    await lead.call("update_task", { id, action: "release" });
    await bob.call("claim_task", { id });
    const stale = await anna.refused("STALE_EPOCH", "complete_task", { id, summary: "late" });
    assertEquals(stale.claimed_by, "bob");
    assertMatch(stale.message, /epoch 1.*3.*bob/);
    await bob.call("complete_task", { id, summary: "done" });
    await bob.refused("TASK_STATE", "complete_task", { id, summary: "again" });
    assertEquals((await lead.call("get_task", { id })).task.summary, "done");
  },
);
