// What may go of earlier runs, and what never does: everything that is merged nowhere and young, all
// that is the user's, all of other homes, all of runs that go on.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { LIMITS } from "../../src/core/limits.ts";
import { addWorktree } from "../../src/worktree/add.ts";
import { openRun } from "../../src/worktree/branch.ts";
import { mergeTask } from "../../src/worktree/merge.ts";
import { removeWorktree } from "../../src/worktree/remove.ts";
import { saveWork } from "../../src/worktree/save.ts";
import { dropSpent, type SpentRef, spentRefs } from "../../src/worktree/spent.ts";
import { git, write } from "../support/git.ts";
import { assertSound, ownership, withWorld, type World } from "../support/run_tree.ts";

const DAY_MS = 86_400_000;
const NOW = Date.now();
const LATER = NOW + (LIMITS.parkedDays + 1) * DAY_MS;

function spent(world: World, over: readonly string[], nowMs = NOW): Promise<SpentRef[]> {
  return spentRefs(world.run, (run) => Promise.resolve(over.includes(run)), nowMs);
}

const shown = (refs: readonly SpentRef[]): string[] =>
  refs.map(({ ref, why }) => `${ref.replace(/\/[0-9a-f]{12}$/, "")} ${why}`);

/** A run with a merged task, a failed one, and parked work. */
async function play(world: World, run: string): Promise<void> {
  const tree = { ...world.run, run };
  await openRun(tree);
  for (const [task, merged] of [["t1", true], ["t2", false]] as const) {
    const { path, branch } = await addWorktree(tree, { task, attempt: 1 });
    write(join(path, `${run}-${task}.txt`), `${run} ${task}\n`);
    await saveWork(path, { message: task });
    if (merged) await mergeTask(tree, { task, branch });
    write(join(path, "half.txt"), `half of ${run} ${task}\n`);
    await removeWorktree(tree, path);
  }
}

const refsOf = async (world: World): Promise<string[]> =>
  (await git(world.repo, "for-each-ref", "--format=%(refname)", "refs/heads/skein", "refs/skein"))
    .split("\n").filter(Boolean);

Deno.test("spent: nothing while it is young and merged nowhere, whether or not its run is over", async () => {
  await withWorld(async (world) => {
    assertEquals(await spent(world, ["r1"]), [], "a repository without runs");
    await play(world, "r1");
    assertEquals(await spent(world, []), []);
    assertEquals(await spent(world, ["r1"]), []);
    assertEquals(await spent(world, ["r1"], NOW + (LIMITS.parkedDays - 1) * DAY_MS), []);
    // Committed work that is merged nowhere stays, however old; what was parked does not.
    assertEquals(shown(await spent(world, ["r1"], LATER)), [
      "refs/skein/parked/r1/t1-1 old",
      "refs/skein/parked/r1/t2-1 old",
    ]);
  });
});

Deno.test("spent: a run's branches go once it is over and the user's branch has them", async () => {
  await withWorld(async (world) => {
    await play(world, "r1");
    await play(world, "r2");
    await git(world.repo, "stash", "-q", "-u");
    await git(world.repo, "merge", "-q", "--ff-only", "skein/run/r1");
    const before = await ownership(world);
    assertEquals(await spent(world, ["r2"]), [], "r1 goes on");
    const refs = await spent(world, ["r1", "r2"]);
    assertEquals(shown(refs), [
      "refs/heads/skein/run/r1 merged",
      "refs/heads/skein/task/r1/t1-1 merged",
    ]);
    assertEquals((await dropSpent(world.run, refs)).length, 2);
    assertEquals(await dropSpent(world.run, refs), refs, "again: they are gone");
    assertEquals((await refsOf(world)).filter((ref) => ref.includes("/r1")).length, 3);
    assertEquals(await ownership(world), before);
    await assertSound(world, ["r1 t1\n", "r1 t2\n", "half of r1 t1\n", "r2 t1\n", "r2 t2\n"]);
  });
});

Deno.test("spent: parked work that a branch or a tag of the user's has by now goes at once", async () => {
  await withWorld(async (world) => {
    await play(world, "r1");
    const [first = "", second = ""] = (await refsOf(world)).filter((ref) => ref.includes("parked"));
    await git(world.repo, "branch", "mine", first);
    await git(world.repo, "tag", "kept", second);
    // Of a run of whatever home, whether it is over or not.
    const refs = await spent(world, []);
    assertEquals(refs.map(({ ref, why }) => [ref, why]), [[first, "merged"], [second, "merged"]]);
    await dropSpent(world.run, refs);
    assertEquals((await refsOf(world)).filter((ref) => ref.includes("parked")), []);
    await assertSound(world, ["half of r1 t1\n", "half of r1 t2\n"]);
  });
});

Deno.test("spent: what moved, is checked out, or was made by another home stays", async () => {
  await withWorld(async (world) => {
    await play(world, "r1");
    await git(world.repo, "stash", "-q", "-u");
    await git(world.repo, "merge", "-q", "--ff-only", "skein/run/r1");
    const other = join(world.folder, "other");
    Deno.mkdirSync(other);
    assertEquals(await spent({ ...world, run: { ...world.run, home: other } }, ["r1"]), []);
    // Branches that only look like it.
    await git(world.repo, "branch", "skein/mine");
    await git(world.repo, "branch", "skein/task/mine");
    const refs = await spent(world, ["r1", "mine"]);
    await git(world.repo, "switch", "-q", "skein/run/r1");
    write(join(world.repo, "more.txt"), "more\n");
    const tip = (await git(world.repo, "rev-parse", "skein/task/r1/t2-1")).trim();
    await git(world.repo, "update-ref", "refs/heads/skein/task/r1/t1-1", tip);
    assertEquals(await dropSpent(world.run, refs), []);
    assertEquals((await refsOf(world)).length, 7);
  });
});
