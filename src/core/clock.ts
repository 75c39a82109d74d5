// Two clocks. Wall time is for people; everything that expires is measured in seconds since boot,
// which no clock change can move (design: a clock that jumps ends no lease).

/** Where the time comes from; tests and the simulation hand in their own. */
export interface Clock {
  /** Wall time in milliseconds since 1970, for display only. */
  wallMs(): number;
  /** Seconds since the machine booted, suspended time included. Never goes back. */
  upS(): number;
}

/** The machine's own clocks. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  upS: () => Deno.osUptime(),
};

/** ISO 8601 in UTC, the one form in which a time leaves skein. */
export function iso(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
