// Who leads. Every node waits for the leader's presence to be free (a shared lock, so a stopped
// waiter is in nobody's way); whoever wakes tries one compare-and-swap on the leader row. A leader
// that does not react is usurped by the same compare-and-swap. The epoch in the row fences whoever
// led before: every write of a leader checks it.

import type { Presence } from "../core/transaction.ts";
import { StallWatch } from "./presence.ts";

/** The leader row, as the election sees it. */
export interface Seat {
  readonly incarnation: string | null;
  readonly epoch: number;
  /** Whether the incarnation in it is still a peer's present life. */
  readonly current: boolean;
}

/** What the election needs of the world; the simulation hands in another one. */
export interface Ballot {
  readonly me: string;
  seat(): Promise<Seat>;
  /** Takes the seat if its epoch is still `epoch`; the new epoch, or null. */
  take(epoch: number): Promise<number | null>;
  held(incarnation: string): Presence;
  pulseOf(incarnation: string): number | null;
  /** Resolves when the presence is free, or at once if nobody can tell. */
  freed(incarnation: string): Promise<unknown>;
  /** Milliseconds to hold back before standing: an older version lets newer ones go first. */
  holdBackMs(): Promise<number>;
  sleep(ms: number): Promise<void>;
  /** The seat was taken, or lost. */
  leading(epoch: number): void;
  deposed(): void;
}

export class Election {
  readonly #ballot: Ballot;
  #epoch: number | null = null;
  readonly #waitingFor = new Set<string>();
  #seat: Seat | null = null;
  #ticking = false;
  #skipped = false;
  /** Something was written since the seat was read: what said so once does not say it again. */
  #changed = false;
  readonly #watch = new StallWatch();
  #watched: string | null = null;
  #stopped = false;
  #busy: Promise<void> = Promise.resolve();

  constructor(ballot: Ballot) {
    this.#ballot = ballot;
  }

  /** The epoch in which this node leads, or null. */
  get epoch(): number | null {
    return this.#epoch;
  }

  /** Looks at the seat and does what follows from it. One look at a time. */
  look(): Promise<void> {
    return this.#queue(() => this.#look(0));
  }

  /**
   * The regular look, which also watches the leader's pulse. `changed` says whether anything was
   * written since the last one, `ticks` for how many it stands.
   */
  async tick(late: boolean, changed = true, ticks = 1): Promise<void> {
    // A tick that waits for a busy store stands for those that come meanwhile: piled up, they
    // would count as silence of the leader.
    this.#changed ||= changed;
    if (this.#ticking) {
      this.#skipped = true;
      return;
    }
    this.#ticking = true;
    try {
      await this.#queue(() => {
        const unsure = late || this.#skipped;
        this.#skipped = false;
        return this.#look(ticks, unsure);
      });
    } finally {
      this.#ticking = false;
    }
  }

  /** Takes no more part. */
  stop(): void {
    this.#stopped = true;
    this.#lose();
  }

  #queue(body: () => Promise<void>): Promise<void> {
    const mine = this.#busy.then(() => this.#stopped ? undefined : body());
    this.#busy = mine.catch(() => {});
    return mine;
  }

  /** `ticks`: how many have passed, at a look that watches the leader's pulse; else 0. */
  async #look(ticks: number, late = false): Promise<void> {
    const ballot = this.#ballot;
    const watching = ticks > 0;
    // Where nothing was written, the seat is what it was; only its pulse is looked at.
    if (this.#changed || !watching) this.#seat = null;
    this.#changed = false;
    const seat = this.#seat ?? await ballot.seat();
    this.#seat = seat;
    if (seat.incarnation === ballot.me && seat.current) {
      if (this.#epoch !== seat.epoch) this.#win(seat.epoch);
      return;
    }
    this.#lose();
    // Where a wait for the leader's lock is on, the kernel tells that it is free: no tick has to ask.
    const told = watching && this.#waitingFor.has(seat.incarnation ?? "") && seat.current;
    if (!told && this.#open(seat)) return await this.#stand(seat.epoch);
    const leader = seat.incarnation ?? "";
    this.#waitFor(leader);
    if (!watching) return;
    if (this.#watched !== leader) {
      this.#watched = leader;
      this.#watch.observe(null, true);
    }
    const silent = this.#watch.observe(ballot.pulseOf(leader), late, ticks);
    if (StallWatch.stalled(silent)) await this.#stand(seat.epoch);
  }

  /** Empty, or named after somebody who is dead or has ended. Unknown is not dead. */
  #open(seat: Seat): boolean {
    if (seat.incarnation === null || !seat.current) return true;
    return this.#ballot.held(seat.incarnation) === "free";
  }

  async #stand(epoch: number): Promise<void> {
    const holdBackMs = await this.#ballot.holdBackMs();
    if (holdBackMs > 0) {
      await this.#ballot.sleep(holdBackMs);
      if (this.#stopped || (await this.#ballot.seat()).epoch !== epoch) return;
    }
    const won = await this.#ballot.take(epoch);
    if (won !== null && !this.#stopped) this.#win(won);
    else if (won === null && !this.#stopped) await this.#look(0);
  }

  /** One wait for each leader's life: a wait is a thread that nothing cancels. */
  #waitFor(leader: string): void {
    if (this.#waitingFor.has(leader)) return;
    this.#waitingFor.add(leader);
    void this.#ballot.freed(leader).then(async (outcome) => {
      this.#waitingFor.delete(leader);
      // Missing files are unknown: the next tick looks again, without spinning.
      if (outcome !== "missing" && !this.#stopped) await this.look();
    }).catch(() => {
      // The store says why on the next look.
      this.#waitingFor.delete(leader);
    });
  }

  #win(epoch: number): void {
    if (this.#epoch !== null) this.#ballot.deposed();
    this.#epoch = epoch;
    // A tick that looked before this was written would depose the winner by what it knows.
    this.#seat = null;
    this.#ballot.leading(epoch);
  }

  #lose(): void {
    if (this.#epoch === null) return;
    this.#epoch = null;
    this.#ballot.deposed();
  }
}
