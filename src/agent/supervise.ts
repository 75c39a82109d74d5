// Watches over an agent by rules alone: when its first output is overdue, when it has worked too
// long, when nothing comes of it, when it goes in circles, when it has hit a usage limit or spent what
// it may. Pure: each event and each tick of a clock goes in, and at some point the reason to end it
// comes out. Time counts in steps of at most `TIMES.agentStepMs`, so neither a machine that slept nor
// a host that was stopped makes an agent look stalled. Look at least that often.

import { LIMITS, TIMES } from "../core/limits.ts";
import type { AgentEvent } from "./event.ts";

/** What an agent may take. 0 or null is without bound. */
export interface AgentLimits {
  readonly firstOutputMs: number | null;
  readonly taskMs: number | null;
  /** Without any line of output; while a tool runs, `toolMs` counts instead. */
  readonly quietMs: number | null;
  /** Without any line of output while a tool runs; `quietMs` where it is absent. A build may take long. */
  readonly toolMs?: number | null;
  /**
   * Equal calls with equal answers in a row (also a circle of two or three calls); of equal calls
   * whose answers differ, four times as many.
   */
  readonly repeats: number | null;
  readonly turns: number | null;
  readonly tokens: number | null;
  readonly costUsd: number | null;
}

/** Why an agent is to be ended. */
export const ENDINGS = [
  "first_output_timeout",
  "task_timeout",
  "stuck",
  "limit",
  "budget",
] as const;
export type Ending = typeof ENDINGS[number];

/** The reason to end an agent, with what it was reached by. */
export interface Demand {
  readonly why: Ending;
  readonly detail: string;
  /** End of the limit, in milliseconds since 1970; null where nothing tells. */
  readonly resetsAtMs?: number | null;
}

/** What is known of an agent. Store nothing of it: it begins anew with each process. */
export interface Watch {
  /** Time by the clock that is handed in, when it was last looked at. */
  readonly seenMs: number;
  /** Time that counted since its start. */
  readonly workedMs: number;
  /** `workedMs` at its first and last line; null before the first. */
  readonly firstOutputMs: number | null;
  readonly lastOutputMs: number | null;
  /** Calls whose answer has not come, by id. */
  readonly open: ReadonlyMap<string, string>;
  /** Keys of the last calls with their answers, the oldest first. */
  readonly circle: readonly string[];
  /** The last call and how many times in a row it was made, whatever its answers. */
  readonly last: { readonly key: string; readonly times: number };
  readonly turns: number;
  readonly tokens: number;
  readonly costUsd: number;
  /** It has given its result: only its leaving is awaited, and nothing is held against it. */
  readonly finished: boolean;
}

/** The longest circle of calls that is looked for. */
const PERIODS = [1, 2, 3];
/** Answers may differ by a time of day alone; but who looks at something that grows does no harm yet. */
const ANY_ANSWER = 4;
/** Calls that are open at the same time: more are not kept apart. */
const OPEN_CALLS = 256;
/** Tools that wait for others: calling them again and again is what they are for. */
const WAITS = /(^|__)(check|check_messages|wait|TaskOutput|BashOutput|Monitor|ScheduleWakeup)$/;

/** An agent that was started now. */
export function begin(nowMs: number): Watch {
  return {
    seenMs: nowMs,
    workedMs: 0,
    firstOutputMs: null,
    lastOutputMs: null,
    open: new Map(),
    circle: [],
    last: { key: "", times: 0 },
    turns: 0,
    tokens: 0,
    costUsd: 0,
    finished: false,
  };
}

/**
 * Takes an event, or null for a tick of the clock.
 * @param nowMs any clock that does not go back, as in `begin`
 * @returns the new state, and the reason to end the agent, null while there is none
 */
export function supervise(
  watch: Watch,
  event: AgentEvent | null,
  nowMs: number,
  limits: AgentLimits,
): { readonly watch: Watch; readonly demand: Demand | null } {
  const stepMs = Math.min(Math.max(0, nowMs - watch.seenMs), TIMES.agentStepMs);
  const seenMs = Math.max(nowMs, watch.seenMs);
  const later = { ...watch, seenMs, workedMs: watch.workedMs + stepMs };
  const next = event === null ? later : hear(later, event, circleOf(limits));
  if (event?.kind === "limit") {
    const { text, resetsAtMs } = event;
    return { watch: next, demand: { why: "limit", detail: text, resetsAtMs } };
  }
  return { watch: next, demand: next.finished ? null : demandOf(next, limits) };
}

function hear(watch: Watch, event: AgentEvent, circleLength: number): Watch {
  const at = watch.workedMs;
  const next = { ...watch, firstOutputMs: watch.firstOutputMs ?? at, lastOutputMs: at };
  switch (event.kind) {
    case "tool": {
      const open = new Map(watch.open);
      const key = WAITS.test(event.name) ? "" : event.key;
      if (open.size < OPEN_CALLS) open.set(event.id, key);
      const times = key !== "" && key === watch.last.key ? watch.last.times + 1 : 1;
      // A turn that was told to go on after its result.
      return { ...next, open, last: { key, times }, finished: false };
    }
    case "tool_result": {
      const open = new Map(watch.open);
      const call = open.get(event.id);
      open.delete(event.id);
      if (call === undefined || call === "") return { ...next, open };
      const circle = [...watch.circle, `${call} ${event.key}`].slice(-circleLength);
      return { ...next, open, circle };
    }
    case "usage":
      return {
        ...next,
        turns: Math.max(watch.turns, event.turns),
        tokens: Math.max(watch.tokens, event.tokens),
        finished: false,
      };
    case "result":
      return {
        ...next,
        turns: Math.max(watch.turns, event.turns),
        tokens: Math.max(watch.tokens, event.tokens),
        costUsd: Math.max(watch.costUsd, event.costUsd),
        open: new Map(),
        finished: event.queued === 0,
      };
    default:
      return next;
  }
}

function demandOf(watch: Watch, limits: AgentLimits): Demand | null {
  const { workedMs, firstOutputMs, lastOutputMs } = watch;
  const first = bound(limits.firstOutputMs);
  if (firstOutputMs === null && workedMs >= first) {
    return { why: "first_output_timeout", detail: `no output in ${seconds(first)}` };
  }
  const task = bound(limits.taskMs);
  if (workedMs >= task) return { why: "task_timeout", detail: `not done in ${seconds(task)}` };
  const quiet = watch.open.size > 0
    ? bound(limits.toolMs === undefined ? limits.quietMs : limits.toolMs)
    : bound(limits.quietMs);
  if (lastOutputMs !== null && workedMs - lastOutputMs >= quiet) {
    const when = watch.open.size > 0 ? " while a tool ran" : "";
    return { why: "stuck", detail: `no output for ${seconds(quiet)}${when}` };
  }
  const period = periodOf(watch.circle, bound(limits.repeats));
  if (period !== null) {
    const what = period === 1 ? "the same call" : `the same ${period} calls`;
    return {
      why: "stuck",
      detail: `${what} with the same answer ${limits.repeats} times in a row`,
    };
  }
  if (watch.last.times >= bound(limits.repeats) * ANY_ANSWER) {
    return { why: "stuck", detail: `the same call ${watch.last.times} times in a row` };
  }
  return spent(watch, limits);
}

function spent(watch: Watch, limits: AgentLimits): Demand | null {
  const budget = (detail: string): Demand => ({ why: "budget", detail });
  if (watch.turns > bound(limits.turns)) return budget(`${watch.turns} turns of ${limits.turns}`);
  if (watch.tokens > bound(limits.tokens)) {
    return budget(`${watch.tokens} tokens of ${limits.tokens}`);
  }
  if (watch.costUsd > bound(limits.costUsd)) {
    return budget(`${watch.costUsd.toFixed(2)} USD of ${limits.costUsd}`);
  }
  return null;
}

/** How many calls the circle has that the last calls went round `times` times; null for none. */
function periodOf(circle: readonly string[], times: number): number | null {
  if (times < 2) return null;
  return PERIODS.find((period) => {
    const length = period * times;
    if (!(length <= circle.length)) return false;
    const last = circle.slice(-length);
    return last.every((one, i) => one === last[i % period]);
  }) ?? null;
}

function circleOf({ repeats }: AgentLimits): number {
  const times = bound(repeats);
  return Math.max(...PERIODS) * Math.min(times, LIMITS.listItems);
}

function bound(limit: number | null): number {
  return limit === null || limit <= 0 ? Infinity : limit;
}

function seconds(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${Math.round(ms / 1_000)} s`;
}
