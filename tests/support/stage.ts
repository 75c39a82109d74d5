// A ballot that says what the test wants it to say: one real election, and the flock around it.

import type { Presence } from "../../src/core/transaction.ts";
import { type Ballot, Election, type Seat } from "../../src/node/election.ts";

/** A flock of which one node is real and the rest is what the test says. */
export class Stage implements Ballot {
  readonly me = "me";
  now: Seat = { incarnation: "other", epoch: 1, current: true };
  presence: Presence = "held";
  pulse: number | null = 1;
  holdBack = 0;
  /** What a take waits for, and what came of the takes. */
  taking: Promise<void> = Promise.resolve();
  sleeping = false;
  readonly takes: number[] = [];
  readonly waits: string[] = [];
  readonly events: string[] = [];
  readonly election: Election = new Election(this);

  seat(): Promise<Seat> {
    return Promise.resolve(this.now);
  }
  async take(epoch: number): Promise<number | null> {
    this.takes.push(epoch);
    await this.taking;
    if (this.now.epoch !== epoch) return null;
    this.now = { incarnation: this.me, epoch: epoch + 1, current: true };
    return epoch + 1;
  }
  held(): Presence {
    return this.presence;
  }
  pulseOf(): number | null {
    return this.pulse;
  }
  freed(name: string): Promise<unknown> {
    this.waits.push(name);
    // What cannot be waited for is told as such: the election would ask again at once, without end.
    if (this.presence === "held") return new Promise(() => {});
    return Promise.resolve(this.presence === "missing" ? "missing" : "freed");
  }
  holdBackMs(): Promise<number> {
    return Promise.resolve(this.holdBack);
  }
  async sleep(): Promise<void> {
    this.sleeping = true;
    await this.taking;
  }
  leading(epoch: number): void {
    this.events.push(`leading ${epoch}`);
  }
  deposed(): void {
    this.events.push("deposed");
  }

  async ticks(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.election.tick(false);
  }
}
