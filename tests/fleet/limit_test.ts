// The end of a usage limit, as all agents of a machine wait for it, and the ladder of models.

import { assertEquals } from "@std/assert";
import { costLeft, exceeded, laterLimit, modelOf } from "../../src/fleet/rules.ts";
import { flockTest } from "../operations/flock.ts";

Deno.test("laterLimit: what is known holds against a guess while it lies ahead; the later of two of a kind", () => {
  const known = (untilMs: number) => ({ untilMs, known: true });
  const guess = (untilMs: number) => ({ untilMs, known: false });
  const nowMs = 100;
  assertEquals(laterLimit(known(500), guess(200), nowMs), known(500));
  assertEquals(laterLimit(known(500), guess(900), nowMs), known(500), "a guess knows no better");
  assertEquals(laterLimit(known(100), guess(900), nowMs), guess(900), "it is over");
  assertEquals(laterLimit(guess(900), known(200), nowMs), known(200));
  assertEquals(laterLimit(known(500), known(900), nowMs), known(900));
  assertEquals(laterLimit(known(900), known(500), nowMs), known(900), "the weekly one holds on");
  assertEquals(laterLimit(guess(300), guess(200), nowMs), guess(300));
  assertEquals(laterLimit({ untilMs: 0, known: true }, guess(200), nowMs), guess(200), "the first");
});

Deno.test("modelOf: up the ladder with each failure, the last one goes on", () => {
  const models = ["small", "large"];
  assertEquals([1, 2, 3].map((number) => modelOf(models, number)), ["small", "large", "large"]);
  assertEquals(modelOf([], 1), null);
});

Deno.test("exceeded, costLeft: what reaches a bound is finished, what goes beyond is not; the rest is handed on", () => {
  const none = { turns: null, tokens: null, cost_usd: null };
  const used = { turns: 3, tokens: 20, cost_usd: 1.5 };
  assertEquals(exceeded(used, none), null);
  assertEquals(exceeded(used, { ...none, tokens: 20 }), null);
  assertEquals(exceeded(used, { ...none, tokens: 19 }), "20 tokens");
  assertEquals(exceeded(used, { ...none, cost_usd: 1 }), "1.50 USD");
  assertEquals(costLeft(used, none, none), null);
  assertEquals(costLeft(used, { ...none, cost_usd: 2 }, none), 2);
  assertEquals(costLeft(used, none, { ...none, cost_usd: 2 }), 0.5);
  assertEquals(costLeft(used, { ...none, cost_usd: 0.2 }, { ...none, cost_usd: 2 }), 0.2);
});

flockTest("end_attempt: a limit of unknown end does not shorten a known one", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const { run } = await lead.call("run", { action: "start", goal: "all" });
  await lead.call("conduct_run", { id: run.id, repo: flock.project });
  await lead.call("create_task", { run: run.id, tasks: [{ title: "a" }, { title: "b" }] });
  const first = (await anna.call("begin_attempt", { run: run.id })).attempt;
  const second = (await bob.call("begin_attempt", { run: run.id })).attempt;
  const limited = { outcome: "limited", reason: "usage limit", cause: "limit" };
  const hourMs = 3_600_000;
  const known = { limit_until_ms: Date.now() + hourMs, limit_known: true };
  await anna.call("end_attempt", { attempt: first.id, ...limited, ...known });
  const guess = { limit_until_ms: Date.now() + 900_000, limit_known: false };
  await bob.call("end_attempt", { attempt: second.id, ...limited, ...guess });
  const { reason, retry_ms } = await anna.call("begin_attempt", { run: run.id });
  assertEquals([reason, retry_ms > hourMs - 60_000], ["limit", true]);
});
