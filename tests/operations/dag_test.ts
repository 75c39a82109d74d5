// create_task: one call makes a task or a whole DAG, and a plan with a fault in it makes nothing.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { LIMITS } from "../../mod.ts";
import { flockTest, type Json, type Member } from "./flock.ts";

/** Ids and states of all tasks. */
async function tasksOf(member: Member): Promise<Json[]> {
  return (await member.call("list_tasks", { limit: 200 })).tasks;
}

flockTest("create_task: one task has a short id, defaults and what it was given", async (flock) => {
  const { lead } = await flock.crew();
  const { id, status } = await lead.call("create_task", { title: "plain" });
  assertMatch(id, /^t\d+$/);
  assertEquals(status, "pending");
  const { id: rich } = await lead.call("create_task", {
    title: "rich",
    description: "several\nlines",
    priority: "critical",
    files: ["src/a.ts", "src/b/"],
    accept: "tests pass",
    assign_to: "anna",
    blocked_by: id,
  });
  const [first, second] = await tasksOf(lead);
  assertEquals([first.id, first.priority, first.ready], [rich, 1, false]);
  assertEquals([second.id, second.priority, second.ready], [id, 5, true]);
  const { task } = await lead.call("get_task", { id: rich });
  assertEquals(task.description, "several\nlines");
  assertEquals(task.files, ["src/a.ts", "src/b/"]);
  assertEquals([task.accept, task.assigned_to, task.created_by], ["tests pass", "anna", "lead"]);
  assertEquals([task.blocked_by, task.depends_on[0].id], [[id], id]);
});

flockTest("create_task: a DAG by local keys, mixed with ids that exist", async (flock) => {
  const { lead } = await flock.crew();
  const { id: old } = await lead.call("create_task", { title: "exists" });
  const { ids } = await lead.call("create_task", {
    tasks: [
      { key: "ship", title: "last", blocked_by: ["test", "docs"] },
      { key: "test", title: "middle", blocked_by: ["code"], priority: 2 },
      { key: "docs", title: "middle too", blocked_by: [old, "code"] },
      { key: "code", title: "first" },
      { title: "without a key" },
    ],
  });
  assertEquals(Object.keys(ids).sort(), ["5", "code", "docs", "ship", "test"]);
  assertEquals(new Set(Object.values(ids)).size, 5);
  const byId = new Map((await tasksOf(lead)).map((task) => [task.id, task]));
  assertEquals(byId.get(ids.ship).blocked_by.sort(), [ids.test, ids.docs].sort());
  assertEquals(byId.get(ids.docs).blocked_by.sort(), [old, ids.code].sort());
  assertEquals(byId.get(ids.code).ready, true);
});

flockTest("create_task: a number is a key of its batch, else a task", async (flock) => {
  const { lead } = await flock.crew();
  const first = await lead.call("create_task", { title: "no part of it" });
  assertEquals(first.id, "t1");
  const on = async (id: string): Promise<string[]> =>
    (await lead.call("get_task", { id })).task.depends_on.map((task: Json) => task.id);
  const keyed = await lead.call("create_task", {
    tasks: [{ key: "1", title: "a" }, { key: 2, title: "b", blocked_by: [1] }],
  });
  assertEquals(await on(keyed.ids["2"]), [keyed.ids["1"]]);
  // Without keys a task is called by its place.
  const placed = await lead.call("create_task", {
    tasks: [{ title: "a" }, { title: "b", depends_on: [1] }],
  });
  assertEquals(await on(placed.ids["2"]), [placed.ids["1"]]);
  // What is no key is the number of a task, in a batch and alone.
  const other = await lead.call("create_task", {
    tasks: [{ key: "x", title: "a", blocked_by: [1] }, { key: "y", title: "b", blocked_by: 1 }],
  });
  assertEquals([await on(other.ids["x"]), await on(other.ids["y"])], [["t1"], ["t1"]]);
  const { id } = await lead.call("create_task", { title: "alone", blocked_by: [1] });
  assertEquals(await on(id), ["t1"]);
});

flockTest("create_task: what completed already blocks nothing", async (flock) => {
  const { lead } = await flock.crew();
  const { id } = await lead.call("create_task", { title: "done" });
  await lead.call("claim_task", { id });
  await lead.call("complete_task", { id, summary: "did it" });
  const { id: next } = await lead.call("create_task", { title: "next", blocked_by: [id] });
  const { task } = await lead.call("get_task", { id: next });
  assertEquals([task.ready, task.blocked_by], [true, []]);
});

flockTest("create_task: cycles, unknown and doubled names are refused and named", async (flock) => {
  const { lead } = await flock.crew();
  const tasks = async (code: string, ...list: Json[]): Promise<Json> =>
    await lead.refused(code, "create_task", { tasks: list });
  const cycle = await tasks(
    "CYCLE",
    { key: "a", title: "a", blocked_by: ["c"] },
    { key: "b", title: "b", blocked_by: ["a"] },
    { key: "c", title: "c", blocked_by: ["b"] },
  );
  assertEquals([cycle.field, new Set(cycle.cycle).size, cycle.cycle.length], ["blocked_by", 3, 4]);
  const self = await tasks("CYCLE", { key: "a", title: "a", blocked_by: ["a"] });
  assertEquals(self.cycle, ["a", "a"]);
  const unknown = await tasks("UNKNOWN_TASK", { key: "a", title: "a", blocked_by: ["t999"] });
  assertEquals([unknown.field, unknown.unknown], ["blocked_by", "t999"]);
  await tasks("DUPLICATE_KEY", { key: "a", title: "1" }, { key: "a", title: "2" });
  const twice = { key: "b", title: "b", blocked_by: ["a", "a"] };
  assertMatch((await tasks("INVALID_INPUT", { key: "a", title: "a" }, twice)).message, /a twice/);
  await lead.refused("UNKNOWN_TASK", "create_task", { title: "x", blocked_by: ["1"] });
  await lead.refused("UNKNOWN_PEER", "create_task", { title: "x", assign_to: "nobody" });
  await lead.refused("UNKNOWN_RUN", "create_task", { title: "x", run: "r7" });
  assertEquals(await tasksOf(lead), []);
});

flockTest("create_task: of a batch with one fault nothing is made", async (flock) => {
  const { lead } = await flock.crew();
  const tasks: Json[] = Array.from({ length: 500 }, (_, n) => ({ key: `k${n}`, title: `${n}` }));
  tasks.push({ title: "bad", blocked_by: ["nowhere"] });
  await lead.refused("UNKNOWN_TASK", "create_task", { tasks });
  assertEquals(await tasksOf(lead), []);
  tasks.pop();
  await lead.call("create_task", { tasks });
  assertEquals((await lead.call("status")).tasks.ready, 500);
});

flockTest("create_task: 1,000 tasks in one call, 1,001 are refused", async (flock) => {
  const { lead } = await flock.crew();
  const tasks = Array.from({ length: LIMITS.tasksPerBatch }, (_, n) => ({
    key: `k${n}`,
    title: `task ${n}`,
    blocked_by: n === 0 ? [] : ["k0"],
  }));
  const { ids } = await lead.call("create_task", { tasks });
  assertEquals(Object.keys(ids).length, 1_000);
  const { message } = await lead.refused("INVALID_INPUT", "create_task", {
    tasks: [...tasks, { title: "one more" }],
  });
  assertMatch(message, /1000/);
  await lead.call("claim_task", { id: ids.k0 });
  const { unblocked } = await lead.call("complete_task", { id: ids.k0, summary: "go" });
  assertEquals(unblocked.length, 999);
});

flockTest("create_task: fields beside tasks[] are refused, not lost", async (flock) => {
  const { lead } = await flock.crew();
  const { id } = await lead.call("create_task", { title: "first" });
  const beside = { tasks: [{ title: "a" }], blocked_by: [id] };
  const { field } = await lead.refused("INVALID_INPUT", "create_task", beside);
  assertEquals(field, "blocked_by");
});

flockTest("create_task: what a pinned worker adds waits for the architect", async (flock) => {
  const { lead, anna } = await flock.crew();
  const carl = await flock.member("carl", { role: "worker" });
  assertEquals((await anna.call("create_task", { title: "free" })).status, "pending");
  const { id, status } = await carl.call("create_task", { title: "an idea" });
  assertEquals(status, "proposed");
  await anna.refused("TASK_STATE", "claim_task", { id });
  await carl.refused("NOT_ALLOWED", "update_task", { id, action: "accept" });
  const { attention } = await lead.call("status");
  assert(attention.some((one: Json) => one.kind === "proposed" && one.subject === id));
  const { task } = await lead.call("update_task", { id, action: "accept" });
  assertEquals([task.status, task.ready], ["pending", true]);
  assertEquals((await carl.call("claim_task", { id })).task.id, id);
});

flockTest("create_task: a proposal cannot be accepted by a way around", async (flock) => {
  const { anna } = await flock.crew();
  const carl = await flock.member("carl", { role: "worker" });
  const { id } = await carl.call("create_task", { title: "an idea" });
  await carl.call("update_task", { id, action: "cancel" });
  const retried = await carl.call("update_task", { id, action: "retry" }).catch(() => null);
  const { task } = await anna.call("get_task", { id });
  assert(task.status !== "pending", `retry made it ${retried?.task.status}`);
});

flockTest("create_task: tasks, runs and peers of other projects are not known", async (flock) => {
  const { lead } = await flock.crew();
  const far = await flock.member("far", { folder: "elsewhere" });
  const { id } = await far.call("create_task", { title: "over there" });
  const { run } = await far.call("run", { action: "start", goal: "another goal" });
  await lead.refused("UNKNOWN_TASK", "get_task", { id });
  await lead.refused("UNKNOWN_TASK", "create_task", { title: "x", blocked_by: [id] });
  await lead.refused("UNKNOWN_RUN", "create_task", { title: "x", run: run.id });
  await lead.refused("UNKNOWN_PEER", "create_task", { title: "x", assign_to: "far" });
  await lead.refused("UNKNOWN_TASK", "lock_file", { paths: "a.ts", task: id });
});

flockTest("create_task: the same key does nothing twice", async (flock) => {
  const { lead } = await flock.crew();
  const first = await lead.call("create_task", { title: "once" }, { key: "k1" });
  assertEquals(await lead.call("create_task", { title: "once" }, { key: "k1" }), first);
  assertEquals((await tasksOf(lead)).length, 1);
  const other = lead.call("create_task", { title: "twice" }, { key: "k1" });
  const code = await other.then(() => "done", (thrown: Error & { code: string }) => thrown.code);
  assertEquals(code, "KEY_REUSED");
  assertEquals((await tasksOf(lead)).length, 1);
});
