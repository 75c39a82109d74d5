// A defect in an operation: the caller is told what it was and where it is written down.

import { assertEquals, assertFalse, assertMatch } from "@std/assert";
import { operationNamed } from "../../mod.ts";
import { flockTest } from "./flock.ts";

flockTest("a defect: its stack is kept, and the answer says where", async (flock) => {
  const lead = await flock.member("lead");
  const send = operationNamed("send");
  if (send === undefined) throw new Error("there is no send");
  const { handle } = send;
  send.handle = () => {
    throw new RangeError('it broke at "a quotation"');
  };
  try {
    const content = "nobody's business";
    const { message, hint } = await lead.refused("INTERNAL", "send", { to: "lead", content });
    assertMatch(message, /it broke/);
    const path = / with (\S+),/.exec(hint)?.[1] ?? "";
    assertEquals(path.startsWith(flock.home), true);
    const text = Deno.readTextFileSync(path);
    assertMatch(text, /RangeError: it broke at "\.\.\."\n {4}at .*defect_test\.ts:\d+:\d+/);
    assertFalse(text.includes(content) || text.includes("quotation"), text);
  } finally {
    send.handle = handle;
  }
});
