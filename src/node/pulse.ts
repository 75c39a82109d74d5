// Once a second a node watches the leader and, where somebody in it waits, sees whether something was
// missed; every few seconds it shows that it lives. A node in which nobody waits, and that does not
// lead, does so every other second: a wake is most of what an idle session costs.

import { TIMES } from "../core/limits.ts";
import type { Life } from "./life.ts";
import { pulseDue, Ticker } from "./presence.ts";

export class Pulse {
  readonly #life: Life;
  readonly #onTick: (() => void) | undefined;
  readonly #trouble: (thrown: unknown) => void;
  readonly #ticker = new Ticker(performance.now());
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** Ticks of a second that the pending one stands for, and when it was set. */
  #ticks = 1;
  #setMs = 0;
  #pulsedMs = performance.now();

  constructor(life: Life, onTick: (() => void) | undefined, trouble: (thrown: unknown) => void) {
    this.#life = life;
    this.#onTick = onTick;
    this.#trouble = trouble;
    this.#set();
    life.feed.onAwaited = () => this.#hurry();
  }

  stop(): void {
    this.#life.feed.onAwaited = null;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Whether every tick counts here: every call looks by itself, a wait and a leader rely on ticks. */
  get #busy(): boolean {
    return this.#life.feed.awaited || this.#life.election.epoch !== null;
  }

  #set(): void {
    this.#ticks = this.#busy ? 1 : TIMES.quietTicks;
    this.#setMs = performance.now();
    this.#arm(this.#ticks * TIMES.tickMs);
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => {
      const ticks = this.#ticks;
      this.#set();
      void this.#tick(ticks);
    }, ms);
    Deno.unrefTimer(this.#timer);
  }

  /**
   * Somebody begins to wait: the tick that is pending comes as if it had been foreseen. One that is no
   * further away than a tick stays: it stands for all the time since the last one.
   */
  #hurry(): void {
    const leftMs = this.#setMs + TIMES.tickMs - performance.now();
    if (this.#timer === null || this.#ticks === 1 || leftMs <= 0) return;
    clearTimeout(this.#timer);
    this.#ticks = 1;
    this.#arm(leftMs);
  }

  async #tick(ticks: number): Promise<void> {
    const { hold, store, feed, election } = this.#life;
    const nowMs = performance.now();
    const late = this.#ticker.late(nowMs, ticks);
    this.#onTick?.();
    try {
      const due = late || pulseDue(nowMs - this.#pulsedMs, ticks);
      const looks = due || this.#busy;
      // First: a pulse makes a missing file again, and in another's home none of ours is missing.
      if (looks) store.engine.assertOurs();
      if (due) {
        this.#pulsedMs = nowMs;
        hold.pulse();
      }
      const changed = looks && store.engine.changed();
      if (changed) feed.look();
      await election.tick(late, changed, ticks);
    } catch (thrown) {
      // Whoever waits in this process would wait for what never comes: it looks, and is told why.
      feed.look();
      this.#trouble(thrown);
    }
  }
}
