// Categories, ids and states as tables; tests/property has the life of a delivery, in the store.

import { assertEquals, assertFalse } from "@std/assert";
import {
  CATEGORIES,
  type Category,
  escalates,
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

Deno.test("STATES: queued, then offered, then seen, or never", () => {
  assertEquals([...STATES], ["queued", "offered", "seen", "undelivered"]);
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
