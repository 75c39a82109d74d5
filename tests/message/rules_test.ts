// Categories, ids and the life of a delivery as tables; tests/property has the interleavings.

import { assert, assertEquals, assertFalse } from "@std/assert";
import {
  afterEvent,
  CATEGORIES,
  type Category,
  type Delivery,
  type DeliveryEvent,
  escalates,
  isDue,
  messageId,
  messageNumber,
  STATES,
} from "../../src/message/rules.ts";

Deno.test("escalates: blockers and reviews reach the architect, errors the project", () => {
  const expected: Record<Category, "architect" | "project" | null> = {
    status_update: null,
    question: null,
    finding: null,
    alert: null,
    blocker: "architect",
    error: "project",
    review_request: "architect",
  };
  for (const category of CATEGORIES) assertEquals(escalates(category), expected[category]);
});

Deno.test("CATEGORIES: nobody can send a command", () => {
  assertFalse((CATEGORIES as readonly string[]).includes("command"));
  assertEquals(new Set(CATEGORIES).size, 7);
});

Deno.test("STATES: queued, then offered, then seen", () => {
  assertEquals([...STATES], ["queued", "offered", "seen"]);
});

const queued: Delivery = { state: "queued", offeredTo: null };
const offeredA: Delivery = { state: "offered", offeredTo: "a" };
const seenA: Delivery = { state: "seen", offeredTo: "a" };

Deno.test("isDue: once to each life, never again after it was seen", () => {
  assert(isDue(queued, "a"));
  assertFalse(isDue(offeredA, "a"));
  assert(isDue(offeredA, "b"));
  assertFalse(isDue(seenA, "a"));
  assertFalse(isDue(seenA, "b"));
});

Deno.test("afterEvent: the whole table of states and events", () => {
  const toA: DeliveryEvent = { kind: "offered", to: "a" };
  const toB: DeliveryEvent = { kind: "offered", to: "b" };
  const byA: DeliveryEvent = { kind: "seen", by: "a" };
  const byB: DeliveryEvent = { kind: "seen", by: "b" };
  const table: readonly [Delivery, DeliveryEvent, Delivery][] = [
    [queued, toA, offeredA],
    [queued, byA, queued],
    [offeredA, toA, offeredA],
    [offeredA, toB, { state: "offered", offeredTo: "b" }],
    [offeredA, byA, seenA],
    [offeredA, byB, offeredA],
    [seenA, toB, seenA],
    [seenA, byB, seenA],
    [seenA, byA, seenA],
  ];
  for (const [before, event, after] of table) {
    assertEquals(afterEvent(before, event), after, Deno.inspect([before, event]));
  }
});

Deno.test("messageNumber: reads what messageId writes, with or without the letter", () => {
  for (const number of [1, 12, 999_999_999_999_999]) {
    assertEquals(messageNumber(messageId(number)), number);
    assertEquals(messageNumber(String(number)), number);
    assertEquals(messageNumber(` ${messageId(number)} `), number);
  }
  const none = ["", "m", "0", "m0", "m01", "-1", "m-1", "1.5", "m1x", "x1", "t1", "1e3", "mm1"];
  for (const bad of [...none, "9".repeat(16)]) assertEquals(messageNumber(bad), null, bad);
});
