// Conflicts that nobody has resolved are not committed, whatever the file is called and however git
// shows them; those that somebody has resolved are, whatever the file says.

import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { addWorktree } from "../../src/worktree/add.ts";
import { openRun } from "../../src/worktree/branch.ts";
import { startConflict } from "../../src/worktree/conflict.ts";
import { mergeTask } from "../../src/worktree/merge.ts";
import { saveWork } from "../../src/worktree/save.ts";
import { Refusal } from "../../src/core/errors.ts";
import { git, write } from "../support/git.ts";
import { withWorld, type World } from "../support/run_tree.ts";

/** Shell commands for the repository's first commit, for one task, for another, for who resolves. */
interface Case {
  readonly first: string;
  readonly one: string;
  readonly two: string;
  /** Each is refused, one after the other; `null` where none is. */
  readonly unresolved: readonly string[];
  readonly refused?: RegExp;
  readonly resolved: string;
  /** What `git show` of the run branch says in the end. */
  readonly after: readonly [file: string, text: string];
}

const LATIN1 = '"$(printf "caf\\351.txt")"';
const lines = (middle: string): string => `printf 'one\\n${middle}\\nthree\\n'`;
const TEXT = { first: `${lines("two")} > f`, one: `${lines("A")} > f`, two: `${lines("B")} > f` };

const CASES: Readonly<Record<string, Case>> = {
  "markers of another size": {
    ...TEXT,
    first: `${TEXT.first}; echo 'f conflict-marker-size=32' > .gitattributes`,
    unresolved: [":", "git add f"],
    resolved: `${lines("AB")} > f`,
    after: ["f", "one\nAB\nthree\n"],
  },
  "a name that is not text": {
    first: `${lines("two")} > ${LATIN1}`,
    one: `${lines("A")} > ${LATIN1}`,
    two: `${lines("B")} > ${LATIN1}; echo x > x`,
    unresolved: [":", "git add -A"],
    resolved: `${lines("AB")} > ${LATIN1}`,
    after: ["x", "x\n"],
  },
  "a file that git does not show differences of": {
    ...TEXT,
    first: `${TEXT.first}; echo 'f -diff' > .gitattributes`,
    unresolved: [":"],
    resolved: `${lines("AB")} > f`,
    after: ["f", "one\nAB\nthree\n"],
  },
  "a merge that the agent ended itself, markers and all": {
    ...TEXT,
    unresolved: ["git commit -q -a -m merged"],
    resolved: `${lines("AB")} > f`,
    after: ["f", "one\nAB\nthree\n"],
  },
  "half of the markers": {
    ...TEXT,
    unresolved: ["sed -i '/^<<<<<<< /d;/^|||||||/d' f"],
    resolved: `${lines("AB")} > f`,
    after: ["f", "one\nAB\nthree\n"],
  },
  "in a folder of the worktree, by a name with spaces and quotes": {
    first: `mkdir d; ${lines("two")} > 'd/a "b" c'`,
    one: `${lines("A")} > 'd/a "b" c'`,
    two: `${lines("B")} > 'd/a "b" c'`,
    unresolved: [":"],
    resolved: `${lines("AB")} > 'd/a "b" c'`,
    after: ['d/a "b" c', "one\nAB\nthree\n"],
  },
  "a binary file, told that it is meant": {
    first: "printf 'a\\0b' > f",
    one: "printf 'a\\0one' > f",
    two: "printf 'a\\0two' > f",
    unresolved: [":"],
    refused: /as the merge left them.* f$/,
    resolved: "git add f",
    after: ["f", "a\0two"],
  },
  "a binary file, changed": {
    first: "printf 'a\\0b' > f",
    one: "printf 'a\\0one' > f",
    two: "printf 'a\\0two' > f",
    unresolved: [":"],
    refused: /as the merge left them.* f$/,
    resolved: "printf 'a\\0both' > f",
    after: ["f", "a\0both"],
  },
  "changed by one, deleted by the other": {
    first: `${lines("two")} > f; echo g > g`,
    one: "rm f",
    two: `${lines("B")} > f; echo more >> g`,
    unresolved: [":"],
    refused: /as the merge left them.* f$/,
    resolved: "rm f",
    after: ["g", "g\nmore\n"],
  },
  "deleted by one, changed by the other": {
    first: `${lines("two")} > f`,
    one: `${lines("A")} > f`,
    two: "rm f; echo g > g",
    unresolved: [":"],
    refused: /as the merge left them.* f$/,
    resolved: "git add f",
    after: ["f", "one\nA\nthree\n"],
  },
  "a link that two point elsewhere": {
    first: "ln -s a f",
    one: "ln -sf b f",
    two: "ln -sf c f",
    unresolved: [":"],
    refused: /as the merge left them.* f$/,
    resolved: "ln -sf d f",
    after: ["f", "d"],
  },
  "a text that git was told not to merge": {
    ...TEXT,
    first: `${TEXT.first}; echo 'f -merge' > .gitattributes`,
    unresolved: [":"],
    refused: /as the merge left them.* f$/,
    resolved: `${lines("AB")} > f`,
    after: ["f", "one\nAB\nthree\n"],
  },
  "two files of one name": {
    first: "echo g > g",
    one: "echo one > f",
    two: "mkdir f; echo two > f/x",
    unresolved: [":"],
    refused: /as the merge left them.* f~/,
    resolved: "git rm -q --cached f~* && rm f~*",
    after: ["f/x", "two\n"],
  },
  "one file that two have renamed": {
    first: `${lines("two")} > f`,
    one: "mv f one",
    two: "mv f two",
    unresolved: [":"],
    refused: /as the merge left them.* f, one, two$/,
    resolved: "git rm -q --cached f one; git add two; rm one",
    after: ["two", "one\ntwo\nthree\n"],
  },
  "a heading underlined as markers are, and a text that is about markers": {
    first: "printf 'Conflicts\\n=======\\n<<<<<<< HEAD\\n>>>>>>> x\\n' > f",
    one: "printf 'A\\n=======\\n<<<<<<< HEAD\\n>>>>>>> x\\n' > f",
    two: "printf 'B\\n=======\\n<<<<<<< HEAD\\n>>>>>>> x\\n' > f",
    unresolved: [":"],
    resolved: "printf 'AB\\n=======\\n<<<<<<< HEAD\\n>>>>>>> x\\n' > f",
    after: ["f", "AB\n=======\n<<<<<<< HEAD\n>>>>>>> x\n"],
  },
  "one side's text is taken as it is, without a word to git": {
    ...TEXT,
    unresolved: [":"],
    resolved: `${lines("B")} > f`,
    after: ["f", "one\nB\nthree\n"],
  },
};

async function sh(folder: string, script: string): Promise<void> {
  const env = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@example.invalid" };
  const { success, stderr } = await new Deno.Command("sh", {
    args: ["-c", script],
    cwd: folder,
    env: { ...env, GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@example.invalid" },
  }).output();
  assertEquals(success, true, new TextDecoder().decode(stderr));
}

/** A task's saved work; its worktree. */
async function done(world: World, task: string, script: string, from?: string) {
  const order = {
    task,
    attempt: from === undefined ? 1 : 2,
    ...from === undefined ? {} : { from },
  };
  const tree = await addWorktree(world.run, order);
  await sh(tree.path, script);
  return tree;
}

for (const [what, one] of Object.entries(CASES)) {
  Deno.test(`unresolved: ${what}`, async () => {
    await withWorld(async (world) => {
      await sh(world.repo, `${one.first}; git add -A; git commit -q -m first`);
      await openRun(world.run);
      const first = await done(world, "t1", one.one);
      const second = await done(world, "t2", one.two);
      await saveWork(first.path, { message: "one" });
      await saveWork(second.path, { message: "two" });
      const merge = (task: string, branch: string) => mergeTask(world.run, { task, branch });
      assertEquals((await merge("t1", first.branch)).outcome, "merged");
      const conflict = await merge("t2", second.branch);
      const again = await done(world, "t2", ":", second.branch);
      const { files } = await startConflict(again.path, world.run);
      assertEquals(conflict.outcome === "conflict" ? conflict.files.length : 0, files.length);
      for (const script of one.unresolved) {
        await sh(again.path, script);
        const save = () => saveWork(again.path, { message: "not resolved" });
        const refusal = await assertRejects(save, Refusal) as Refusal;
        assertEquals(refusal.code, "GIT_STATE");
        assertEquals((one.refused ?? /conflict markers are left/).test(refusal.message), true);
        assertEquals(refusal.details.files, files);
      }
      await sh(again.path, one.resolved);
      await saveWork(again.path, { message: "resolved" });
      assertEquals((await merge("t2", again.branch)).outcome, "merged");
      const [file, text] = one.after;
      assertEquals(await git(world.repo, "show", `skein/run/r1:${file}`), text);
    }, { dirty: false });
  });
}

Deno.test("unresolved: a submodule that two have moved on, there or not", async () => {
  const allow = "git -c protocol.file.allow=always submodule --quiet";
  const moved = (id: string) => `git update-index --cacheinfo 160000,${id},sub/m`;
  for (const there of [false, true]) {
    await withWorld(async (world) => {
      const empty = "git commit -q --allow-empty -m";
      await sh(world.repo, `${empty} 1; ${empty} 2; git push -q origin main`);
      const commits = (await git(world.repo, "rev-list", "HEAD~1")).split("\n");
      await sh(world.repo, `${allow} add ${world.remote} sub/m; git commit -q -a -m first`);
      await openRun(world.run);
      const trees = [];
      for (const [i, id] of commits.slice(0, 2).entries()) {
        const tree = await done(world, `t${i}`, `${moved(id)}; git commit -q -m moved`);
        await saveWork(tree.path, { message: "moved" });
        trees.push(tree);
      }
      const [one, two] = trees.map(({ branch }) => branch);
      await mergeTask(world.run, { task: "t0", branch: one ?? "" });
      const clash = await mergeTask(world.run, { task: "t1", branch: two ?? "" });
      assertEquals(clash.outcome, "conflict");
      const { path } = await done(world, "t1", there ? `${allow} update --init` : ":", two);
      assertEquals(await startConflict(path, world.run), { files: ["sub/m"] });
      const save = () => saveWork(path, { message: "m" });
      await assertRejects(save, Refusal, "as the merge left them, and in conflict, are sub/m");
      await sh(path, `${moved(commits[0] ?? "")}`);
      await save();
      const id = (await git(path, "rev-parse", "HEAD:sub/m")).trim();
      assertEquals(id, there ? commits[1] : commits[0]);
    }, { dirty: false });
  }
});

Deno.test("unresolved: of a merge that the agent began itself", async () => {
  await withWorld(async (world) => {
    await sh(world.repo, `${TEXT.first}; echo g > g; git add -A; git commit -q -m first`);
    await openRun(world.run);
    await sh(
      world.repo,
      `git switch -q -c other; ${TEXT.one}; rm g; git commit -q -a -m other; git switch -q main`,
    );
    const { path } = await done(world, "t1", `${TEXT.two}; echo h > g; git commit -q -a -m own`);
    await sh(path, "git merge -q other || true");
    const save = () => saveWork(path, { message: "t1" });
    await assertRejects(save, Refusal, "conflict markers are left in f");
    await sh(path, `${lines("AB")} > f`);
    await assertRejects(save, Refusal, "as the merge left them, and in conflict, are g");
    await sh(path, "git add g");
    assertEquals((await save()).files, ["f", "g"]);
  }, { dirty: false });
});

Deno.test("unresolved: what an earlier version of skein has recorded of a merge still counts", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const { path } = await done(world, "t1", "printf '<<<<<<< HEAD\\n' > a.txt");
    const admin = Deno.readTextFileSync(join(path, ".git")).slice("gitdir: ".length).trim();
    write(join(admin, "skein-conflict.json"), '["a.txt"]');
    await assertRejects(() => saveWork(path, { message: "m" }), Refusal, "a.txt");
  });
});
