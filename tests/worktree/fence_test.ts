// The fence of a task: what an attempt has done is merged only while the task is its own, whenever
// another takes it over, also between the last look at the store and the move of the run branch.

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { addWorktree } from "../../src/worktree/add.ts";
import { lastRunNumber, openRun } from "../../src/worktree/branch.ts";
import { mergeTask } from "../../src/worktree/merge.ts";
import { saveWork } from "../../src/worktree/save.ts";
import { dropMerged } from "../../src/worktree/tidy.ts";
import { Refusal } from "../../src/core/errors.ts";
import { git, write } from "../support/git.ts";
import { assertSound, withWorld, type World } from "../support/run_tree.ts";

/** Saved work of an attempt; returns its branch. */
async function done(world: World, task: string, attempt: number, text: string): Promise<string> {
  const { path, branch } = await addWorktree(world.run, { task, attempt });
  write(join(path, "a.txt"), text);
  await saveWork(path, { message: text });
  return branch;
}

async function tip(world: World): Promise<string> {
  return (await git(world.repo, "rev-parse", "skein/run/r1")).trim();
}

Deno.test("fence: what was taken away before, or while it was merged, is not merged", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const first = await done(world, "t1", 1, "of the first\n");
    const before = await tip(world);
    const merge = (branch: string, still: () => Promise<boolean>) =>
      mergeTask(world.run, { task: "t1", branch, still });
    assertEquals(await merge(first, () => Promise.resolve(false)), { outcome: "taken" });
    // The store still says yes, and in that moment another begins.
    let second = "";
    const late = await merge(first, async () => {
      if (second === "") second = await done(world, "t1", 2, "of the second\n");
      return true;
    });
    assertEquals(late, { outcome: "taken" });
    assertEquals(await tip(world), before);
    assertEquals((await merge(second, () => Promise.resolve(true))).outcome, "merged");
    assertEquals(await git(world.repo, "show", "skein/run/r1:a.txt"), "of the second\n");
    assertEquals(await mergeTask(world.run, { task: "t1", branch: first }), {
      outcome: "conflict",
      files: ["a.txt"],
      ours: await tip(world),
      theirs: (await git(world.repo, "rev-parse", first)).trim(),
    });
    await assertSound(world, ["of the first\n"]);
  });
});

Deno.test("fence: a conflict of what was taken away is nobody's to go on from", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const one = await done(world, "t1", 1, "one\n");
    const two = await done(world, "t2", 1, "two\n");
    await mergeTask(world.run, { task: "t2", branch: two });
    const merged = await mergeTask(world.run, {
      task: "t1",
      branch: one,
      still: () => Promise.resolve(false),
    });
    assertEquals(merged, { outcome: "taken" });
  });
});

Deno.test("fence: an attempt that wakes when a later one has begun does not begin; fences go with the run", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const branch = await done(world, "t1", 2, "second\n");
    const early = () => addWorktree(world.run, { task: "t1", attempt: 1 });
    const refusal = await assertRejects(early, Refusal, "later attempt") as Refusal;
    assertEquals([refusal.code, refusal.details.field], ["GIT_STATE", "attempt"]);
    // What somebody else has written there holds nobody up.
    const blob = (await git(world.repo, "hash-object", "-w", "a.txt")).trim();
    await git(world.repo, "update-ref", "refs/skein/fence/r1/t1", blob);
    assertEquals((await mergeTask(world.run, { task: "t1", branch })).outcome, "merged");
    await git(world.repo, "update-ref", "refs/skein/fence/r7/t1", blob);
    assertEquals(await lastRunNumber(world.repo), 7);
    await dropMerged(world.run);
    assertEquals(
      await git(world.repo, "for-each-ref", "--format=%(refname)", "refs/skein"),
      "refs/skein/fence/r7/t1\n",
    );
  });
});

Deno.test("fence: one that cannot be read or written is a refusal, not an endless try", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const file = join(world.repo, ".git/refs/skein/fence/r1/t1");
    write(file, "");
    const add = () => addWorktree(world.run, { task: "t1", attempt: 1 });
    const refusal = await assertRejects(add, Refusal, "refs/skein/fence/r1/t1") as Refusal;
    assertEquals(refusal.code, "GIT_FAILED");
    Deno.removeSync(file);
    await add();
  });
});
