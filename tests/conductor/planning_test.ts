// The steps by which a run gets its tasks, and the death of whoever takes them between any two.

import { assertEquals, assertRejects } from "@std/assert";
import { Refusal } from "../../src/core/errors.ts";
import type { Conduct } from "../../src/fleet/rules.ts";
import { takeUp } from "../../src/conductor/begin.ts";
import { type Calls, callsOf } from "../../src/conductor/calls.ts";
import { concludePlan } from "../../src/conductor/planning.ts";
import { eventually } from "../support/eventually.ts";
import { type Flock, flockTest, type Member } from "../operations/flock.ts";

/** Calls of a process that is killed before its `fatal`-th. */
function callsUntil(member: Member, fatal = Infinity): Calls {
  let count = 0;
  return callsOf({
    call(operation, input) {
      if (++count >= fatal) throw new Error("killed");
      return member.node.call(operation, input);
    },
  });
}

/** A run whose plan has failed for good. */
async function unplanned(flock: Flock): Promise<{ lead: Member; run: string }> {
  const { lead, anna } = await flock.crew();
  const { run } = await lead.call("run", { action: "start", goal: "make it good" });
  await lead.call("conduct_run", { id: run.id, repo: flock.project });
  const { id: plan } = await lead.call("create_task", { run: run.id, title: "Plan: make it good" });
  await lead.call("conduct_run", { id: run.id, plan });
  for (let tries = 0; tries < 2; tries++) {
    const { attempt } = await anna.call("begin_attempt", { run: run.id });
    const failed = { outcome: "failed", reason: "no plan", delay_ms: 0 };
    await anna.call("end_attempt", { attempt: attempt.id, ...failed });
  }
  return { lead, run: run.id };
}

async function conclude(calls: Calls, run: string): Promise<void> {
  const conduct: Conduct = await calls.conduct(run, {});
  await concludePlan(calls, await calls.run({ action: "status", id: run }), conduct);
}

for (const fatal of [1, 2, 3, 4, 5, 6, 7]) {
  flockTest(
    `planning: without a plan the goal becomes one task, also over a death at call ${fatal}`,
    async (flock) => {
      const { lead, run } = await unplanned(flock);
      await conclude(callsUntil(lead, fatal), run).catch(() => {});
      await conclude(callsUntil(lead), run);
      const { run: view } = await lead.call("run", { action: "status", id: run });
      const open = view.open.map(({ title, status }: Record<string, string>) => [title, status]);
      assertEquals(open, [["make it good", "pending"]]);
      assertEquals(view.tasks.cancelled, 1);
      const { attempt } = await lead.call("begin_attempt", { run });
      assertEquals([attempt.title, attempt.kind], ["make it good", "work"]);
    },
  );
}

flockTest("takeUp: a run without tasks is not taken for one that is done", async (flock) => {
  const { lead } = await flock.crew();
  const { run } = await lead.call("run", { action: "start", goal: "all" });
  await lead.call("conduct_run", { id: run.id, repo: flock.project });
  const refused = () => takeUp(callsUntil(lead), run.id, {});
  assertEquals((await assertRejects(refused, Refusal, "no tasks") as Refusal).code, "TASK_STATE");
});

flockTest(
  "planning: who wants to look first gets no work begun when no plan came",
  async (flock) => {
    const { lead, run } = await unplanned(flock);
    const conduct = (first: boolean) => lead.call("conduct_run", { id: run, plan_only: first });
    await conduct(true);
    await conclude(callsUntil(lead), run);
    const before = (await lead.call("run", { action: "status", id: run })).run;
    assertEquals(before.tasks.failed, 1, "the plan's task, and nothing in its place");
    assertEquals(before.total, 1);
    await conduct(false);
    await conclude(callsUntil(lead), run);
    const after = (await lead.call("run", { action: "status", id: run })).run;
    assertEquals(after.open.map((one: { title: string }) => one.title), ["make it good"]);
  },
);

/** A run whose plan anna is at, as a worker that somebody spawned. */
async function planning(flock: Flock) {
  const lead = await flock.member("lead");
  const anna = await flock.member("anna", { role: "worker" });
  const bob = await flock.member("bob", { role: "worker" });
  const { id: run } = (await lead.call("run", { action: "start", goal: "all" })).run;
  await lead.call("conduct_run", { id: run, repo: flock.project });
  const { id: plan } = await lead.call("create_task", { run, title: "Plan: all" });
  await lead.call("conduct_run", { id: run, plan });
  const { attempt } = await anna.call("begin_attempt", { run });
  const propose = async (who: Member, title: string): Promise<string> =>
    (await who.call("create_task", { run, title })).id;
  const titles = async (status: string): Promise<string[]> =>
    (await lead.call("list_tasks", { run, status: [status] })).tasks
      .map(({ title }: { title: string }) => title);
  return { lead, anna, bob, run, plan, attempt: attempt.id as number, propose, titles };
}

flockTest(
  "acceptPlan: only what the planner made at its plan is taken, and once",
  async (flock) => {
    const { lead, anna, bob, run, attempt, propose, titles } = await planning(flock);
    await propose(bob, "bob's before");
    await propose(anna, "planned");
    // Nothing is taken of a plan that is not made yet.
    assertEquals(await callsUntil(lead).acceptPlan(run), []);
    await conclude(callsUntil(lead), run);
    assertEquals(await titles("pending"), []);
    await anna.call("end_attempt", { attempt, outcome: "done", summary: "planned" });
    const endedMs = Date.now();
    await eventually(() => Date.now() > endedMs, { what: "the next millisecond" });
    await propose(anna, "anna's afterwards");
    await conclude(callsUntil(lead), run);
    assertEquals(await titles("pending"), ["planned"]);
    await propose(bob, "bob's afterwards");
    await conclude(callsUntil(lead), run);
    assertEquals(await titles("pending"), ["planned"]);
    assertEquals(await titles("proposed"), [
      "bob's before",
      "anna's afterwards",
      "bob's afterwards",
    ]);
    assertEquals((await callsUntil(lead).conduct(run, {})).plan, null);
    // Somebody who may looks at them.
    await lead.call("accept_plan", { run });
    assertEquals(await titles("proposed"), []);
  },
);

flockTest(
  "begin_attempt: what a planner made before it failed is not planned twice",
  async (flock) => {
    const { lead, anna, bob, run, attempt, propose, titles } = await planning(flock);
    await propose(anna, "x");
    await propose(bob, "bob's own");
    const failed = { outcome: "failed", reason: "it died", delay_ms: 0 };
    await anna.call("end_attempt", { attempt, ...failed });
    const again = (await bob.call("begin_attempt", { run })).attempt;
    assertEquals(again.kind, "plan");
    assertEquals([await titles("cancelled"), await titles("proposed")], [["x"], ["bob's own"]]);
    await propose(bob, "x once more");
    await bob.call("end_attempt", { attempt: again.id, ...failed });
    // The second one that fails is the last: the goal is one task, and nothing else.
    await conclude(callsUntil(lead), run);
    assertEquals((await titles("cancelled")).sort(), ["Plan: all", "x", "x once more"]);
    assertEquals([await titles("pending"), await titles("proposed")], [["all"], ["bob's own"]]);
  },
);
