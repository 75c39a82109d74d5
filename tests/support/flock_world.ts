// A world for the election: a virtual clock, one seat with a compare-and-swap, presence locks with
// pulses, and processes that crash, stop, crawl and come back. Everything that happens is drawn from
// one seed, so a failure repeats itself. The Election, StallWatch and Ticker in it are the real ones.

import { TIMES } from "../../src/core/limits.ts";
import type { Presence } from "../../src/core/transaction.ts";
import { type Ballot, Election } from "../../src/node/election.ts";
import { pulseDue, Ticker } from "../../src/node/presence.ts";
import { EventQueue } from "./event_queue.ts";

/** Numbers in [0, 1) that a seed decides (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A presence file: who waits for it moves on when its lock is free. */
interface PresenceFile {
  pulse: number;
  waiters: (() => void)[];
}

/** Turns of the microtask queue that let every chain of promises in the election run out. */
const TURNS = 24;

export class World {
  nowMs = 0;
  /** What the wall clock and the monotonic clock show beyond the virtual time. */
  wallOffsetMs = 1_700_000_000_000;
  monotonicOffsetMs = 0;
  readonly random: () => number;
  readonly nodes: SimNode[] = [];
  readonly seat: { incarnation: string | null; epoch: number; sinceMs: number } = {
    incarnation: null,
    epoch: 0,
    sinceMs: 0,
  };
  /** Who led in which epoch; every change of the seat, in order. */
  readonly leaders = new Map<number, string>();
  readonly trace: string[] = [];
  /** Called after each event; throws when something that must hold does not. */
  check: () => void = () => {};
  readonly #queue = new EventQueue();

  constructor(seed: number) {
    this.random = randomFrom(seed);
  }

  /** A whole number from `min` to `max`. */
  between(min: number, max: number): number {
    return min + Math.floor(this.random() * (max - min + 1));
  }

  at(delayMs: number, run: () => void): void {
    this.#queue.add(this.nowMs + delayMs, run);
  }

  /** Lets time pass, event by event. */
  async run(untilMs: number): Promise<void> {
    for (;;) {
      const event = this.#queue.next(untilMs);
      if (event === null) break;
      this.nowMs = Math.max(this.nowMs, event.atMs);
      event.run();
      for (let turn = 0; turn < TURNS; turn++) await null;
      this.check();
    }
    this.nowMs = untilMs;
  }

  note(text: string): void {
    this.trace.push(`${this.nowMs} ${text}`);
  }

  nodeOf(incarnation: string | null): SimNode | undefined {
    return this.nodes.find((node) => node.name === incarnation);
  }

  start(): SimNode {
    const node = new SimNode(this, `n${this.nodes.length}`, this.random() < 0.2);
    this.nodes.push(node);
    node.begin();
    return node;
  }
}

export type State = "running" | "stopped" | "crashed" | "left";

/** One process: its events happen only while it runs. */
export class SimNode {
  readonly name: string;
  readonly election: Election;
  /** Holds back before it stands, as a node of an older version does. */
  readonly old: boolean;
  state: State = "running";
  /** Since when it has been in its state; how much slower than others it is. */
  sinceMs: number;
  slowness = 1;
  /** When it last pulsed, and how long it had not before that. */
  lastPulseMs = 0;
  silenceMs = 0;
  /** The file that others find, if any; whether the flock still counts the life as present. */
  file: PresenceFile | null;
  current = true;
  readonly #world: World;
  readonly #ticker: Ticker;
  readonly #backlog: (() => void)[] = [];
  /** Who waits for a file that somebody removed. */
  readonly #orphans: (() => void)[] = [];

  constructor(world: World, name: string, old: boolean) {
    this.#world = world;
    this.name = name;
    this.old = old;
    this.sinceMs = world.nowMs;
    this.file = { pulse: 0, waiters: [] };
    this.#ticker = new Ticker(this.#monotonicMs());
    this.election = new Election(this.#ballot());
  }

  get alive(): boolean {
    return this.state === "running" || this.state === "stopped";
  }

  begin(): void {
    this.#world.note(`start ${this.name}${this.old ? " (old)" : ""}`);
    this.#pulse();
    this.#nextTick();
    void this.election.look();
  }

  /** Runs something in this process: never after its death, not while it is stopped. */
  after(delayMs: number, run: () => void): void {
    this.#world.at(delayMs * this.slowness, () => {
      if (this.state === "running") run();
      else if (this.state === "stopped") this.#backlog.push(run);
    });
  }

  #step(minMs: number, maxMs: number): Promise<void> {
    return new Promise((done) => this.after(this.#world.between(minMs, maxMs), done));
  }

  #monotonicMs(): number {
    return this.#world.nowMs + this.#world.monotonicOffsetMs;
  }

  /** `ticks`: for how many this one stands; a node in which nobody waits lets some go by. */
  #tick(ticks: number): void {
    this.#nextTick();
    const late = this.#ticker.late(this.#monotonicMs(), ticks);
    if (late || pulseDue(this.#world.nowMs - this.lastPulseMs, ticks)) this.#pulse();
    void this.election.tick(late, true, ticks);
  }

  #nextTick(): void {
    const quiet = this.election.epoch === null && this.#world.between(0, 1) < 0.5;
    const ticks = quiet ? TIMES.quietTicks : 1;
    this.after(ticks * TIMES.tickMs + this.#world.between(0, 20), () => this.#tick(ticks));
  }

  #pulse(): void {
    const world = this.#world;
    this.silenceMs = world.nowMs - this.lastPulseMs;
    this.lastPulseMs = world.nowMs;
    const pulse = world.nowMs + world.wallOffsetMs;
    if (this.file !== null) {
      this.file.pulse = pulse;
      return;
    }
    this.file = { pulse, waiters: [] };
    this.#wake(this.#orphans);
  }

  /** When its file was removed last. */
  hiddenAtMs = -Infinity;

  /** Somebody tidies up: the next pulse makes the file again. */
  removeFile(): void {
    this.hiddenAtMs = this.#world.nowMs;
    this.#world.note(`remove the file of ${this.name}`);
    // The old file stays locked until the pulse that makes a new one closes it.
    this.#orphans.push(...this.file?.waiters ?? []);
    this.file = null;
  }

  #wake(waiters: (() => void)[] | undefined): void {
    for (const wake of waiters?.splice(0) ?? []) wake();
  }

  turn(state: State): void {
    this.#world.note(`${this.name} ${state}`);
    this.state = state;
    this.sinceMs = this.#world.nowMs;
    if (state === "running") { for (const run of this.#backlog.splice(0)) this.after(0, run); }
    if (state !== "crashed" && state !== "left") return;
    this.#wake(this.file?.waiters);
    this.#wake(this.#orphans);
    if (state === "crashed") return;
    const { seat } = this.#world;
    if (seat.incarnation === this.name) seat.incarnation = null;
    this.current = false;
    this.election.stop();
    this.file = null;
  }

  crawl(slowness: number): void {
    this.#world.note(`${this.name} is slowed by ${slowness}`);
    this.slowness = slowness;
    this.sinceMs = this.#world.nowMs;
  }

  #held(name: string): Presence {
    const node = this.#world.nodeOf(name);
    if (node === undefined || node.file === null) return "missing";
    return node.alive ? "held" : "free";
  }

  #ballot(): Ballot {
    const world = this.#world;
    return {
      me: this.name,
      seat: async () => {
        await this.#step(0, 3);
        const { incarnation, epoch } = world.seat;
        const current = world.nodeOf(incarnation)?.current ?? false;
        await this.#step(0, 1);
        return { incarnation, epoch, current };
      },
      take: async (epoch) => {
        await this.#step(0, 3);
        const won = world.seat.epoch === epoch ? this.#takeSeat() : null;
        await this.#step(0, 1);
        return won;
      },
      held: (name) => this.#held(name),
      pulseOf: (name) => world.nodeOf(name)?.file?.pulse ?? null,
      freed: (name) =>
        new Promise((done) => {
          const wake = (): void => this.after(world.between(0, 4), () => done("freed"));
          const file = world.nodeOf(name)?.file;
          if (this.#held(name) === "held") file?.waiters.push(wake);
          else wake();
        }),
      holdBackMs: () => Promise.resolve(this.old ? 30 : 0),
      sleep: (ms) => this.#step(ms, ms),
      leading: (epoch) => this.#lead(epoch),
      deposed: () => {},
    };
  }

  #takeSeat(): number {
    const { seat } = this.#world;
    const deposed = this.#world.nodeOf(seat.incarnation);
    this.onTake(deposed);
    seat.epoch += 1;
    seat.incarnation = this.name;
    seat.sinceMs = this.#world.nowMs;
    this.#world.note(`${this.name} leads in epoch ${seat.epoch}`);
    return seat.epoch;
  }

  /** Called inside the compare-and-swap, with whoever sat there. */
  onTake: (deposed: SimNode | undefined) => void = () => {};
  onLead: (epoch: number) => void = () => {};

  #lead(epoch: number): void {
    this.onLead(epoch);
    this.after(0, () => this.#duty(epoch));
  }

  /** What a leader does twice a second, each write fenced by its epoch: it ends the dead. */
  #duty(epoch: number): void {
    if (this.election.epoch !== epoch) return;
    this.after(TIMES.reapMs, () => this.#duty(epoch));
    if (this.#world.seat.epoch !== epoch) return void this.election.look();
    for (const node of this.#world.nodes) {
      if (node.state !== "crashed" || node.file === null) continue;
      node.current = false;
      node.file = null;
    }
  }
}
