// What follows an attempt that did not get its task done, as far as its cause tells: whether another
// one is worth it, when, and whether this one counts. How many there may be, and with which model, the
// store decides (src/fleet/rules.ts). Pure: clock and randomness are handed in.

import { LIMITS } from "../core/limits.ts";
import type { Cause } from "./verdict.ts";

/** What follows. */
export interface Next {
  /** Whether another attempt may do better. */
  readonly again: boolean;
  /** From now. */
  readonly delayMs: number;
}

/**
 * Decides what follows a failed attempt.
 * @param number attempts that count so far, this one included, from 1
 * @param random gives from 0 to less than 1
 */
export function afterFailure(cause: Cause, number: number, random: () => number): Next {
  // Another attempt would cost the same again.
  if (cause === "budget") return { again: false, delayMs: 0 };
  // The death of a host was not the task's fault.
  return { again: true, delayMs: cause === "ended" ? 0 : backOffMs(number, random) };
}

/** The delay before the attempt after the `number`-th: doubling, bounded, with jitter. */
export function backOffMs(number: number, random: () => number): number {
  const doubled = LIMITS.retryDelayS * 2 ** Math.min(Math.max(0, number - 1), 30);
  return Math.round(
    Math.min(doubled, LIMITS.retryDelayMaxS) * 1_000 *
      (1 + (LIMITS.retryJitterPercent / 100) * random()),
  );
}

/**
 * The end of a usage limit, in milliseconds since 1970, from what the agent was told of it (null:
 * nothing). `known`: the service said so; else it is a guess.
 */
export function limitEnd(
  resetsAtMs: number | null,
  nowMs: number,
): { readonly untilMs: number; readonly known: boolean } {
  const guess = (seconds: number) => ({ untilMs: nowMs + seconds * 1_000, known: false });
  // An end that is absurdly far tells nothing.
  if (resetsAtMs === null || resetsAtMs - nowMs > LIMITS.limitFurthestS * 1_000) {
    return guess(LIMITS.limitUnknownS);
  }
  // Nor does one that is past while the limit still holds: the clocks differ, or it was misread.
  if (resetsAtMs <= nowMs) return guess(LIMITS.limitPastS);
  return { untilMs: Math.round(resetsAtMs), known: true };
}
