// Death with an assignee: what was assigned to somebody who died at it is anybody's within two seconds,
// comes back with who comes back, and is told where it waits for nobody who is here. The last death of
// a task is told as what it is, also by whoever met it where nobody leads.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { LIMITS } from "../../mod.ts";
import { eventually } from "../support/eventually.ts";
import type { Peer } from "../support/peer.ts";
import { type Flock, report, withFlock } from "./flock.ts";

interface Answer {
  readonly task?: { readonly id: string } | null;
  readonly reason?: string;
  readonly attention?: readonly { readonly kind: string; readonly subject: string; text: string }[];
  readonly messages?: readonly { readonly content: string }[];
  readonly error?: { readonly code: string; readonly message: string };
}

async function as(flock: Flock, name: string, args: string[], leaseS = 60): Promise<Answer> {
  const env = { SKEIN_LEASE_S: String(leaseS) };
  return (await flock.cli<Answer>([...args, "--as", name], { env })).json;
}

async function kinds(peer: Peer): Promise<string[]> {
  const { attention } = await peer.ok("status");
  return attention.map((one: { kind: string; subject: string }) => `${one.kind} ${one.subject}`);
}

Deno.test("promise 4: a task assigned to a worker that died at it is anybody's within 2 s", async () => {
  await withFlock(async (flock) => {
    const [boss, ann, ben] = await flock.joinAll("boss", "ann", "ben");
    if (!boss || !ann || !ben) throw new Error("nobody joined");
    const { id } = await boss.ok("create_task", { title: "ann's", assign_to: "ann" });
    await boss.ok("create_task", { title: "ann's next", assign_to: "ann" });
    await ann.ok("claim_task", { id });
    assertEquals((await ben.call("claim_task", { id })).json.error.code, "TASK_TAKEN");
    const startMs = performance.now();
    await ann.kill();
    await eventually(async () => (await ben.ok("claim_task")).task?.id === id, {
      withinMs: 10_000,
      what: "ben gets the task",
    });
    const tookMs = performance.now() - startMs;
    report("a dead assignee's task", tookMs);
    assert(tookMs < 2_000, `it took ${tookMs} ms`);
    // What it had not begun waits for it, and for whoever decides otherwise.
    assertEquals((await ben.ok("claim_task")).task, null);
    assertEquals(await kinds(boss), ["stuck t2"]);
    const { attention } = await boss.ok("status");
    assertStringIncludes(attention[0].text, "ann");
    await boss.ok("update_task", { id: "t2", assign_to: "" });
    assertEquals((await ben.ok("claim_task")).task.id, "t2");
  });
});

Deno.test("promise 4: an assignee that comes back has its task again, as its own", async () => {
  await withFlock(async (flock) => {
    const boss = await flock.join({ name: "boss" });
    const session = { name: "ann", clientName: "claude-code", session: "comes back" };
    const ann = await flock.join(session);
    const { id } = await boss.ok("create_task", { title: "ann's", assign_to: "ann" });
    await ann.ok("claim_task", { id });
    await ann.kill();
    await eventually(async () => (await boss.ok("get_task", { id })).task.status === "pending");
    assertEquals((await boss.ok("get_task", { id })).task.assigned_to, undefined);
    await flock.join(session);
    const { task } = await boss.ok("get_task", { id });
    assertEquals([task.claimed_by, task.assigned_to], ["ann", "ann"]);
  });
});

Deno.test("promise 4: without a leader an assigned task is free as its assignee's lease ends", async () => {
  await withFlock(async (flock) => {
    await as(flock, "w1", ["join"], 1);
    await flock.cli(["task", "create", "for w1", "--assign-to", "w1"]);
    assertEquals((await as(flock, "w1", ["task", "claim"], 1)).task?.id, "t1");
    await eventually(
      async () => (await as(flock, "w2", ["task", "claim", "t1"])).task?.id === "t1",
      {
        withinMs: 6_000,
        what: "w2 gets it",
      },
    );
  });
});

Deno.test("promise 4: the last death of a task is told as its failure", async () => {
  await withFlock(async (flock) => {
    const boss = await flock.join({ name: "boss" });
    const { id } = await boss.ok("create_task", { title: "deadly" });
    for (let n = 1; n <= LIMITS.attempts; n++) {
      const victim = await flock.join({ name: `victim-${n}` });
      await victim.ok("claim_task", { id });
      await victim.kill();
      const status = n < LIMITS.attempts ? "pending" : "failed";
      await eventually(async () => (await boss.ok("get_task", { id })).task.status === status);
    }
    const mail = flock.rows<{ content: string; task: string | null }>(
      "SELECT content, task FROM message WHERE category = 'alert' ORDER BY id",
    );
    assertEquals(mail.length, LIMITS.attempts);
    const last = mail.at(-1)?.content ?? "";
    assertStringIncludes(last, `victim-${LIMITS.attempts} ended (died)`);
    assertStringIncludes(last, `failed after ${LIMITS.attempts} attempts`);
    assert(!last.includes("free again"), last);
    assertEquals(mail.map(({ task }) => task), [id, id, id]);
    assertEquals(await kinds(boss), [`failed ${id}`]);
  });
});

Deno.test("promise 4: who is refused what the last death has failed has ended that life all the same", async () => {
  await withFlock(async (flock) => {
    await flock.cli(["task", "create", "deadly"]);
    for (let n = 1; n <= LIMITS.attempts; n++) {
      const claim = (): Promise<Answer> => as(flock, `w${n}`, ["task", "claim", "t1"], 1);
      await eventually(async () => (await claim()).task?.id === "t1", { withinMs: 8_000 });
    }
    await eventually(async () => {
      const { error } = await as(flock, "late", ["task", "claim", "t1"]);
      return error?.code === "TASK_STATE";
    }, { withinMs: 8_000, what: "the refusal of a failed task" });
    assertEquals(
      flock.rows<{ status: string }>("SELECT status FROM task").map(({ status }) => status),
      ["failed"],
      "what the refusal said is so",
    );
    assertEquals(flock.count("SELECT count(*) FROM peer WHERE name = 'w3' AND state = 'live'"), 0);
  });
});
