// Two working trees of one repository are one project: its peers see each other, a path means the
// same file in both, and two who change the same file are both told before it becomes a conflict.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { git, makeRepository, write } from "../support/git.ts";
import type { Peer } from "../support/peer.ts";
import { type Flock, withFlock } from "./flock.ts";

/** A repository with a commit, and a second working tree of it. */
async function twoTrees(flock: Flock): Promise<{ main: string; other: string }> {
  const main = join(flock.folder, "main");
  const other = join(flock.folder, "other");
  await makeRepository(main);
  for (const file of ["src/a.ts", "src/b.ts", "docs/c.md"]) write(join(main, file), "one\n");
  await git(main, "add", ".");
  await git(main, "commit", "-q", "-m", "first");
  await git(main, "worktree", "add", "-q", "-b", "side", other);
  return { main, other };
}

async function codeOf(peer: Peer, tool: string, args: unknown): Promise<string> {
  return (await peer.call(tool, args)).json.error?.code ?? "done";
}

Deno.test("node: two working trees of a repository are one project, and their locks contend", async () => {
  await withFlock(async (flock) => {
    const { main, other } = await twoTrees(flock);
    const ann = await flock.join({ name: "ann", folder: main });
    const ben = await flock.join({ name: "ben", folder: join(other, "src") });
    assertEquals((await ann.ok("list_peers")).peers.length, 2);
    await ann.ok("create_task", { title: "shared" });
    assertEquals((await ben.ok("claim_task")).task.id, "t1");
    await ann.ok("lock_file", { paths: ["src/a.ts"] });
    for (const path of ["a.ts", "./a.ts", "../src/a.ts", join(other, "src/a.ts"), "*.ts"]) {
      assertEquals(await codeOf(ben, "lock_file", { paths: [path] }), "LOCK_HELD", path);
    }
    assertEquals(await codeOf(ben, "lock_file", { paths: ["b.ts"] }), "done");
    assertEquals(await codeOf(ann, "lock_file", { paths: ["src/"] }), "LOCK_HELD");
    // From the one tree, the other one's file by its absolute path is the same file.
    assertEquals(await codeOf(ann, "lock_file", { paths: [join(other, "src/b.ts")] }), "LOCK_HELD");
    await ann.ok("unlock_file");
    assertEquals(await codeOf(ben, "lock_file", { paths: ["a.ts"] }), "done");
    // Somebody in no repository has a project of its own and sees nothing of this.
    const cyd = await flock.join({ name: "cyd" });
    assertEquals((await cyd.ok("list_peers")).peers.length, 1);
    assertEquals((await cyd.ok("list_peers", { scope: "machine" })).peers.length, 3);
    assertEquals((await cyd.ok("claim_task")).task, null);
  });
});

Deno.test("promise 4: a lock comes back though an editor in another tree has the same file", async () => {
  await withFlock(async (flock) => {
    const { main, other } = await twoTrees(flock);
    const session = { name: "ann", clientName: "claude-code", session: "comes back" };
    const boss = await flock.join({ name: "boss", folder: main });
    const ann = await flock.join({ ...session, folder: main });
    const ben = await flock.join({ name: "ben", folder: other });
    const cyd = await flock.join({ name: "cyd", folder: main });
    await ann.ok("lock_file", { paths: ["src/a.ts", "src/b.ts"] });
    await ann.kill();
    await eventually(async () => (await boss.ok("list_locks")).locks.length === 0);
    await ben.ok("guard_edit", { paths: [join(other, "src/a.ts")] });
    await cyd.ok("guard_edit", { paths: [join(main, "src/b.ts")] });
    const back = await flock.join({ ...session, folder: main });
    const { locks } = await boss.ok("list_locks");
    const held = locks.filter((lock: { automatic?: boolean }) => lock.automatic !== true);
    assertEquals(held.map((lock: { path: string }) => lock.path), ["src/a.ts"]);
    // In its own tree an editor is in the way.
    assertEquals(
      await codeOf(back, "guard_edit", { paths: [join(main, "src/b.ts")] }),
      "LOCK_HELD",
    );
  });
});

/** Reads mail until something about the file is there; asking is what makes a peer look at git. */
async function alertAbout(peer: Peer, file: string): Promise<string> {
  let text = "";
  await eventually(async () => {
    const { messages } = await peer.ok("check");
    for (const { category, content } of messages) {
      if (category === "alert" && content.includes(file)) text = content;
    }
    return text !== "";
  }, { withinMs: 15_000, what: `an alert about ${file}` });
  return text;
}

Deno.test("node: two who change the same file in two working trees are both told", async () => {
  await withFlock(async (flock) => {
    const { main, other } = await twoTrees(flock);
    write(join(main, "src/a.ts"), "changed here\n");
    write(join(main, "docs/c.md"), "only here\n");
    write(join(other, "src/a.ts"), "changed there\n");
    const ann = await flock.start({ name: "ann", folder: main });
    const ben = await flock.start({ name: "ben", folder: other });
    const [forAnn, forBen] = await Promise.all([
      alertAbout(ann, "src/a.ts"),
      alertAbout(ben, "src/a.ts"),
    ]);
    for (const text of [forAnn, forBen]) {
      assertStringIncludes(text, "ann");
      assertStringIncludes(text, "ben");
      assert(!text.includes("docs/c.md"), "only one of them has changed that one");
    }
    const { peers } = await ann.ok("list_peers");
    const state = (name: string): { branch: string; dirty: string[] } =>
      peers.find((peer: { name: string }) => peer.name === name).git;
    assertEquals([state("ann").branch, state("ann").dirty.sort()], [
      "main",
      ["docs/c.md", "src/a.ts"],
    ]);
    assertEquals([state("ben").branch, state("ben").dirty], ["side", ["src/a.ts"]]);
    // A change made later is found by the next acts, and told once.
    write(join(other, "docs/c.md"), "there, too\n");
    await Promise.all([alertAbout(ann, "docs/c.md"), alertAbout(ben, "docs/c.md")]);
    const alerts = flock.count(
      "SELECT count(*) FROM message WHERE category = 'alert' AND sender = 'skein'",
    );
    assertEquals(alerts, 2, "one alert for each file");
    // skein has looked and touched nothing.
    assertEquals(await git(main, "status", "--porcelain"), " M docs/c.md\n M src/a.ts\n");
  });
});
