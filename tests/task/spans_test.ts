// Spans of work from acts on tasks: every way in which work on a task begins and ends.

import { assertEquals } from "@std/assert";
import { spansOf, type TaskAct } from "../../src/task/spans.ts";

/** Who, what, and what else there is to say. */
type Line = readonly [string, string, object?];

/** Acts, one a second. */
function acts(...lines: readonly Line[]): TaskAct[] {
  return lines.map(([actor, op, detail], i) => ({
    seq: i + 1,
    at: String(i + 1),
    actor,
    op,
    subject: "task/t1",
    detail: JSON.stringify(detail ?? {}),
  }));
}

function spans(...lines: readonly Line[]): string[] {
  return spansOf(acts(...lines)).map(({ peer, from, to, outcome }) =>
    `${peer} ${from}-${to ?? ""} ${outcome}`
  );
}

Deno.test("spansOf: every end of work", () => {
  const claim = ["ann", "claim_task"] as const;
  const ends: readonly (readonly [string, object, string])[] = [
    ["complete_task", {}, "completed"],
    ["update_task", { action: "release" }, "released"],
    ["update_task", { action: "cancel" }, "released"],
    ["update_task", { action: "assign" }, "released"],
    ["update_task", { action: "fail" }, "failed"],
    ["update_task", { action: "request_review" }, "review"],
    ["reassign", { how: "died" }, "lost"],
    ["fail_task", {}, "failed"],
  ];
  for (const [op, detail, outcome] of ends) {
    assertEquals(spans(claim, ["x", op, detail]), [`ann 1-2 ${outcome}`], `${op}`);
  }
  assertEquals(spans(claim, ["ann", "update_task", { progress: "half" }]), ["ann 1- working"]);
});

Deno.test("spansOf: attempts of worker processes are work, too, and end when they are merged", () => {
  const begin = ["ann", "begin_attempt", { attempt: 1 }] as const;
  const handed = ["ann", "complete_task", { attempt: 1, handed_in: true }] as const;
  const merged = ["ann", "complete_task", { epoch: 1 }] as const;
  const end = (outcome: string) => ["ann", "end_attempt", { attempt: 1, outcome }] as const;
  assertEquals(spans(begin), ["ann 1- working"]);
  assertEquals(spans(begin, handed), ["ann 1- working"]);
  assertEquals(spans(begin, handed, merged, end("done")), ["ann 1-3 completed"]);
  const outcomes = { conflict: "failed", failed: "failed", limited: "released", lost: "lost" };
  for (const [outcome, told] of Object.entries(outcomes)) {
    assertEquals(spans(begin, handed, end(outcome)), [`ann 1-3 ${told}`]);
  }
  assertEquals(spans(begin, end("failed"), ["ben", "begin_attempt"]), [
    "ann 1-2 failed",
    "ben 3- working",
  ]);
});

Deno.test("spansOf: a review gives work back to who did it, death to who comes back", () => {
  assertEquals(
    spans(
      ["ann", "claim_task"],
      ["ann", "update_task", { action: "request_review" }],
      ["lead", "review_task", { verdict: "request_changes" }],
      ["skein", "reassign"],
      ["skein", "give_back"],
      ["ann", "update_task", { action: "request_review" }],
      ["lead", "review_task", { verdict: "approve" }],
    ),
    ["ann 1-2 review", "ann 3-4 lost", "ann 5-6 review"],
  );
});

Deno.test("spansOf: whoever takes over ends the span before; blanked details end nothing wrongly", () => {
  assertEquals(spans(["ann", "claim_task"], ["ben", "claim_task"]), [
    "ann 1-2 lost",
    "ben 2- working",
  ]);
  const blanked = acts(["ann", "claim_task"], ["ann", "update_task"], ["ann", "complete_task"])
    .map((act) => ({ ...act, detail: "#sha256:abc" }));
  assertEquals(spansOf(blanked).map(({ outcome }) => outcome), ["completed"]);
  assertEquals(spans(["ann", "complete_task"], ["ann", "update_task", { action: "fail" }]), []);
});
