// Who may set which kind of shared memory: the whole table.

import { assertEquals } from "@std/assert";
import type { Role } from "../../src/core/operation.ts";
import { EVERYONE } from "../../src/core/operation.ts";
import { CONFIDENCES, mayRemember, type MemoryType, TYPES } from "../../src/memory/rules.ts";

const MAY: Readonly<Record<Role, readonly MemoryType[]>> = {
  architect: TYPES,
  operator: TYPES,
  worker: ["fact", "artifact", "discovery"],
  observer: [],
};

Deno.test("mayRemember: decisions and constraints are set by those who decide", () => {
  for (const role of EVERYONE) {
    for (const type of TYPES) {
      assertEquals(mayRemember(role, type), MAY[role].includes(type), `${role} ${type}`);
    }
  }
});

Deno.test("TYPES, CONFIDENCES: the words of the tool's schema", () => {
  assertEquals([...TYPES], ["decision", "fact", "constraint", "artifact", "discovery"]);
  assertEquals([...CONFIDENCES], ["high", "medium", "low"]);
});
