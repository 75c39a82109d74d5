// What only the leader does: reap the dead, expire leases, mark the stalled, keep the search
// index, the write-ahead log and the history in bounds. Every write is fenced by the epoch, so a
// leader that was stopped and replaced changes nothing when it goes on.

import { iso } from "../core/clock.ts";
import type { Tx, Unit } from "../core/transaction.ts";
import { LIMITS, LOG, TIMES } from "../core/limits.ts";
import { indexLags, indexStep } from "../flock/search.ts";
import { tellExpired } from "../lock/expired.ts";
import * as locks from "../lock/table.ts";
import { SYSTEM } from "../message/notice.ts";
import { endLife, giveUpOn, wakeWaiters } from "../peer/life.ts";
import { overdue } from "../peer/lives.ts";
import {
  expiredLeases,
  type PeerRow,
  type Resident,
  residents,
  setStalled,
} from "../peer/table.ts";
import { headSeq } from "../store/journal.ts";
import { flushRefusals, hasRefusals } from "../store/refusals.ts";
import { commit, type Store } from "../store/unit.ts";
import { type SleepWatch, StallWatch, Ticker } from "./presence.ts";
import { forgetHistory } from "./retention.ts";
import { HeadKeeper } from "./head.ts";

/** Thrown inside a fenced write when somebody else leads: the write is rolled back. */
export class Deposed extends Error {
  constructor() {
    super("another node leads");
    this.name = "Deposed";
  }
}

/** What the duties report, for tests, the page and the curious. */
export interface DutyEvents {
  /** A duty failed; the next tick tries again. */
  failed(duty: string, thrown: unknown): void;
  /** Somebody else leads. */
  deposed(): void;
}

/** Ticks between two looks for what is due although nothing was written. */
const QUIET_TICKS = TIMES.quietDutyMs / TIMES.tickMs;
const RETENTION_TICKS = TIMES.retentionMs / TIMES.tickMs;

export class Duties {
  readonly #store: Store;
  readonly #me: string;
  readonly #epoch: number;
  readonly #events: DutyEvents;
  readonly #watches = new Map<string, StallWatch>();
  readonly #ticker = new Ticker(performance.now());
  #timers: ReturnType<typeof setInterval>[] = [];
  #stopped = false;
  #busy = false;
  #ticks = 0;
  /** The journal's head at the last look, and how far each duty that follows it has come. */
  #seq = -1;
  #loggedSeq = 0;
  #logShrunk = false;
  #followedSeq = -1;
  /** Who lives with a process, as of `#seq`: whoever comes or goes leaves a row in the journal. */
  #residents: readonly Resident[] = [];
  /** Whom this leader has marked since, and how. */
  readonly #marked = new Map<string, boolean>();
  readonly #sleep: SleepWatch;
  #forgetting = false;
  readonly #head: HeadKeeper;

  constructor(
    store: Store,
    me: string,
    epoch: number,
    sleep: SleepWatch,
    events: DutyEvents,
  ) {
    this.#store = store;
    this.#me = me;
    this.#epoch = epoch;
    this.#events = events;
    this.#sleep = sleep;
    this.#head = new HeadKeeper(store);
  }

  start(): void {
    this.#timers = [
      setInterval(() => void this.reapTick(), TIMES.reapMs),
      setInterval(() => void this.slowTick(), TIMES.tickMs),
    ];
    for (const timer of this.#timers) Deno.unrefTimer(timer);
    void this.reapTick();
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** Runs a write only while this node leads. */
  fenced<T>(body: (unit: Unit) => Promise<T>): Promise<T> {
    return commit(this.#store, async (unit) => {
      if (!await this.#leads(unit.tx)) throw new Deposed();
      return await body(unit);
    });
  }

  async #leads(tx: Tx): Promise<boolean> {
    const row = await tx.get<{ incarnation: string | null; epoch: number }>(
      "SELECT incarnation, epoch FROM leader WHERE one = 1",
    );
    return row?.incarnation === this.#me && row.epoch === this.#epoch;
  }

  async reapTick(): Promise<void> {
    await this.#run("reap", () => this.reap());
    await this.logTick();
  }

  /** Keeps the write-ahead log short; a large one is given back at the first pause. */
  async logTick(): Promise<void> {
    const written = this.#seq !== this.#loggedSeq;
    if (!written && this.#logShrunk) return;
    this.#loggedSeq = this.#seq;
    this.#logShrunk = !written;
    const { engine } = this.#store;
    await this.#run("checkpoint", async () => {
      if (written) engine.checkpoint(LOG.fromBytes, LOG.restartFromBytes);
      else engine.shrinkLog(LOG.fromBytes);
    });
  }

  async slowTick(): Promise<void> {
    if (this.#busy || this.#stopped) return;
    this.#busy = true;
    this.#ticks += 1;
    const late = this.#ticker.late(performance.now());
    try {
      // A home that was put in this one's place has a leader of its own, and files that are not ours.
      if (!await this.#run("home", async () => this.#store.engine.assertOurs())) return;
      await this.#run("expire", () => this.expire());
      await this.#run("stalls", () => this.watchStalls(late));
      // Where nothing was written there is nothing to follow; now and then all the same.
      if (this.#seq !== this.#followedSeq || this.#ticks % QUIET_TICKS === 0) await this.#follow();
      if (this.#ticks % RETENTION_TICKS === 0) {
        // Beside the others: a long history is forgotten for minutes, in small steps.
        void this.#forget();
      }
    } finally {
      this.#busy = false;
    }
  }

  /** What depends on what was written. */
  async #follow(): Promise<void> {
    this.#followedSeq = this.#seq;
    await this.#run("index", () => this.index());
    await this.#run("sweep", () => this.sweep());
    await this.#run("head", () =>
      this.#head.keep({
        write: (body) => this.fenced(body),
        current: (tx) => this.#leads(tx),
      }));
    await this.#run("refusals", () => this.#tellRefusals());
  }

  /** One duty that fails does not stop the others, and is tried again with the next tick. */
  async #run(duty: string, body: () => Promise<void>): Promise<boolean> {
    if (this.#stopped) return false;
    try {
      await body();
      return true;
    } catch (thrown) {
      this.#followedSeq = -1;
      if (thrown instanceof Deposed) this.#events.deposed();
      else this.#events.failed(duty, thrown);
      return false;
    }
  }

  /** Ends whoever's presence lock is free, each in a write of its own. */
  async reap(): Promise<void> {
    const { engine } = this.#store;
    await engine.read(async (tx) => {
      const seq = await headSeq(tx);
      if (seq === this.#seq) return;
      this.#residents = await residents(tx);
      this.#marked.clear();
      this.#seq = seq;
    });
    for (const { incarnation } of this.#residents) {
      if (incarnation === this.#me || engine.held(incarnation) !== "free") continue;
      await this.#died(incarnation);
    }
  }

  async #died(incarnation: string): Promise<void> {
    await this.fenced((unit) => endLife(unit, incarnation, "died"));
    this.#store.engine.forget(incarnation);
    this.#watches.delete(incarnation);
  }

  /** Removes presence files of lives that ended by somebody else's hand. */
  async sweep(): Promise<void> {
    const { engine } = this.#store;
    const rows = await engine.read((tx) =>
      tx.all<{ incarnation: string }>("SELECT incarnation FROM peer WHERE incarnation IS NOT NULL")
    );
    const known = new Set(rows.map((row) => row.incarnation));
    for (const name of engine.presences()) {
      // Whoever is joining holds its file before it has a row; before that, the file has another
      // name and may be unlocked for an instant.
      const fresh = name.includes(".") &&
        Date.now() - (engine.pulseOf(name) ?? 0) < TIMES.presenceMadeMs;
      if (!fresh && !known.has(name) && engine.held(name) === "free") engine.forget(name);
    }
  }

  /** Ends leases that are over; not right after the machine slept. */
  async expire(): Promise<void> {
    if (this.#sleep.look()) return;
    const upS = this.#store.clock.upS();
    const due = await this.#store.engine.read(async (tx) => ({
      peers: await expiredLeases(tx, upS),
      locks: await locks.expiredLocks(tx, upS),
      names: await overdue(tx, upS),
    }));
    for (const { id } of due.names) await this.fenced((unit) => giveUpOn(unit, id));
    for (const peer of due.peers) await this.fenced((unit) => expirePeer(unit, peer));
    if (due.locks.length > 0) await this.fenced((unit) => expireLocks(unit, upS));
  }

  /**
   * Marks whoever's event loop stands still, and unmarks whoever goes on. Somebody removed a file and
   * its owner does not make it again: no lock can tell then, but the kernel knows whose the bell is.
   */
  async watchStalls(late: boolean): Promise<void> {
    const { engine } = this.#store;
    for (const row of this.#residents) {
      const { incarnation } = row;
      if (incarnation === this.#me) continue;
      const watch = this.#watches.get(incarnation) ?? new StallWatch();
      this.#watches.set(incarnation, watch);
      const pulse = engine.pulseOf(incarnation);
      const ticks = watch.observe(pulse, late);
      const stalled = StallWatch.stalled(ticks);
      const lost = pulse === null && ticks >= TIMES.lostTicks;
      if (lost && await engine.deserted(row.bell)) {
        await this.#died(incarnation);
        continue;
      }
      if (stalled === (this.#marked.get(incarnation) ?? row.stalled_since_s !== null)) continue;
      await this.fenced(async (unit) => {
        await setStalled(unit.tx, incarnation, stalled ? unit.upS : null);
        unit.record({
          actor: SYSTEM,
          op: stalled ? "stalled" : "recovered",
          subject: `peer/${row.name}`,
          detail: {},
        });
      });
      this.#marked.set(incarnation, stalled);
    }
  }

  async index(): Promise<void> {
    let lags = await this.#store.engine.read(indexLags);
    for (let step = 0; lags && step < LIMITS.indexSteps; step++) {
      lags = await this.fenced(({ tx }) => indexStep(tx));
      // Give way to the calls that wait.
      await new Promise((next) => setTimeout(next, 0));
    }
    // The rest comes with the next tick, though nothing more may be written until then.
    if (lags) this.#followedSeq = -1;
  }

  /** What refusals the minutes before have counted becomes rows of the journal. */
  async #tellRefusals(): Promise<void> {
    const at = iso(this.#store.clock.wallMs());
    const due = await this.#store.engine.read((tx) => hasRefusals(tx, at));
    if (due) await this.fenced((unit) => flushRefusals(unit, unit.at, 100).then(() => undefined));
  }

  async #forget(): Promise<void> {
    if (this.#forgetting) return;
    this.#forgetting = true;
    await this.#run("retention", async () => {
      let more = true;
      while (more && !this.#stopped) {
        more = await this.fenced((unit) => forgetHistory(unit, this.#store));
        await new Promise((next) => setTimeout(next, TIMES.chunkMs));
      }
    });
    this.#forgetting = false;
  }
}

async function expirePeer(unit: Unit, peer: PeerRow): Promise<void> {
  if (peer.incarnation !== null) await endLife(unit, peer.incarnation, "lease expired");
}

async function expireLocks(unit: Unit, upS: number): Promise<void> {
  const due = await locks.expiredLocks(unit.tx, upS);
  for (const lock of due) {
    await locks.deleteLock(unit.tx, lock.id);
    unit.record({
      actor: SYSTEM,
      op: "expire",
      subject: `lock/${lock.path}`,
      detail: { space: lock.space, peer: lock.peer },
    });
  }
  await tellExpired(unit, due);
  await wakeWaiters(unit, new Set(due.map((lock) => lock.space)));
}
