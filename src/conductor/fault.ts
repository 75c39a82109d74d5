// What an attempt failed by that its agent has not failed itself: the disk was full, another git was at
// it, the agent's service was down. That is not the task's fault, and passes: the attempt does not
// count, and the next one comes later and later. What the agent has left that git cannot take (a
// conflict's markers, a repository inside the worktree) is its own fault, like any other.

import { backOffMs } from "../agent/retry.ts";
import type { Cause } from "../agent/verdict.ts";
import { asRefusal, type Refusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { ShownAttempt } from "../fleet/view.ts";
import type { Calls, Ended } from "./calls.ts";

/** Somebody lets go, or makes room. */
const PASSES: readonly string[] = ["STORE_BUSY", "STORE_FULL", "GIT_BUSY"];
/** No disk, quota or file handle left, as the system itself says it. */
const NO_ROOM = /\bos error (?:24|28|122)\b|No space left on device|Disk quota exceeded/;
/** What the agent has made of its worktree. */
const OWN: readonly string[] = ["GIT_STATE", "INVALID_INPUT", "TOO_LARGE", "PATH_OUTSIDE"];

/** What a failure beside the agent came from. */
export function causeOfFault(thrown: unknown): Cause {
  const fault = asRefusal(thrown);
  return OWN.includes(fault.code) && !isRuns(fault) ? "agent" : "service";
}

/** Whether it is over when somebody else does something about it, whoever tries again. */
export function passes(thrown: unknown): boolean {
  const fault = asRefusal(thrown);
  return PASSES.includes(fault.code) || isRuns(fault) || NO_ROOM.test(fault.message);
}

/** It is the run's branch that somebody holds or has taken away. */
function isRuns({ code, details }: Refusal): boolean {
  return code === "GIT_STATE" && details["field"] === "run";
}

/** How an attempt ends that nobody is to blame for; the more of them, the later the next. */
export async function notCounted(
  calls: Calls,
  attempt: ShownAttempt,
): Promise<Pick<Ended, "cause" | "counts" | "delay_ms">> {
  const number = await failedBefore(calls, attempt) + 1;
  return { cause: "service", counts: false, delay_ms: backOffMs(number, Math.random) };
}

/** The same for the agent's own service: a setting may be wrong for ever, so the patience has an end. */
export async function serviceEnd(
  calls: Calls,
  attempt: ShownAttempt,
): Promise<Pick<Ended, "counts" | "delay_ms">> {
  const number = await failedBefore(calls, attempt) + 1;
  if (number > LIMITS.serviceFailures) return {};
  return { counts: false, delay_ms: backOffMs(number, Math.random) };
}

async function failedBefore(calls: Calls, { task, id }: ShownAttempt): Promise<number> {
  const { attempts } = await calls.attempts({ task });
  return attempts.filter((one) => one.id !== id && one.cause === "service").length;
}
