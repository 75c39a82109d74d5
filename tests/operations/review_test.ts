// request_review and review_task: work is handed in, judged by somebody else, and goes on or back
// under the claim of its author.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Flock, flockTest, type Json, type Member } from "./flock.ts";

/** A task of anna's that is in review, and one that waits for it. */
async function inReview(
  flock: Flock,
): Promise<{ lead: Member; anna: Member; bob: Member; id: string; next: string }> {
  const crew = await flock.crew();
  const { ids } = await crew.lead.call("create_task", {
    tasks: [{ key: "a", title: "a" }, { key: "b", title: "b", blocked_by: ["a"] }],
  });
  await crew.anna.call("claim_task", { id: ids.a });
  await crew.anna.call("update_task", {
    id: ids.a,
    action: "request_review",
    note: "look at the parser",
  });
  return { ...crew, id: ids.a, next: ids.b };
}

flockTest("request_review: tells the architect and waits in attention", async (flock) => {
  const { lead, anna, bob, id } = await inReview(flock);
  const mail = await lead.inbox();
  assertEquals(mail.map((one) => [one.category, one.task]), [["review_request", id]]);
  assertMatch(mail[0].content, /anna.*look at the parser/);
  const { attention } = await lead.call("status");
  assert(attention.some((one: Json) => one.kind === "review" && one.subject === id));
  await anna.refused("TASK_STATE", "complete_task", { id, summary: "past the review" });
  await bob.refused("TASK_STATE", "claim_task", { id });
});

flockTest(
  "review_task: approval completes, unblocks, credits and tells the author",
  async (flock) => {
    const { lead, anna, id, next } = await inReview(flock);
    const { task, unblocked } = await lead.call("review_task", { id, verdict: "approve" });
    assertEquals([task.status, task.completed_by, task.summary], [
      "completed",
      "anna",
      "look at the parser",
    ]);
    assertEquals(unblocked, [next]);
    assertMatch((await anna.inbox())[0].content, /lead approved/);
    assertEquals((await lead.call("status")).attention, []);
    await lead.refused("TASK_STATE", "review_task", { id, verdict: "approve" });
  },
);

flockTest("review_task: changes go back to the author, whose claim goes on", async (flock) => {
  const { lead, anna, bob, id } = await inReview(flock);
  await lead.refused("INVALID_INPUT", "review_task", { id, verdict: "request_changes" });
  const findings = "line 7: wrong sign";
  const { task } = await lead.call("review_task", { id, verdict: "request_changes", findings });
  assertEquals([task.status, task.claimed_by, task.epoch], ["in_progress", "anna", 1]);
  assertMatch((await anna.inbox())[0].content, /line 7: wrong sign/);
  await bob.refused("TASK_TAKEN", "claim_task", { id });
  await anna.call("update_task", { id, progress: "mending" });
  await anna.call("update_task", { id, action: "request_review", note: "mended" });
  await bob.call("review_task", { id, verdict: "approve", findings: "fine now" });
  const { task: done } = await lead.call("get_task", { id });
  assertEquals(done.status, "completed");
  const reviews = done.notes.filter((note: Json) => note.kind === "review");
  assertEquals(reviews.map((note: Json) => [note.author, note.text]), [
    ["lead", findings],
    ["bob", "fine now"],
  ]);
});

flockTest("review_task: nobody reviews its own work", async (flock) => {
  const { anna, id } = await inReview(flock);
  await anna.refused("SELF_REVIEW", "review_task", { id, verdict: "approve" });
  const lead = await flock.member("solo", { folder: "elsewhere" });
  const { id: own } = await lead.call("create_task", { title: "own" });
  await lead.call("claim_task", { id: own });
  await lead.call("update_task", { id: own, action: "request_review" });
  await lead.refused("SELF_REVIEW", "review_task", { id: own, verdict: "approve" });
});

flockTest("review_task: only what is in review", async (flock) => {
  const { lead, next } = await inReview(flock);
  const refusal = await lead.refused("TASK_STATE", "review_task", { id: next, verdict: "approve" });
  assertEquals(refusal.status, "pending");
  await lead.refused("UNKNOWN_TASK", "review_task", { id: "t99", verdict: "approve" });
});

flockTest("review_task: an author that left keeps its work in review", async (flock) => {
  const { lead, anna, bob, id } = await inReview(flock);
  await anna.leave();
  const { task } = await lead.call("get_task", { id });
  assertEquals([task.status, task.claimed_by], ["in_review", "anna"]);
  await lead.call("review_task", { id, verdict: "request_changes", findings: "not yet" });
  const taken = await bob.call("claim_task", { id });
  assertEquals(taken.task.claimed_by, "bob");
  assertMatch(taken.briefing, /not yet/);
});

flockTest(
  "review_task: an author that came back gets its work under a new epoch",
  async (flock) => {
    const { lead, anna, id } = await inReview(flock);
    await anna.leave();
    const again = await flock.member("anna");
    await lead.call("review_task", { id, verdict: "request_changes", findings: "not yet" });
    const { task } = await again.call("get_task", { id });
    assertEquals([task.status, task.claimed_by], ["in_progress", "anna"]);
    await again.call("complete_task", { id, summary: "done" });
  },
);
