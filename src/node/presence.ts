// Liveness from the outside. Death is told by the kernel (a presence lock that is free); a process
// that is stopped keeps its lock, so it is told by its pulse: a value that its event loop changes.
// The watcher counts its own ticks, never seconds of a clock: after a laptop's sleep everybody's
// pulse is old, and the watcher's own late tick says so.

import type { Clock } from "../core/clock.ts";
import { LIMITS, TIMES } from "../core/limits.ts";

/** Counts the ticks for which somebody's pulse has not changed. */
export class StallWatch {
  #pulse: number | null | undefined = undefined;
  #ticks = 0;

  /**
   * Takes one look, which stands for `ticks` of them. `late` says that the watcher's own tick came
   * late: then nothing is known. Returns for how many ticks in a row the pulse has stood still.
   */
  observe(pulse: number | null, late: boolean, ticks = 1): number {
    // No pulse at all is silence, too: whoever lives makes its missing file again.
    if (late || pulse !== this.#pulse) {
      this.#pulse = pulse;
      this.#ticks = 0;
    } else {
      this.#ticks += ticks;
    }
    return this.#ticks;
  }

  /** Whether so many ticks mean that the process does not react. */
  static stalled(ticks: number): boolean {
    return ticks >= TIMES.stalledTicks;
  }
}

/** Tells whether a tick came late, from a clock that stands still while the process does. */
export class Ticker {
  #lastMs: number;

  constructor(nowMs: number) {
    this.#lastMs = nowMs;
  }

  /** Takes a tick at `nowMs`, which was due after `ticks` of them; true if it came late. */
  late(nowMs: number, ticks = 1): boolean {
    const gap = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    return gap > TIMES.lateTickMs + (ticks - 1) * TIMES.tickMs;
  }
}

/**
 * Whether the machine slept: the seconds since boot go on then, a process's own clock does not. Every
 * node looks all the time, so that whoever is elected right after a sleep knows of it.
 */
export class SleepWatch {
  readonly #clock: Pick<Clock, "upS">;
  #upS: number;
  #ms = performance.now();
  #graceUntilS = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, "upS">) {
    this.#clock = clock;
    this.#upS = clock.upS();
  }

  /** Takes a look; true if it slept within the time for which no lease ends. */
  look(): boolean {
    const upS = this.#clock.upS();
    const ms = performance.now();
    if (upS - this.#upS - (ms - this.#ms) / 1000 > LIMITS.sleptS) {
      this.#graceUntilS = upS + LIMITS.graceS;
    }
    this.#upS = upS;
    this.#ms = ms;
    return upS < this.#graceUntilS;
  }
}

/**
 * Whether a node shows its pulse at this tick, `sinceMs` after the last time: rather half a tick early
 * than late.
 */
export function pulseDue(sinceMs: number, ticks: number): boolean {
  return sinceMs >= TIMES.pulseMs - ticks * TIMES.tickMs / 2;
}
