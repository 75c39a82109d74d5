// Repositories that are out of the ordinary: they work, or are refused with a reason and a remedy.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { addWorktree } from "../../src/worktree/add.ts";
import { openRun } from "../../src/worktree/branch.ts";
import { deliver } from "../../src/worktree/deliver.ts";
import { mergeTask } from "../../src/worktree/merge.ts";
import { removeWorktree } from "../../src/worktree/remove.ts";
import { saveWork } from "../../src/worktree/save.ts";
import { Refusal } from "../../src/core/errors.ts";
import { git, write } from "../support/git.ts";
import { assertSound, assertTidy, commit, withWorld, type World } from "../support/run_tree.ts";

function add(world: World, task: string, attempt = 1) {
  return addWorktree(world.run, { task, attempt });
}

Deno.test("worktree: a sparse checkout with settings of its own stays sparse in the worktree", async () => {
  await withWorld(async (world) => {
    await git(world.repo, "sparse-checkout", "set", "other");
    await openRun(world.run);
    const tree = await add(world, "t1");
    assertEquals([...Deno.readDirSync(tree.path)].some(({ name }) => name === "sub"), false);
    write(join(tree.path, "a.txt"), "changed\n");
    write(join(tree.path, "elsewhere/x.txt"), "x\n");
    const saved = await saveWork(tree.path, { message: "t1" });
    assertEquals(saved.files, ["a.txt", "elsewhere/x.txt"]);
    assertEquals(await git(world.repo, "show", `${saved.commit}:sub/b.txt`), "b\n");
    assertEquals(
      (await mergeTask(world.run, { task: "t1", branch: tree.branch })).outcome,
      "merged",
    );
    await removeWorktree(world.run, tree.path);
    await assertTidy(world);
    await assertSound(world);
  }, { dirty: false });
});

Deno.test("worktree: spaces, quotes and letters of any kind in paths; line ends converted; no identity", async () => {
  await withWorld(async (world) => {
    await git(world.repo, "config", "core.autocrlf", "true");
    await git(world.repo, "config", "core.safecrlf", "true");
    await git(world.repo, "config", "commit.gpgSign", "true");
    write(join(world.repo, ".git/hooks/post-checkout"), "#!/bin/sh\ntouch hook-ran; exit 1\n");
    Deno.chmodSync(join(world.repo, ".git/hooks/post-checkout"), 0o755);
    const opened = await openRun(world.run);
    const tree = await add(world, "t1");
    write(join(tree.path, "crlf.txt"), "one\r\n");
    write(join(tree.path, "lf.txt"), "two\n");
    const saved = await saveWork(tree.path, { message: "t1" });
    assertEquals(saved.files, ["crlf.txt", "lf.txt"]);
    assertEquals(
      await git(world.repo, "log", "-1", "--format=%an <%ae> %G?", saved.commit),
      "skein <skein@localhost> N\n",
    );
    assertEquals(
      (await mergeTask(world.run, { task: "t1", branch: tree.branch })).outcome,
      "merged",
    );
    assertEquals((await deliver(world.run, { target: opened.target ?? "" })).outcome, "forwarded");
    assertEquals(await git(world.repo, "status", "--porcelain"), "");
  }, { dirty: false, name: "my 'r\u00e9po' \u6f22" });
});

Deno.test("openRun: refuses where no run can begin, and says what to do", async () => {
  await withWorld(async (world) => {
    const refused = async (body: () => Promise<unknown>, code: string, reason: string) => {
      const refusal = await assertRejects(body, Refusal, reason) as Refusal;
      assertEquals(refusal.code, code);
      assert(refusal.hint.length > 10 && typeof refusal.details.field === "string");
    };
    const { home } = world;
    await refused(
      () => openRun({ run: "r", repo: world.folder, home }),
      "GIT_STATE",
      "no git checkout",
    );
    await refused(() => openRun({ run: "r", repo: world.remote, home }), "GIT_STATE", "bare");
    const empty = join(world.folder, "empty");
    await git(world.folder, "init", "-q", empty);
    await refused(() => openRun({ run: "r", repo: empty, home }), "GIT_STATE", "no commit yet");
    await refused(() => openRun({ ...world.run, run: "-x" }), "INVALID_INPUT", "run");
    await refused(() => openRun({ ...world.run, run: "a..b" }), "INVALID_INPUT", "run");
    await refused(() => openRun(world.run, "no-such"), "INVALID_INPUT", "base");
    await openRun(world.run);
    await refused(() => add(world, "a/b"), "INVALID_INPUT", "task");
    await refused(() => add(world, "t", 1.5), "INVALID_INPUT", "attempt");
    await refused(() => removeWorktree(world.run, world.repo), "INVALID_INPUT", "no worktree");
    await refused(
      () => mergeTask(world.run, { task: "t", branch: "main" }),
      "INVALID_INPUT",
      "no branch of a task",
    );
    await refused(
      () => mergeTask(world.run, { task: "t", branch: "skein/task/r1/t-9" }),
      "INVALID_INPUT",
      "names no commit",
    );
    await git(world.repo, "branch", "-q", "-m", "skein/run/r1", "skein");
    await refused(() => openRun({ ...world.run, run: "r2" }), "GIT_FAILED", "cannot be written");
  });
});

Deno.test("worktree: submodules stay empty, or keep the worktree while they hold work of their own", async () => {
  await withWorld(async (world) => {
    const allow = ["-c", "protocol.file.allow=always"];
    await git(world.repo, ...allow, "submodule", "add", "-q", world.remote, "module");
    await git(world.repo, "commit", "-q", "-m", "a submodule");
    await openRun(world.run);
    const tree = await add(world, "t1");
    assertEquals([...Deno.readDirSync(join(tree.path, "module"))], []);
    write(join(tree.path, "x.txt"), "x\n");
    assertEquals((await saveWork(tree.path, { message: "t1" })).files, ["x.txt"]);
    await git(tree.path, ...allow, "submodule", "--quiet", "update", "--init");
    const inside = join(tree.path, "module");
    write(join(inside, "a.txt"), "changed in the submodule\n");
    await assertRejects(() => removeWorktree(world.run, tree.path), Refusal, "submodules");
    await git(inside, "commit", "-q", "-a", "-m", "inside");
    await assertRejects(() => removeWorktree(world.run, tree.path), Refusal, "submodules");
    await git(inside, "reset", "-q", "--hard", "HEAD~1");
    await removeWorktree(world.run, tree.path);
    assertEquals(
      (await mergeTask(world.run, { task: "t1", branch: tree.branch })).outcome,
      "merged",
    );
    assertEquals((await deliver(world.run, { target: "main" })).outcome, "forwarded");
    assertEquals(await git(world.repo, "status", "--porcelain"), "");
    await assertTidy(world);
  }, { dirty: false });
});

Deno.test("worktree: a filter that fails leaves nothing half made; one that works is used", async () => {
  await withWorld(async (world) => {
    write(join(world.repo, ".gitattributes"), "*.up filter=up\n");
    await git(world.repo, "config", "filter.up.clean", "tr A-Z a-z");
    await git(world.repo, "config", "filter.up.smudge", "tr a-z A-Z");
    await git(world.repo, "config", "filter.up.required", "true");
    write(join(world.repo, "big.up"), "LARGE\n");
    await git(world.repo, "add", "-A");
    await git(world.repo, "commit", "-q", "-m", "filtered");
    await openRun(world.run);
    const tree = await add(world, "t1");
    assertEquals(Deno.readTextFileSync(join(tree.path, "big.up")), "LARGE\n");
    assertEquals((await saveWork(tree.path, { message: "t1" })).empty, true);
    await removeWorktree(world.run, tree.path);
    await git(world.repo, "config", "filter.up.smudge", "false");
    const refusal = await assertRejects(() => add(world, "t2"), Refusal, "filter") as Refusal;
    assertEquals(refusal.code, "GIT_FAILED");
    await assertTidy(world);
  }, { dirty: false });
});

Deno.test("openRun: never goes on with a branch that this home has not made", async () => {
  await withWorld(async (world) => {
    await git(world.repo, "branch", "skein/run/r1");
    const refusal = await assertRejects(() => openRun(world.run), Refusal, "another home's");
    assertEquals((refusal as Refusal).code, "GIT_STATE");
    assertEquals((await openRun({ ...world.run, run: "r2" })).branch, "skein/run/r2");
  });
});

Deno.test("worktree: commits that an agent left behind are kept though git keeps no history of refs", async () => {
  for (const own of [false, true]) {
    await withWorld(async (world) => {
      await git(world.repo, "config", "core.logAllRefUpdates", "false");
      if (own) await git(world.repo, "config", "extensions.worktreeConfig", "true");
      await openRun(world.run);
      const tree = await add(world, "t1");
      await commit(tree.path, "first.txt", "first\n");
      await git(tree.path, "checkout", "-q", "--detach", "HEAD~1");
      await commit(tree.path, "second.txt", "second\n");
      await git(tree.path, "checkout", "-q", tree.branch);
      const kept = await removeWorktree(world.run, tree.path);
      assertEquals(kept.map(({ ref }) => /\/history-/.test(ref)), [true]);
      await assertSound(world, ["first\n", "second\n"]);
    });
  }
});

Deno.test("worktree: a repository that the agent has committed as a link holds its work, and stays", async () => {
  await withWorld(async (world) => {
    await openRun(world.run);
    const tree = await add(world, "t1");
    const inner = join(tree.path, "inner");
    await git(world.folder, "init", "-q", inner);
    await commit(inner, "deep.txt", "deep\n");
    await git(tree.path, "add", "-A");
    await git(tree.path, "commit", "-q", "-m", "with a repository inside");
    assertEquals(await git(tree.path, "status", "--porcelain"), "");
    const save = () => saveWork(tree.path, { message: "t1" });
    const refusal = await assertRejects(
      save,
      Refusal,
      "inner is a repository of its own",
    ) as Refusal;
    assertEquals(refusal.code, "GIT_STATE");
    await assertRejects(() => removeWorktree(world.run, tree.path), Refusal, "inner");
    assertEquals(Deno.readTextFileSync(join(inner, "deep.txt")), "deep\n");
    Deno.removeSync(join(inner, ".git"), { recursive: true });
    await git(tree.path, "rm", "-q", "--cached", "inner");
    assertEquals((await save()).files, ["inner/deep.txt"]);
    await removeWorktree(world.run, tree.path);
    await assertTidy(world);
  });
});

Deno.test("saveWork: a submodule that was moved on is part of the work, whatever is ignored elsewhere", async () => {
  await withWorld(async (world) => {
    const allow = ["-c", "protocol.file.allow=always"];
    await git(world.repo, ...allow, "submodule", "add", "-q", world.remote, "module");
    await git(world.repo, "config", "-f", ".gitmodules", "submodule.module.ignore", "all");
    await git(world.repo, "commit", "-q", "-a", "-m", "a submodule");
    await git(world.repo, "config", "diff.ignoreSubmodules", "all");
    await openRun(world.run);
    const tree = await add(world, "t1");
    await git(tree.path, ...allow, "submodule", "--quiet", "update", "--init");
    const tip = await commit(join(tree.path, "module"), "more.txt", "more\n");
    assertEquals((await saveWork(tree.path, { message: "t1" })).files, ["module"]);
    const [, , id] = (await git(world.repo, "ls-tree", tree.branch, "module")).split(/\s/);
    assertEquals(id, tip);
  }, { dirty: false });
});

Deno.test("worktree: settings of a worktree's own are seen however the file is written", async () => {
  await withWorld(async (world) => {
    const config = join(world.repo, ".git/config");
    const text = Deno.readTextFileSync(config).replace("version = 0", "version = 1");
    write(config, `${text}[extensions] worktreeConfig = true\n`);
    write(join(world.repo, "kept/x"), "x\n");
    await git(world.repo, "add", "-A");
    await git(world.repo, "commit", "-q", "-m", "more");
    await git(world.repo, "config", "--worktree", "core.fileMode", "false");
    await openRun(world.run);
    const tree = await add(world, "t1");
    assertEquals(await git(tree.path, "config", "core.fileMode"), "false\n");
  }, { dirty: false });
});

Deno.test("worktree: what git itself has put aside in a worktree is kept when it goes", async () => {
  await withWorld(async (world) => {
    await git(world.repo, "config", "rebase.autoStash", "true");
    await git(world.repo, "config", "core.logAllRefUpdates", "false");
    await openRun(world.run);
    const tree = await add(world, "t1");
    await git(tree.path, "update-ref", "refs/worktree/mine", "HEAD");
    const base = (await git(tree.path, "rev-parse", "HEAD")).trim();
    await commit(tree.path, "a.txt", "one\n");
    await git(tree.path, "switch", "-q", "--detach", base);
    await commit(tree.path, "a.txt", "two\n");
    write(join(tree.path, "sub/b.txt"), "put aside\n");
    await git(tree.path, "rebase", "-q", tree.branch).catch(() => {});
    const aside = join(tree.path, "aside.txt");
    write(aside, "by hand\n");
    const blob = (await git(tree.path, "hash-object", "-w", aside)).trim();
    Deno.removeSync(aside);
    const list = `100644 blob ${blob}\taside.txt`;
    write(join(world.folder, "list"), list);
    const made = await new Deno.Command("sh", {
      args: ["-c", `git mktree < "${world.folder}/list"`],
      cwd: tree.path,
    }).output();
    const treeId = new TextDecoder().decode(made.stdout).trim();
    const hand = (await git(tree.path, "commit-tree", treeId, "-m", "by hand")).trim();
    await git(tree.path, "update-ref", "refs/worktree/deep/mine", hand);
    await removeWorktree(world.run, tree.path);
    await assertSound(world, ["one\n", "two\n", "put aside\n", "by hand\n"]);
  }, { dirty: false });
});

Deno.test("saveWork: picks of several commits that were not ended are refused", async () => {
  await withWorld(async (world) => {
    await git(world.repo, "switch", "-q", "-c", "other");
    await commit(world.repo, "a.txt", "other\n");
    await commit(world.repo, "more.txt", "more\n");
    await git(world.repo, "switch", "-q", "main");
    await openRun(world.run);
    const tree = await add(world, "t1");
    await commit(tree.path, "a.txt", "own\n");
    await git(tree.path, "cherry-pick", "other~2..other").catch(() => {});
    write(join(tree.path, "a.txt"), "both\n");
    const save = () => saveWork(tree.path, { message: "t1" });
    const refusal = await assertRejects(save, Refusal, "half-way") as Refusal;
    assert(refusal.hint.includes("cherry-pick --continue"), refusal.hint);
    await git(tree.path, "add", "-A");
    await git(tree.path, "-c", "core.editor=true", "cherry-pick", "--continue");
    assertEquals((await save()).files, ["a.txt", "more.txt"]);
  }, { dirty: false });
});
