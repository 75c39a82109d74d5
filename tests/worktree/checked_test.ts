// What is checked is what is merged: a branch that was checked gets onto the run branch only as it stood,
// with all that had been merged before it; and what a check leaves in a worktree is put back.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type AddedTree, addWorktree } from "../../src/worktree/add.ts";
import { openRun } from "../../src/worktree/branch.ts";
import { startConflict } from "../../src/worktree/conflict.ts";
import { discardSince } from "../../src/worktree/discard.ts";
import { mergeTask } from "../../src/worktree/merge.ts";
import { saveWork } from "../../src/worktree/save.ts";
import { git, write } from "../support/git.ts";
import { refusal } from "../support/home.ts";
import { assertSound, withWorld, type World } from "../support/run_tree.ts";

/** An attempt's worktree with a file of its own saved in it. */
async function worked(
  world: World,
  task: string,
  file: string,
): Promise<AddedTree & { tip: string }> {
  const tree = await addWorktree(world.run, { task, attempt: 1 });
  write(join(tree.path, file), `by ${task}\n`);
  const { commit } = await saveWork(tree.path, { message: task });
  return { ...tree, tip: commit };
}

async function commitAt(world: World, name: string): Promise<string> {
  return (await git(world.repo, "rev-parse", name)).trim();
}

Deno.test("checked: what was not checked, or checked without what others have merged, is not merged", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const before = await commitAt(world, "skein/run/r1");
    const one = await worked(world, "t1", "one.txt");
    const two = await worked(world, "t2", "two.txt");
    const merge = (task: string, branch: string, checked: string) =>
      mergeTask(world.run, { task, branch, checked });
    assertEquals(await merge("t1", one.branch, ""), { outcome: "unchecked", behind: false });
    assertEquals(await merge("t1", one.branch, before), { outcome: "unchecked", behind: false });
    assertEquals(await commitAt(world, "skein/run/r1"), before, "nothing is merged");
    assertEquals((await merge("t1", one.branch, one.tip)).outcome, "merged");
    // Both were checked at the same time: the second without the first.
    assertEquals(await merge("t2", two.branch, two.tip), { outcome: "unchecked", behind: true });
    assertEquals((await startConflict(two.path, { run: "r1" })).files, []);
    const { commit } = await saveWork(two.path, { message: "both" });
    assertEquals(await merge("t2", two.branch, two.tip), { outcome: "unchecked", behind: false });
    assertEquals((await merge("t2", two.branch, commit)).outcome, "merged");
    const tree = (name: string) => commitAt(world, `${name}^{tree}`);
    assertEquals(await tree("skein/run/r1"), await tree(commit), "exactly what was checked");
    assertEquals((await merge("t2", two.branch, "")).outcome, "already");
    await assertSound(world, ["by t1\n", "by t2\n"]);
  });
});

Deno.test("checked: nobody checks what conflicts, what is nobody's any more, or what cannot be merged just now", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const one = await worked(world, "t1", "a.txt");
    const two = await worked(world, "t2", "a.txt");
    assertEquals(
      await mergeTask(world.run, {
        task: "t1",
        branch: one.branch,
        checked: "",
        still: () => Promise.resolve(false),
      }),
      { outcome: "taken" },
    );
    const look = join(world.folder, "look");
    await git(world.repo, "worktree", "add", "-q", look, "skein/run/r1");
    const order = { task: "t1", branch: one.branch, checked: "" };
    await refusal("GIT_STATE", () => mergeTask(world.run, order));
    await git(world.repo, "worktree", "remove", look);
    await mergeTask(world.run, { task: "t1", branch: one.branch });
    const clash = await mergeTask(world.run, { task: "t2", branch: two.branch, checked: "" });
    assertEquals(clash.outcome, "conflict");
  });
});

Deno.test("checked: what a check leaves is put back, whatever it did to the branch; its commits stay known", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const { path, branch, tip } = await worked(world, "t1", "one.txt");
    write(join(path, "ignored/cache"), "built\n");
    write(join(path, "one.txt"), "of the check\n");
    await git(path, "commit", "-q", "-a", "-m", "the check commits");
    await git(path, "switch", "-q", "-c", "elsewhere");
    write(join(path, "report.txt"), "left\n");
    await git(path, "init", "-q", "inner");
    await discardSince(path, tip);
    assertEquals(await git(path, "status", "--porcelain"), "");
    assertEquals((await git(path, "symbolic-ref", "--short", "HEAD")).trim(), branch);
    assertEquals(await commitAt(world, branch), tip);
    assertEquals(Deno.readTextFileSync(join(path, "one.txt")), "by t1\n");
    assertEquals(Deno.readTextFileSync(join(path, "ignored/cache")), "built\n");
    assertEquals((await git(path, "reflog", "--format=%s")).includes("the check commits"), true);
    // Nobody else's working tree is ever put back.
    await refusal("GIT_STATE", () => discardSince(world.repo, tip));
    assertEquals(Deno.readTextFileSync(join(world.repo, "untracked.txt")), "the user's\n");
  });
});
