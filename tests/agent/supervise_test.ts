// The rules that watch over an agent, on a clock of their own.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { AgentEvent, ResultEvent } from "../../src/agent/event.ts";
import { TIMES } from "../../src/core/limits.ts";
import {
  type AgentLimits,
  begin,
  type Demand,
  supervise,
  type Watch,
} from "../../src/agent/supervise.ts";

const NONE: AgentLimits = {
  firstOutputMs: null,
  taskMs: null,
  quietMs: null,
  repeats: null,
  turns: null,
  tokens: null,
  costUsd: null,
};
const TEXT: AgentEvent = { kind: "text", text: "x" };

function tool(key: string, name = "Bash"): AgentEvent {
  return { kind: "tool", id: "t", name, input: "", key };
}

function answer(key = "same"): AgentEvent {
  return { kind: "tool_result", id: "t", isError: false, text: "", key };
}

function usage(turns: number, tokens: number): AgentEvent {
  const none = { input: 0, output: 0, cacheWritten: 0, cacheRead: 0 };
  return { kind: "usage", turns, tokens, ...none };
}

function result(fields: Partial<ResultEvent> = {}): AgentEvent {
  return {
    kind: "result",
    ok: true,
    isError: false,
    subtype: "success",
    text: "",
    turns: 1,
    costUsd: 0,
    tokens: 0,
    session: null,
    durationMs: 0,
    apiStatus: null,
    queued: 0,
    denied: [],
    ...fields,
  };
}

/** Plays events, each with the milliseconds before it, a second at a time; gives the first demand. */
function play(
  limits: Partial<AgentLimits>,
  steps: readonly (readonly [number, AgentEvent | null])[],
): { demand: Demand | null; atMs: number; watch: Watch } {
  let watch = begin(0);
  let now = 0;
  const all = { ...NONE, ...limits };
  for (const [afterMs, event] of steps) {
    for (const until = now + afterMs; now < until;) {
      now = Math.min(until, now + 1_000);
      const tick = supervise(watch, null, now, all);
      watch = tick.watch;
      if (tick.demand !== null) return { demand: tick.demand, atMs: now, watch };
    }
    const next = supervise(watch, event, now, all);
    watch = next.watch;
    if (next.demand !== null) return { demand: next.demand, atMs: now, watch };
  }
  return { demand: null, atMs: now, watch };
}

Deno.test("supervise: no output in time; any line is output", () => {
  const limits = { firstOutputMs: 10_000 };
  const { demand, atMs } = play(limits, [[60_000, null]]);
  assertEquals([demand?.why, atMs], ["first_output_timeout", 10_000]);
  assertEquals(play(limits, [[9_000, TEXT], [60_000, null]]).demand, null);
  assertEquals(play(limits, [[9_000, { kind: "noise", line: "?" }], [60_000, null]]).demand, null);
});

Deno.test("supervise: the task's time is over, however much it says", () => {
  const chatter = Array.from({ length: 100 }, () => [1_000, TEXT] as const);
  const { demand, atMs } = play({ taskMs: 30_000, quietMs: 5_000 }, chatter);
  assertEquals([demand?.why, atMs], ["task_timeout", 30_000]);
});

Deno.test("supervise: silence is stuck; a tool that runs has a time of its own", () => {
  const quiet = { quietMs: 20_000, toolMs: 100_000 };
  const silent = play(quiet, [[5_000, TEXT], [60_000, null]]);
  assertEquals([silent.demand?.why, silent.atMs], ["stuck", 25_000]);
  const builds = play(quiet, [[0, tool("build")], [90_000, answer()], [10_000, null]]);
  assertEquals(builds.demand, null);
  const hangs = play(quiet, [[0, tool("build")], [200_000, null]]);
  assertEquals([hangs.demand?.why, hangs.atMs], ["stuck", 100_000]);
  assert(hangs.demand?.detail.includes("while a tool ran"));
});

Deno.test("supervise: circles of one, two and three equal calls with equal answers", () => {
  for (const period of [1, 2, 3]) {
    const steps = Array.from({ length: 40 }, (_, i) => [
      [0, tool(`call ${i % period}`)] as const,
      [1_000, answer()] as const,
    ]).flat();
    const { demand, atMs } = play({ repeats: 4 }, steps);
    assertEquals([demand?.why, atMs], ["stuck", period * 4 * 1_000], `period ${period}`);
  }
});

Deno.test("supervise: the same call with other answers, or a call that waits, is no circle", () => {
  const steps = (name: string, moving: boolean) =>
    Array.from({ length: 40 }, (_, i) => [
      [0, tool("call", name)] as const,
      [0, answer(moving ? `answer ${i}` : "same")] as const,
    ]).flat();
  assertEquals(play({ repeats: 11 }, steps("Bash", true)).demand, null);
  assertEquals(play({ repeats: 10 }, steps("Bash", true)).demand?.why, "stuck");
  assertEquals(play({ repeats: 4 }, steps("mcp__skein__check", false)).demand, null);
  assertEquals(play({ repeats: 4 }, steps("Bash", false)).demand?.why, "stuck");
});

Deno.test("supervise: a usage limit ends it with its reset", () => {
  const limit: AgentEvent = { kind: "limit", resetsAtMs: 5, text: "five_hour" };
  assertEquals(play({}, [[0, limit]]).demand, { why: "limit", detail: "five_hour", resetsAtMs: 5 });
});

Deno.test("supervise: budgets of turns, tokens and money", () => {
  const budget = (limits: Partial<AgentLimits>, event: AgentEvent): string | undefined =>
    play(limits, [[0, event]]).demand?.why;
  assertEquals(budget({ turns: 5 }, usage(5, 0)), undefined);
  assertEquals(budget({ turns: 5 }, usage(6, 0)), "budget");
  assertEquals(budget({ tokens: 100 }, usage(1, 101)), "budget");
  assertEquals(budget({ costUsd: 1 }, result({ costUsd: 1.5, queued: 1 })), "budget");
  assertEquals(budget({ turns: 0, tokens: 0, costUsd: 0 }, usage(9_999, 9_999)), undefined);
});

Deno.test("supervise: after its result nothing is held against it, unless it goes on", () => {
  const limits = { taskMs: 10_000, quietMs: 5_000, costUsd: 1, turns: 1 };
  const over = result({ costUsd: 2, turns: 9 });
  assertEquals(play(limits, [[1_000, over], [60_000, null]]).demand, null);
  assertEquals(play(limits, [[1_000, result({ queued: 1 })], [60_000, null]]).demand?.why, "stuck");
});

Deno.test("supervise: a machine that slept, a host that was stopped: nobody is blamed", () => {
  const limits = { ...NONE, firstOutputMs: 60_000, taskMs: 120_000, quietMs: 60_000 };
  let watch = supervise(begin(0), TEXT, 1_000, limits).watch;
  const asleep = supervise(watch, null, 8 * 3_600_000, limits);
  assertEquals(asleep.demand, null);
  assertEquals(asleep.watch.workedMs, 1_000 + TIMES.agentStepMs);
  // A clock that goes back is a standing one.
  watch = supervise(asleep.watch, null, 5, limits).watch;
  assertEquals(watch.workedMs, 1_000 + TIMES.agentStepMs);
});

Deno.test("supervise: whatever comes, its state stays small and its input untouched", () => {
  const event = fc.oneof(
    fc.constant(null),
    fc.constant(TEXT),
    fc.string({ maxLength: 2 }).map((key) => tool(key)),
    fc.string({ maxLength: 2 }).map(answer),
    fc.tuple(fc.nat(9), fc.nat(99)).map(([turns, tokens]) => usage(turns, tokens)),
    fc.nat(2).map((queued) => result({ queued })),
  );
  const steps = fc.array(fc.tuple(fc.integer({ min: -5_000, max: 50_000 }), event), {
    maxLength: 300,
  });
  fc.assert(fc.property(steps, (list) => {
    const limits = { ...NONE, taskMs: 500_000, quietMs: 30_000, repeats: 5, turns: 8 };
    let watch = begin(0);
    let now = 0;
    for (const [byMs, event] of list) {
      now += byMs;
      const before = structuredClone(watch);
      const next = supervise(watch, event, now, limits).watch;
      assertEquals(watch, before);
      assert(next.workedMs >= watch.workedMs && next.seenMs >= watch.seenMs);
      assert(next.circle.length <= 15 && next.open.size <= 256);
      watch = next;
    }
  }));
});
