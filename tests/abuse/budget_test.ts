// Budgets: what makes no sense is refused, who is limited does not raise its own limit, and when it is
// spent nothing new is claimed while everything else goes on.

import { assert, assertEquals } from "@std/assert";
import { flockTest, type Json } from "../operations/flock.ts";
import { NO_BUDGETS, NO_USAGE } from "./bad_numbers.ts";
import { codeOf, Guest, Tally } from "./ground.ts";

const tally = new Tally();

flockTest("budget: what makes no sense is refused, and nobody raises its own", async (flock) => {
  const { lead, anna } = await flock.crew();
  for (const value of NO_BUDGETS) {
    await tally.refused(["INVALID_INPUT", "TOO_LARGE"], lead, "control", {
      action: "budget",
      peer: "anna",
      value,
    });
  }
  await tally.refused("INVALID_INPUT", lead, "control", { action: "budget", peer: "anna" });
  const human = new Guest(flock);
  await human.call("control", { action: "budget", peer: "lead", value: "tokens=5" });
  await lead.call("report_usage", { tokens: 5 });
  await tally.refused("BUDGET_SPENT", lead, "claim_task");
  for (const value of ["none", "tokens=500", 1_000_000]) {
    for (const peer of ["lead", "*"]) {
      tally.add(peer, value);
      await codeOf(lead.call("control", { action: "budget", peer, value }));
      await tally.refused("BUDGET_SPENT", lead, "claim_task");
    }
  }
  await tally.refused("NOT_ALLOWED", anna, "control", {
    action: "budget",
    peer: "lead",
    value: "none",
  });
});

flockTest("budget: spent, nothing new is claimed, and everything else goes on", async (flock) => {
  const { lead, anna } = await flock.crew();
  for (
    const [value, usage] of [
      ["tokens=100", { tokens: 100 }],
      ["cost_usd=0.5", { cost_usd: 0.5 }],
      ["turns=2", { turns: 2 }],
      ["tokens=1000000,turns=3", { turns: 1 }],
    ] as const
  ) {
    const { ids } = await lead.call("create_task", {
      tasks: [{ key: "a", title: "a" }, { key: "b", title: "b" }],
    });
    await lead.call("control", { action: "budget", peer: "anna", value });
    await anna.call("claim_task", { id: ids.a });
    assert((await anna.call("report_usage", usage)).spent !== null);
    await tally.refused("BUDGET_SPENT", anna, "claim_task", { id: ids.b });
    await tally.refused("BUDGET_SPENT", anna, "claim_task");
    await anna.call("send", { to: "lead", content: "still talking" });
    await anna.call("update_task", { id: ids.a, progress: "still working" });
    await anna.call("complete_task", { id: ids.a, summary: "done" });
    const { attention } = await lead.call("status");
    assert(attention.some((one: Json) => one.kind === "budget" && one.subject === "anna"));
    await lead.call("control", { action: "budget", peer: "anna", value: "none" });
    await anna.call("claim_task", { id: ids.b });
    await anna.call("complete_task", { id: ids.b, summary: "done" });
  }
});

flockTest("usage: what makes no sense is refused and counts nothing", async (flock) => {
  const { anna } = await flock.crew();
  // Calls are counted besides.
  const reported = async (): Promise<Json> => ({
    ...(await anna.call("report_usage", {})).used,
    tool_calls: 0,
  });
  const start = await reported();
  for (const kind of ["tokens", "tool_calls", "turns", "cost_usd"]) {
    for (const amount of NO_USAGE) {
      await tally.refused("INVALID_INPUT", anna, "report_usage", { [kind]: amount });
    }
    await tally.refused("INVALID_INPUT", anna, "report_usage", { turns: 5, [kind]: -1, x: 1 });
  }
  assertEquals(await reported(), start);
});

flockTest("budget: calls are counted by the node, not by what is said", async (flock) => {
  const { lead, anna } = await flock.crew();
  await lead.call("create_task", { tasks: [{ title: "a" }, { title: "b" }] });
  const used = async (): Promise<number> =>
    (await lead.call("control", { action: "ping", peer: "anna" })).peers[0].used.tool_calls;
  await lead.call("control", { action: "budget", peer: "anna", value: "tool_calls=12" });
  for (let n = 0; n < 10; n++) await anna.call(n % 2 === 0 ? "status" : "list_tasks");
  await anna.call("claim_task", { id: "t1" });
  assertEquals(await used(), 11);
  await tally.refused("BUDGET_SPENT", anna, "claim_task", { id: "t2" });
  await anna.call("complete_task", { id: "t1", summary: "done" });
  assert(await used() >= 13);
});

tally.print();
