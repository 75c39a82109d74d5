// Repositories whose owners have settings, hooks, filters, names and layouts of every kind: a task goes
// its whole way in each of them, the result is on the user's branch in the end, and their hooks, their
// checkout and their other branches are none of skein's business.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { addWorktree } from "../../src/worktree/add.ts";
import { openRun } from "../../src/worktree/branch.ts";
import { startConflict } from "../../src/worktree/conflict.ts";
import { deliver } from "../../src/worktree/deliver.ts";
import { checkedOutIn, mergeTask } from "../../src/worktree/merge.ts";
import type { RunTree } from "../../src/worktree/place.ts";
import { removeWorktree } from "../../src/worktree/remove.ts";
import { saveWork } from "../../src/worktree/save.ts";
import { git, write } from "../support/git.ts";
import { withWorld } from "../support/run_tree.ts";
import { SETTINGS } from "./settings.ts";

/** Two tasks' work from its beginning to its merge, in conflict with each other. */
async function through(run: RunTree): Promise<void> {
  const [one, two] = await Promise.all(
    ["t1", "t2"].map((task) => addWorktree(run, { task, attempt: 1 })),
  );
  assert(one !== undefined && two !== undefined);
  for (const [tree, text] of [[one, "of one\n"], [two, "of two\n"]] as const) {
    const status = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=", "status", "-s"];
    assertEquals(await git(tree.path, ...status, "--no-branch"), "", "as it was checked out");
    write(join(tree.path, "clash.txt"), text);
    write(join(tree.path, "new dir", `${tree.branch.at(-3)}.txt`), text);
    const saved = await saveWork(tree.path, { message: "the work of t\n" });
    assertEquals(saved.files.length, 2, String(saved.files));
  }
  const merge = (task: string, branch: string) => mergeTask(run, { task, branch });
  assertEquals((await merge("t1", one.branch)).outcome, "merged");
  assertEquals((await merge("t2", two.branch)).outcome, "conflict");
  const again = await addWorktree(run, { task: "t2", attempt: 2, from: two.branch });
  assertEquals(await startConflict(again.path, run), { files: ["clash.txt"] });
  write(join(again.path, "clash.txt"), "of both\n");
  await saveWork(again.path, { message: "resolved" });
  assertEquals((await merge("t2", again.branch)).outcome, "merged");
  for (const { path } of [one, two, again]) {
    write(join(path, "half.txt"), "half\n");
    assertEquals((await removeWorktree(run, path)).length, 1);
  }
}

for (const [what, setting] of Object.entries(SETTINGS)) {
  Deno.test(`settings: ${what}`, async () => {
    await withWorld(async (world) => {
      const repo = await setting(world);
      const told = join(world.folder, "told");
      if (has(told)) Deno.removeSync(told);
      const run = { run: "r1", repo, home: world.home };
      const { target } = await openRun(run);
      assert(target !== null);
      await through(run);
      const branch = `refs/heads/${target}`;
      const { outcome, commit: tip, reason } = await deliver(run, { target });
      assertEquals([outcome, reason], ["forwarded", undefined]);
      assert(!has(told), has(told) ? Deno.readTextFileSync(told) : "");
      assertEquals((await git(repo, "rev-parse", branch)).trim(), tip);
      assertEquals((await git(repo, "symbolic-ref", "HEAD")).trim(), branch);
      assertEquals(await git(repo, "status", "--short", "--no-branch"), "");
      assertEquals(Deno.readTextFileSync(join(repo, "clash.txt")).trim(), "of both");
      assertEquals(await git(repo, "show", `${tip}:clash.txt`), "of both\n");
      await git(repo, "symbolic-ref", "HEAD", "refs/heads/skein/run/r1");
      assertEquals(checkedOutIn(run), Deno.realPathSync(repo));
    }, { dirty: false });
  });
}

function has(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
