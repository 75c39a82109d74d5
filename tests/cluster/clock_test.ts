// A clock that jumps ends nothing. The leader of this flock is a node in this very process, with a
// clock of the test's own; the others are real processes. The wall clock goes eight hours forth and
// back, then the machine seems to have slept for eight hours: nobody is reaped, no lease ends, and
// after a sleep everybody gets a grace period before what is due ends.

import { assertEquals } from "@std/assert";
import { LIMITS, Node, operationNamed } from "../../mod.ts";
import { eventually } from "../support/eventually.ts";
import type { Peer } from "../support/peer.ts";
import { type Flock, withFlock } from "./flock.ts";

const HOURS_8 = 8 * 3_600;

/** A clock that can be set, and that counts how often the duties have looked at it. */
class TestClock {
  wallOffsetMs = 0;
  upOffsetS = 0;
  looks = 0;

  wallMs(): number {
    return Date.now() + this.wallOffsetMs;
  }

  upS(): number {
    this.looks += 1;
    return Deno.osUptime() + this.upOffsetS;
  }

  /** Resolves when the leader's slow duties, which look at the clock, have run a few times. */
  async ticks(count: number): Promise<void> {
    const target = this.looks + count;
    await eventually(() => this.looks >= target, { withinMs: 10_000, what: "duties go on" });
  }
}

async function call(node: Node, name: string, input: unknown): Promise<Record<string, unknown>> {
  const operation = operationNamed(name);
  if (operation === undefined) throw new Error(`${name} is gone`);
  return { ...(await node.call(operation, input)).answer };
}

function leader(flock: Flock, clock: TestClock): Node {
  return new Node({
    home: flock.home,
    folder: flock.folder,
    name: "boss",
    settings: { messagesPerMinute: 1_000, leaseS: 600, stalledGraceS: 300 },
    clock,
  });
}

/** What the jump must leave as it is. */
function held(flock: Flock): unknown[] {
  return [
    flock.rows("SELECT name, state, incarnation FROM peer ORDER BY name"),
    flock.rows("SELECT id, status, claimed_by, claim_epoch FROM task ORDER BY n"),
    flock.rows("SELECT path, peer FROM lock ORDER BY path"),
    flock.rows("SELECT incarnation, epoch FROM leader"),
  ];
}

/** A server and a command line peer, each with a claim and a lock. */
async function members(flock: Flock, boss: Node): Promise<Peer> {
  const ann = await flock.join({ name: "ann" });
  await call(boss, "create_task", { tasks: [{ title: "one" }, { title: "two" }] });
  await ann.ok("claim_task", { id: "t1" });
  await ann.ok("lock_file", { paths: ["a.ts"] });
  for (const args of [["task", "claim", "t2"], ["file", "lock", "w.ts"]]) {
    const { code, stdout, stderr } = await flock.cli([...args, "--as", "w1"]);
    assertEquals(code, 0, stdout + stderr);
  }
  return ann;
}

const CASES: readonly [string, (flock: Flock, boss: Node, clock: TestClock) => Promise<void>][] = [
  ["promise 4: a wall clock that jumps eight hours forth and back ends nothing", wallJumps],
  ["promise 4: after eight hours of sleep there is a grace before leases end", sleeps],
  ["promise 4: a clock set back makes no lease immortal", setBack],
];

// Nodes keep their database open and an election waiting to the end of the process, and steps that
// run side by side cannot be told apart anyway: nothing for the sanitizers.
const LOOSE = { sanitizeOps: false, sanitizeResources: false, sanitizeExit: false };

Deno.test("promise 4: a clock that jumps", LOOSE, async (t) => {
  await Promise.all(CASES.map(([name, body]) =>
    t.step({
      name,
      ...LOOSE,
      fn: () =>
        withFlock(async (flock) => {
          const clock = new TestClock();
          const boss = leader(flock, clock);
          try {
            await boss.enter();
            assertEquals(flock.leader().name, "boss");
            await body(flock, boss, clock);
          } finally {
            await boss.leave();
          }
        }),
    })
  ));
});

async function wallJumps(flock: Flock, boss: Node, clock: TestClock): Promise<void> {
  const ann = await members(flock, boss);
  const before = held(flock);
  for (const hours of [8, -8]) {
    clock.wallOffsetMs = hours * 3_600_000;
    await clock.ticks(3);
    // Somebody new opens the store under the other time.
    const late = new TestClock();
    late.wallOffsetMs = clock.wallOffsetMs;
    const guest = leader(flock, late);
    await guest.enter();
    await guest.leave();
    assertEquals((await ann.ok("status")).tasks.in_progress, 2);
    assertEquals(held(flock).slice(1), before.slice(1), `after ${hours} h`);
    assertEquals(flock.count("SELECT count(*) FROM journal WHERE op = 'reap'"), 0);
  }
  assertEquals((await ann.ok("complete_task", { id: "t1", summary: "ok" })).status, "completed");
  const { code } = await flock.cli(["task", "complete", "t2", "ok", "--as", "w1"]);
  assertEquals(code, 0);
}

async function sleeps(flock: Flock, boss: Node, clock: TestClock): Promise<void> {
  const ann = await members(flock, boss);
  const before = held(flock);
  await clock.ticks(3);
  clock.upOffsetS = HOURS_8;
  clock.wallOffsetMs = HOURS_8 * 1_000;
  await clock.ticks(3);
  assertEquals(held(flock), before, "the sleep has ended something");
  assertEquals((await ann.ok("list_peers")).peers.length, 3);
  // Most of the grace later still nothing has ended, and a claim is as good as before.
  clock.upOffsetS += LIMITS.graceS / 2;
  await clock.ticks(2);
  assertEquals(held(flock), before, "the grace was too short");
  assertEquals((await ann.ok("complete_task", { id: "t1", summary: "ok" })).status, "completed");
}

async function setBack(flock: Flock, boss: Node, clock: TestClock): Promise<void> {
  await call(boss, "create_task", { title: "leased" });
  const { code } = await flock.cli(["task", "claim", "t1", "--as", "w1"], {
    env: { SKEIN_LEASE_S: "2" },
  });
  assertEquals(code, 0);
  clock.wallOffsetMs = -3_600_000;
  await eventually(async () => {
    const { task } = await call(boss, "claim_task", {});
    return (task as { id: string } | null)?.id === "t1";
  }, { withinMs: 6_000, what: "the lease ends on time" });
  assertEquals(flock.count("SELECT count(*) FROM journal WHERE op = 'reap'"), 1);
}
