// Whether another attempt is made, when, and with which model. Pure: clock and randomness are handed
// in. A usage limit costs no attempt: the task waits until its end, and those that wait come back one
// after the other.

import { LIMITS } from "../core/limits.ts";
import type { Cause } from "./verdict.ts";

/** An attempt that did not get its task done. */
export interface Failure {
  /** Attempts that count so far, this one included, from 1. */
  readonly number: number;
  readonly maxAttempts: number;
  readonly cause: Cause;
  /** The model of this attempt; null is the agent's own. */
  readonly model: string | null;
  /** The ladder, the cheapest first; may be empty. */
  readonly models: readonly string[];
  /** End of a usage limit, in milliseconds since 1970; null where nothing tells. */
  readonly resetsAtMs: number | null;
  /** How many others wait for the same limit's end before this one. */
  readonly position?: number;
  /** Between two that begin again after a limit. */
  readonly staggerMs: number;
  readonly nowMs: number;
  /** From 0 to less than 1. */
  readonly random: () => number;
}

/** What follows. */
export interface Next {
  readonly retry: boolean;
  /** From now. */
  readonly delayMs: number;
  readonly model: string | null;
  /** Whether the attempt counts against `maxAttempts`. */
  readonly counts: boolean;
  readonly reason: string;
}

/** Decides what follows an attempt that did not get its task done. */
export function nextAttempt(failure: Failure): Next {
  const { number, maxAttempts, cause, model } = failure;
  if (cause === "limit") {
    return {
      retry: true,
      delayMs: resumeDelayMs(failure),
      model,
      counts: false,
      reason: "it waits for the end of the usage limit",
    };
  }
  const no = (reason: string): Next => ({ retry: false, delayMs: 0, model, counts: true, reason });
  if (cause === "budget") {
    return no("its budget is spent: another attempt would cost the same again");
  }
  if (number >= maxAttempts) return no(`attempt ${number} of ${maxAttempts} was the last`);
  return {
    retry: true,
    // The death of a host was not the task's fault, but a task that ends its hosts is tried only so often.
    delayMs: cause === "ended" ? 0 : backOffMs(number, failure.random),
    // A larger model mends no network and no host.
    model: cause === "service" || cause === "ended" ? model : escalated(model, failure.models),
    counts: true,
    reason: `attempt ${number + 1} of ${maxAttempts}`,
  };
}

/** The delay before the attempt after the `number`-th: doubling, bounded, with jitter. */
export function backOffMs(number: number, random: () => number): number {
  const doubled = LIMITS.retryDelayS * 2 ** Math.min(Math.max(0, number - 1), 30);
  return Math.round(
    Math.min(doubled, LIMITS.retryDelayMaxS) * 1_000 *
      (1 + (LIMITS.retryJitterPercent / 100) * random()),
  );
}

/** The next rung of the ladder; the last one, and one that is not on it, stays. */
export function escalated(model: string | null, models: readonly string[]): string | null {
  const at = model === null ? -1 : models.indexOf(model);
  if (at < 0) return model;
  return models[at + 1] ?? model;
}

/**
 * From now until an attempt may begin that waits for a usage limit's end: its end, then the place in
 * the row times `staggerMs`, plus jitter within one such step.
 */
export function resumeDelayMs(
  { resetsAtMs, nowMs, position = 0, staggerMs, random }: Pick<
    Failure,
    "resetsAtMs" | "nowMs" | "position" | "staggerMs" | "random"
  >,
): number {
  const unknownMs = LIMITS.limitUnknownS * 1_000;
  const told = resetsAtMs === null ? unknownMs : resetsAtMs - nowMs;
  // A time that is past, or absurdly far, tells nothing.
  const misread = told > LIMITS.limitFurthestS * 1_000;
  const untilMs = misread ? unknownMs : Math.max(0, told);
  return Math.round(untilMs + (Math.max(0, position) + random()) * staggerMs);
}
