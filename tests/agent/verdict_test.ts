// What the end of an agent means, and what follows from it, as tables.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { LIMITS } from "../../src/core/limits.ts";
import type { ResultEvent } from "../../src/agent/event.ts";
import { afterFailure, limitEnd } from "../../src/agent/retry.ts";
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

Deno.test("judge: an end of the limit that is told after the first word of it counts", () => {
  const given = judge({
    protocol: "claude",
    exit: { ...EXIT, endedFor: "limit", code: 143, signal: "SIGTERM", limit: LIMIT },
    completed: false,
    demand: { why: "limit", detail: "five_hour", resetsAtMs: null },
    nowMs: 0,
  });
  assertEquals([given.verdict, given.resetsAtMs], ["limited", 99]);
});

const none = (): number => 0;

Deno.test("afterFailure: doubling delays, bounded", () => {
  const delays = [1, 2, 3, 40].map((number) => afterFailure("agent", number, none).delayMs);
  assertEquals(delays, [30_000, 60_000, 120_000, LIMITS.retryDelayMaxS * 1_000]);
  assertEquals(afterFailure("service", 1, none), { again: true, delayMs: 30_000 });
});

Deno.test("afterFailure: a spent budget ends it, a host's death waits not", () => {
  assertEquals(afterFailure("budget", 1, none).again, false);
  assertEquals(afterFailure("ended", 3, none), { again: true, delayMs: 0 });
});

Deno.test("limitEnd: as it was told; no end, an absurd one and one that is past are guesses", () => {
  const nowMs = 1_000_000_000;
  const end = (resetsAtMs: number | null): [number, boolean] => {
    const { untilMs, known } = limitEnd(resetsAtMs, nowMs);
    return [untilMs - nowMs, known];
  };
  assertEquals(end(nowMs + 600_000.4), [600_000, true]);
  assertEquals(end(null), [LIMITS.limitUnknownS * 1_000, false]);
  assertEquals(end(nowMs + 400 * 86_400_000), [LIMITS.limitUnknownS * 1_000, false]);
  // Whoever is told such a time again and again does not try again and again at once.
  assertEquals(end(5), [LIMITS.limitPastS * 1_000, false]);
  assertEquals(end(nowMs), [LIMITS.limitPastS * 1_000, false]);
});

Deno.test("afterFailure, limitEnd: never a delay below nothing, always whole milliseconds", () => {
  fc.assert(fc.property(
    fc.record({
      number: fc.integer({ min: 1, max: 60 }),
      cause: fc.constantFrom(...CAUSES),
      resetsAtMs: fc.option(fc.double({ noNaN: true, min: 0, max: 1e15 })),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }).map((r) => () => r),
    }),
    ({ number, cause, resetsAtMs, random }) => {
      const { delayMs } = afterFailure(cause, number, random);
      assert(Number.isSafeInteger(delayMs) && delayMs >= 0);
      const { untilMs } = limitEnd(resetsAtMs, 1_000_000);
      assert(Number.isSafeInteger(untilMs) && untilMs > 1_000_000);
    },
  ));
});
