// When something that changes without end is read again. Pages that show the same wait until the same
// ticks of the machine's clock, so that they ask at the same moment, and the leader reads once for all.

/** Milliseconds; each is a whole number of times the one before, so that slow ticks are quick ones too. */
const TICKS_MS = [50, 100, 200, 400, 800];

/**
 * When to read again, on the clock of `performance.now()`: the tick that is nearest to the end of a
 * pause, so that on the average nobody waits longer. Ticks are about as far apart as pauses are long, or
 * pages would take turns instead of asking together.
 * @param nowMs now, on that clock
 * @param pauseMs what is waited, more or less by three quarters at most
 * @param offsetMs what `Date.now()` is ahead of that clock
 */
export function nextTick(
  nowMs: number,
  pauseMs: number,
  offsetMs: number = Date.now() - performance.now(),
): number {
  const tickMs = TICKS_MS.find((one) => one >= pauseMs * 0.75) ?? 800;
  return Math.round((nowMs + pauseMs + offsetMs) / tickMs) * tickMs - offsetMs;
}
