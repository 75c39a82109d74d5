// update_task: what happens to a task between claiming and completing, and who may do it.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { LIMITS } from "../../mod.ts";
import { flockTest, type Json, type Member } from "./flock.ts";

async function newTask(member: Member, more: Json = {}): Promise<string> {
  return (await member.call("create_task", { title: "a task", ...more })).id;
}

flockTest("update_task: progress and notes are kept and shown", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const id = await newTask(lead);
  await anna.call("claim_task", { id });
  await anna.call("update_task", { id, progress: "half way" });
  await bob.call("update_task", { id, note: "see also src/b.ts" });
  const { task } = await lead.call("get_task", { id });
  assertEquals(task.progress, "half way");
  assertEquals(task.notes.map((note: Json) => [note.author, note.kind, note.text]), [
    ["bob", "note", "see also src/b.ts"],
  ]);
  await bob.refused("NOT_YOUR_CLAIM", "update_task", { id, progress: "not mine" });
});

flockTest("update_task: release gives a task back at once and costs no attempt", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const id = await newTask(lead);
  for (let n = 0; n < LIMITS.attempts + 1; n++) {
    await anna.call("claim_task", { id });
    await anna.call("update_task", { id, action: "release" });
  }
  const { task, epoch } = await bob.call("claim_task", { id });
  assertEquals([task.claimed_by, task.attempts], ["bob", 1]);
  assert(epoch > LIMITS.attempts, "every claim has its own epoch");
  await anna.refused("STALE_EPOCH", "update_task", { id, action: "release" });
});

flockTest("update_task: a failed task is tried again after a delay that doubles", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const id = await newTask(lead);
  let delayS: number = LIMITS.retryDelayS;
  for (let attempt = 1; attempt < LIMITS.attempts; attempt++) {
    await anna.call("claim_task", { id });
    const { task } = await anna.call("update_task", { id, action: "fail", note: `n${attempt}` });
    assertEquals([task.status, task.attempts], ["pending", attempt]);
    const refusal = await bob.refused("TASK_DELAYED", "claim_task", { id });
    assert(refusal.retry_after_s > delayS - 3 && refusal.retry_after_s <= delayS, refusal.message);
    flock.pass(delayS + 1);
    delayS *= 2;
  }
  await anna.call("claim_task", { id });
  const { task } = await anna.call("update_task", { id, action: "fail", note: "gives up" });
  assertEquals([task.status, task.attempts], ["failed", LIMITS.attempts]);
  assertMatch(task.failure, /anna.*3 of 3.*gives up/);
});

flockTest("update_task: the last failure is told to the architect and shown", async (flock) => {
  const { lead, anna } = await flock.crew();
  const id = await newTask(lead);
  for (let attempt = 0; attempt < LIMITS.attempts; attempt++) {
    flock.pass(LIMITS.retryDelayMaxS);
    await anna.call("claim_task", { id });
    await anna.call("update_task", { id, action: "fail", note: "no luck" });
  }
  const mail = await lead.inbox();
  assertEquals([mail.length, mail[0].from, mail[0].task], [1, "skein", id]);
  assertMatch(mail[0].content, /no luck/);
  assert(["blocker", "error", "alert"].includes(mail[0].category), mail[0].category);
  const { attention } = await lead.call("status");
  assertEquals(attention.map((one: Json) => [one.kind, one.subject]), [["failed", id]]);
});

flockTest("update_task: retry opens a failed or cancelled task again", async (flock) => {
  const { lead, anna } = await flock.crew();
  const id = await newTask(lead);
  await anna.call("claim_task", { id });
  await anna.call("update_task", { id, action: "fail" });
  await lead.call("update_task", { id, action: "retry" });
  assertEquals(
    (await anna.call("claim_task", { id })).task.attempts,
    1,
    "delay and count are over",
  );
  await lead.call("update_task", { id, action: "cancel" });
  const { task } = await lead.call("update_task", { id, action: "retry" });
  assertEquals([task.status, task.claimed_by], ["pending", null]);
  await lead.call("claim_task", { id });
  await lead.call("complete_task", { id, summary: "done" });
  await lead.refused("TASK_STATE", "update_task", { id, action: "retry" });
});

flockTest("update_task: cancel ends the claim and tells its holder", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const id = await newTask(lead);
  await anna.call("claim_task", { id });
  await bob.refused("NOT_ALLOWED", "update_task", { id, action: "cancel" });
  const { task } = await lead.call("update_task", { id, action: "cancel" });
  assertEquals(task.status, "cancelled");
  const mail = await anna.inbox();
  assertEquals([mail.length, mail[0].task], [1, id]);
  const refusal = await anna.refused("STALE_EPOCH", "complete_task", { id, summary: "too late" });
  assertEquals(refusal.status, "cancelled");
  await bob.refused("TASK_STATE", "claim_task", { id });
  assertEquals((await lead.call("list_tasks")).tasks, []);
});

flockTest("update_task: the holder hears when the architect takes its task away", async (flock) => {
  const { lead, anna } = await flock.crew();
  for (const action of ["release", "fail"]) {
    const id = await newTask(lead);
    await anna.call("claim_task", { id });
    await lead.call("update_task", { id, action });
    assertEquals((await anna.inbox()).map((message) => message.task), [id], action);
  }
});

flockTest("update_task: a worker manages what it made or holds, nothing else", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const foreign = await newTask(lead);
  for (
    const change of [
      { action: "cancel" },
      { action: "assign", assign_to: "bob" },
      { priority: 1 },
    ]
  ) await bob.refused("NOT_ALLOWED", "update_task", { id: foreign, ...change });
  const own = await newTask(bob);
  assertEquals((await bob.call("update_task", { id: own, priority: "high" })).task.priority, 3);
  await anna.refused("NOT_ALLOWED", "update_task", { id: own, priority: 1 });
  await bob.call("update_task", { id: own, action: "cancel" });
});

flockTest("update_task: a task stays its maker's through a change of name", async (flock) => {
  const { anna, bob } = await flock.crew();
  const id = await newTask(anna);
  await anna.call("join", { name: "anne" });
  await bob.call("join", { name: "anna" });
  await bob.refused("NOT_ALLOWED", "update_task", { id, priority: 1 });
  assertEquals((await anna.call("update_task", { id, priority: 2 })).task.priority, 2);
});

flockTest("update_task: what a state does not allow is refused with the state", async (flock) => {
  const { lead } = await flock.crew();
  const id = await newTask(lead);
  for (const action of ["release", "fail", "request_review", "accept"]) {
    const refusal = await lead.refused("TASK_STATE", "update_task", { id, action });
    assertEquals([refusal.task, refusal.status], [id, "pending"]);
  }
  await lead.refused("INVALID_INPUT", "update_task", { id, action: "assign" });
  await lead.refused("UNKNOWN_PEER", "update_task", { id, assign_to: "nobody" });
  await lead.refused("UNKNOWN_TASK", "update_task", { id: "t99", note: "x" });
});

flockTest("update_task: a refused action stores nothing of the call", async (flock) => {
  const { lead, anna } = await flock.crew();
  const id = await newTask(lead);
  const change = { id, note: "a note", action: "cancel" };
  await anna.refused("NOT_ALLOWED", "update_task", change);
  const { task } = await lead.call("get_task", { id });
  assertEquals([task.notes, task.status, task.history.length], [undefined, "pending", 1]);
});

flockTest("update_task: nothing to change is refused", async (flock) => {
  const { lead } = await flock.crew();
  const id = await newTask(lead);
  await lead.refused("INVALID_INPUT", "update_task", { id });
});

flockTest("update_task: a task in progress is reassigned, its old claim fenced", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const id = await newTask(lead);
  await anna.call("claim_task", { id });
  const { task } = await lead.call("update_task", { id, assign_to: "bob" });
  assertEquals([task.status, task.claimed_by, task.assigned_to, task.attempts], [
    "pending",
    null,
    "bob",
    0,
  ]);
  assertEquals((await anna.inbox()).map((message) => message.task), [id]);
  await anna.refused("STALE_EPOCH", "complete_task", { id, summary: "too late" });
  assertEquals((await bob.call("claim_task", {})).task.id, id);
  // To whom it is assigned already, it stays.
  const again = await lead.call("update_task", { id, assign_to: "bob" });
  assertEquals([again.task.status, again.task.claimed_by], ["in_progress", "bob"]);
});
