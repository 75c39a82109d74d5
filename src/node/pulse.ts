// Once a second a node watches the leader and, where somebody in it waits, sees whether something was
// missed; every few seconds it shows that it lives.

import { TIMES } from "../core/limits.ts";
import type { Life } from "./life.ts";
import { Ticker } from "./presence.ts";

export class Pulse {
  readonly #life: Life;
  readonly #onTick: (() => void) | undefined;
  readonly #trouble: (thrown: unknown) => void;
  readonly #ticker = new Ticker(performance.now());
  readonly #timer: ReturnType<typeof setInterval>;
  #lastMs = performance.now();

  constructor(life: Life, onTick: (() => void) | undefined, trouble: (thrown: unknown) => void) {
    this.#life = life;
    this.#onTick = onTick;
    this.#trouble = trouble;
    this.#timer = setInterval(() => void this.#tick(), TIMES.tickMs);
    Deno.unrefTimer(this.#timer);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #tick(): Promise<void> {
    const { hold, store, feed, election } = this.#life;
    const nowMs = performance.now();
    const late = this.#ticker.late(nowMs);
    this.#onTick?.();
    try {
      const due = late || nowMs - this.#lastMs >= TIMES.pulseMs - TIMES.tickMs / 2;
      if (due) {
        this.#lastMs = nowMs;
        hold.pulse();
      }
      // Every call looks by itself: only those who wait for something, or lead, rely on the tick.
      const looks = due || feed.awaited || election.epoch !== null;
      if (looks) store.engine.assertOurs();
      const changed = looks && store.engine.changed();
      if (changed) feed.look();
      await election.tick(late, changed);
    } catch (thrown) {
      // Whoever waits in this process would wait for what never comes: it looks, and is told why.
      feed.look();
      this.#trouble(thrown);
    }
  }
}
