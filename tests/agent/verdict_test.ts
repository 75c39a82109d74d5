// What the end of an agent means, and what follows from it, as tables.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { LIMITS } from "../../src/core/limits.ts";
import type { ResultEvent } from "../../src/agent/event.ts";
import { escalated, type Failure, nextAttempt, resumeDelayMs } from "../../src/agent/retry.ts";
import { CAUSES, type Evidence, judge } from "../../src/agent/verdict.ts";

const RESULT: ResultEvent = {
  kind: "result",
  ok: true,
  isError: false,
  subtype: "success",
  text: "all done",
  turns: 1,
  costUsd: 0,
  tokens: 0,
  session: null,
  durationMs: 0,
  apiStatus: null,
  queued: 0,
  denied: [],
};
const ERROR: ResultEvent = { ...RESULT, ok: false, isError: true, text: "it broke" };
const EXIT: Evidence["exit"] = {
  code: 0,
  signal: null,
  endedFor: null,
  result: null,
  limit: null,
  lastWords: "",
};
const LIMIT = { kind: "limit", resetsAtMs: 99, text: "five_hour" } as const;

function verdict(
  exit: Partial<Evidence["exit"]>,
  more: Partial<Evidence> = {},
): [string, string] {
  const given = { exit: { ...EXIT, ...exit }, completed: false, demand: null, nowMs: 0, ...more };
  const { verdict, cause } = judge({ protocol: "claude", ...given });
  return [verdict, cause];
}

Deno.test("judge: Claude Code by its result, then by its exit code; nothing is a failure", () => {
  assertEquals(verdict({ result: RESULT }), ["done", "none"]);
  assertEquals(verdict({ result: ERROR, code: 1 }), ["failed", "agent"]);
  // The client's exit code is 0 for some errors.
  assertEquals(verdict({ result: ERROR }), ["failed", "agent"]);
  assertEquals(verdict({}), ["failed", "no_verdict"]);
  assertEquals(verdict({ code: 1 }), ["failed", "agent"]);
  assertEquals(verdict({ code: 139, signal: "SIGSEGV", result: RESULT }), ["failed", "agent"]);
  assertEquals(verdict({ result: { ...ERROR, subtype: "error_max_turns" } }), ["failed", "budget"]);
  assertEquals(verdict({ result: { ...ERROR, apiStatus: 529 } }), ["failed", "service"]);
  assertEquals(verdict({ code: 1, lastWords: "connect ECONNREFUSED" }), ["failed", "service"]);
});

Deno.test("judge: who was ended has failed, unless it had given its result or handed in", () => {
  const ended = { code: 143, signal: "SIGTERM", endedFor: "did not leave" } as const;
  assertEquals(verdict({ ...ended, result: RESULT }), ["done", "none"]);
  assertEquals(verdict(ended), ["failed", "ended"]);
  assertEquals(verdict(ended, { completed: true }), ["done", "none"]);
  const demand = { why: "task_timeout", detail: "late" } as const;
  assertEquals(verdict(ended, { demand }), ["failed", "timeout"]);
  assertEquals(verdict(ended, { demand, completed: true }), ["done", "none"]);
  assertEquals(verdict(ended, { demand: { why: "stuck", detail: "" } }), ["failed", "stuck"]);
  assertEquals(verdict(ended, { demand: { why: "budget", detail: "" } }), ["failed", "budget"]);
});

Deno.test("judge: a usage limit is no failure; one that passed without harm is none", () => {
  assertEquals(verdict({ limit: LIMIT, result: ERROR, code: 1 }), ["limited", "limit"]);
  assertEquals(verdict({ limit: LIMIT, code: 1 }), ["limited", "limit"]);
  assertEquals(verdict({ limit: LIMIT, result: RESULT }), ["done", "none"]);
  const demand = { why: "limit", detail: "five_hour", resetsAtMs: 7 } as const;
  const given = judge({
    protocol: "claude",
    exit: { ...EXIT, endedFor: "limit", code: 143, signal: "SIGTERM" },
    completed: false,
    demand,
    nowMs: 0,
  });
  assertEquals([given.verdict, given.resetsAtMs], ["limited", 7]);
});

Deno.test("judge: other agents by their exit code, with their last words", () => {
  const text = { protocol: "text" } as const;
  assertEquals(verdict({}, text), ["done", "none"]);
  assertEquals(verdict({ code: 3, lastWords: "tests fail" }, text), ["failed", "agent"]);
  assertEquals(verdict({ code: 1, lastWords: "Rate limit exceeded, try again in 20s" }, text), [
    "limited",
    "limit",
  ]);
  // Words about limits long before the end are the agent's own.
  const long = `usage limit reached\n${"work\n".repeat(LIMITS.agentExcerptChars)}`;
  assertEquals(verdict({ code: 1, lastWords: long }, text), ["failed", "agent"]);
});

const FAILURE: Failure = {
  number: 1,
  maxAttempts: 3,
  cause: "agent",
  model: "haiku",
  models: ["haiku", "sonnet", "opus"],
  resetsAtMs: null,
  staggerMs: 3_000,
  nowMs: 1_000_000,
  random: () => 0,
};

Deno.test("nextAttempt: a larger model after each failure, doubling delays, then no more", () => {
  const first = nextAttempt(FAILURE);
  assertEquals([first.retry, first.delayMs, first.model, first.counts], [
    true,
    30_000,
    "sonnet",
    true,
  ]);
  const second = nextAttempt({ ...FAILURE, number: 2, model: "sonnet" });
  assertEquals([second.retry, second.delayMs, second.model], [true, 60_000, "opus"]);
  assertEquals(nextAttempt({ ...FAILURE, number: 3, model: "opus" }).retry, false);
  const late = nextAttempt({ ...FAILURE, number: 40, maxAttempts: 99, model: "opus" });
  assertEquals([late.delayMs, late.model], [LIMITS.retryDelayMaxS * 1_000, "opus"]);
});

Deno.test("nextAttempt: a service's fault keeps the model, a spent budget ends it, a host's death waits not", () => {
  assertEquals(nextAttempt({ ...FAILURE, cause: "service" }).model, "haiku");
  assertEquals(nextAttempt({ ...FAILURE, cause: "budget" }).retry, false);
  const ended = nextAttempt({ ...FAILURE, cause: "ended" });
  assertEquals([ended.retry, ended.delayMs, ended.model], [true, 0, "haiku"]);
  assertEquals(nextAttempt({ ...FAILURE, cause: "ended", number: 3 }).retry, false);
});

Deno.test("escalated: what is not on the ladder stays", () => {
  assertEquals(escalated(null, ["a", "b"]), null);
  assertEquals(escalated("x", ["a", "b"]), "x");
  assertEquals(escalated("a", []), "a");
  assertEquals(escalated("b", ["a", "b"]), "b");
});

Deno.test("nextAttempt: a limit waits for its end, costs no attempt and keeps the model", () => {
  const limit = { ...FAILURE, cause: "limit" as const, number: 3, resetsAtMs: 1_600_000 };
  const next = nextAttempt(limit);
  assertEquals([next.retry, next.delayMs, next.model, next.counts], [
    true,
    600_000,
    "haiku",
    false,
  ]);
});

Deno.test("resumeDelayMs: forty that wait for one reset come back one after the other", () => {
  const starts = Array.from({ length: 40 }, (_, position) =>
    resumeDelayMs({
      resetsAtMs: 1_060_000,
      nowMs: 1_000_000,
      position,
      staggerMs: 3_000,
      random: Math.random,
    }));
  assert(starts.every((at, i) => at >= 60_000 + i * 3_000 && at <= 60_000 + (i + 1) * 3_000));
});

Deno.test("resumeDelayMs: no end, a past one and an absurd one", () => {
  const delay = (resetsAtMs: number | null): number =>
    resumeDelayMs({ resetsAtMs, nowMs: 1_000_000, staggerMs: 1_000, random: () => 0 });
  assertEquals(delay(null), LIMITS.limitUnknownS * 1_000);
  assertEquals(delay(5), 0);
  assertEquals(delay(1_000_000 + 400 * 86_400_000), LIMITS.limitUnknownS * 1_000);
});

Deno.test("nextAttempt: never more than the attempts that are allowed, never a negative delay", () => {
  fc.assert(fc.property(
    fc.record({
      number: fc.integer({ min: 1, max: 60 }),
      maxAttempts: fc.integer({ min: 1, max: 50 }),
      cause: fc.constantFrom(...CAUSES),
      resetsAtMs: fc.option(fc.double({ noNaN: true, min: 0, max: 1e15 })),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map((r) => () => r),
    }),
    (given) => {
      const next = nextAttempt({ ...FAILURE, ...given });
      assert(Number.isFinite(next.delayMs) && next.delayMs >= 0);
      assert(!next.retry || !next.counts || given.number < given.maxAttempts);
    },
  ));
});
