// What an attempt that waits for its merge means to everybody else: its task is nobody's to do, claim or
// stop, whatever becomes of its worker; it is seen; and it ends like every other.

import { assert, assertEquals } from "@std/assert";
import { TestHome } from "../support/home.ts";
import { flockTest, type Json, type Member } from "../operations/flock.ts";

const WHY = "the run branch is checked out in /look";

const needs = async (who: Member): Promise<Json[]> =>
  (await who.call("status", {})).attention.filter(({ kind }: Json) => kind === "unmerged");

flockTest(
  "end_attempt: what waits is its worker's for good, and seen, until it is merged",
  async (flock) => {
    const { lead, anna } = await flock.crew();
    const { run } = await lead.call("run", { action: "start", goal: "all" });
    await lead.call("conduct_run", { id: run.id, repo: flock.project });
    const { ids } = await lead.call("create_task", {
      run: run.id,
      tasks: [{ key: "a", title: "a" }, { key: "b", title: "b", blocked_by: ["a"] }],
    });
    const { id } = (await anna.call("begin_attempt", { run: run.id })).attempt;
    await anna.call("complete_task", { id: ids["a"], summary: "it is done" });
    const waits = { attempt: id, outcome: "waiting", reason: WHY, cause: "held" };
    assertEquals((await anna.call("end_attempt", waits)).status, "in_progress");
    assertEquals((await anna.call("begin_attempt", { run: run.id })).reason, "waiting");
    const [need, ...more] = await needs(lead);
    assertEquals([need.task, need.text, need.peers, more], [ids["a"], WHY, ["anna"], []]);
    const shown = (await lead.call("run", { action: "status", id: run.id })).run;
    assertEquals(shown.waiting.map(({ task, text }: Json) => [task, text]), [[ids["a"], WHY]]);
    await anna.leave();
    const { task } = await lead.call("get_task", { id: ids["a"] });
    assertEquals([task.status, task.claimed_by, task.attempts], ["in_progress", "anna", 1]);
    const carol = await flock.member("carol");
    await carol.refused("TASK_TAKEN", "claim_task", { id: ids["a"] });
    assertEquals((await carol.call("begin_attempt", { run: run.id })).attempt, null);
    const told = await lead.refused("TASK_STATE", "stop_attempt", { task: ids["a"] });
    assertEquals(told.waits, WHY);
    const done = await carol.call("end_attempt", { attempt: id, outcome: "done", merged: "abc" });
    assertEquals([done.status, done.unblocked], ["completed", [ids["b"]]]);
    assertEquals(await needs(lead), []);
  },
);

flockTest("run end: what waits of it ends with it, and says where its work is", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const { run } = await lead.call("run", { action: "start", goal: "all" });
  await lead.call("conduct_run", { id: run.id, repo: flock.project });
  const { ids } = await lead.call("create_task", {
    run: run.id,
    tasks: [
      { key: "a", title: "a" },
      { key: "b", title: "b" },
      { key: "c", title: "c" },
      { key: "d", title: "d", blocked_by: ["c"] },
    ],
  });
  const begun = async (who: Member): Promise<Json> => {
    const { attempt } = await who.call("begin_attempt", { run: run.id });
    await who.call("note_attempt", { attempt: attempt.id, branch: `on-${attempt.task}` });
    return attempt;
  };
  const reviewed = async (who: Member): Promise<Json> => {
    const attempt = await begun(who);
    await who.call("update_task", { id: attempt.task, action: "request_review", note: "look" });
    await who.call("end_attempt", { attempt: attempt.id, outcome: "review" });
    return attempt;
  };
  const waits = await begun(anna);
  await anna.call("end_attempt", { attempt: waits.id, outcome: "waiting", reason: WHY });
  await reviewed(anna);
  const approved = await reviewed(anna);
  await lead.call("review_task", { id: approved.task, verdict: "approve" });
  await lead.call("conduct_run", { id: run.id, workers: 9 });
  await lead.call("create_task", { run: run.id, title: "e" });
  const works = await begun(bob);
  assertEquals((await needs(lead)).length, 1);
  await lead.call("run", { action: "end", id: run.id });
  assertEquals(await needs(lead), []);
  const open = async (): Promise<Json[]> =>
    (await lead.call("list_attempts", { run: run.id, open: true })).attempts;
  assertEquals((await open()).map(({ id }) => id), [works.id], "whoever works ends it");
  for (const key of ["a", "b", "c"]) {
    const { task } = await lead.call("get_task", { id: ids[key] });
    assertEquals([task.status, task.claimed_by ?? null], ["pending", null], key);
    assert(JSON.stringify(task).includes(`Its work is on on-${ids[key]}`), JSON.stringify(task));
  }
  const { task: d } = await lead.call("get_task", { id: ids["d"] });
  assertEquals(d.blocked_by, [ids["c"]], "what it waits for is merged nowhere");
  // One that comes to its end now finds nobody who would merge it.
  const late = { attempt: works.id, outcome: "waiting", reason: WHY };
  assertEquals((await bob.call("end_attempt", late)).outcome, "stopped");
  assertEquals(await open(), []);
});

flockTest("claim_task: what waits of a worker that is stalled is not done again", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const { run } = await lead.call("run", { action: "start", goal: "all" });
  await lead.call("conduct_run", { id: run.id, repo: flock.project });
  const { id: task } = await lead.call("create_task", { run: run.id, title: "a" });
  const { attempt } = await anna.call("begin_attempt", { run: run.id });
  await anna.call("end_attempt", { attempt: attempt.id, outcome: "waiting", reason: WHY });
  new TestHome(flock.home).sql((db) =>
    db.exec("UPDATE peer SET stalled_since_s = 1 WHERE name = 'anna'")
  );
  flock.pass(100_000);
  await bob.refused("TASK_TAKEN", "claim_task", { id: task });
});
