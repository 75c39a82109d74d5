// lock_file, unlock_file, list_locks: all or none, shared or alone, with a lease, and with a wait
// that ends by a release, by its time, or before it begins when it would never end.

import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { git, write } from "../support/git.ts";
import { flockTest, type Json, type Member } from "./flock.ts";

/** Starts a wait and resolves once the store knows of it. */
async function waiting(
  member: Member,
  name: string,
  paths: string,
  waitMs = 20_000,
): Promise<{ answer: Promise<Json> }> {
  const answer = member.call("lock_file", { paths, wait_ms: waitMs });
  answer.catch(() => {});
  await eventually(async () => {
    const { locks } = await member.call("list_locks");
    return locks.some((lock: Json) => lock.waiting?.includes(name));
  }, { what: `${name} waits for ${paths}` });
  return { answer };
}

flockTest("lock_file: a held path is refused with holder, age and task", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const { id } = await lead.call("create_task", { title: "a" });
  const { granted, expires_in_s } = await anna.call("lock_file", { paths: "src/a.ts", task: id });
  assertEquals([granted, expires_in_s], [["src/a.ts"], 3_600]);
  const { refused, message } = await bob.refused("LOCK_HELD", "lock_file", { paths: "src/a.ts" });
  assertEquals(refused.map((it: Json) => [it.path, it.holder, it.task]), [[
    "src/a.ts",
    "anna",
    id,
  ]]);
  assert(!Number.isNaN(Date.parse(refused[0].since)));
  assertMatch(message, /anna holds src\/a\.ts/);
});

flockTest("lock_file: several paths are granted all or none", async (flock) => {
  const { anna, bob } = await flock.crew();
  await anna.call("lock_file", { paths: ["b.ts"] });
  const paths = ["a.ts", "b.ts", "c.ts"];
  assertEquals((await bob.refused("LOCK_HELD", "lock_file", { paths })).refused.length, 1);
  await anna.call("lock_file", { paths: ["a.ts", "c.ts"] });
  const { refused } = await bob.refused("LOCK_HELD", "lock_file", { paths });
  assertEquals(refused.map((it: Json) => it.path).sort(), paths);
});

flockTest("lock_file: readers share, a writer is alone", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  await anna.call("lock_file", { paths: "a.ts", mode: "shared" });
  await bob.call("lock_file", { paths: "a.ts", mode: "shared" });
  assertEquals(
    (await lead.refused("LOCK_HELD", "lock_file", { paths: "a.ts" })).refused.length,
    2,
  );
  await anna.refused("LOCK_HELD", "lock_file", { paths: "a.ts", mode: "exclusive" });
  await bob.call("unlock_file", { paths: "a.ts" });
  await anna.call("lock_file", { paths: "a.ts", mode: "exclusive" });
  await bob.refused("LOCK_HELD", "lock_file", { paths: "a.ts", mode: "shared" });
});

flockTest("lock_file: folders and globs are in the way of what they cover", async (flock) => {
  const { anna, bob } = await flock.crew();
  write(`${flock.project}/lib/x.ts`, "");
  await anna.call("lock_file", { paths: ["src/", "docs/*.md", "lib"] });
  for (
    const path of ["src/deep/a.ts", "src", "docs/a.md", "docs/", "**/*.md", "lib/x.ts", "s*/a"]
  ) await bob.refused("LOCK_HELD", "lock_file", { paths: path });
  const free = ["docs/a.txt", "docs/deep/a.md", "srcs/a.ts", "main.ts", "test/{a,b}.ts"];
  assertEquals((await bob.call("lock_file", { paths: free })).granted, free);
});

flockTest("lock_file: spellings of one file are one file", async (flock) => {
  const { anna, bob } = await flock.crew();
  write(`${flock.project}/src/a.ts`, "");
  Deno.symlinkSync("src", `${flock.project}/link`);
  await anna.call("lock_file", { paths: "src/a.ts" });
  for (
    const path of [
      "./src/a.ts",
      "src//a.ts",
      "src/../src/a.ts",
      "link/a.ts",
      `${flock.project}/src/a.ts`,
      "src\\a.ts",
    ]
  ) await bob.refused("LOCK_HELD", "lock_file", { paths: path });
});

flockTest("lock_file: taking it again renews it and keeps its age", async (flock) => {
  const { anna } = await flock.crew();
  await anna.call("lock_file", { paths: "a.ts", ttl_s: 10 });
  const [before] = (await anna.call("list_locks")).locks;
  await anna.call("lock_file", { paths: "a.ts", ttl_s: 500 });
  const [after, ...more] = (await anna.call("list_locks")).locks;
  assertEquals([more.length, after.since], [0, before.since]);
  assertGreater(after.expires_in_s, 400);
});

flockTest("lock_file: a lease that is over gives way", async (flock) => {
  const { anna, bob } = await flock.crew();
  await anna.call("lock_file", { paths: "a.ts", ttl_s: 1 });
  await bob.call("lock_file", { paths: "a.ts", wait_ms: 10_000 });
  const { locks } = await bob.call("list_locks");
  assertEquals(locks.map((lock: Json) => lock.holder), ["bob"]);
});

flockTest("lock_file: a wait is shown, and granted when the holder releases", async (flock) => {
  const { anna, bob } = await flock.crew();
  await anna.call("lock_file", { paths: "a.ts" });
  const { answer } = await waiting(bob, "bob", "a.ts");
  const start = performance.now();
  assertEquals((await anna.call("unlock_file")).released, ["a.ts"]);
  assertEquals((await answer).granted, ["a.ts"]);
  assert(performance.now() - start < 900, "told, not polled");
  const { locks } = await anna.call("list_locks", { path: "a.ts" });
  assertEquals([locks.length, locks[0].holder, locks[0].waiting], [1, "bob", undefined]);
});

flockTest("lock_file: a wait that runs out is refused and waits no more", async (flock) => {
  const { anna, bob } = await flock.crew();
  await anna.call("lock_file", { paths: "a.ts" });
  await bob.call("lock_file", { paths: "b.ts" });
  await bob.refused("LOCK_HELD", "lock_file", { paths: "a.ts", wait_ms: 50 });
  const { locks } = await anna.call("list_locks", { path: "a.ts" });
  assertEquals(locks[0].waiting, undefined);
  // No deadlock: bob has given up.
  await anna.refused("LOCK_HELD", "lock_file", { paths: "b.ts", wait_ms: 50 });
});

flockTest("lock_file: a cancelled wait takes nothing later", async (flock) => {
  const { anna, bob } = await flock.crew();
  await anna.call("lock_file", { paths: "a.ts" });
  const abort = new AbortController();
  const input = { paths: "a.ts", wait_ms: 20_000 };
  const answer = bob.call("lock_file", input, { signal: abort.signal });
  answer.catch(() => {});
  await eventually(async () => (await anna.call("list_locks")).locks[0].waiting !== undefined);
  abort.abort();
  assertEquals(await answer.catch((thrown) => thrown.code), "CANCELLED");
  await anna.call("unlock_file");
  assertEquals((await anna.call("list_locks")).locks, []);
});

flockTest("lock_file: a wait that closes a cycle is refused and names it", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  await lead.call("lock_file", { paths: "a.ts" });
  await anna.call("lock_file", { paths: "b.ts" });
  await bob.call("lock_file", { paths: "src/" });
  const first = await waiting(lead, "lead", "b.ts");
  const second = await waiting(anna, "anna", "src/x.ts");
  const refusal = await bob.refused("DEADLOCK", "lock_file", { paths: "*.ts", wait_ms: 20_000 });
  assertEquals(refusal.cycle[0], "bob");
  assertEquals(refusal.cycle.at(-1), "bob");
  assert(refusal.cycle.length >= 3, refusal.message);
  assertMatch(refusal.message, /bob -> /);
  await bob.refused("LOCK_HELD", "lock_file", { paths: "a.ts" });
  await bob.call("unlock_file");
  assertEquals((await second.answer).granted, ["src/x.ts"]);
  await anna.call("unlock_file");
  assertEquals((await first.answer).granted, ["b.ts"]);
});

flockTest(
  "unlock_file: only the holder, by any spelling; without paths all of its own",
  async (flock) => {
    const { anna, bob } = await flock.crew();
    await anna.call("lock_file", { paths: ["a.ts", "b.ts", "src/"] });
    await bob.call("lock_file", { paths: ["c.ts"] });
    const refusal = await bob.refused("LOCK_NOT_YOURS", "unlock_file", { paths: ["c.ts", "a.ts"] });
    assertEquals([refusal.path, refusal.holder], ["a.ts", "anna"]);
    assertEquals((await bob.call("list_locks")).locks.length, 4, "nothing of it was released");
    assertEquals((await anna.call("unlock_file", { paths: "./x/../b.ts" })).released, ["b.ts"]);
    assertEquals((await anna.call("unlock_file", { paths: "never.ts" })).released, []);
    assertEquals((await anna.call("unlock_file")).released.sort(), ["a.ts", "src/"]);
    assertEquals((await anna.call("list_locks")).locks.map((it: Json) => it.holder), ["bob"]);
  },
);

flockTest("list_locks: those in the way of a path, with mode, age and lease", async (flock) => {
  const { anna, bob } = await flock.crew();
  await anna.call("lock_file", { paths: "src/", mode: "shared", ttl_s: 100 });
  await bob.call("lock_file", { paths: "docs/a.md" });
  const { locks } = await bob.call("list_locks", { path: "src/x.ts" });
  assertEquals(locks.map((it: Json) => [it.path, it.mode, it.holder]), [[
    "src/",
    "shared",
    "anna",
  ]]);
  assert(locks[0].age_s >= 0 && locks[0].age_s < 10);
  assert(locks[0].expires_in_s > 90 && locks[0].expires_in_s <= 100);
  assertEquals((await bob.call("list_locks", { path: "other.ts" })).locks, []);
  assertEquals((await bob.call("list_locks")).locks.length, 2);
});

flockTest("unlock_file: the architect releases another's lock, who is told", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  await anna.call("lock_file", { paths: ["a.ts", "b.ts", "c.ts"] });
  const refusal = await bob.refused("NOT_ALLOWED", "unlock_file", { holder: "anna" });
  assertMatch(refusal.message, /only anna/);
  await lead.refused("UNKNOWN_PEER", "unlock_file", { holder: "nobody" });
  const one = await lead.call("unlock_file", { paths: "b.ts", holder: "anna" });
  assertEquals(one.released, ["b.ts"]);
  assertEquals((await bob.call("lock_file", { paths: "b.ts" })).granted, ["b.ts"]);
  const rest = await lead.call("unlock_file", { holder: "anna" });
  assertEquals(rest.released.sort(), ["a.ts", "c.ts"]);
  const told = (await anna.inbox()).map((message) => message.content);
  assertEquals(told.length, 2);
  assertMatch(told[0], /lead released your lock on b\.ts/);
});

flockTest(
  "guard_shell: one's own changes are one's own, however git spells the file",
  async (flock) => {
    // Locks know the composed form of a name, the disk and git have the decomposed one.
    const name = "cafe\u0301.ts";
    write(join(flock.project, name), "one\n");
    await git(flock.project, "add", ".");
    await git(flock.project, "commit", "-q", "-m", "first");
    const { anna } = await flock.crew();
    await anna.call("guard_edit", { paths: [name] });
    await anna.call("end_turn");
    write(join(flock.project, name), "two\n");
    await anna.call("guard_shell", { command: "git checkout ." });
  },
);
