// Who may set which kind of shared memory: the whole table.

import { assertEquals } from "@std/assert";
import { CONFIDENCES, mayRemember, TYPES } from "../../src/memory/rules.ts";

Deno.test("mayRemember: decisions and constraints are set by those who decide", () => {
  assertEquals(TYPES.filter((type) => mayRemember(true, type)), [...TYPES]);
  assertEquals(TYPES.filter((type) => mayRemember(false, type)), ["fact", "artifact", "discovery"]);
});

Deno.test("TYPES, CONFIDENCES: the words of the tool's schema", () => {
  assertEquals([...TYPES], ["decision", "fact", "constraint", "artifact", "discovery"]);
  assertEquals([...CONFIDENCES], ["high", "medium", "low"]);
});
