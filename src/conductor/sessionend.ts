// What the end of a session that did not get its task done means for the task.

import { afterFailure, limitEnd } from "../agent/retry.ts";
import { excerpt } from "../core/text.ts";
import { LIMITS } from "../core/limits.ts";
import type { Ended } from "./calls.ts";
import type { SessionEnd, WorkOrder } from "./work.ts";

/** @param fault why it is not done, though its agent ended well */
export function endOf(
  { attempt, task }: WorkOrder,
  session: SessionEnd | null,
  fault?: string,
): Omit<Ended, "attempt"> {
  if (session === null) return { outcome: "failed", reason: "it was taken away" };
  const { verdict, stopped } = session;
  if (stopped !== null) return { outcome: "stopped", reason: stopped, cause: "ended" };
  if (verdict.verdict === "limited") {
    const { untilMs, known } = limitEnd(verdict.resetsAtMs, Date.now());
    return {
      outcome: "limited",
      reason: verdict.reason,
      cause: verdict.cause,
      limit_until_ms: untilMs,
      limit_known: known,
    };
  }
  const next = afterFailure(verdict.cause, task.attempts, Math.random);
  return {
    outcome: "failed",
    reason: excerpt(fault ?? verdict.reason, LIMITS.noteChars - 3),
    cause: fault === undefined ? verdict.cause : "agent",
    again: next.again,
    delay_ms: attempt.kind === "plan" ? 0 : next.delayMs,
  };
}
