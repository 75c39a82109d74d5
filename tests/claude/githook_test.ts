// `skein git-hook`, with a real git: a commit of what another peer holds is refused, whoever wrote it
// by whatever means; a hook that was there runs first and comes back; without skein commits go on.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { shellWord } from "../../src/core/shellword.ts";
import { git, write } from "../support/git.ts";
import { SOURCE_COMMAND, testEnv } from "../support/peer.ts";
import { type Ground, groundTest } from "./client.ts";

interface Ended {
  readonly code: number;
  readonly said: string;
}

class Repository {
  readonly ground: Ground;
  readonly bin: string;
  readonly hook: string;

  constructor(ground: Ground) {
    this.ground = ground;
    this.bin = join(ground.home, "..", "it's bin");
    this.hook = this.at(".git/hooks/pre-commit");
    write(
      join(this.bin, "skein"),
      `#!/bin/sh\nexec ${SOURCE_COMMAND.map(shellWord).join(" ")} "$@"\n`,
    );
    Deno.chmodSync(join(this.bin, "skein"), 0o755);
    // The samples that git puts there are in the way of a look at all of it.
    Deno.removeSync(this.at(".git/hooks"), { recursive: true });
  }

  at(path: string): string {
    return join(this.ground.folder, path);
  }

  async #run(
    program: string,
    args: readonly string[],
    folder: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Ended> {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: [...args],
      cwd: folder,
      env: testEnv({
        SKEIN_HOME: this.ground.home,
        SKEIN_BIN: this.bin,
        GIT_AUTHOR_NAME: "t",
        GIT_AUTHOR_EMAIL: "t@example.invalid",
        GIT_COMMITTER_NAME: "t",
        GIT_COMMITTER_EMAIL: "t@example.invalid",
        ...more,
      }),
      clearEnv: true,
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { code, said: decoder.decode(stdout) + decoder.decode(stderr) };
  }

  gitHook(...args: string[]): Promise<Ended> {
    return this.#run(join(this.bin, "skein"), ["git-hook", ...args], this.ground.folder);
  }

  /** Commits everything that has changed. */
  async commit(
    folder = this.ground.folder,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Ended> {
    await git(folder, "add", "-A");
    return await this.#run("git", ["commit", "-q", "-m", "work"], folder, env);
  }

  async install(): Promise<void> {
    assertEquals((await this.gitHook("install")).code, 0);
  }

  hooks(): string[] {
    return [...Deno.readDirSync(this.at(".git/hooks"))].map(({ name }) => name).sort();
  }

  /** A hook that the user had. */
  existing(text: string, mode = 0o755): string {
    write(this.hook, text);
    Deno.chmodSync(this.hook, mode);
    return text;
  }
}

function hookTest(name: string, body: (one: Repository, ground: Ground) => Promise<void>): void {
  groundTest(`git-hook: ${name}`, (ground) => body(new Repository(ground), ground));
}

hookTest("is opt-in; installed, it refuses a commit of what another holds", async (one, ground) => {
  const bob = await ground.peer("bob");
  await bob.ok("lock_file", { paths: ["held.txt", "kept/"] });
  write(one.at("held.txt"), "one\n");
  assertEquals((await one.commit()).code, 0, "nothing was installed");
  await one.install();
  for (const path of ["held.txt", "kept/new file.txt"]) {
    write(one.at(path), "two\n");
    const { code, said } = await one.commit();
    assertEquals(code, 1, said);
    assertStringIncludes(said, "bob holds");
    assertStringIncludes(said, "git commit --no-verify");
    assert(!said.includes("xargs"), said);
    await git(ground.folder, "reset", "-q", "--hard");
    await git(ground.folder, "clean", "-qfd");
  }
  write(one.at("free.txt"), "one\n");
  const { code, said } = await one.commit();
  assertEquals([code, said], [0, ""]);
});

hookTest("what is removed or renamed is looked at, too", async (one, ground) => {
  for (const name of ["a.txt", "b.txt"]) write(one.at(name), `the content of ${name}\n`);
  await one.commit();
  await one.install();
  const bob = await ground.peer("bob");
  await bob.ok("lock_file", { paths: ["a.txt", "b.txt"] });
  Deno.removeSync(one.at("a.txt"));
  assertStringIncludes((await one.commit()).said, "bob holds a.txt");
  await git(ground.folder, "reset", "-q", "--hard");
  Deno.renameSync(one.at("b.txt"), one.at("c.txt"));
  assertStringIncludes((await one.commit()).said, "bob holds b.txt");
});

hookTest("a commit of very many files is looked at whole", async (one, ground) => {
  await one.install();
  const bob = await ground.peer("bob");
  await bob.ok("lock_file", { paths: ["z.txt"] });
  for (let i = 0; i < 150; i++) write(one.at(`many/${i}.txt`), "x");
  assertEquals((await one.commit()).code, 0);
  for (let i = 0; i < 150; i++) write(one.at(`many/${i}.txt`), "y");
  write(one.at("z.txt"), "x");
  assertEquals((await one.commit()).code, 1);
});

hookTest("in another worktree of the repository it holds as well", async (one, ground) => {
  write(one.at("held.txt"), "one\n");
  await one.commit();
  await one.install();
  const tree = join(ground.home, "..", "tree");
  await git(ground.folder, "worktree", "add", "-q", tree);
  const bob = await ground.peer("bob");
  await bob.ok("lock_file", { paths: ["held.txt"] });
  write(join(tree, "held.txt"), "two\n");
  const { code, said } = await one.commit(tree);
  assertEquals(code, 1);
  assertStringIncludes(said, "bob holds");
});

hookTest(
  "an existing hook runs first, and may refuse; taken out, it is as before",
  async (one, ground) => {
    const old = one.existing('#!/bin/sh\necho "old hook"\n[ ! -e forbidden ]\n');
    await one.install();
    await one.install();
    assertEquals(one.hooks(), ["pre-commit", "pre-commit.before-skein"]);
    write(one.at("free.txt"), "one\n");
    assertStringIncludes((await one.commit()).said, "old hook");
    write(one.at("forbidden"), "");
    assertEquals((await one.commit()).code, 1);
    Deno.removeSync(one.at("forbidden"));
    const bob = await ground.peer("bob");
    await bob.ok("lock_file", { paths: ["held.txt"] });
    write(one.at("held.txt"), "one\n");
    assertStringIncludes((await one.commit()).said, "bob holds");
    assertEquals((await one.gitHook("uninstall")).code, 0);
    assertEquals(one.hooks(), ["pre-commit"]);
    assertEquals(Deno.readTextFileSync(one.hook), old);
    assertEquals((await one.commit()).code, 0);
    assertStringIncludes((await one.gitHook("uninstall")).said, "nothing to uninstall");
  },
);

hookTest("one that is a link, or is switched off, stays what it is", async (one) => {
  const script = one.at("scripts/check.sh");
  write(script, "#!/bin/sh\nexit 0\n");
  Deno.mkdirSync(one.at(".git/hooks"));
  Deno.symlinkSync("../../scripts/check.sh", one.hook);
  await one.install();
  assertEquals(Deno.readTextFileSync(script), "#!/bin/sh\nexit 0\n", "the project's own file");
  await one.gitHook("uninstall");
  assertEquals(Deno.readLinkSync(one.hook), "../../scripts/check.sh");
  Deno.removeSync(one.hook);
  one.existing("#!/bin/sh\nexit 1\n", 0o644);
  await one.install();
  write(one.at("free.txt"), "one\n");
  assertEquals((await one.commit()).code, 0, "git would not run it either");
  await one.gitHook("uninstall");
  assertEquals((Deno.statSync(one.hook).mode ?? 0) & 0o777, 0o644);
});

hookTest("--dry-run changes nothing", async (one) => {
  const old = one.existing("#!/bin/sh\n");
  assertStringIncludes((await one.gitHook("install", "--dry-run")).said, "pre-commit");
  assertEquals([one.hooks(), Deno.readTextFileSync(one.hook)], [["pre-commit"], old]);
});

hookTest("a hook that came after it is not lost, nor the one before it", async (one) => {
  one.existing("#!/bin/sh\necho first\n");
  await one.install();
  one.existing("#!/bin/sh\necho later\n");
  const { code, said } = await one.gitHook("install");
  assert(code !== 0);
  assertStringIncludes(said, "before-skein is there already");
  assertStringIncludes(Deno.readTextFileSync(one.hook), "later");
  assertStringIncludes(Deno.readTextFileSync(`${one.hook}.before-skein`), "first");
});

hookTest("hooks that the project keeps elsewhere are not touched", async (one, ground) => {
  await git(ground.folder, "config", "core.hooksPath", ".husky");
  const { code, said } = await one.gitHook("install");
  assert(code !== 0);
  assertStringIncludes(said, ".husky");
  assertStringIncludes(said, "edit guard --look-only");
  assertEquals([...Deno.readDirSync(ground.folder)].map(({ name }) => name), [".git"]);
});

hookTest("a refusal that is no lock's is told, and stops nothing", async (one, ground) => {
  const bob = await ground.peer("bob");
  await bob.ok("lock_file", { paths: ["held.txt"] });
  await one.install();
  const idle = await ground.peer("watcher", { role: "observer" });
  const refusals = {
    TOKEN_INVALID: { SKEIN_TOKEN: "no token" },
    NOT_ALLOWED: { SKEIN_TOKEN: (await idle.ok("issue_token")).token },
    INVALID_INPUT: { SKEIN_PORT: "web" },
  };
  for (const [code, env] of Object.entries(refusals)) {
    write(one.at("free.txt"), `${code}\n`);
    const { code: exit, said } = await one.commit(undefined, env);
    assertEquals(exit, 0, `${code}: ${said}`);
    assertStringIncludes(said, code);
    assertStringIncludes(said, "nobody was asked about locks");
    assert(!said.includes("--no-verify"), said);
  }
  // And no such variable hides a lock from whoever may look.
  write(one.at("held.txt"), "one\n");
  assertEquals((await one.commit()).code, 1);
});

hookTest("files by the thousand, one of them held: said once", async (one, ground) => {
  await one.install();
  const bob = await ground.peer("bob");
  await bob.ok("lock_file", { paths: ["many/"] });
  for (let i = 0; i < 120; i++) write(one.at(`many/${i}.txt`), "x");
  const { code, said } = await one.commit();
  assertEquals(code, 1);
  assertEquals(said.split("git commit --no-verify").length, 2, said);
});

hookTest("without skein, or with one that fails, commits go on", async (one) => {
  await one.install();
  write(one.at("free.txt"), "one\n");
  write(join(one.bin, "skein"), "#!/bin/sh\nexit 1\n");
  assertEquals((await one.commit()).code, 0);
  Deno.removeSync(join(one.bin, "skein"));
  write(one.at("free.txt"), "two\n");
  assertEquals((await one.commit()).code, 0);
});
