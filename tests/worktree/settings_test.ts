// Repositories whose owners have settings, hooks, filters, names and layouts of every kind: a task goes
// its whole way in each of them, the result is on the user's branch in the end, and their hooks, their
// checkout and their other branches are none of skein's business.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { addWorktree } from "../../src/worktree/add.ts";
import { openRun } from "../../src/worktree/branch.ts";
import { startConflict } from "../../src/worktree/conflict.ts";
import { deliver } from "../../src/worktree/deliver.ts";
import { checkedOutIn, mergeTask } from "../../src/worktree/merge.ts";
import type { RunTree } from "../../src/worktree/place.ts";
import { removeWorktree } from "../../src/worktree/remove.ts";
import { saveWork } from "../../src/worktree/save.ts";
import { git, write } from "../support/git.ts";
import { assertTidy, withWorld } from "../support/run_tree.ts";
import { SETTINGS } from "./settings.ts";
import { textOf } from "./steps_child.ts";

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

/** What a process may have in its environment that was started by a hook, or by somebody who looks for a fault. */
const SURROUNDINGS = {
  GIT_DIR: "/nowhere",
  GIT_WORK_TREE: "/nowhere",
  GIT_INDEX_FILE: "/nowhere",
  GIT_COMMON_DIR: "/nowhere",
  GIT_OBJECT_DIRECTORY: "/nowhere",
  GIT_ALTERNATE_OBJECT_DIRECTORIES: "/nowhere",
  GIT_NAMESPACE: "elsewhere",
  GIT_PREFIX: "sub/",
  GIT_CONFIG: "/nowhere",
  GIT_CONFIG_PARAMETERS: "'core.bare=true'",
  GIT_QUARANTINE_PATH: "/nowhere",
  GIT_SHALLOW_FILE: "/nowhere",
  GIT_GRAFT_FILE: "/nowhere",
  GIT_REPLACE_REF_BASE: "refs/elsewhere",
  GIT_ATTR_SOURCE: "nowhere",
  GIT_LITERAL_PATHSPECS: "1",
  GIT_ICASE_PATHSPECS: "1",
  GIT_REFLOG_ACTION: "",
  GIT_AUTHOR_DATE: "no date",
  GIT_COMMITTER_DATE: "no date",
  GIT_DEFAULT_HASH: "sha256",
  GIT_EXTERNAL_DIFF: "false",
  GIT_DIFF_OPTS: "--unified=0",
  GIT_EDITOR: "false",
  GIT_SEQUENCE_EDITOR: "false",
  GIT_PAGER: "false",
  GIT_ASKPASS: "false",
  GIT_TRACE: "1",
  GIT_TRACE_SETUP: "1",
  GIT_TRACE_REFS: "1",
  LC_ALL: "de_DE.UTF-8",
  LANGUAGE: "de",
};

Deno.test("settings: what the surroundings tell git is not told to skein's own", async () => {
  await withWorld(async (world) => {
    const child = fromFileUrl(new URL("./steps_child.ts", import.meta.url));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--no-check", child, world.repo, world.home],
        ...["open", "add:t1", "add:t2", "clash:t1", "clash:t2", "save:t1", "save:t2", "merge:t1"],
        ...["merge:t2", "again:t2@2", "conflict:t2@2", "clash:t2@2", "park:t2@2", "save:t2@2"],
        ...["merge:t2@2", "remove:t1", "remove:t2", "remove:t2@2", "drop:t1", "deliver", "sweep"],
      ],
      env: SURROUNDINGS,
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    const said = new TextDecoder().decode(stdout);
    for (const words of ["merge:t2 conflict", "merge:t2@2 merged", "deliver forwarded"]) {
      assertStringIncludes(said, `${words}\n`);
    }
    assertEquals(await git(world.repo, "show", "main:a.txt"), textOf("t2"));
    assertEquals(await git(world.repo, "status", "--short"), "");
    await assertTidy(world);
  }, { dirty: false });
});

function has(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
