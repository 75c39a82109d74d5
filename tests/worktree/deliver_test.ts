// Delivery: the user's branch is fast-forwarded when nothing is lost by it, and otherwise everything is
// left with a reason; a fast-forward whose git was killed at any point is finished or taken back.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { addWorktree } from "../../src/worktree/add.ts";
import { openRun } from "../../src/worktree/branch.ts";
import { deliver } from "../../src/worktree/deliver.ts";
import { mergeTask } from "../../src/worktree/merge.ts";
import { saveWork } from "../../src/worktree/save.ts";
import { placeOf } from "../../src/worktree/place.ts";
import { Refusal } from "../../src/core/errors.ts";
import { git, write } from "../support/git.ts";
import { assertSound, commit, ownership, withWorld, type World } from "../support/run_tree.ts";

/** A run with one merged task that changes, adds and deletes files. */
async function worked(world: World): Promise<string> {
  await openRun(world.run);
  const tree = await addWorktree(world.run, { task: "t1", attempt: 1 });
  write(join(tree.path, "a.txt"), "one\ntwo\nthree\nfour, by the run\n");
  write(join(tree.path, "new/c.txt"), "new, by the run\n");
  Deno.removeSync(join(tree.path, "sub/b.txt"));
  await saveWork(tree.path, { message: "t1" });
  const merged = await mergeTask(world.run, { task: "t1", branch: tree.branch });
  assert(merged.outcome === "merged");
  return merged.commit;
}

async function head(world: World, ref = "main"): Promise<string> {
  return (await git(world.repo, "rev-parse", ref)).trim();
}

Deno.test("deliver: forwards a clean checkout once, untracked files stay", async () => {
  await withWorld(async (world) => {
    const run = await worked(world);
    write(join(world.repo, "mine.txt"), "mine\n");
    const remote = await git(world.remote, "for-each-ref");
    assertEquals(await deliver(world.run, { target: "main" }), {
      outcome: "forwarded",
      commit: run,
    });
    assertEquals(await head(world), run);
    assertEquals(await git(world.repo, "status", "--porcelain"), "?? mine.txt\n");
    assertEquals(Deno.readTextFileSync(join(world.repo, "new/c.txt")), "new, by the run\n");
    assertEquals((await deliver(world.run, { target: "main" })).outcome, "nothing");
    assertEquals(await git(world.remote, "for-each-ref"), remote);
    await assertSound(world);
  }, { dirty: false });
});

Deno.test("deliver: leaves a checkout with changes, files in the way, a merge, a lock or commits", async () => {
  await withWorld(async (world) => {
    const run = await worked(world);
    const left = async (reason: RegExp) => {
      const before = await ownership(world);
      const answer = await deliver(world.run, { target: "main" });
      assertEquals([answer.outcome, answer.commit], ["left", run]);
      assertMatch(answer.reason ?? "", reason);
      assert((answer.hint ?? "").length > 10);
      assertEquals(await ownership(world), before);
    };
    write(join(world.repo, "a.txt"), "my own change\n");
    await left(/uncommitted changes in 1 file$/);
    await git(world.repo, "checkout", "-q", "a.txt");
    write(join(world.repo, "new/c.txt"), "mine\n");
    await left(/would be overwritten/);
    // Ignored files too are somebody's.
    write(join(world.repo, ".git/info/exclude"), "new/\n");
    await left(/overwritten/);
    Deno.removeSync(join(world.repo, "new"), { recursive: true });
    write(join(world.repo, ".git/index.lock"), "");
    await left(/index\.lock/);
    Deno.removeSync(join(world.repo, ".git/index.lock"));
    write(join(world.repo, ".git/MERGE_HEAD"), `${await head(world)}\n`);
    await left(/in the middle/);
    Deno.removeSync(join(world.repo, ".git/MERGE_HEAD"));
    write(join(world.repo, ".git/sequencer/todo"), "pick\n");
    await left(/in the middle/);
    Deno.removeSync(join(world.repo, ".git/sequencer"), { recursive: true });
    await commit(world.repo, "mine.txt", "mine\n");
    await left(/commits that the run has not/);
    // Renamed or deleted while the run went on: its result is where it was, and it is said how to get it.
    const gone = await deliver(world.run, { target: "nowhere" });
    assertEquals([gone.outcome, gone.commit], ["left", run]);
    assertMatch(gone.hint ?? "", /git branch nowhere skein\/run\/r1/);
    // Names are what people copy into a shell.
    const odd = await deliver(world.run, { target: "$(reboot)" });
    assertMatch(odd.hint ?? "", /git branch '\$\(reboot\)' skein\/run\/r1/);
  }, { dirty: false });
});

Deno.test("deliver: a branch that is checked out nowhere just moves; one being rebased stays", async () => {
  await withWorld(async (world) => {
    const run = await worked(world);
    await git(world.repo, "checkout", "-q", "-b", "elsewhere");
    write(join(world.repo, "a.txt"), "my own change\n");
    const files = await git(world.repo, "status", "--porcelain");
    write(join(world.repo, ".git/rebase-merge/head-name"), "refs/heads/main\n");
    assertEquals((await deliver(world.run, { target: "main" })).outcome, "left");
    Deno.removeSync(join(world.repo, ".git/rebase-merge"), { recursive: true });
    assertEquals((await deliver(world.run, { target: "main" })).outcome, "forwarded");
    assertEquals(await head(world), run);
    assertEquals(await git(world.repo, "status", "--porcelain"), files);
  }, { dirty: false });
});

Deno.test("deliver: a record of a fast-forward that a power failure tore hinders none", async () => {
  await withWorld(async (world) => {
    const run = await worked(world);
    write(join(placeOf(world.run).folder, "deliver.json"), '{"path":"/');
    assertEquals((await deliver(world.run, { target: "main" })).outcome, "forwarded");
    assertEquals(await head(world), run);
    assertEquals(await git(world.repo, "status", "--porcelain"), "");
  }, { dirty: false });
});

Deno.test("merge: is refused while the run branch is checked out by somebody", async () => {
  await withWorld(async (world) => {
    await worked(world);
    const tree = await addWorktree(world.run, { task: "t2", attempt: 1 });
    write(join(tree.path, "x.txt"), "x\n");
    await saveWork(tree.path, { message: "t2" });
    await git(world.repo, "checkout", "-q", "skein/run/r1");
    const merge = () => mergeTask(world.run, { task: "t2", branch: tree.branch });
    const refusal = await assertRejects(merge, Refusal, "checked out") as Refusal;
    assertEquals(refusal.details.path, world.repo);
    await git(world.repo, "checkout", "-q", "main");
    assertEquals((await merge()).outcome, "merged");
    // A task's branch that the user looks at is not checked out a second time.
    await git(world.repo, "branch", "skein/task/r1/t3-1", "main");
    await git(world.repo, "checkout", "-q", "skein/task/r1/t3-1");
    const add = () => addWorktree(world.run, { task: "t3", attempt: 1 });
    await assertRejects(add, Refusal, "checked out");
  }, { dirty: false });
});

Deno.test("deliver: says that it could not where git does, whatever its options are", async () => {
  await withWorld(async (world) => {
    const run = await worked(world);
    await git(world.repo, "config", "branch.main.mergeOptions", "--no-such-option");
    const before = await ownership(world);
    const { outcome, reason } = await deliver(world.run, { target: "main" });
    assertEquals(outcome, "left");
    assertMatch(reason ?? "", /git cannot forward .*no-such-option/);
    assertEquals(await ownership(world), before);
    await git(world.repo, "config", "branch.main.mergeOptions", "--squash");
    assertEquals((await deliver(world.run, { target: "main" })).outcome, "forwarded");
    assertEquals(await head(world), run);
    assertEquals(await git(world.repo, "status", "--porcelain"), "");
  }, { dirty: false });
});

Deno.test("deliver: where a git folder is kept apart, and asked from a worktree beside it", async () => {
  await withWorld(async (world) => {
    const apart = join(world.folder, "apart");
    const own = join(world.folder, "own.git");
    await git(world.folder, "clone", "-q", "--separate-git-dir", own, world.remote, apart);
    await git(apart, "worktree", "add", "-q", "--detach", join(world.folder, "beside"));
    const deliverFrom = async (repo: string) => {
      const there = { ...world, repo, run: { ...world.run, repo } };
      await worked(there);
      return await deliver(there.run, { target: "main" });
    };
    // Nothing in the repository says where its own working tree is.
    const { outcome, reason } = await deliverFrom(join(world.folder, "beside"));
    assertEquals(outcome, "left");
    assertMatch(reason ?? "", /main is checked out where git does not say \(.*own\.git\)/);
    await git(apart, "config", "core.worktree", "../apart");
    const again = { ...world.run, repo: join(world.folder, "beside") };
    assertEquals((await deliver(again, { target: "main" })).outcome, "forwarded");
    assertEquals(await git(apart, "status", "--porcelain"), "");
    assert(Deno.readTextFileSync(join(apart, "new/c.txt")) !== "");
  });
});

Deno.test("deliver: files that git was told not to look at are the user's, too", async () => {
  for (const bit of ["--assume-unchanged", "--skip-worktree"]) {
    await withWorld(async (world) => {
      await worked(world);
      await git(world.repo, "update-index", bit, "a.txt");
      write(join(world.repo, "a.txt"), "my own\n");
      const before = await ownership(world);
      const { outcome, reason } = await deliver(world.run, { target: "main" });
      assertEquals(outcome, "left");
      assertMatch(reason ?? "", /a\.txt/);
      assertEquals(await ownership(world), before);
    }, { dirty: false });
  }
});

/** Each state that a killed `git merge --ff-only` can leave, made by hand. */
const CUT_OFF: Record<string, (world: World, to: string) => Promise<void>> = {
  "nothing done yet": () => Promise.resolve(),
  "a lock": (world) => Promise.resolve(stale(join(world.repo, ".git/index.lock"))),
  "one file new, one half written, one deleted": (world) => {
    write(join(world.repo, "a.txt"), "one\ntwo\nthr");
    write(join(world.repo, "new/c.txt"), "new, by the run\n");
    Deno.removeSync(join(world.repo, "sub/b.txt"));
    stale(join(world.repo, ".git/index.lock"));
    return Promise.resolve();
  },
  "all but the branch": async (world, to) => {
    await git(world.repo, "read-tree", "-m", "-u", "HEAD", to);
  },
};

/** A lock of a git that ended a minute ago. */
function stale(lock: string): void {
  write(lock, "");
  Deno.utimeSync(lock, Date.now() / 1000 - 60, Date.now() / 1000 - 60);
}

for (const [state, cutOff] of Object.entries(CUT_OFF)) {
  Deno.test(`deliver: goes on after a git that was killed: ${state}`, async () => {
    await withWorld(async (world) => {
      const to = await worked(world);
      const intent = { path: world.repo, target: "main", from: await head(world), to, atMs: 0 };
      write(join(placeOf(world.run).folder, "deliver.json"), JSON.stringify(intent));
      await cutOff(world, to);
      assertEquals((await deliver(world.run, { target: "main" })).outcome, "forwarded");
      assertEquals(await head(world), to);
      assertEquals(await git(world.repo, "status", "--porcelain"), "");
      await assertSound(world);
    }, { dirty: false });
  });
}

Deno.test("deliver: of several at once one forwards, and nobody takes it for dead", async () => {
  await withWorld(async (world) => {
    const to = await worked(world);
    const five = [1, 2, 3, 4, 5].map(() => deliver(world.run, { target: "main" }));
    const outcomes = (await Promise.all(five)).map(({ outcome }) => outcome);
    assertEquals(outcomes.filter((outcome) => outcome === "forwarded").length, 1);
    assertEquals((await deliver(world.run, { target: "main" })).outcome, "nothing");
    assertEquals([await head(world), await git(world.repo, "status", "--porcelain")], [to, ""]);
    // A git that works in the checkout may be the one of a caller that was killed.
    const intent = { path: world.repo, target: "main", from: to, to: `${to}~1`, atMs: 0 };
    write(join(placeOf(world.run).folder, "deliver.json"), JSON.stringify(intent));
    const living = new Deno.Command("git", {
      args: ["cat-file", "--batch"],
      cwd: world.repo,
      stdin: "piped",
      stdout: "null",
    }).spawn();
    assertMatch((await deliver(world.run, { target: "main" })).reason ?? "", /under way/);
    await living.stdin.close();
    await living.status;
  }, { dirty: false });
});

Deno.test("deliver: what the user wrote into a checkout that was cut off is not overwritten", async () => {
  await withWorld(async (world) => {
    const to = await worked(world);
    const intent = { path: world.repo, target: "main", from: await head(world), to, atMs: 0 };
    write(join(placeOf(world.run).folder, "deliver.json"), JSON.stringify(intent));
    write(join(world.repo, "new/c.txt"), "new, by the run\n");
    write(join(world.repo, "a.txt"), "one\ntwo\nthree\nmine\n");
    const answer = await deliver(world.run, { target: "main" });
    assertEquals(answer.outcome, "left");
    assertMatch(answer.reason ?? "", /a\.txt was changed/);
    assertEquals(Deno.readTextFileSync(join(world.repo, "a.txt")), "one\ntwo\nthree\nmine\n");
    await git(world.repo, "stash", "-q");
    assertEquals((await deliver(world.run, { target: "main" })).outcome, "forwarded");
  }, { dirty: false });
});
