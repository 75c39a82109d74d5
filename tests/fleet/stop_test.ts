// stop_attempt: what somebody stops stays stopped until somebody retries it, and what was handed in
// before stands.

import { assertEquals } from "@std/assert";
import { type Flock, flockTest, type Json, type Member } from "../operations/flock.ts";

interface Driven {
  readonly lead: Member;
  readonly anna: Member;
  readonly run: string;
  readonly ids: Record<string, string>;
}

/** A run of a, b after a, and c, that anna's process does. */
async function driven(flock: Flock): Promise<Driven> {
  const { lead, anna } = await flock.crew();
  const { run } = await lead.call("run", { action: "start", goal: "all" });
  await lead.call("conduct_run", { id: run.id, repo: flock.project });
  const { ids } = await lead.call("create_task", {
    run: run.id,
    tasks: [
      { key: "a", title: "a", priority: 1 },
      { key: "b", title: "b", blocked_by: ["a"] },
      { key: "c", title: "c" },
    ],
  });
  return { lead, anna, run: run.id, ids };
}

const begin = async ({ anna, run }: Driven): Promise<Json> =>
  (await anna.call("begin_attempt", { run })).attempt;

const statusOf = async ({ lead }: Driven, id: string | undefined): Promise<Json> => {
  const { task } = await lead.call("get_task", { id });
  return [task.status, task.attempts];
};

flockTest("stop_attempt: nobody takes the task again until it is retried", async (flock) => {
  const all = await driven(flock);
  const { lead, anna, ids } = all;
  const first = await begin(all);
  assertEquals(first.task, ids["a"]);
  const stopped = await lead.call("stop_attempt", { task: ids["a"], why: "wrong way" });
  assertEquals(stopped, { stopped: [first.id], status: "failed" });
  assertEquals(await statusOf(all, ids["a"]), ["failed", 0], "before its worker has acted");
  // Too late: what was stopped is not completed any more.
  await anna.refused("STALE_EPOCH", "complete_task", { id: ids["a"], epoch: 1, summary: "done" });
  const ended = {
    attempt: first.id,
    outcome: "stopped",
    reason: "lead: wrong way",
    cause: "ended",
  };
  assertEquals((await anna.call("end_attempt", ended)).status, "failed");
  const { task } = await lead.call("get_task", { id: ids["a"] });
  assertEquals(task.failure, "stopped by lead: wrong way");
  assertEquals(task.notes.length, 1, "what is left of the attempt is told to the next");
  assertEquals((await begin(all)).task, ids["c"]);
  assertEquals(await statusOf(all, ids["b"]), ["pending", 0], "what depends on it waits");
  await lead.call("update_task", { id: ids["a"], action: "retry" });
  assertEquals((await begin(all)).task, ids["a"]);
});

flockTest(
  "stop_attempt: between two attempts and before the first it holds, too",
  async (flock) => {
    const all = await driven(flock);
    const { lead, anna, ids } = all;
    const { id } = await begin(all);
    await anna.call("end_attempt", { attempt: id, outcome: "failed", reason: "no" });
    assertEquals((await lead.call("stop_attempt", { task: ids["a"] })).status, "failed");
    assertEquals(await statusOf(all, ids["a"]), ["failed", 1]);
    assertEquals((await lead.call("stop_attempt", { task: ids["c"] })).stopped, []);
    assertEquals((await anna.call("begin_attempt", { run: all.run })).reason, "finished");
    await lead.refused("TASK_STATE", "stop_attempt", { task: ids["c"] });
    await lead.refused("UNKNOWN_TASK", "stop_attempt", { task: "t999" });
  },
);

flockTest("stop_attempt: what was handed in stands, only the agent ends", async (flock) => {
  const all = await driven(flock);
  const { lead, anna, ids } = all;
  const { id } = await begin(all);
  await anna.call("complete_task", { id: ids["a"], summary: "it is done" });
  const stopped = await lead.call("stop_attempt", { task: ids["a"] });
  assertEquals(stopped, { stopped: [id], status: "in_progress" });
  assertEquals((await anna.call("note_attempt", { attempt: id })).stop, "lead: no reason given");
  assertEquals(
    (await anna.call("end_attempt", { attempt: id, outcome: "done" })).status,
    "completed",
  );
});

flockTest("stop_attempt: a claim of somebody who works by hand is not ended", async (flock) => {
  const all = await driven(flock);
  const { lead, anna, ids } = all;
  const carol = await flock.member("carol");
  const { id } = await begin(all);
  await lead.call("update_task", { id: ids["a"], action: "release" });
  await carol.call("claim_task", { id: ids["a"] });
  assertEquals(await lead.call("stop_attempt", { task: ids["a"] }), {
    stopped: [id],
    status: "in_progress",
  });
  await anna.call("end_attempt", { attempt: id, outcome: "stopped", reason: "taken" });
  await lead.refused("TASK_STATE", "stop_attempt", { task: ids["a"] });
  await carol.call("complete_task", { id: ids["a"], summary: "by hand" });
});

flockTest(
  "stop_attempt: what is approved and waits for its merge can be given up",
  async (flock) => {
    const driving = await driven(flock);
    const { lead, anna, ids } = driving;
    const attempt = await begin(driving);
    await anna.call("note_attempt", { attempt: attempt.id, branch: "its-branch" });
    await anna.call("update_task", { id: ids["a"], action: "request_review", note: "look" });
    await anna.call("end_attempt", { attempt: attempt.id, outcome: "review" });
    await lead.call("review_task", { id: ids["a"], verdict: "approve" });
    await anna.call("end_attempt", { attempt: attempt.id, outcome: "waiting", reason: "held" });
    const { stopped, status } = await lead.call("stop_attempt", { task: ids["a"], why: "no" });
    assertEquals([stopped, status], [[attempt.id], "failed"]);
    const { task } = await lead.call("get_task", { id: ids["a"] });
    assertEquals([task.status, task.failure], ["failed", "stopped by lead: no"]);
    assertEquals((await lead.call("get_task", { id: ids["b"] })).task.blocked_by, [ids["a"]]);
    await lead.refused("TASK_STATE", "stop_attempt", { task: ids["a"] });
    await lead.call("update_task", { id: ids["a"], action: "retry" });
    assertEquals((await begin(driving)).task, ids["a"]);
  },
);
