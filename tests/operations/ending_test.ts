// Who ends what: a worker gives its own task up and no more, ends the run it began and no other's; and
// what was asked for a review is asked no more once there is nothing to review.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { flockTest, type Json, type Member } from "./flock.ts";

/** Kinds and subjects of what needs somebody. */
async function needs(member: Member): Promise<string[]> {
  const { attention } = await member.call("status");
  return attention.map((one: Json) => `${one.kind} ${one.task ?? one.subject}`);
}

flockTest(
  "update_task: who has claimed a task gives it up, and decides nothing else",
  async (flock) => {
    const { lead, anna } = await flock.crew();
    const { id } = await lead.call("create_task", { title: "the architect's" });
    await anna.call("claim_task", { id });
    for (
      const change of [
        { action: "cancel" },
        { action: "assign", assign_to: "bob" },
        { assign_to: "" },
        { priority: 1 },
      ]
    ) {
      const refusal = await anna.refused("NOT_ALLOWED", "update_task", { id, ...change });
      assertStringIncludes(refusal.hint, "Release it or fail it");
    }
    await anna.call("update_task", { id, note: "it cannot be done", progress: "stuck" });
    await lead.call("update_task", { id, action: "cancel" });
    await anna.refused("NOT_ALLOWED", "update_task", { id, action: "retry" });
    await lead.call("update_task", { id, action: "retry" });
    await anna.call("claim_task", { id });
    await anna.call("update_task", { id, action: "fail", note: "again" });
    // What it made itself is its own to cancel, also while it works on it.
    const { id: own } = await anna.call("create_task", { title: "anna's" });
    await anna.call("claim_task", { id: own });
    await anna.call("update_task", { id: own, action: "cancel" });
    await anna.call("update_task", { id: own, action: "retry" });
  },
);

flockTest(
  "run: a worker ends the run it began, no other's, and none that it does not name",
  async (flock) => {
    const { lead, anna } = await flock.crew();
    const paul = await flock.member("paul", { role: "worker" });
    const { run } = await lead.call("run", { action: "start", goal: "the operator's" });
    assertEquals((await paul.refused("INVALID_INPUT", "run", { action: "end" })).field, "id");
    await paul.refused("NOT_ALLOWED", "run", { action: "end", id: run.id });
    await paul.call("run", { action: "resume", id: run.id });
    await paul.refused("NOT_ALLOWED", "run", { action: "end" });
    assertEquals((await lead.call("run", { action: "status", id: run.id })).run.status, "active");
    const { run: own } = await anna.call("run", { action: "start", goal: "anna's" });
    assertEquals((await anna.call("run", { action: "end" })).run.id, own.id);
    // Once worker processes drive it, it is no longer a matter of who began it.
    const { run: driven } = await anna.call("run", { action: "start", goal: "driven" });
    await lead.call("conduct_run", { id: driven.id, repo: flock.project });
    await anna.refused("NOT_ALLOWED", "run", { action: "end", id: driven.id });
    assertEquals((await lead.call("run", { action: "end", id: driven.id })).run.status, "ended");
  },
);

flockTest("request_review: nobody is asked any more for what is not in review", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  for (
    const [who, change] of [
      ["lead", { action: "cancel" }],
      ["anna", { action: "release" }],
      ["anna", { action: "fail" }],
      ["lead", { assign_to: "bob" }],
    ] as const
  ) {
    const { id } = await lead.call("create_task", { title: "t" });
    await anna.call("claim_task", { id });
    await anna.call("update_task", { id, action: "request_review" });
    assertEquals(await needs(lead), [`review_request ${id}`, `review ${id}`]);
    await (who === "lead" ? lead : anna).call("update_task", { id, ...change });
    assertEquals(await needs(lead), [], JSON.stringify(change));
  }
  await bob.leave();
});

flockTest("request_review: waits for the architect who is not there yet", async (flock) => {
  const lead = await flock.member("lead");
  const { id } = await lead.call("create_task", { title: "t" });
  await lead.leave();
  const anna = await flock.member("anna", { role: "worker" });
  await anna.call("claim_task", { id });
  await anna.call("update_task", { id, action: "request_review", note: "please look" });
  const next = await flock.member("next", { role: "architect" });
  assertEquals((await next.inbox()).map((one) => [one.category, one.task]), [[
    "review_request",
    id,
  ]]);
});
