// When something that changes without end is read again. Pages that show the same wait until the same
// ticks of the machine's clock, so that they ask at the same moment, and the leader reads once for all.

/** Milliseconds; each is a whole number of times the one before, so that slow ticks are quick ones too. */
const TICKS_MS = [50, 100, 200, 400, 800];

/**
 * When to read again, on the clock of `performance.now()`: the first tick after a pause.
 * @param nowMs now, on that clock
 * @param pauseMs the least that is waited
 * @param offsetMs what `Date.now()` is ahead of that clock
 */
export function nextTick(
  nowMs: number,
  pauseMs: number,
  offsetMs: number = Date.now() - performance.now(),
): number {
  const tickMs = TICKS_MS.findLast((one) => one <= pauseMs) ?? TICKS_MS[0] ?? 1;
  return Math.ceil((nowMs + pauseMs + offsetMs) / tickMs) * tickMs - offsetMs;
}
