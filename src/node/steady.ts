// Which time is old enough to forget by. What is forgotten is gone, and a wall clock may be wrong for a
// minute: so days count only as far as the seconds since boot confirm them. Where the wall clock has gone
// further than they say, it is believed after it has gone with them for a day.

import type { Unit } from "../core/transaction.ts";
import { getMeta, setMeta } from "../store/meta.ts";

const DAY_S = 86_400;
/** A clock that is being set right drifts by this and a thousandth; more is a jump. */
const DRIFT_S = 60;
/** The store is told no oftener. */
const NOTED_S = 60;
const KEY = "retention_clock";

/** The clocks at the last look, in seconds. */
export interface Look {
  readonly wallS: number;
  readonly upS: number;
  /** The time that is confirmed. */
  readonly confirmedS: number;
  /** For how long, in seconds of a running machine, nothing has spoken against the wall clock. */
  readonly steadyS: number;
}

/** The look that follows on another; the first one confirms nothing but itself. */
export function nextLook(before: Look | null, wallS: number, upS: number): Look {
  if (before === null) return { wallS, upS, confirmedS: wallS, steadyS: 0 };
  // Fewer seconds than before: another boot, whose own seconds are all that is sure.
  const goneS = upS >= before.upS ? upS - before.upS : upS;
  const aheadS = wallS - before.wallS - goneS;
  const driftS = DRIFT_S + goneS / 1000;
  let steadyS = before.steadyS + goneS;
  // A machine that was off for a night says nothing against its clock, and nothing for it.
  if (aheadS > driftS && before.steadyS >= DAY_S) steadyS = goneS;
  if (aheadS < -driftS || aheadS > DAY_S) steadyS = 0;
  const believed = steadyS >= DAY_S;
  return { wallS, upS, confirmedS: believed ? wallS : before.confirmedS + goneS, steadyS };
}

/**
 * The time to forget by, in milliseconds since 1970, never later than the wall clock. Null while nothing
 * may be forgotten: nothing is known yet, or the wall clock was set back.
 */
export async function confirmedMs({ tx, at, upS }: Unit): Promise<number | null> {
  const wallMs = Date.parse(at);
  const text = await getMeta(tx, KEY);
  const before = text === undefined ? null : JSON.parse(text) as Look;
  const now = nextLook(before, wallMs / 1000, upS);
  const due = before === null || Math.abs(now.wallS - before.wallS) >= NOTED_S ||
    Math.abs(now.upS - before.upS) >= NOTED_S;
  if (due) await setMeta(tx, KEY, JSON.stringify(now));
  if (before === null || now.confirmedS > now.wallS + DRIFT_S) return null;
  return Math.min(wallMs, now.confirmedS * 1000);
}
