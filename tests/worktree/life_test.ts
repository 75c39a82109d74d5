// The life of a try at a task, with real git: a worktree is made, its work saved, merged into the run
// branch and removed; the user's dirty checkout and the remote stay as they are throughout.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { addWorktree } from "../../src/worktree/add.ts";
import { dropBranch, openRun } from "../../src/worktree/branch.ts";
import { startConflict } from "../../src/worktree/conflict.ts";
import { leftovers } from "../../src/worktree/leftovers.ts";
import { mergeTask } from "../../src/worktree/merge.ts";
import { adminOf } from "../../src/worktree/place.ts";
import { park } from "../../src/worktree/park.ts";
import { removeWorktree } from "../../src/worktree/remove.ts";
import { saveWork } from "../../src/worktree/save.ts";
import { Refusal } from "../../src/core/errors.ts";
import { git, write } from "../support/git.ts";
import {
  assertSound,
  assertTidy,
  commit,
  ownership,
  withWorld,
  type World,
} from "../support/run_tree.ts";

function add(world: World, task: string, attempt = 1, from?: string) {
  return addWorktree(world.run, from === undefined ? { task, attempt } : { task, attempt, from });
}

async function show(world: World, what: string): Promise<string> {
  return await git(world.repo, "show", what);
}

Deno.test("worktree: a task is added, saved, merged and removed; the user's checkout stays as it is", async () => {
  await withWorld(async (world) => {
    const before = await ownership(world);
    const opened = await openRun(world.run);
    assertEquals(opened.branch, "skein/run/r1");
    assertEquals(opened.target, "main");
    const tree = await add(world, "t1");
    assertEquals(tree.base, opened.base);
    // Uncommitted changes of the user are no part of it.
    assertEquals(Deno.readTextFileSync(join(tree.path, "sub/b.txt")), "b\n");
    write(join(tree.path, 'new dir/\u00fcn\u00ef "quoted".txt'), "new\n");
    write(join(tree.path, "ignored/x"), "no work\n");
    const saved = await saveWork(tree.path, {
      message: "t1: done",
      author: { name: "goose", email: "goose@example.invalid" },
    });
    assertEquals(saved.files, ['new dir/\u00fcn\u00ef "quoted".txt']);
    assertEquals(saved.empty, false);
    assertEquals(await git(tree.path, "status", "--porcelain"), "");
    assertEquals(
      await git(world.repo, "log", "-1", "--format=%an %s", saved.commit),
      "goose t1: done\n",
    );
    assertEquals(await saveWork(tree.path, { message: "again" }), saved);
    const merged = await mergeTask(world.run, {
      task: "t1",
      branch: tree.branch,
      message: "Merge t1",
    });
    assertEquals(merged.outcome, "merged");
    const again = await mergeTask(world.run, { task: "t1", branch: tree.branch });
    assertEquals(again, { ...merged, outcome: "already" });
    assertEquals(await removeWorktree(world.run, tree.path), []);
    assertEquals(await removeWorktree(world.run, tree.path), []);
    assertEquals(await dropBranch(world.run, tree.branch), true);
    assertEquals(await dropBranch(world.run, tree.branch), true);
    assertEquals(await ownership(world), before);
    await assertTidy(world);
    await assertSound(world, ["new\n"]);
  });
});

Deno.test("worktree: openRun answers the same however often and wherever HEAD went", async () => {
  await withWorld(async (world) => {
    const opened = await openRun(world.run);
    await git(world.repo, "stash", "-q");
    await commit(world.repo, "later.txt", "later\n");
    await git(world.repo, "checkout", "-q", "--detach");
    assertEquals(await openRun(world.run), opened);
    const detached = await openRun({ ...world.run, run: "r2" }, "main~1");
    assertEquals(detached.target, null);
    assertEquals(detached.base, opened.base);
    await git(world.repo, "branch", "-D", "-q", "skein/run/r1");
    const refusal = await assertRejects(() => openRun(world.run), Refusal);
    assertEquals((refusal as Refusal).code, "GIT_STATE");
    await assertRejects(() => add(world, "t1"), Refusal, "gone");
  });
});

Deno.test("worktree: the same one is given again, and made anew after it was removed by hand", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const tree = await add(world, "t1");
    assertEquals(await add(world, "t1"), tree);
    await commit(tree.path, "kept.txt", "kept\n");
    await git(tree.path, "checkout", "-q", "--detach");
    await commit(tree.path, "detached.txt", "detached\n");
    Deno.removeSync(tree.path, { recursive: true });
    assertEquals((await leftovers(world.run)).worktrees.map(({ state }) => state), ["gone"]);
    assertEquals((await add(world, "t1")).path, tree.path);
    assertEquals(Deno.readTextFileSync(join(tree.path, "kept.txt")), "kept\n");
    // A `.git` file that is gone is written again; git's prune takes no worktree of ours.
    Deno.removeSync(join(tree.path, ".git"));
    await git(world.repo, "worktree", "prune", "--expire=now");
    assertEquals(await add(world, "t1"), tree);
    assertEquals(await git(tree.path, "status", "--porcelain"), "");
    await removeWorktree(world.run, tree.path);
    await assertTidy(world);
    await assertSound(world, ["kept\n", "detached\n"]);
  });
});

Deno.test("worktree: a folder that lost its record is put aside, not deleted", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const tree = await add(world, "t1");
    write(join(tree.path, "precious.txt"), "precious\n");
    Deno.removeSync(join(world.repo, ".git/worktrees"), { recursive: true });
    await assertRejects(() => removeWorktree(world.run, tree.path), Refusal, "lost its record");
    await add(world, "t1");
    const strays = (await leftovers(world.run)).worktrees.filter(({ state }) => state === "stray");
    assertEquals(
      Deno.readTextFileSync(join(strays[0]?.path ?? "", "precious.txt")),
      "precious\n",
    );
  });
});

Deno.test("worktree: a later try goes on from an earlier one's branch", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const first = await add(world, "t1", 1);
    const tip = await commit(first.path, "half.txt", "half\n");
    await removeWorktree(world.run, first.path);
    const second = await add(world, "t1", 2, first.branch);
    assertEquals(second.base, tip);
    assertEquals(Deno.readTextFileSync(join(second.path, "half.txt")), "half\n");
    await assertRejects(() => add(world, "t1", 3, "--all"), Refusal, "names no commit");
    assertEquals(await dropBranch(world.run, first.branch), false);
    await removeWorktree(world.run, second.path);
  });
});

Deno.test("park: keeps uncommitted and untracked work once, and leaves the worktree as it is", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const tree = await add(world, "t1");
    const whose = { run: "r1", task: "t1", attempt: 1 };
    assertEquals(await park(tree.path, whose), null);
    write(join(tree.path, "a.txt"), "changed\n");
    write(join(tree.path, "staged.txt"), "staged\n");
    await git(tree.path, "add", "staged.txt");
    write(join(tree.path, "deep/er/untracked.txt"), "untracked\n");
    Deno.removeSync(join(tree.path, "sub/b.txt"));
    const status = await git(tree.path, "status", "--porcelain", "-uall");
    const parked = await park(tree.path, whose);
    assert(parked !== null);
    assertStringIncludes(parked.ref, "refs/skein/parked/r1/t1-1/");
    assertEquals(await park(tree.path, whose), parked);
    assertEquals(await git(tree.path, "status", "--porcelain", "-uall"), status);
    assertEquals(await show(world, `${parked.commit}:deep/er/untracked.txt`), "untracked\n");
    assertEquals(await git(world.repo, "ls-tree", parked.commit, "sub/b.txt"), "");
    // An index.lock that a killed git left is in nobody's way.
    write(join(world.repo, ".git/worktrees", adminName(tree.path), "index.lock"), "");
    assertEquals(await removeWorktree(world.run, tree.path), [parked]);
    assertEquals(await park(tree.path, whose), null);
    await assertTidy(world);
    await assertSound(world, ["changed\n", "staged\n", "untracked\n"]);
    const found = await leftovers(world.run);
    assertEquals(found.parked, [parked]);
    assertEquals(found.branches.map(({ merged }) => merged), [true]);
  });
});

function adminName(path: string): string {
  return Deno.readTextFileSync(join(path, ".git")).trim().split("/").at(-1) ?? "";
}

Deno.test("saveWork: takes the task's branch to wherever the agent left HEAD", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const tree = await add(world, "t1");
    await commit(tree.path, "1.txt", "first\n");
    await git(tree.path, "commit", "-q", "--amend", "-m", "amended", "--allow-empty");
    await git(tree.path, "checkout", "-q", "-b", "agents-own", "HEAD~1");
    write(join(tree.path, "2.txt"), "second\n");
    const saved = await saveWork(tree.path, { message: "t1" });
    assertEquals(saved.files, ["2.txt"]);
    assertEquals(
      (await git(world.repo, "rev-parse", tree.branch)).trim(),
      saved.commit,
    );
    assertEquals((await git(tree.path, "symbolic-ref", "--short", "HEAD")).trim(), tree.branch);
    await git(tree.path, "reset", "-q", "--hard", "HEAD~1");
    assertEquals((await saveWork(tree.path, { message: "t1" })).empty, true);
    await git(world.repo, "branch", "-D", "-q", "agents-own");
    const kept = await removeWorktree(world.run, tree.path);
    assertEquals(kept.length, 1);
    await assertSound(world, ["first\n", "second\n"]);
    assertEquals(
      (await mergeTask(world.run, { task: "t1", branch: tree.branch })).outcome,
      "empty",
    );
  });
});

Deno.test("saveWork: what is uncommitted goes on no branch but the task's", async () => {
  await withWorld(async (world) => {
    await git(world.repo, "branch", "feature");
    await openRun(world.run);
    const tree = await add(world, "t1");
    await git(tree.path, "switch", "-q", "feature");
    write(join(tree.path, "agent.txt"), "of the agent\n");
    const before = await git(world.repo, "rev-parse", "feature");
    const saved = await saveWork(tree.path, { message: "t1" });
    assertEquals(await git(world.repo, "rev-parse", "feature"), before);
    assertEquals(await show(world, `${tree.branch}:agent.txt`), "of the agent\n");
    assertEquals((await git(tree.path, "symbolic-ref", "--short", "HEAD")).trim(), tree.branch);
    assertEquals(await saveWork(tree.path, { message: "again" }), saved);
  });
});

Deno.test("saveWork: refuses what would hide broken or lost work", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const tree = await add(world, "t1");
    await git(world.folder, "init", "-q", join(tree.path, "scaffold"));
    write(join(tree.path, "scaffold/x.txt"), "x\n");
    write(join(tree.path, "beside.txt"), "beside\n");
    await assertRejects(() => saveWork(tree.path, { message: "m" }), Refusal, "scaffold");
    // Removing keeps what it can, and the folder.
    await assertRejects(() => removeWorktree(world.run, tree.path), Refusal, "scaffold");
    await assertSound(world, ["beside\n"]);
    Deno.removeSync(join(tree.path, "scaffold/.git"), { recursive: true });
    const saved = await saveWork(tree.path, { message: "m" });
    assertEquals(saved.files, ["beside.txt", "scaffold/x.txt"]);
    await git(tree.path, "rebase", "-q", "-x", "false", "HEAD~1").catch(() => {});
    await assertRejects(() => saveWork(tree.path, { message: "m" }), Refusal, "rebase");
    await removeWorktree(world.run, tree.path);
    await assertTidy(world);
  });
});

Deno.test("conflict: is reported with nothing changed, resolved in a new worktree and merged", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const one = await add(world, "t1");
    const two = await add(world, "t2");
    write(join(one.path, "a.txt"), "one\nTWO of one\nthree\n");
    write(join(two.path, "a.txt"), "one\nTWO of two\nthree\n");
    write(join(two.path, "two.txt"), "two\n");
    await saveWork(one.path, { message: "one" });
    const saved = await saveWork(two.path, { message: "two" });
    const first = await mergeTask(world.run, { task: "t1", branch: one.branch });
    const conflict = await mergeTask(world.run, { task: "t2", branch: two.branch });
    assertEquals(conflict, {
      outcome: "conflict",
      files: ["a.txt"],
      ours: first.outcome === "merged" ? first.commit : "",
      theirs: saved.commit,
    });
    const retry = await add(world, "t2", 2, two.branch);
    assertEquals(await startConflict(retry.path, { run: "r1" }), { files: ["a.txt"] });
    assertEquals(await startConflict(retry.path, { run: "r1" }), { files: ["a.txt"] });
    assertStringIncludes(Deno.readTextFileSync(join(retry.path, "a.txt")), "<<<<<<< ");
    await assertRejects(() => saveWork(retry.path, { message: "m" }), Refusal, "a.txt");
    await git(retry.path, "add", "a.txt");
    await assertRejects(() => saveWork(retry.path, { message: "m" }), Refusal, "a.txt");
    write(join(retry.path, "a.txt"), "one\nTWO of both\nthree\n");
    const resolved = await saveWork(retry.path, { message: "two, resolved" });
    assertEquals(resolved.files, ["a.txt", "two.txt"]);
    assertEquals(
      (await mergeTask(world.run, { task: "t2", branch: retry.branch })).outcome,
      "merged",
    );
    assertEquals(await show(world, "skein/run/r1:a.txt"), "one\nTWO of both\nthree\n");
    assertEquals(await show(world, "skein/run/r1:two.txt"), "two\n");
    for (const tree of [one, two, retry]) {
      assertEquals(await removeWorktree(world.run, tree.path), []);
      assertEquals(await dropBranch(world.run, tree.branch), true);
    }
    await assertTidy(world);
    await assertSound(world);
  });
});

Deno.test("saveWork: a branch that was deleted under its worktree goes on from its last commit", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const tree = await add(world, "t1");
    const tip = await commit(tree.path, "1.txt", "first\n");
    write(join(tree.path, "2.txt"), "second\n");
    assertEquals(await dropBranch(world.run, tree.branch), false);
    await git(world.repo, "update-ref", "-d", `refs/heads/${tree.branch}`);
    const saved = await saveWork(tree.path, { message: "t1" });
    assertEquals(saved.files, ["1.txt", "2.txt"]);
    assertEquals((await git(world.repo, "rev-parse", `${saved.commit}~1`)).trim(), tip);
    await removeWorktree(world.run, tree.path);
    await assertSound(world, ["first\n", "second\n"]);
  });
});

Deno.test("saveWork: sees a change of the same size in the second in which the index was written", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const tree = await add(world, "t1");
    const file = join(tree.path, "a.txt");
    await git(world.repo, "config", "core.trustctime", "false");
    const past = Math.floor(Date.now() / 1000) - 100;
    const put = (text: string) => {
      Deno.writeTextFileSync(file, text);
      Deno.utimeSync(file, past, past);
    };
    put("before\n");
    await git(tree.path, "commit", "-q", "-a", "-m", "before");
    Deno.utimeSync(join(adminOf(tree.path) ?? "", "index"), past, past);
    put("behind\n");
    const saved = await saveWork(tree.path, { message: "t1" });
    assertEquals(await show(world, `${saved.commit}:a.txt`), "behind\n");
  });
});
