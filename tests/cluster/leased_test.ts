// Peers without a process: whoever comes by the command line. They claim and lock like the others
// and keep it for a lease that any act renews; nothing but its end takes it from them, whether a
// leader is there to see to it or not. An agent's shell is the agent, and not the human.

import { assert, assertEquals } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { type Flock, type Ran, report, withFlock } from "./flock.ts";
import { shownIn } from "./mail.ts";

interface Answer {
  readonly id?: string;
  readonly task?: { readonly id: string; readonly created_by: string } | null;
  readonly epoch?: number;
  readonly reason?: string;
  readonly granted?: readonly string[];
  readonly status?: string;
  readonly you?: { readonly name: string; readonly role: string };
  readonly messages?: readonly { readonly content: string; readonly from: string }[];
  readonly error?: { readonly code: string };
}

/** `skein ... --as NAME`, with a lease of so many seconds. */
async function as(flock: Flock, name: string, args: string[], leaseS = 60): Promise<Ran<Answer>> {
  return await flock.cli<Answer>([...args, "--as", name], {
    env: { SKEIN_LEASE_S: String(leaseS) },
  });
}

async function done(ran: Promise<Ran<Answer>>): Promise<Answer> {
  const { code, json, stdout, stderr } = await ran;
  assertEquals(code, 0, stdout + stderr);
  return json;
}

Deno.test("promise 2: command line calls claim, lock and complete as one peer", async () => {
  await withFlock(async (flock) => {
    const boss = await flock.join({ name: "boss" });
    await boss.ok("create_task", { tasks: [{ title: "one" }, { title: "two" }] });
    const claimed = await done(as(flock, "w1", ["task", "claim"]));
    assertEquals([claimed.task?.id, claimed.epoch], ["t1", 1]);
    assertEquals((await done(as(flock, "w1", ["file", "lock", "a.ts", "b.ts"]))).granted, [
      "a.ts",
      "b.ts",
    ]);
    assertEquals((await boss.call("claim_task", { id: "t1" })).json.error.code, "TASK_TAKEN");
    assertEquals((await boss.call("lock_file", { paths: ["a.ts"] })).json.error.code, "LOCK_HELD");
    const taken = await as(flock, "w2", ["task", "claim", "t1"]);
    assertEquals([taken.code, taken.json.error?.code], [4, "TASK_TAKEN"]);
    const stale = await as(flock, "w1", ["task", "complete", "t1", "done", "--epoch", "7"]);
    assertEquals([stale.code, stale.json.error?.code], [4, "STALE_EPOCH"]);
    assertEquals(
      (await done(as(flock, "w1", ["task", "complete", "t1", "done"]))).status,
      "completed",
    );
    const { peers } = await boss.ok("list_peers");
    const states = peers.map((peer: { name: string; state: string }) => [peer.name, peer.state]);
    assertEquals(states.sort(), [["boss", "live"], ["w1", "leased"], ["w2", "leased"]]);
  });
});

Deno.test("promise 4: a lease that ends frees what was held, by the leader's hand", async () => {
  await withFlock(async (flock) => {
    const boss = await flock.join({ name: "boss" });
    await boss.ok("create_task", { title: "leased" });
    await done(as(flock, "w1", ["task", "claim"], 2));
    await done(as(flock, "w1", ["file", "lock", "a.ts"], 2));
    const startMs = performance.now();
    assertEquals((await boss.call("claim_task", { id: "t1" })).json.error.code, "TASK_TAKEN");
    await eventually(async () => (await boss.ok("claim_task")).task?.id === "t1", {
      withinMs: 6_000,
      what: "the task is free",
    });
    report("free after a lease of 2 s", performance.now() - startMs);
    assertEquals((await boss.ok("lock_file", { paths: ["a.ts"] })).granted, ["a.ts"]);
    const late = await as(flock, "w1", ["task", "complete", "t1", "too late"], 2);
    assertEquals(late.code, 4, late.stdout);
    assertEquals(flock.count("SELECT count(*) FROM task WHERE status = 'completed'"), 0);
  });
});

Deno.test("promise 4: any act renews a lease", async () => {
  await withFlock(async (flock) => {
    const boss = await flock.join({ name: "boss" });
    await boss.ok("create_task", { title: "renewed" });
    await done(as(flock, "w1", ["task", "claim"], 3));
    const startMs = performance.now();
    // Twice the lease and more, with acts that only look and acts that write.
    for (let n = 0; performance.now() - startMs < 5_500; n++) {
      await done(as(flock, "w1", n % 2 === 0 ? ["status"] : ["check"], 3));
      assertEquals((await boss.call("claim_task", { id: "t1" })).json.error?.code, "TASK_TAKEN");
      await eventually(() => performance.now() - startMs > n * 1_000, { withinMs: 2_000 });
    }
    assertEquals(
      (await done(as(flock, "w1", ["task", "complete", "t1", "ok"], 3))).status,
      "completed",
    );
  });
});

const WANTED: readonly [string, string[]][] = [
  ["the task by its id", ["task", "claim", "t1"]],
  ["any task", ["task", "claim"]],
];

for (const [what, claim] of WANTED) {
  Deno.test(`promise 4: without a leader a lease ends for whoever wants ${what}`, async () => {
    await withFlock(async (flock) => {
      await done(flock.cli<Answer>(["task", "create", "leaderless"]));
      assertEquals((await done(as(flock, "w1", ["task", "claim"], 1))).task?.id, "t1");
      await done(as(flock, "w1", ["file", "lock", "a.ts"], 1));
      await eventually(async () => {
        const { json } = await as(flock, "w2", claim);
        return json.task?.id === "t1";
      }, { withinMs: 6_000, what: `w2 gets ${what}` });
      assertEquals((await done(as(flock, "w2", ["file", "lock", "a.ts"]))).granted, ["a.ts"]);
      assertEquals(flock.leader().incarnation, null);
    });
  });
}

Deno.test("list_peers, send: whose lease is over is not here, also where nobody leads", async () => {
  await withFlock(async (flock) => {
    await done(as(flock, "w1", ["join"], 3));
    const peers = async (): Promise<string[]> =>
      (await flock.cli<{ peers: { name: string }[] }>(["peer", "list"])).json.peers
        .map(({ name }) => name);
    assertEquals(await peers(), ["w1"]);
    await eventually(async () => (await peers()).length === 0, { withinMs: 6_000 });
    const sent = await flock.cli<Answer>(["send", "worker", "anybody?"]);
    assertEquals([sent.code, sent.json.error?.code], [2, "UNKNOWN_PEER"]);
    const all = await flock.cli<Answer>(["send", "*", "anybody?"]);
    assertEquals(all.json.error?.code, "UNKNOWN_PEER");
    assertEquals(flock.leader().incarnation, null);
  });
});

Deno.test("promise 4: without a leader a dead server's task is there for whoever asks", async () => {
  await withFlock(async (flock) => {
    const ann = await flock.join({ name: "ann" });
    await ann.ok("create_task", { tasks: [{ title: "one" }, { title: "two" }] });
    await ann.ok("claim_task", { id: "t1" });
    await ann.ok("claim_task", { id: "t2" });
    await ann.kill();
    assertEquals((await done(as(flock, "w1", ["task", "claim"]))).task?.id, "t1");
    assertEquals((await done(as(flock, "w1", ["task", "claim", "t2"]))).task?.id, "t2");
  });
});

Deno.test("node: the command line is the operator, or the agent in whose shell it runs", async () => {
  await withFlock(async (flock) => {
    const session = { clientName: "claude-code", session: "shell-of-an-agent" };
    const agent = await flock.start(session);
    const { you } = await agent.ok("join");
    const made = await done(flock.cli<Answer>(["task", "create", "by the human"]));
    const task = (await done(flock.cli<Answer>(["task", "get", made.id ?? ""]))).task;
    assertEquals(task?.created_by, "operator");
    // The operator is in no roster and takes nobody's seat.
    assertEquals((await agent.ok("list_peers")).peers.length, 1);
    const shell = (args: string[]): Promise<Answer> =>
      done(flock.cli<Answer>(args, { session: session.session }));
    assertEquals((await shell(["join"])).you?.name, you.name);
    await agent.ok("claim_task", { id: made.id });
    assertEquals(
      (await shell(["task", "complete", made.id ?? "", "in my shell"])).status,
      "completed",
    );
    assertEquals((await agent.call("status")).isError, false, "the shell has fenced its agent");
    const lock = await shell(["file", "lock", "a.ts"]);
    assertEquals(lock.granted, ["a.ts"]);
    assertEquals((await agent.ok("list_locks")).locks[0].holder, you.name);
    // The agent ends: what its shell locked was the agent's, and goes with it.
    const other = await flock.join({ name: "other" });
    await agent.kill();
    await eventually(async () => (await other.ok("list_locks")).locks.length === 0);
    // A session that nobody has joined with is somebody of its own, not the human.
    const stranger = await done(flock.cli<Answer>(["join"], { session: "never-seen" }));
    assert(stranger.you?.name !== "operator");
    assertEquals(stranger.you?.role, "worker");
  });
});

Deno.test("promise 3: mail waits for a peer without a process and is printed once", async () => {
  await withFlock(async (flock) => {
    const boss = await flock.join({ name: "boss" });
    await done(as(flock, "w1", ["join"]));
    const { id } = await boss.ok("send", { to: "w1", content: "for your next call" });
    assertEquals((await boss.ok("check", { id })).deliveries[0].state, "queued");
    const { messages } = await done(as(flock, "w1", ["check"]));
    assertEquals(messages?.map(({ content, from }) => [content, from]), [
      ["for your next call", "boss"],
    ]);
    assertEquals((await boss.ok("check", { id })).deliveries[0].state, "offered");
    assertEquals((await done(as(flock, "w1", ["check"]))).messages, []);
    assertEquals((await boss.ok("check", { id })).deliveries[0].state, "seen");
    const waiting = as(flock, "w1", ["check", "--wait-ms", "20000"]);
    const back = await boss.ok("send", { to: "w1", content: "while it waits" });
    assertEquals((await done(waiting)).messages?.map(({ content }) => content), ["while it waits"]);
    assertEquals((await boss.ok("check", { id: back.id })).deliveries[0].state, "offered");
    const empty = await as(flock, "w1", ["check", "--wait-ms", "100"]);
    assertEquals([empty.code, empty.json.messages], [3, []]);
  });
});

Deno.test("promise 3: what an agent reads in its shell counts as read by the agent", async () => {
  await withFlock(async (flock) => {
    const session = { clientName: "claude-code", session: "reads-in-its-shell" };
    const boss = await flock.join({ name: "boss" });
    const agent = await flock.start(session);
    const { you } = await agent.ok("join");
    const { id } = await boss.ok("send", { to: you.name, content: "read in the shell" });
    const shell = await done(flock.cli<Answer>(["check"], { session: session.session }));
    assertEquals(shell.messages?.map(({ content }) => content), ["read in the shell"]);
    assertEquals(shownIn(await agent.call("check")), [], "it was shown to the agent twice");
    await eventually(async () => {
      await agent.ok("status");
      return (await boss.ok("check", { id })).deliveries[0].state === "seen";
    }, { withinMs: 2_000, what: "the agent went on: seen" });
  });
});
