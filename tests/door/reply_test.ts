// Whether the client is still there: somebody looks, whoever stops looking.

import { assertEquals } from "@std/assert";
import { TIMES } from "../../src/core/limits.ts";
import { watchParent } from "../../src/door/reply.ts";
import { eventually } from "../support/eventually.ts";

Deno.test("watchParent: looks by itself again when its caller has stopped to", async () => {
  let parent = 1;
  let gone = 0;
  const look = watchParent(() => void (gone += 1), () => parent);
  look();
  look();
  assertEquals(gone, 0);
  parent = 2;
  await eventually(() => gone > 0, { what: "it is noticed", withinMs: 5 * TIMES.parentMs });
  assertEquals(gone, 1);
});
