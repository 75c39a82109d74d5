// The end of a usage limit, as all agents of a machine wait for it, and the ladder of models.

import { assertEquals } from "@std/assert";
import { laterLimit, modelOf } from "../../src/fleet/rules.ts";
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
