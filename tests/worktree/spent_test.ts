// What may go of earlier runs, and what never does: every commit that is merged nowhere, all that is the
// user's, all of other homes, all of runs that go on.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { LIMITS } from "../../src/core/limits.ts";
import { addWorktree } from "../../src/worktree/add.ts";
import { lastRunNumber, openRun } from "../../src/worktree/branch.ts";
import { mergeTask } from "../../src/worktree/merge.ts";
import { removeWorktree } from "../../src/worktree/remove.ts";
import { saveWork } from "../../src/worktree/save.ts";
import { dropSpent, type Spent, type SpentRef, spentRefs } from "../../src/worktree/spent.ts";
import { git, write } from "../support/git.ts";
import { assertSound, ownership, withWorld, type World } from "../support/run_tree.ts";

const DAY_MS = 86_400_000;
const NOW = Date.now();
const LATER = NOW + (LIMITS.parkedDays + 1) * DAY_MS;

function lookOver(world: World, over: readonly string[], nowMs = NOW): Promise<Spent> {
  return spentRefs(world.run, (run) => Promise.resolve(over.includes(run)), nowMs);
}

async function spent(
  world: World,
  over: readonly string[],
  nowMs = NOW,
): Promise<readonly SpentRef[]> {
  return (await lookOver(world, over, nowMs)).spent;
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

Deno.test("spent: nothing while its run goes on; its result, and what tells of it, stay after", async () => {
  await withWorld(async (world) => {
    assertEquals(await lookOver(world, ["r1"]), { spent: [], stays: [] }, "without runs");
    await play(world, "r1");
    const { spent: none, stays } = await lookOver(world, []);
    assertEquals([none, stays.map(({ ref, why }) => `${ref} ${why}`)], [[], [
      "refs/heads/skein/run/r1 active",
      "refs/heads/skein/task/r1/t1-1 active",
      "refs/heads/skein/task/r1/t2-1 active",
    ]]);
    const over = await lookOver(world, ["r1"]);
    assertEquals(over.stays.map(({ ref, why }) => `${ref} ${why}`), [
      "refs/heads/skein/run/r1 result",
    ]);
    assertEquals(shown(over.spent), [
      "refs/heads/skein/task/r1/t1-1 contained",
      "refs/heads/skein/task/r1/t2-1 unmerged",
    ]);
    assertEquals(shown(await spent(world, [], NOW + (LIMITS.parkedDays - 1) * DAY_MS)), []);
    assertEquals(shown(await spent(world, [], LATER)), [
      "refs/skein/parked/r1/t1-1 old",
      "refs/skein/parked/r1/t2-1 old",
    ]);
  });
});

Deno.test("spent: a task's branch that is merged nowhere is kept elsewhere, until the user has it", async () => {
  await withWorld(async (world) => {
    await play(world, "r1");
    const tip = (await git(world.repo, "rev-parse", "skein/task/r1/t2-1")).trim();
    const before = await ownership(world);
    assertEquals((await dropSpent(world.run, await spent(world, ["r1"]))).length, 2);
    const kept = `refs/skein/kept/r1/t2-1/${tip.slice(0, 12)}`;
    const refs = ["refs/heads/skein/run/r1", kept];
    assertEquals((await refsOf(world)).filter((ref) => !ref.includes("parked")), refs);
    assertEquals((await git(world.repo, "rev-parse", kept)).trim(), tip);
    assertEquals(await ownership(world), before);
    await assertSound(world, ["r1 t1\n", "r1 t2\n", "half of r1 t1\n", "half of r1 t2\n"]);
    // However old it gets. A branch that somebody makes of it again is moved again.
    assertEquals(shown(await spent(world, ["r1"], LATER)).filter((one) => /kept/.test(one)), []);
    await git(world.repo, "branch", "skein/task/r1/t2-1", kept);
    await dropSpent(world.run, await spent(world, ["r1"]));
    assertEquals((await refsOf(world)).filter((ref) => !ref.includes("parked")), refs);
    assertEquals(await lastRunNumber(world.repo), 1);
    await git(world.repo, "branch", "mine", kept);
    const merged = shown(await spent(world, ["r1"]));
    assert(merged.includes("refs/skein/kept/r1/t2-1 merged"), String(merged));
    await dropSpent(world.run, await spent(world, ["r1"]));
    await assertSound(world, ["r1 t2\n"]);
  });
});

Deno.test("spent: a run's branches go once it is over and the user's branch has them", async () => {
  await withWorld(async (world) => {
    await play(world, "r1");
    await play(world, "r2");
    await git(world.repo, "stash", "-q", "-u");
    await git(world.repo, "merge", "-q", "--ff-only", "skein/run/r1");
    const before = await ownership(world);
    const early = shown(await spent(world, ["r2"]));
    assertEquals(early.filter((one) => !one.includes("/r2")), [], "r1 goes on");
    const refs = await spent(world, ["r1"]);
    assertEquals(shown(refs), [
      "refs/heads/skein/run/r1 merged",
      "refs/heads/skein/task/r1/t1-1 merged",
      "refs/heads/skein/task/r1/t2-1 unmerged",
    ]);
    assertEquals((await dropSpent(world.run, refs)).length, 3);
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
    const foreign = await lookOver({ ...world, run: { ...world.run, home: other } }, ["r1"]);
    assertEquals([foreign.spent, foreign.stays.map(({ why }) => why)], [[], ["foreign"]]);
    // Branches that only look like it.
    await git(world.repo, "branch", "skein/mine");
    await git(world.repo, "branch", "skein/task/mine");
    const refs = await spent(world, ["r1", "mine"]);
    await git(world.repo, "switch", "-q", "skein/run/r1");
    write(join(world.repo, "more.txt"), "more\n");
    const tip = (await git(world.repo, "rev-parse", "skein/task/r1/t2-1")).trim();
    await git(world.repo, "update-ref", "refs/heads/skein/task/r1/t1-1", tip);
    await git(
      world.repo,
      "worktree",
      "add",
      "-q",
      join(world.folder, "look"),
      "skein/task/r1/t2-1",
    );
    assertEquals(await dropSpent(world.run, refs), []);
    // With the two tasks' fences.
    assertEquals((await refsOf(world)).length, 9);
  });
});
