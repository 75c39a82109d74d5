// Promises that no single mechanism keeps: what skein costs an agent that does nothing, and that it
// leaves the user's files alone.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "./support/eventually.ts";
import { git, makeRepository, write } from "./support/git.ts";
import { startPeer } from "./support/peer.ts";
import { withTempFolder } from "./support/temp.ts";

/** Every path under a folder with its size and time of change, but not what git keeps itself. */
function snapshot(folder: string): string[] {
  const found: string[] = [];
  for (const entry of Deno.readDirSync(folder)) {
    if (entry.name === ".git") continue;
    const path = join(folder, entry.name);
    const info = Deno.lstatSync(path);
    found.push(`${path} ${info.size} ${info.mtime?.getTime()}`);
    if (entry.isDirectory) found.push(...snapshot(path));
  }
  return found.sort();
}

Deno.test("promise 8: a day's work leaves the user's tree and index as they were", async () => {
  await withTempFolder(async (folder) => {
    const tree = join(folder, "tree");
    await makeRepository(tree);
    write(join(tree, "src/a.ts"), "one\n");
    await git(tree, "add", ".");
    await git(tree, "commit", "-qm", "first");
    write(join(tree, "src/a.ts"), "two\n");
    write(join(tree, "notes.txt"), "mine\n");
    const index = Deno.statSync(join(tree, ".git/index")).mtime?.getTime();
    const before = snapshot(tree);
    const refs = await git(tree, "for-each-ref");

    const anna = await startPeer({ home: join(folder, "home"), folder: tree, name: "anna" });
    const bob = await startPeer({ home: join(folder, "home"), folder: tree, name: "bob" });
    try {
      await anna.ok("lock_file", { paths: ["src/a.ts", "new/"] });
      await bob.ok("create_task", { title: "x", files: ["src/a.ts"] });
      await bob.ok("claim_task");
      await eventually(async () => {
        const { peers } = await bob.ok("list_peers");
        return peers.some((peer: { git?: unknown }) => peer.git !== undefined);
      }, { what: "git state in the roster" });
      await bob.kill();
      await anna.ok("unlock_file");
    } finally {
      await Promise.all([anna.close(), bob.kill()]);
    }
    assertEquals(snapshot(tree), before);
    assertEquals(Deno.statSync(join(tree, ".git/index")).mtime?.getTime(), index);
    assertEquals(await git(tree, "for-each-ref"), refs);
  });
});

Deno.test("promise 7: an idle flock sends its agents nothing", async () => {
  await withTempFolder(async (folder) => {
    const options = { home: join(folder, "home"), folder };
    const anna = await startPeer({ ...options, name: "anna" });
    const bob = await startPeer({ ...options, name: "bob" });
    try {
      await Promise.all([anna.ok("join"), bob.ok("join")]);
      // Both wait for mail through two safety polls and several ticks of the leader.
      const waited = await Promise.all([
        anna.ok("check", { wait_ms: 2_500 }),
        bob.ok("check", { wait_ms: 2_500 }),
      ]);
      for (const answer of waited) assertEquals(answer, { messages: [], more: false });
      const status = await anna.ok("status");
      assertEquals(status.attention, []);
      assert(!("mail" in status));
    } finally {
      await Promise.all([anna.close(), bob.close()]);
    }
  });
});
