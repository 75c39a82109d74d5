// What may happen to a task, as the whole table of states and actions; priorities; retry delays;
// and the shapes of cycles that are easy to get wrong (the property test has the rest).

import { assert, assertEquals, assertMatch } from "@std/assert";
import { LIMITS } from "../../src/core/limits.ts";
import {
  type Action,
  ACTIONS,
  findCycle,
  firstDuplicate,
  isBlocked,
  isReady,
  priorityOf,
  retryDelayS,
  type Status,
  STATUSES,
  transitionFault,
} from "../../src/task/rules.ts";

const ALLOWED: Readonly<Record<Action, readonly Status[]>> = {
  release: ["in_progress", "in_review"],
  fail: ["in_progress", "in_review"],
  cancel: ["proposed", "pending", "in_progress", "in_review", "failed"],
  retry: ["pending", "failed", "cancelled"],
  request_review: ["in_progress"],
  assign: ["proposed", "pending", "in_progress", "in_review"],
  accept: ["proposed"],
};

Deno.test("transitionFault: every action from every state, refused with both named", () => {
  for (const action of ACTIONS) {
    for (const status of STATUSES) {
      const fault = transitionFault(action, status);
      if (ALLOWED[action].includes(status)) {
        assertEquals(fault, null, `${action} from ${status}`);
      } else {
        assert(fault !== null, `${action} from ${status} has to be refused`);
        assertMatch(fault, new RegExp(`^${action} needs .* this one is ${status}$`));
      }
    }
  }
});

Deno.test("transitionFault: nothing but history is left of a completed task", () => {
  for (const action of ACTIONS) assert(transitionFault(action, "completed") !== null, action);
});

Deno.test("isReady, isBlocked: only a pending task is either, and never both", () => {
  for (const status of STATUSES) {
    for (const openDeps of [0, 1, 7]) {
      const task = { status, openDeps };
      const row = { status, open_deps: openDeps, not_before_s: 0, assigned_to: "" };
      const ready = isReady(row, { upS: 0, peer: "a" });
      assertEquals(ready, status === "pending" && openDeps === 0, `${status} ${openDeps}`);
      assertEquals(isBlocked(task), status === "pending" && openDeps > 0, `${status} ${openDeps}`);
    }
  }
});

Deno.test("isReady: for whom it is meant, once its delay is over; for the human whoever that is", () => {
  const row = { status: "pending", open_deps: 0, not_before_s: 10, assigned_to: "a" } as const;
  const free = { ...row, assigned_to: "" };
  assertEquals(["a", "b", null].map((peer) => isReady(row, { upS: 10, peer })), [
    true,
    false,
    true,
  ]);
  assertEquals(["a", "b", null].map((peer) => isReady(free, { upS: 10, peer })), [
    true,
    true,
    true,
  ]);
  for (const peer of ["a", "b", null]) assert(!isReady(row, { upS: 9, peer }), String(peer));
});

Deno.test("priorityOf: names, numbers and digits in quotes; the rest is left to the schema", () => {
  const table: readonly [unknown, unknown][] = [
    ["critical", 1],
    ["high", 3],
    ["normal", 5],
    ["medium", 5],
    ["low", 8],
    [" High ", 3],
    ["CRITICAL", 1],
    ["7", 7],
    [" 10 ", 10],
    [4, 4],
    ["urgent", "urgent"],
    ["", ""],
    ["1.5", "1.5"],
    ["-1", "-1"],
    [undefined, undefined],
    [null, null],
  ];
  for (const [given, expected] of table) assertEquals(priorityOf(given), expected, String(given));
});

Deno.test("priorityOf: words that every object knows are no priorities", () => {
  for (const word of ["constructor", "__proto__"]) assertEquals(priorityOf(word), word);
});

Deno.test("retryDelayS: doubles from the first delay and stops at the longest", () => {
  assertEquals([1, 2, 3, 4, 5].map(retryDelayS), [30, 60, 120, 240, 480]);
  assertEquals(retryDelayS(6), LIMITS.retryDelayMaxS);
  assertEquals(retryDelayS(10_000), LIMITS.retryDelayMaxS);
  assertEquals(retryDelayS(0), LIMITS.retryDelayS);
});

const edges = (list: Record<string, string[]>): Map<string, string[]> =>
  new Map(Object.entries(list));

Deno.test("findCycle: names the cycle from its first key back to it", () => {
  assertEquals(findCycle(edges({})), null);
  assertEquals(findCycle(edges({ a: ["a"] })), ["a", "a"]);
  assertEquals(findCycle(edges({ a: ["b"], b: ["a"] })), ["a", "b", "a"]);
  assertEquals(findCycle(edges({ x: ["a"], a: ["b"], b: ["c"], c: ["a"] })), ["a", "b", "c", "a"]);
  assertEquals(findCycle(edges({ a: ["b", "c"], b: ["d"], c: ["d"], d: [] })), null);
  assertEquals(findCycle(edges({ a: [], b: ["c"], c: ["b"] })), ["b", "c", "b"]);
});

Deno.test("findCycle: dependencies on tasks outside of the batch close nothing", () => {
  assertEquals(findCycle(edges({ a: ["t7", "b"], b: ["t7"] })), null);
});

Deno.test("findCycle: a chain and a fan of a thousand tasks need neither stack nor patience", () => {
  const names = Array.from({ length: 1_000 }, (_, i) => `n${i}`);
  const chain = new Map(names.map((name, i) => [name, i === 0 ? [] : [`n${i - 1}`]]));
  assertEquals(findCycle(chain), null);
  chain.set("n0", ["n999"]);
  assertEquals(findCycle(chain)?.length, 1_001);
  const layered = new Map(names.map((name, i) => [name, names.slice(Math.max(0, i - 300), i)]));
  const startMs = performance.now();
  assertEquals(findCycle(layered), null);
  assert(performance.now() - startMs < 1_000);
});

Deno.test("firstDuplicate: the first value that comes again", () => {
  assertEquals(firstDuplicate([]), null);
  assertEquals(firstDuplicate(["a", "b"]), null);
  assertEquals(firstDuplicate(["a", "b", "c", "b", "a"]), "b");
});
