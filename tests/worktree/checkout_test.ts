// The checkout of a check holds exactly the commit, whatever was done in it before, and whatever is done in
// it touches nothing of the user's; and only the merge that was checked gets onto the run branch.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { addWorktree } from "../../src/worktree/add.ts";
import { openRun } from "../../src/worktree/branch.ts";
import { checkOut, dropCheckout } from "../../src/worktree/checkout.ts";
import { broughtBy, mergeTask } from "../../src/worktree/merge.ts";
import { placeOf } from "../../src/worktree/place.ts";
import { saveWork } from "../../src/worktree/save.ts";
import { git, write } from "../support/git.ts";
import { refusal } from "../support/home.ts";
import { assertSound, ownership, withWorld, type World } from "../support/run_tree.ts";

/** An attempt's work, saved; its branch. */
async function worked(world: World, task: string, file: string): Promise<string> {
  const tree = await addWorktree(world.run, { task, attempt: 1 });
  write(join(tree.path, file), `by ${task}\n`);
  await saveWork(tree.path, { message: task });
  return tree.branch;
}

async function commitAt(world: World, name: string): Promise<string> {
  return (await git(world.repo, "rev-parse", name)).trim();
}

/** Names of all that stands in a folder, but for the repository. */
function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name !== ".git")
    .sort();
}

const FIRST = [".gitignore", "a.txt", "sub"];

Deno.test("checkout: the very merge that was checked gets onto the run branch, or none", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const before = await commitAt(world, "skein/run/r1");
    const [one, two] = [await worked(world, "t1", "one.txt"), await worked(world, "t2", "two.txt")];
    const asked: string[] = [];
    const merge = (task: string, branch: string, check: (commit: string) => Promise<boolean>) =>
      mergeTask(world.run, {
        task,
        branch,
        check: (commit) => (asked.push(commit), check(commit)),
      });
    const no = () => Promise.resolve(false);
    assertEquals(await merge("t1", one, no), { outcome: "unchecked" });
    assertEquals(await commitAt(world, "skein/run/r1"), before);
    // While the second is checked the first is merged: what was checked is not what would be merged.
    let meanwhile = false;
    const merged = await merge("t2", two, async (commit) => {
      const path = await checkOut(world.run, commit);
      assertEquals(filesIn(path), [...FIRST, ...meanwhile ? ["one.txt"] : [], "two.txt"].sort());
      if (!meanwhile) await mergeTask(world.run, { task: "t1", branch: one });
      meanwhile = true;
      return true;
    });
    assertEquals(merged, { outcome: "merged", commit: asked.at(-1) ?? "" });
    assertEquals(asked.length, 3, "it was asked again");
    assertEquals(await commitAt(world, "skein/run/r1"), asked.at(-1));
    assertEquals(await broughtBy(world.run, asked.at(-1) ?? ""), ["two.txt"]);
    assertEquals((await merge("t2", two, no)).outcome, "already", "nothing is asked for nothing");
    assertEquals(await dropCheckout(world.run), null);
    await assertSound(world, ["by t1\n", "by t2\n"]);
  });
});

Deno.test("checkout: nobody is asked about what conflicts, or cannot be merged just now", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const [one, two] = [await worked(world, "t1", "a.txt"), await worked(world, "t2", "a.txt")];
    const never = () => Promise.reject(new Error("it was asked"));
    const look = join(world.folder, "look");
    await git(world.repo, "worktree", "add", "-q", look, "skein/run/r1");
    const held = () => mergeTask(world.run, { task: "t1", branch: one, check: never });
    await refusal("GIT_STATE", held);
    await git(world.repo, "worktree", "remove", look);
    await mergeTask(world.run, { task: "t1", branch: one });
    const clash = await mergeTask(world.run, { task: "t2", branch: two, check: never });
    assertEquals(clash.outcome, "conflict");
  });
});

/** What checks leave behind, or do to where they run. */
const MISCHIEF: Readonly<Record<string, (path: string, world: World) => Promise<unknown>>> = {
  "files changed, added and removed": async (path) => {
    write(join(path, "a.txt"), "changed\n");
    write(join(path, "new/x.txt"), "new\n");
    await Deno.remove(join(path, "sub"), { recursive: true });
  },
  "commits, branches, tags and a stash": async (path) => {
    write(join(path, "a.txt"), "changed\n");
    await git(path, "-c", "user.name=a", "-c", "user.email=b@c", "commit", "-q", "-am", "own");
    await git(path, "switch", "-q", "-c", "elsewhere");
    await git(path, "tag", "own");
    write(join(path, "a.txt"), "again\n");
    await git(path, "-c", "user.name=a", "-c", "user.email=b@c", "stash", "-q");
  },
  "a merge half-way, and locks": async (path) => {
    write(join(path, ".git/MERGE_HEAD"), (await git(path, "rev-parse", "HEAD")).trim());
    write(join(path, ".git/index.lock"), "");
    write(join(path, ".git/HEAD.lock"), "");
  },
  "a change that git is told not to see, and one in the moment of the checkout": async (path) => {
    write(join(path, "a.txt"), "ONE\ntwo\nthree\n");
    await git(path, "update-index", "--skip-worktree", "sub/b.txt");
    write(join(path, "sub/b.txt"), "B\n");
  },
  "no repository": (path) => Deno.remove(join(path, ".git"), { recursive: true }),
  "another repository in its place": async (path, { repo }) => {
    await Deno.remove(join(path, ".git"), { recursive: true });
    Deno.writeTextFileSync(join(path, ".git"), `gitdir: ${join(repo, ".git")}\n`);
  },
  "repositories inside, and folders that are shut": async (path) => {
    await git(path, "init", "-q", "inner");
    write(join(path, "inner/x"), "x");
    write(join(path, "shut/x"), "x");
    Deno.chmodSync(join(path, "shut"), 0o555);
  },
  "hooks, and settings that lead elsewhere": async (path, { repo }) => {
    write(join(path, ".git/hooks/post-checkout"), "#!/bin/sh\ntouch hooked\n");
    Deno.chmodSync(join(path, ".git/hooks/post-checkout"), 0o755);
    await git(path, "config", "core.worktree", repo);
  },
  "a link to the user's own checkout where it stood": async (path, { repo }) => {
    await Deno.remove(path, { recursive: true });
    await Deno.symlink(repo, path);
  },
  "a link to the user's repository inside": async (path, { repo }) => {
    await Deno.remove(join(path, ".git"), { recursive: true });
    await Deno.symlink(join(repo, ".git"), join(path, ".git"));
    await Deno.remove(join(path, "sub"), { recursive: true });
    await Deno.symlink(repo, join(path, "sub"));
    await Deno.symlink(join(repo, "a.txt"), join(path, "linked.txt"));
  },
  "a file where it stood": async (path) => {
    await Deno.remove(path, { recursive: true });
    Deno.writeTextFileSync(path, "");
  },
};

for (const [what, mischief] of Object.entries(MISCHIEF)) {
  Deno.test(`checkout: ${what}: gone for the next commit, and nothing of the user's was touched`, async () => {
    await withWorld(async (world) => {
      await openRun(world.run);
      await git(world.repo, "tag", "v1");
      const branch = await worked(world, "t1", "one.txt");
      const path = await checkOut(world.run, await commitAt(world, "skein/run/r1"));
      assertEquals(filesIn(path), FIRST);
      assertEquals((await git(path, "describe", "--tags")).trim(), "v1");
      const users = await ownership(world);
      await mischief(path, world);
      const next = await commitAt(world, branch);
      assertEquals(await checkOut(world.run, next), path);
      assertEquals(filesIn(path), [...FIRST, "one.txt"].sort());
      assertEquals(await git(path, "status", "--porcelain"), "");
      assertEquals((await git(path, "rev-parse", "HEAD")).trim(), next);
      assertEquals(Deno.readTextFileSync(join(path, "a.txt")), "one\ntwo\nthree\n");
      assertEquals(Deno.readTextFileSync(join(path, "sub/b.txt")), "b\n");
      const refs = (await git(path, "for-each-ref", "--format=%(refname)")).trim();
      assertEquals(refs, "refs/tags/v1");
      assertEquals(await ownership(world), users, "the user's");
      assertEquals(await dropCheckout(world.run), null);
      assertEquals(
        filesIn(placeOf(world.run).folder).filter((one) => one.startsWith(".check")),
        [],
      );
    });
  });
}

Deno.test("checkout: what is ignored and what did not change stay as they are", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const branch = await worked(world, "t1", "one.txt");
    const path = await checkOut(world.run, await commitAt(world, "skein/run/r1"));
    write(join(path, "ignored/cache"), "built\n");
    write(join(path, "excluded/cache"), "built\n");
    write(join(world.repo, ".git/info/exclude"), "excluded/\n");
    const { ino, mtime } = Deno.statSync(join(path, "a.txt"));
    await checkOut(world.run, await commitAt(world, branch));
    assertEquals(Deno.readTextFileSync(join(path, "ignored/cache")), "built\n");
    assertEquals(Deno.readTextFileSync(join(path, "excluded/cache")), "built\n");
    const now = Deno.statSync(join(path, "a.txt"));
    assertEquals([now.ino, now.mtime], [ino, mtime], "not written again");
  });
});

Deno.test("checkout: files come out as in the user's own checkout, in whatever format ids have", async () => {
  for (const format of ["sha1", "sha256"]) {
    await withWorld(async (world) => {
      const repo = join(world.folder, `repo-${format}`);
      await git(world.folder, "init", "-q", `--object-format=${format}`, "-b", "main", repo);
      await git(repo, "config", "core.autocrlf", "true");
      await git(repo, "config", 'filter.odd "name".smudge', "tr a-z A-Z");
      await git(repo, "config", "filter.shout.smudge", "tr a-z A-Z");
      write(join(world.folder, "included"), '[filter "shout"]\n\tclean = tr A-Z a-z\n');
      await git(repo, "config", "include.path", join(world.folder, "included"));
      write(join(repo, ".git/info/attributes"), "*.loud filter=shout\n");
      write(join(repo, "a.loud"), "hello\n");
      write(join(repo, "b.txt"), "lines\n");
      await git(repo, "add", ".");
      await git(repo, "-c", "user.name=a", "-c", "user.email=b@c", "commit", "-q", "-m", "first");
      const run = { ...world.run, repo };
      await openRun(run);
      const path = await checkOut(run, (await git(repo, "rev-parse", "HEAD")).trim());
      assertEquals(Deno.readTextFileSync(join(path, "a.loud")).trim(), "HELLO");
      assertEquals(Deno.readTextFileSync(join(path, "b.txt")), "lines\r\n");
      assert((await git(path, "status", "--porcelain")) === "", "clean");
    });
  }
});

Deno.test("checkout: a commit stays for its check, whatever the user's git tidies up; a broken tag stops nobody", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    write(join(world.repo, ".git/refs/tags/broken"), `${"1".repeat(40)}\n`);
    const tree = await commitAt(world, "main^{tree}");
    const args = ["commit-tree", tree, "-p", "main", "-m", "nobody knows it"];
    const commit = (await git(world.repo, ...args)).trim();
    const path = await checkOut(world.run, commit);
    await git(world.repo, "tag", "-d", "broken");
    await git(world.repo, "reflog", "expire", "--expire=now", "--all");
    await git(world.repo, "gc", "-q", "--prune=now");
    assertEquals((await git(path, "log", "-1", "--format=%s")).trim(), "nobody knows it");
    assertEquals(await dropCheckout(world.run), null);
    assertEquals(await git(world.repo, "for-each-ref", "refs/skein"), "");
  });
});

Deno.test("checkout: submodules are as in a fresh checkout each time", async () => {
  await withWorld(async (world) => {
    const module = join(world.folder, "module");
    await git(world.folder, "clone", "-q", world.remote, module);
    const allowed = ["-c", "protocol.file.allow=always"];
    await git(world.repo, ...allowed, "submodule", "--quiet", "add", module, "lib");
    await git(world.repo, "commit", "-q", "-m", "with a submodule");
    await openRun(world.run);
    const branch = await worked(world, "t1", "one.txt");
    for (const name of ["skein/run/r1", branch, "skein/run/r1"]) {
      const path = await checkOut(world.run, await commitAt(world, name));
      assertEquals(filesIn(join(path, "lib")), []);
      await git(path, ...allowed, "submodule", "--quiet", "update", "--init");
      assert(filesIn(join(path, "lib")).includes("a.txt"));
    }
  });
});
