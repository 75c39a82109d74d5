// Lock files that a killed git left behind: one of skein's own is cleared when its owner is proven
// gone, and never while a git works there; the user's never are.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { addWorktree } from "../../src/worktree/add.ts";
import { dropBranch } from "../../src/worktree/branch.ts";
import { startConflict } from "../../src/worktree/conflict.ts";
import { sweep } from "../../src/worktree/leftovers.ts";
import { mergeTask } from "../../src/worktree/merge.ts";
import { adminOf } from "../../src/worktree/place.ts";
import { saveWork } from "../../src/worktree/save.ts";
import { Refusal } from "../../src/core/errors.ts";
import { git, write } from "../support/git.ts";
import { assertSound, assertTidy, withWorld } from "../support/run_tree.ts";
import { step } from "./steps_child.ts";

const BRANCH = "skein/task/r1/t1-1";

/** A lock that was made a minute ago. */
function oldLock(path: string): string {
  write(path, "");
  Deno.utimeSync(path, Date.now() / 1000 - 60, Date.now() / 1000 - 60);
  return path;
}

function there(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

async function busy(body: () => Promise<unknown>, lock: string): Promise<void> {
  const refusal = await assertRejects(body, Refusal, lock) as Refusal;
  assertEquals([refusal.code, refusal.details.path], ["GIT_BUSY", lock]);
  assert(refusal.hint.includes(lock));
  assert(there(lock));
}

Deno.test("lock: of the run branch, is cleared when no git works in the repository", async () => {
  await withWorld(async (world) => {
    for (const word of ["open", "add", "work", "save"]) await step(world.run, word);
    const lock = oldLock(join(world.repo, ".git/refs/heads/skein/run/r1.lock"));
    // A git that lives and stands in the repository may be its owner.
    const living = new Deno.Command("git", {
      args: ["cat-file", "--batch"],
      cwd: world.repo,
      stdin: "piped",
      stdout: "null",
    }).spawn();
    const merge = () => mergeTask(world.run, { task: "t1", branch: BRANCH });
    await busy(merge, lock);
    await living.stdin.close();
    await living.status;
    assertEquals((await merge()).outcome, "merged");
    await step(world.run, "remove");
    await assertTidy(world);
    await assertSound(world);
  });
});

Deno.test("lock: of the user's, or too young to judge, is left where it is", async () => {
  await withWorld(async (world) => {
    for (const word of ["open", "add", "work", "save", "merge", "remove"]) {
      await step(world.run, word);
    }
    const packed = oldLock(join(world.repo, ".git/packed-refs.lock"));
    await busy(() => dropBranch(world.run, BRANCH), packed);
    Deno.removeSync(packed);
    assertEquals(await dropBranch(world.run, BRANCH), true);
    // Touched again and again: somebody is alive.
    await step(world.run, "add:t2");
    await step(world.run, "work:t2");
    await step(world.run, "save:t2");
    const young = join(world.repo, ".git/refs/heads/skein/run/r1.lock");
    write(young, "");
    const touching = setInterval(() => Deno.utimeSync(young, new Date(), new Date()), 100);
    try {
      const branch = "skein/task/r1/t2-1";
      await busy(() => mergeTask(world.run, { task: "t2", branch }), young);
    } finally {
      clearInterval(touching);
    }
  });
});

Deno.test("lock: of a worktree's index is in the way of nothing that skein does", async () => {
  await withWorld(async (world) => {
    await step(world.run, "open");
    const one = { task: "t1", attempt: 1 };
    const { path } = await addWorktree(world.run, one);
    const lock = join(adminOf(path) ?? "", "index.lock");
    write(lock, "");
    write(join(path, "a.txt"), "the task's\n");
    // A save does not need it, and leaves it to whom it may belong.
    assertEquals((await saveWork(path, { message: "t1" })).files, ["a.txt"]);
    assert(there(lock));
    oldLock(lock);
    await addWorktree(world.run, one);
    assert(!there(lock));
    await step(world.run, "add:t2");
    await step(world.run, "clash:t2");
    await step(world.run, "save:t2");
    await step(world.run, "merge:t2");
    oldLock(lock);
    assertEquals(await startConflict(path, world.run), { files: ["a.txt"] });
    assert(!there(lock));
    await git(path, "checkout", "-q", "--theirs", "a.txt");
    assertEquals((await saveWork(path, { message: "t1" })).empty, true);
    assertEquals((await mergeTask(world.run, { ...one, branch: BRANCH })).outcome, "merged");
  });
});

Deno.test("lock: the torn record of a killed `git worktree add` is swept, and said of others", async () => {
  await withWorld(async (world) => {
    for (const word of ["open", "add", "work", "save"]) await step(world.run, word);
    const { folder } = (await import("../../src/worktree/place.ts")).placeOf(world.run);
    write(join(world.repo, ".git/worktrees/-new-01234567-t9-1/commondir"), "");
    write(join(folder, ".new-01234567-t9-1.lock"), "");
    await step(world.run, "sweep");
    assert(!there(join(world.repo, ".git/worktrees/-new-01234567-t9-1/commondir")));
    assertEquals(await step(world.run, "merge"), "merged");
  });
});

Deno.test("lock: of branches that nobody writes any more, is swept once it is old", async () => {
  await withWorld(async (world) => {
    for (const word of ["open", "add", "work", "save", "merge", "remove"]) {
      await step(world.run, word);
    }
    const old = ["task/r1/t1-1", "run/r1"].map((ref) =>
      oldLock(join(world.repo, `.git/refs/heads/skein/${ref}.lock`))
    );
    const young = join(world.repo, ".git/refs/heads/skein/task/r1/t9-1.lock");
    write(young, "");
    const users = oldLock(join(world.repo, ".git/refs/heads/main.lock"));
    assertEquals(await sweep(world.run), old.length);
    assertEquals([...old, young, users].filter(there), [young, users]);
  });
});
