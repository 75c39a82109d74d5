// Hundreds of flocks on a virtual clock, each drawn from a seed: processes that crash, stop, crawl,
// leave and join while the wall clock jumps and the machine sleeps. After every single event the
// promises about leading are checked. The failing seed is in the error; run it alone with
// `SEED=n deno test -A --filter simulation tests/simulation`.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { TIMES } from "../../src/core/limits.ts";
import type { Presence } from "../../src/core/transaction.ts";
import type { Seat } from "../../src/node/election.ts";
import { eventually } from "../support/eventually.ts";
import { type SimNode, World } from "../support/flock_world.ts";
import { Stage } from "../support/stage.ts";

const SEEDS = 500;
const VIRTUAL_MS = 90_000;
/** Take-over after a death: the waiter wakes, reads, takes; an old version holds back first. */
const DEAD_MS = 100;
const LEFT_MS = 1_500;
/** Who had no part in a change of leader hears of it at its next tick, which may stand for several. */
const HEARD_MS = TIMES.quietTicks * TIMES.tickMs + 100;
const STOPPED_MS = 15_000;
/** Nobody is usurped before its pulse has stood still for ten looks of a second. */
const STALL_MS = 9_000;
/** From a look at the seat to the swap that follows from it. */
const DECIDED_MS = 50;
/** A running node learns within a tick that it leads no more. */
const STALE_MS = 1_500;

class Promises {
  readonly #world: World;
  readonly #epochs = new Map<string, number>();
  #broken: Error | null = null;
  takes = 0;
  usurped = 0;
  /** When the seat was last given up, and when the machine last woke up. */
  vacantMs = 0;
  wokenMs = 0;

  constructor(world: World) {
    this.#world = world;
    world.check = () => this.#check();
  }

  watch(node: SimNode): void {
    node.onTake = (deposed) => this.#taken(node, deposed);
    node.onLead = (epoch) => this.#leads(node, epoch);
  }

  /** Kept as well, since what is thrown inside of the election may be caught there. */
  #fail(what: string): never {
    const last = this.#world.trace.slice(-25).join("\n");
    this.#broken ??= new Error(`at ${this.#world.nowMs} ms: ${what}\n${last}`);
    throw this.#broken;
  }

  /** Nobody alive is usurped while its pulse goes on. */
  #taken(by: SimNode, deposed: SimNode | undefined): void {
    this.takes += 1;
    if (deposed === undefined || !deposed.alive) return;
    this.usurped += 1;
    const silentMs = this.#world.nowMs - deposed.lastPulseMs;
    // It may come back between the look that condemned it and the swap: fenced, not harmed.
    const cameBack = silentMs < DECIDED_MS && deposed.silenceMs >= STALL_MS;
    // Whose file somebody keeps removing cannot be seen living: fenced, not harmed.
    const hidden = this.#world.nowMs - deposed.hiddenAtMs < STALL_MS;
    if (silentMs < STALL_MS && !cameBack && !hidden) {
      this.#fail(`${by.name} usurps ${deposed.name}, whose pulse was ${silentMs} ms ago`);
    }
  }

  /** Each epoch has one leader, and nobody's epochs go back. */
  #leads(node: SimNode, epoch: number): void {
    const other = this.#world.leaders.get(epoch);
    if (other !== undefined) this.#fail(`${node.name} and ${other} both lead in epoch ${epoch}`);
    if (epoch <= (this.#epochs.get(node.name) ?? 0)) this.#fail(`${node.name}'s epoch went back`);
    this.#world.leaders.set(epoch, node.name);
    this.#epochs.set(node.name, epoch);
  }

  #check(): void {
    if (this.#broken !== null) throw this.#broken;
    const { seat, nowMs, nodes } = this.#world;
    for (const node of nodes) {
      const { epoch } = node.election;
      if (epoch === null || !node.alive) continue;
      if (epoch === seat.epoch && seat.incarnation !== node.name) {
        this.#fail(`${node.name} believes that it leads in the epoch of ${seat.incarnation}`);
      }
      const steady = node.state === "running" && node.slowness === 1;
      const staleMs = nowMs - Math.max(node.sinceMs, seat.sinceMs);
      if (steady && epoch !== seat.epoch && staleMs > STALE_MS) {
        this.#fail(`${node.name} has not noticed for ${staleMs} ms that it leads no more`);
      }
    }
    this.#checkLiveness();
  }

  /** While somebody steady looks on, a dead, stopped or missing leader is replaced in time. */
  #checkLiveness(): void {
    const { seat, nowMs, nodes } = this.#world;
    const leader = this.#world.nodeOf(seat.incarnation);
    if (leader?.state === "running") return;
    const boundMs = leader === undefined || leader.state === "left"
      ? LEFT_MS
      : leader.state === "crashed"
      // Whoever did not take part in the change of leader hears of it at its next tick.
      ? DEAD_MS + Math.max(0, seat.sinceMs + HEARD_MS - leader.sinceMs)
      : STOPPED_MS;
    // After a sleep nobody knows how long the others have been silent: the count starts again.
    const downMs = leader === undefined
      ? Math.max(this.vacantMs, seat.sinceMs)
      : Math.max(leader.sinceMs, seat.sinceMs, leader.state === "stopped" ? this.wokenMs : 0);
    for (const node of nodes) {
      if (node.state !== "running" || node.slowness !== 1) continue;
      const lookedOnMs = nowMs - Math.max(node.sinceMs, downMs);
      if (lookedOnMs > boundMs) {
        this.#fail(`${node.name} has looked at ${leader?.name ?? "nobody"} for ${lookedOnMs} ms`);
      }
    }
  }
}

/** One thing that happens to the flock. */
function disturb(world: World, promises: Promises): void {
  const running = world.nodes.filter((node) => node.state === "running");
  const leader = world.nodeOf(world.seat.incarnation);
  const some = running[world.between(0, running.length - 1)];
  const target = world.random() < 0.6 && leader?.state === "running" ? leader : some;
  const stopped = world.nodes.filter((node) => node.state === "stopped");
  const dice = world.between(0, 99);
  if (target === undefined || running.length < 2 || dice < 15) {
    promises.watch(world.start());
  } else if (dice < 35 && target.file !== null) {
    target.turn("crashed");
  } else if (dice < 55 && target.file !== null) {
    target.turn("stopped");
    const pauseMs = world.between(50, 40_000);
    world.at(pauseMs, () => target.state === "stopped" && target.turn("running"));
  } else if (dice < 62 && stopped[0] !== undefined) {
    stopped[0].turn("running");
  } else if (dice < 70) {
    target.crawl(target.slowness === 1 ? world.between(2, 4) : 1);
  } else if (dice < 80) {
    world.wallOffsetMs += world.between(-100_000_000, 100_000_000);
    world.note("the wall clock jumps");
  } else if (dice < 88) {
    const sleptMs = world.between(1_000, 40_000_000);
    promises.wokenMs = world.nowMs;
    world.wallOffsetMs += sleptMs;
    // Some systems count sleep on their monotonic clock, some do not.
    if (world.random() < 0.5) world.monotonicOffsetMs += sleptMs;
    world.note(`the machine sleeps for ${sleptMs} ms`);
  } else if (dice < 95 && target.file !== null) {
    target.removeFile();
  } else {
    if (target === leader) promises.vacantMs = world.nowMs;
    target.turn("left");
  }
  world.at(world.between(100, 9_000), () => disturb(world, promises));
}

async function simulate(seed: number): Promise<{ world: World; promises: Promises }> {
  const world = new World(seed);
  const promises = new Promises(world);
  const size = world.between(5, 30);
  for (let i = 0; i < size; i++) {
    world.at(world.between(0, 2_000), () => promises.watch(world.start()));
  }
  world.at(3_000, () => disturb(world, promises));
  try {
    await world.run(VIRTUAL_MS);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Error(`SEED=${seed} ${why}`, { cause: thrown });
  }
  return { world, promises };
}

Deno.test("Election simulation: one leader at a time, never none for long, for any seed", async () => {
  const only = Deno.env.get("SEED");
  const seeds = only === undefined ? Array.from({ length: SEEDS }, (_, i) => i) : [Number(only)];
  let [takes, usurped, resumed] = [0, 0, 0];
  for (const seed of seeds) {
    const { world, promises } = await simulate(seed);
    takes += promises.takes;
    usurped += promises.usurped;
    resumed += world.trace.filter((line) => line.endsWith(" running")).length;
  }
  // A simulation in which nothing happens would hold every promise.
  if (only === undefined) assert(takes > 4 * SEEDS && usurped > SEEDS / 8 && resumed > SEEDS);
});

Deno.test("Election simulation: a seed repeats itself exactly", async () => {
  const [one, two] = [await simulate(7), await simulate(7)];
  assertEquals(one.world.trace, two.world.trace);
  assert((await simulate(8)).world.trace.join() !== one.world.trace.join());
});

Deno.test("Election: a seat is open when it is empty, left or its holder dead; missing is unknown", async () => {
  const table: readonly [string, Partial<Seat>, Presence, boolean][] = [
    ["empty", { incarnation: null }, "missing", true],
    ["left", { current: false }, "missing", true],
    ["dead", {}, "free", true],
    ["alive", {}, "held", false],
    ["unknown", {}, "missing", false],
  ];
  for (const [what, seat, presence, open] of table) {
    const stage = new Stage();
    stage.now = { ...stage.now, ...seat };
    stage.presence = presence;
    await stage.election.look();
    assertEquals(
      [stage.election.epoch, stage.events],
      open ? [2, ["leading 2"]] : [null, []],
      what,
    );
  }
});

Deno.test("Election: whoever lost the seat steps down once, and can win it again", async () => {
  const stage = new Stage();
  stage.presence = "free";
  await stage.election.look();
  stage.now = { incarnation: "other", epoch: 3, current: true };
  stage.presence = "held";
  await stage.ticks(3);
  stage.presence = "free";
  await stage.election.look();
  assertEquals(stage.events, ["leading 2", "deposed", "leading 4"]);
  stage.election.stop();
  await stage.election.look();
  assertEquals([stage.events.at(-1), stage.election.epoch], ["deposed", null]);
});

Deno.test("Election: an older version lets others go first, and stops in the middle", async () => {
  for (const end of ["others", "stop", "nobody"]) {
    const stage = new Stage();
    const { promise, resolve } = Promise.withResolvers<void>();
    [stage.presence, stage.holdBack, stage.taking] = ["free", 30, promise];
    const looking = stage.election.look();
    await eventually(() => stage.sleeping);
    if (end === "others") stage.now = { incarnation: "newer", epoch: 2, current: true };
    if (end === "stop") stage.election.stop();
    resolve();
    await looking;
    assertEquals(stage.takes, end === "nobody" ? [1] : [], end);
  }
});

Deno.test("Election: a take that fails is tried again at the next look", async () => {
  const stage = new Stage();
  stage.presence = "free";
  stage.taking = Promise.reject(new Error("busy"));
  await assertRejects(() => stage.election.look(), Error, "busy");
  stage.taking = Promise.resolve();
  await stage.election.tick(false);
  assertEquals(stage.election.epoch, 2);
});

Deno.test("Election: a leader whose presence vanished with it is replaced within 15 s", async () => {
  const stage = new Stage();
  [stage.presence, stage.pulse] = ["missing", null];
  await stage.ticks(4);
  assertEquals(stage.election.epoch, null, "its next pulse would make the file again");
  await stage.ticks(11);
  assertEquals(stage.election.epoch, 2, "fifteen seconds without file and pulse");
});

Deno.test("Election: a leader is silent for ten ticks in a row before it is usurped", async () => {
  const stage = new Stage();
  await stage.ticks(10);
  await stage.election.tick(true);
  await stage.ticks(9);
  stage.pulse = 2;
  await stage.ticks(10);
  assertEquals(stage.takes, [], "a late tick and a pulse each start the count again");
  await stage.ticks(1);
  assertEquals(stage.events, ["leading 2"]);
});

Deno.test("Election: looks that piled up behind a busy store are no ten seconds of silence", async () => {
  const stage = new Stage();
  const { promise, resolve } = Promise.withResolvers<void>();
  [stage.presence, stage.taking] = ["free", promise];
  const piled = Array.from({ length: 10 }, () => stage.election.tick(false));
  await eventually(() => stage.takes.length === 1);
  // Somebody else was faster; its pulse is seen for the first time when the store lets go.
  stage.now = { incarnation: "winner", epoch: 2, current: true };
  stage.presence = "held";
  resolve();
  await Promise.all(piled);
  await stage.ticks(2);
  assertEquals([stage.takes, stage.election.epoch], [[1], null]);
});

Deno.test("Election: waits once for each life, however often the seat moves", async () => {
  const stage = new Stage();
  for (let epoch = 1; epoch <= 10; epoch++) {
    stage.now = { incarnation: epoch % 2 === 0 ? "a" : "b", epoch, current: true };
    await stage.election.look();
  }
  assertEquals(stage.waits.sort(), ["a", "b"], "each wait is a thread that nothing cancels");
});
