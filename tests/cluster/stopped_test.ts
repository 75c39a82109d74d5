// Processes that stand still. The kernel says that they live, so nobody may reap them, and their
// pulse says that they do not react. Each of these takes the ten seconds that it takes to be sure,
// so they run side by side, each in a flock of its own.

import { assert, assertEquals } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { startHolder } from "../support/holder.ts";
import type { Peer, Reply } from "../support/peer.ts";
import { type Flock, type Leader, report, withFlock } from "./flock.ts";

const CASES: readonly [string, (flock: Flock) => Promise<void>][] = [
  ["promise 4: a stopped worker is stalled, keeps its claim and recovers", stoppedWorker],
  ["promise 4: after the grace a stalled worker is taken over, fenced", takenOver],
  [
    "promise 4: a live worker whose presence file vanished is not dead, and makes it again",
    vanished,
  ],
  [
    "promise 5: a stopped leader is followed within 15 s and steps down without writing",
    stoppedLeader,
  ],
  ["promise 5: a leader that dies after its presence file vanished is followed", vanishedLeader],
  ["promise 5: a process stopped inside a transaction: STORE_BUSY after 10 s", stoppedWriter],
];

Deno.test({
  name: "promises 4 and 5: processes that stand still",
  // Steps that run side by side cannot be told apart by the sanitizers.
  sanitizeOps: false,
  sanitizeResources: false,
  sanitizeExit: false,
  fn: async (t) => {
    const steps = CASES.map(([name, body]) =>
      t.step({
        name,
        sanitizeOps: false,
        sanitizeResources: false,
        sanitizeExit: false,
        fn: () => withFlock(body),
      })
    );
    await Promise.all(steps);
  },
});

async function stateOf(asker: Peer, name: string): Promise<string> {
  const { peers } = await asker.ok("list_peers");
  return peers.find((peer: { name: string }) => peer.name === name)?.state ?? "gone";
}

function untilState(asker: Peer, name: string, state: string): Promise<unknown> {
  return eventually(async () => await stateOf(asker, name) === state, {
    withinMs: 20_000,
    what: `${name} is ${state}`,
  });
}

function errorOf(reply: Reply): string {
  return reply.json.error?.code ?? "done";
}

async function stoppedWorker(flock: Flock): Promise<void> {
  const [boss, ann, ben] = await flock.joinAll("boss", "ann", "ben");
  if (!boss || !ann || !ben) throw new Error("nobody joined");
  const { id } = await boss.ok("create_task", { title: "slow work" });
  const { epoch } = await ann.ok("claim_task", { id });
  await ann.ok("lock_file", { paths: ["slow.ts"] });
  const startMs = performance.now();
  ann.signal("SIGSTOP");
  await untilState(boss, "ann", "stalled");
  report("a stopped worker is called stalled", performance.now() - startMs);
  const { attention } = await boss.ok("status");
  assert(attention.some((one: { kind: string }) => one.kind === "stalled"));
  assertEquals(errorOf(await ben.call("claim_task", { id })), "TASK_TAKEN");
  assertEquals(errorOf(await ben.call("lock_file", { paths: ["slow.ts"] })), "LOCK_HELD");
  // What is sent to it meanwhile waits for it.
  const sent = await boss.ok("send", { to: "ann", content: "are you there?" });
  await eventually(() => performance.now() - startMs > 12_000, { withinMs: 15_000 });
  assertEquals(await stateOf(boss, "ann"), "stalled");
  ann.signal("SIGCONT");
  await untilState(boss, "ann", "live");
  const { task } = await ann.ok("get_task", { id });
  assertEquals([task.claimed_by, task.epoch], ["ann", epoch]);
  const done = await ann.ok("complete_task", { id, summary: "slow, but done" });
  assertEquals(done.status, "completed");
  await eventually(async () => {
    await ann.ok("status");
    return (await boss.ok("check", { id: sent.id })).deliveries[0].state === "seen";
  }, { what: "it has read its mail" });
  assertEquals(flock.count("SELECT count(*) FROM journal WHERE op = 'reap'"), 0);
}

async function takenOver(flock: Flock): Promise<void> {
  const boss = await flock.join({ name: "boss" });
  const ann = await flock.join({ name: "ann" });
  const ben = await flock.join({ name: "ben", env: { SKEIN_STALLED_S: "1" } });
  const { id } = await boss.ok("create_task", { title: "taken over" });
  await ann.ok("claim_task", { id });
  await ann.ok("lock_file", { paths: ["taken.ts"] });
  ann.signal("SIGSTOP");
  const startMs = performance.now();
  await eventually(async () => !(await ben.call("claim_task", { id })).isError, {
    withinMs: 20_000,
    what: "ben takes the task over",
  });
  report("taken over with a grace of 1 s", performance.now() - startMs);
  assertEquals((await ben.ok("lock_file", { paths: ["taken.ts"] })).granted, ["taken.ts"]);
  ann.signal("SIGCONT");
  for (const args of [{ progress: "on I go" }, { action: "release" }]) {
    assertEquals(errorOf(await ann.call("update_task", { id, ...args })), "STALE_EPOCH");
  }
  assertEquals(errorOf(await ann.call("complete_task", { id, summary: "mine" })), "STALE_EPOCH");
  assertEquals(errorOf(await ann.call("lock_file", { paths: ["taken.ts"] })), "LOCK_HELD");
  assertEquals(errorOf(await ann.call("unlock_file", { paths: ["taken.ts"] })), "LOCK_NOT_YOURS");
  assertEquals((await ben.ok("complete_task", { id, summary: "ben's" })).status, "completed");
}

async function vanished(flock: Flock): Promise<void> {
  const [boss, ann, ben] = await flock.joinAll("boss", "ann", "ben");
  if (!boss || !ann || !ben) throw new Error("nobody joined");
  const { id } = await boss.ok("create_task", { title: "work" });
  await ann.ok("claim_task", { id });
  const files = ["boss", "ann"].map((name) => flock.presenceFile(name));
  const leader = flock.leader();
  for (const file of files) Deno.removeSync(file);
  for (const file of files) {
    await eventually(() => Deno.statSync(file).isFile, { withinMs: 8_000, what: "it is back" });
    assertEquals(errorOf(await ben.call("claim_task", { id })), "TASK_TAKEN");
  }
  assertEquals((await ben.ok("list_peers")).peers.length, 3);
  assertEquals(flock.leader(), leader, "the leader lives and leads");
  assertEquals(flock.count("SELECT count(*) FROM journal WHERE op = 'reap'"), 0);
  // The new file is as good as the old one: its owner's death shows.
  await ann.kill();
  await eventually(async () => !(await ben.call("claim_task", { id })).isError, {
    withinMs: 2_000,
  });
  await boss.kill();
  assertEquals((await flock.nextLeader(leader, 2_000)).name, "ben");
}

async function stoppedLeader(flock: Flock): Promise<void> {
  const [ann, ben, cyd] = await flock.joinAll("ann", "ben", "cyd");
  if (!ann || !ben || !cyd) throw new Error("nobody joined");
  const old = flock.leader();
  assertEquals(old.name, "ann");
  ann.signal("SIGSTOP");
  const next = await flock.nextLeader(old, 20_000);
  report("another leads after SIGSTOP of the leader", next.tookMs);
  assert(next.tookMs < 15_500, `it took ${next.tookMs} ms`);
  const seq = flock.count("SELECT max(seq) FROM journal");
  ann.signal("SIGCONT");
  assertEquals((await ann.ok("status")).leader.name, next.name);
  // A full round of everybody's duties and pulses after it went on.
  const pulse = Deno.statSync(flock.presenceFile("ann")).mtime?.getTime() ?? 0;
  await eventually(() => Deno.statSync(flock.presenceFile("ann")).mtime?.getTime() !== pulse, {
    withinMs: 8_000,
  });
  const { tookMs: _, ...row } = next;
  assertEquals<Leader>(flock.leader(), row, "the leader row");
  const written = flock.rows<{ actor: string; op: string }>(
    "SELECT actor, op FROM journal WHERE seq > ? AND op NOT IN ('stalled', 'recovered')",
    seq,
  );
  assertEquals(written, [], "somebody wrote");
  // It is a follower like any other now, and may lead again.
  for (const [peer, name] of [[ben, "ben"], [cyd, "cyd"]] as const) {
    if (name !== next.name) await peer.kill();
  }
  await (next.name === "ben" ? ben : cyd).kill();
  assertEquals((await flock.nextLeader(row, 2_000)).name, "ann");
}

async function vanishedLeader(flock: Flock): Promise<void> {
  const [ann, ben] = await flock.joinAll("ann", "ben");
  if (!ann || !ben) throw new Error("nobody joined");
  const old = flock.leader();
  assertEquals(old.name, "ann");
  Deno.removeSync(flock.presenceFile("ann"));
  await ann.kill();
  const next = await flock.nextLeader(old, 20_000);
  report("another leads after the leader died without its file", next.tookMs);
  assertEquals(next.name, "ben");
}

async function stoppedWriter(flock: Flock): Promise<void> {
  const [ann, ben, cyd] = await flock.joinAll("ann", "ben", "cyd");
  if (!ann || !ben || !cyd) throw new Error("nobody joined");
  const shell = ["check", "--as", "w1"];
  await flock.cli(shell);
  await ann.ok("send", { to: "w1", content: "to be printed" });
  await ben.ok("lock_file", { paths: ["held.ts"] });
  const waitMs = 4_000;
  const waiting = ann.call("lock_file", { paths: ["held.ts"], wait_ms: waitMs });
  await eventually(() => flock.count("SELECT count(*) FROM lock_wait") === 1);
  const holder = await startHolder("write", flock.database);
  try {
    Deno.kill(holder.child.pid, "SIGSTOP");
    const startMs = performance.now();
    const tookMs = (): number => performance.now() - startMs;
    const refusedWrites = [
      ...[ann, ann, ann, ben].map((peer) => peer.call("create_task", { title: "not now" })),
      ann.call("send", { to: "ben", content: "not now" }),
    ].map(async (call) => {
      const reply = await call;
      assertEquals(errorOf(reply), "STORE_BUSY", reply.text);
      return tookMs();
    });
    const command = flock.cli<{ error?: { code: string } }>(["task", "create", "not now"])
      .then(({ code, json }) => assertEquals([code, json.error?.code], [1, "STORE_BUSY"]));
    const printed = flock.cli<{ messages: { content: string }[] }>(shell).then(({ code, json }) => {
      assertEquals(json.messages.map(({ content }) => content), ["to be printed"]);
      assertEquals(code, 0, "what was printed has not failed");
    });
    // Reading goes on; and who leaves does not wait.
    assertEquals((await ben.ok("status")).peers.length, 4);
    assertEquals((await ann.ok("list_tasks")).tasks, []);
    const readMs = tookMs();
    assert(readMs < 3_000, `reads took ${readMs} ms`);
    await cyd.close();
    assert(tookMs() - readMs < 2_000, `leaving took ${tookMs() - readMs} ms`);
    const took = await Promise.all(refusedWrites);
    await Promise.all([command, printed]);
    assertEquals(errorOf(await waiting), "STORE_BUSY");
    assert(tookMs() < 13_000 + waitMs, `who waited for a lock gave up after ${tookMs()} ms`);
    report("writes refused while a writer is stopped", ...took);
    assert(Math.min(...took) > 9_000, `refused after ${took}`);
    assert(Math.max(...took) < 13_000, `they give up after 10 s: ${took.map(Math.round)}`);
    Deno.kill(holder.child.pid, "SIGCONT");
  } finally {
    await holder.end();
  }
  assertEquals(flock.count("SELECT count(*) FROM task"), 0);
  assertEquals(flock.count("SELECT count(*) FROM message"), 1);
  assertEquals((await ann.ok("create_task", { title: "now" })).id, "t1");
  // The one that could not say goodbye is found out.
  await eventually(async () => (await ben.ok("list_peers")).peers.length === 3);
}
