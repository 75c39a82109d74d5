// A node whose home was deleted or replaced under it must acknowledge nothing more: what it would
// write goes to a file that nobody will ever read again.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import type { Peer, Reply } from "../support/peer.ts";
import { withFlock } from "./flock.ts";

const WRITES: readonly [string, unknown][] = [
  ["send", { to: ["ben"], content: "too late" }],
  ["create_task", { title: "too late" }],
  ["set_memory", { key: "late", value: "too late" }],
  ["lock_file", { paths: ["late.ts"] }],
  ["claim_task", {}],
  ["join", { summary: "too late" }],
];

async function allRefused(peer: Peer, code: string): Promise<void> {
  for (const [tool, args] of WRITES) {
    const reply: Reply = await peer.call(tool, args);
    assertEquals(reply.isError, true, `${tool} was acknowledged: ${reply.text}`);
    assertEquals(reply.json.error.code, code, tool);
    assertStringIncludes(reply.json.error.hint, "Restart");
  }
  for (const tool of ["check", "list_tasks", "status"]) {
    assertEquals((await peer.call(tool)).json.error?.code, code, `${tool} answered from nowhere`);
  }
}

Deno.test("promise 1: a node whose home was deleted acknowledges nothing (STORE_GONE)", async () => {
  await withFlock(async (flock) => {
    const [ann, ben] = await flock.joinAll("ann", "ben");
    if (ann === undefined || ben === undefined) throw new Error("nobody joined");
    const waiting = ben.call("check", { wait_ms: 20_000 });
    // Calls are begun in their order: whoever has this answer knows that the check has begun to wait.
    await ben.ok("status");
    Deno.removeSync(flock.home, { recursive: true });
    await allRefused(ann, "STORE_GONE");
    await allRefused(ben, "STORE_GONE");
    // Whoever waits for something from a store that is gone is told so, too, and soon.
    const startMs = performance.now();
    assertEquals((await waiting).json.error?.code, "STORE_GONE");
    assertEquals(performance.now() - startMs < 5_000, true, "the long poll went on waiting");
    // Nothing of the home was made again behind the user's back.
    assertEquals(await exists(flock.home), false);
    await ann.close();
    await ben.close();
    assertEquals(await exists(flock.home), false, "leaving made the home again");
  });
});

Deno.test("promise 1: a node whose home was replaced acknowledges nothing (STORE_REPLACED)", async () => {
  await withFlock(async (flock) => {
    const [ann, ben] = await flock.joinAll("ann", "ben");
    if (ann === undefined || ben === undefined) throw new Error("nobody joined");
    const waiting = ben.call("check", { wait_ms: 20_000 });
    await ann.ok("create_task", { title: "in the old home" });
    await ben.ok("status");
    Deno.renameSync(flock.home, `${flock.home}.old`);
    const cyd = await flock.join({ name: "cyd" });
    await allRefused(ann, "STORE_REPLACED");
    await allRefused(ben, "STORE_REPLACED");
    assertEquals((await waiting).json.error?.code, "STORE_REPLACED");
    // The new home belongs to the newcomer alone, and works.
    await eventually(() => flock.leader().name === "cyd", { what: "a leader in the new home" });
    assertEquals(flock.rows("SELECT name FROM peer").map((row) => ({ ...row as object })), [
      { name: "cyd" },
    ]);
    assertEquals((await cyd.ok("create_task", { title: "in the new home" })).id, "t1");
    await ann.close();
    await ben.close();
    assertEquals(flock.count("SELECT count(*) FROM peer"), 1, "the old ones wrote into the new");
  });
});

Deno.test("promise 1: a store put back from an older copy is noticed (STORE_REPLACED)", async () => {
  await withFlock(async (flock) => {
    const [ann] = await flock.joinAll("ann");
    if (ann === undefined) throw new Error("nobody joined");
    const copy = `${flock.home}.copy`;
    await new Deno.Command("cp", { args: ["-a", flock.home, copy] }).output();
    await ann.ok("create_task", { title: "after the copy" });
    Deno.removeSync(flock.home, { recursive: true });
    Deno.renameSync(copy, flock.home);
    await allRefused(ann, "STORE_REPLACED");
    assertEquals(flock.count("SELECT count(*) FROM task"), 0);
  });
});

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
