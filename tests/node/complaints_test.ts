// Trouble that comes back: each text is told once a minute, and a deleted home does not fill a terminal.

import { assert, assertEquals } from "@std/assert";
import { Node } from "../../mod.ts";
import { Complaints } from "../../src/node/complaints.ts";
import { eventually } from "../support/eventually.ts";
import { withTempFolder } from "../support/temp.ts";

Deno.test("Complaints: each text once a minute, however they alternate", () => {
  const complaints = new Complaints();
  const told = (text: string, nowMs: number): boolean => complaints.due(text, nowMs);
  assertEquals([told("a", 0), told("b", 1), told("a", 2), told("b", 59_999)], [
    true,
    true,
    false,
    false,
  ]);
  assertEquals([told("a", 60_000), told("b", 60_000), told("b", 60_002)], [true, false, true]);
  for (let i = 0; i < 200; i++) assert(told(`new ${i}`, 60_003));
  assert(told("a", 60_004), "the oldest are forgotten, so that the memory is bounded");
});

Deno.test({
  name: "Node: a home that is gone is told of once by each part, not with every tick",
  sanitizeOps: false,
  sanitizeResources: false,
  fn: () =>
    withTempFolder(async (folder) => {
      const told: string[] = [];
      let ticks = 0;
      const node = new Node({
        home: `${folder}/home`,
        folder,
        name: "anna",
        settings: { messagesPerMinute: null, leaseS: 900, stalledGraceS: 300 },
        onTick: () => void (ticks += 1),
        onTrouble: (what, thrown) => void told.push(`${what}: ${thrown}`),
      });
      await node.enter();
      await eventually(() => node.epoch !== null, { what: "it leads" });
      Deno.removeSync(`${folder}/home`, { recursive: true });
      await eventually(() => told.length > 1, { what: "trouble", withinMs: 10_000 });
      const since = ticks;
      await eventually(() => ticks >= since + 4, { what: "four more ticks", withinMs: 20_000 });
      assertEquals(new Set(told).size, told.length, told.join("\n"));
      await node.leave();
    }),
});
