// What an agent's end means: done, failed, or stopped by a usage limit. Judged by what it handed in,
// by its own result and by its exit code, in this order of trust; an end without any of them is a
// failure. Pure.

import { excerpt } from "../core/text.ts";
import { LIMITS } from "../core/limits.ts";
import type { Protocol } from "./event.ts";
import { limitIn } from "./limit.ts";
import type { AgentExit } from "./process.ts";
import type { Demand } from "./supervise.ts";

/** What a failure came from: it decides whether and how another attempt is made. */
export const CAUSES = [
  /** The agent says so, or its exit code does. */
  "agent",
  /** The agent's API or network, not the task. */
  "service",
  /** It was ended: too slow, silent or in circles. */
  "timeout",
  "stuck",
  "budget",
  /** It ended without a verdict. */
  "no_verdict",
  /** Its host or the user ended it. */
  "ended",
  "limit",
  "none",
] as const;
export type Cause = typeof CAUSES[number];

export interface Verdict {
  readonly verdict: "done" | "failed" | "limited";
  readonly reason: string;
  readonly cause: Cause;
  /** End of the limit, in milliseconds since 1970; null where nothing tells, or for other verdicts. */
  readonly resetsAtMs: number | null;
}

/** What is judged. */
export interface Evidence {
  readonly protocol: Protocol;
  readonly exit: Pick<
    AgentExit,
    "code" | "signal" | "endedFor" | "result" | "limit" | "lastWords"
  >;
  /** The agent handed its task in (complete_task) while it ran. */
  readonly completed: boolean;
  /** Why the rules had it ended; null if they had not. */
  readonly demand: Demand | null;
  /** Wall time, for limits that name a time of day. */
  readonly nowMs: number;
}

/** Judges an agent's end. */
export function judge({ protocol, exit, completed, demand, nowMs }: Evidence): Verdict {
  const { code, signal, endedFor, result } = exit;
  // What it handed in stands, whatever became of the agent afterwards.
  if (completed) return done("it handed the task in");
  if (demand !== null && demand.why !== "limit") {
    return failed(`${demand.why}: ${demand.detail}`, causeOf(demand.why));
  }
  // The agent is ended at the first word of a limit; its end may have been told a line later.
  if (demand !== null) {
    return limited(demand.detail, demand.resetsAtMs ?? exit.limit?.resetsAtMs ?? null);
  }
  if (result !== null && exit.limit !== null && !result.ok) {
    return limited(exit.limit.text, exit.limit.resetsAtMs);
  }
  if (result !== null && !result.ok) {
    const what = excerpt(result.text || result.subtype || "an error", LIMITS.agentExcerptChars);
    const cut = /max_turns|max_budget/.test(result.subtype);
    if (cut) return failed(`${result.subtype}: ${what}`, "budget");
    return failed(what, isService(result.apiStatus, result.text) ? "service" : "agent");
  }
  if (endedFor !== null && result === null) return failed(`ended: ${endedFor}`, "ended");
  // One that was ended after its result for not leaving has done its work all the same.
  if (code !== 0 && endedFor === null) return ofExit(exit, signal, nowMs);
  if (protocol === "text") return done("it left with code 0");
  if (result === null) return failed("it left without a result", "no_verdict");
  return done("its result is a success");
}

function ofExit(exit: Evidence["exit"], signal: Deno.Signal | null, nowMs: number): Verdict {
  const how = signal === null ? `it left with code ${exit.code}` : `it was ended by ${signal}`;
  const words = exit.lastWords.trim();
  if (exit.limit !== null) return limited(exit.limit.text, exit.limit.resetsAtMs);
  const [limit] = limitIn(words.slice(-LIMITS.agentExcerptChars), nowMs);
  if (limit?.kind === "limit" && exit.result === null) {
    return limited(limit.text, limit.resetsAtMs);
  }
  const said = words === "" ? how : `${how}: ${words.slice(-LIMITS.agentExcerptChars)}`;
  return failed(said.toWellFormed(), isService(null, words) ? "service" : "agent");
}

function causeOf(why: Demand["why"]): Cause {
  if (why === "stuck" || why === "budget" || why === "limit") return why;
  return "timeout";
}

/** Whether the fault is of the API or the way to it, so that another attempt may just work. */
function isService(status: number | null, text: string): boolean {
  return (status !== null && (status >= 500 || status === 408 || status === 429)) ||
    /overloaded|ECONNRESET|ECONNREFUSED|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|connection error|network error|internal server error|service unavailable|bad gateway/i
      .test(text);
}

function done(reason: string): Verdict {
  return { verdict: "done", reason, cause: "none", resetsAtMs: null };
}

function failed(reason: string, cause: Cause): Verdict {
  return { verdict: "failed", reason, cause, resetsAtMs: null };
}

function limited(reason: string, resetsAtMs: number | null): Verdict {
  return { verdict: "limited", reason, cause: "limit", resetsAtMs };
}
