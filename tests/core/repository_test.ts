// Where a folder stands in git, on repositories, worktrees and submodules that a real git made.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { repositoryOf } from "../../src/core/repository.ts";
import { git, makeRepository, write } from "../support/git.ts";
import { withTempFolder } from "../support/temp.ts";

/** What git itself says, as real paths. */
async function gitSays(folder: string): Promise<Record<"tree" | "gitDir" | "commonDir", string>> {
  const flags = ["--show-toplevel", "--absolute-git-dir", "--git-common-dir"];
  const out = await git(folder, "rev-parse", "--path-format=absolute", ...flags);
  const [tree = "", gitDir = "", commonDir = ""] = out.trim().split("\n");
  return { tree, gitDir: Deno.realPathSync(gitDir), commonDir: Deno.realPathSync(commonDir) };
}

async function committed(folder: string): Promise<void> {
  await makeRepository(folder);
  write(join(folder, "src/a.ts"), "a");
  await git(folder, "add", "-A");
  await git(folder, "commit", "-qm", "first");
}

Deno.test("repositoryOf: agrees with git in a repository and in its folders", async () => {
  await withTempFolder(async (outer) => {
    const repo = join(outer, "repo");
    await committed(repo);
    assertEquals(repositoryOf(repo), await gitSays(repo));
    assertEquals(repositoryOf(join(repo, "src")), await gitSays(join(repo, "src")));
  });
});

Deno.test("repositoryOf: worktrees, also nested ones, share the common directory", async () => {
  await withTempFolder(async (outer) => {
    const repo = join(outer, "repo");
    await committed(repo);
    for (const tree of [join(outer, "side"), join(repo, "trees/inner")]) {
      await git(repo, "worktree", "add", "-q", "--detach", tree);
      const found = repositoryOf(join(tree, "src"));
      assertEquals(found, await gitSays(tree));
      assertEquals(found?.commonDir, join(repo, ".git"));
    }
  });
});

Deno.test("repositoryOf: a git directory elsewhere is found, and shared by worktrees", async () => {
  await withTempFolder(async (outer) => {
    const repo = join(outer, "repo");
    const store = join(outer, "store");
    await committed(repo);
    await git(repo, "init", "-q", "--separate-git-dir", store);
    assertEquals(repositoryOf(repo), { tree: repo, gitDir: store, commonDir: store });
  });
});

Deno.test("repositoryOf: a linked git directory is the same as the real one", async () => {
  await withTempFolder(async (outer) => {
    const repo = join(outer, "repo");
    await committed(repo);
    Deno.renameSync(join(repo, ".git"), join(outer, "store"));
    Deno.symlinkSync(join(outer, "store"), join(repo, ".git"));
    const tree = join(outer, "side");
    await git(repo, "worktree", "add", "-q", "--detach", tree);
    assertEquals(repositoryOf(repo)?.commonDir, repositoryOf(tree)?.commonDir);
  });
});

Deno.test("repositoryOf: a submodule is a repository of its own", async () => {
  await withTempFolder(async (outer) => {
    const repo = join(outer, "repo");
    const library = join(outer, "library");
    await committed(repo);
    await committed(library);
    await git(repo, "-c", "protocol.file.allow=always", "submodule", "add", "-q", library, "lib");
    assertEquals(repositoryOf(join(repo, "lib", "src")), await gitSays(join(repo, "lib")));
  });
});

Deno.test("repositoryOf: neither plain folders nor an empty .git are repositories", async () => {
  await withTempFolder(async (folder) => {
    assertEquals(repositoryOf(folder), null);
    Deno.mkdirSync(join(folder, ".git"));
    assertEquals(repositoryOf(folder), null);
    const odd = join(folder, "odd");
    write(join(odd, ".git"), "not a link\n");
    assertEquals(repositoryOf(odd), null);
    assertEquals(repositoryOf(join(folder, "missing")), null);
    await Promise.resolve();
  });
});
