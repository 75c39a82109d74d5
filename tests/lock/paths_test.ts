// One file, one key: on real folders, symlinks and worktrees of a real git, every way to spell a
// file has to lead to the key of the file that the kernel would open. A spelling with a key of its
// own is a lock that somebody can dodge.

import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { basename, fromFileUrl, join } from "@std/path";
import { Refusal } from "../../src/core/errors.ts";
import { type LockPath, lockPaths } from "../../src/lock/paths.ts";
import { overlaps } from "../../src/lock/rules.ts";
import { git, makeRepository, write } from "../support/git.ts";
import { withTempFolder } from "../support/temp.ts";

type Key = Pick<LockPath, "space" | "path">;

/** The one key of a path without braces. */
function keyOf(typed: string, folder: string): Key {
  const keys = lockPaths(typed, folder);
  assertEquals(keys.length, 1, typed);
  const { space, path } = keys[0] ?? { space: "", path: "" };
  return { space, path };
}

function codeOf(typed: string, folder: string): string {
  try {
    lockPaths(typed, folder);
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown.code;
    throw thrown;
  }
  return "granted";
}

/** Whether a lock on one keeps another peer from the other. */
function meet(a: Key, b: Key): boolean {
  return a.space === b.space && overlaps(a.path, b.path);
}

/** A repository with `src/a.ts`, and its folder. */
async function inRepository(body: (repo: string, outer: string) => Promise<void>): Promise<void> {
  await withTempFolder(async (outer) => {
    const repo = join(outer, "repo");
    await makeRepository(repo);
    write(join(repo, "src/a.ts"), "a");
    write(join(repo, "src/deep/b.ts"), "b");
    await body(repo, outer);
  });
}

Deno.test("lockPaths: every spelling of a file has the file's key", async () => {
  await inRepository(async (repo) => {
    const key = { space: join(repo, ".git"), path: "src/a.ts" };
    const spellings = [
      "src/a.ts",
      "./src/a.ts",
      "src//a.ts",
      "src/./a.ts",
      "src/deep/../a.ts",
      "missing/../src/a.ts",
      "src\\a.ts",
      join(repo, "src/a.ts"),
      `${repo}/../${basename(repo)}/src/a.ts`,
    ];
    for (const typed of spellings) assertEquals(keyOf(typed, repo), key, typed);
    assertEquals(keyOf("a.ts", join(repo, "src")), key);
    assertEquals(keyOf("../a.ts", join(repo, "src/deep")), key);
    await Promise.resolve();
  });
});

Deno.test("lockPaths: a folder is reserved with all that is in it, a file alone", async () => {
  await inRepository(async (repo) => {
    for (const typed of ["src", "src/", "./src/", "src/.", join(repo, "src")]) {
      assertEquals(keyOf(typed, repo).path, "src/**", typed);
    }
    assertEquals(keyOf(".", join(repo, "src")).path, "src/**");
    assertEquals(keyOf("new/", repo).path, "new/**");
    assertEquals(keyOf("new", repo).path, "new");
    assert(meet(keyOf("src", repo), keyOf("src/deep/b.ts", repo)));
    assert(meet(keyOf("src", repo), keyOf("src/not-yet.ts", repo)));
    await Promise.resolve();
  });
});

Deno.test("lockPaths: a folder whose name looks like a glob covers what is in it", async () => {
  await inRepository(async (repo) => {
    write(join(repo, "app/[id]/page.tsx"), "page");
    assert(meet(keyOf("app/[id]/page.tsx", repo), keyOf("app/[id]/page.tsx", repo)));
    assert(meet(keyOf("app", repo), keyOf("app/[id]/page.tsx", repo)));
    assert(meet(keyOf("app/[id]/", repo), keyOf("app/[id]/page.tsx", repo)));
    assert(meet(keyOf("app/[id]", repo), keyOf("app/[id]/page.tsx", repo)), "app/[id] is a folder");
    await Promise.resolve();
  });
});

Deno.test("lockPaths: symlinks lead to what they stand for, also where nothing is yet", async () => {
  await inRepository(async (repo) => {
    Deno.symlinkSync("src", join(repo, "link"));
    Deno.symlinkSync("src/a.ts", join(repo, "a-link.ts"));
    Deno.symlinkSync(join(repo, "src", "later.ts"), join(repo, "dangling.ts"));
    Deno.symlinkSync("dangling.ts", join(repo, "twice.ts"));
    assertEquals(keyOf("link/a.ts", repo).path, "src/a.ts");
    assertEquals(keyOf("a-link.ts", repo).path, "src/a.ts");
    assertEquals(keyOf("link", repo).path, "src/**");
    assertEquals(keyOf("link/new/c.ts", repo).path, "src/new/c.ts");
    assertEquals(keyOf("dangling.ts", repo).path, "src/later.ts");
    assertEquals(keyOf("twice.ts", repo).path, "src/later.ts");
    assertEquals(keyOf("link/*.ts", repo).path, "src/*.ts");
    await Promise.resolve();
  });
});

Deno.test("lockPaths: .. after a symlink goes where the kernel goes", async () => {
  await inRepository(async (repo) => {
    Deno.symlinkSync("src/deep", join(repo, "short"));
    // Not with join, which would take the two dots away before the kernel sees them.
    Deno.writeTextFileSync(`${repo}/short/../written.ts`, "through the link");
    assertEquals(Deno.readTextFileSync(join(repo, "src/written.ts")), "through the link");
    assertEquals(keyOf("short/../written.ts", repo), keyOf("src/written.ts", repo));
    await Promise.resolve();
  });
});

Deno.test("lockPaths: a dangling symlink in a linked folder starts at the real folder", async () => {
  await inRepository(async (repo) => {
    Deno.symlinkSync("../later.ts", join(repo, "src/deep/dangling.ts"));
    Deno.symlinkSync("src/deep", join(repo, "short"));
    assertEquals(keyOf("short/dangling.ts", repo), keyOf("src/later.ts", repo));
    await Promise.resolve();
  });
});

Deno.test("lockPaths: symlinks in a circle end in an answer", async () => {
  await inRepository(async (repo) => {
    Deno.symlinkSync("two", join(repo, "one"));
    Deno.symlinkSync("one", join(repo, "two"));
    // In a process of its own: what does not come back cannot be timed out from inside.
    const module = new URL("../../src/lock/paths.ts", import.meta.url).href;
    const config = fromFileUrl(new URL("../../deno.json", import.meta.url));
    const code = `import { lockPaths } from ${JSON.stringify(module)};
      try { lockPaths("one", ${JSON.stringify(repo)}); } catch { /* a refusal is an answer */ }`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-lock", "--config", config, "--ext", "ts", "-"],
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const stop = setTimeout(() => child.kill("SIGKILL"), 5_000);
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(code));
    await writer.close();
    const status = await child.status;
    clearTimeout(stop);
    assertEquals(status, { success: true, code: 0, signal: null });
  });
});

Deno.test("lockPaths: all worktrees of a repository contend for the same files", async () => {
  await inRepository(async (repo, outer) => {
    await git(repo, "add", "-A");
    await git(repo, "commit", "-qm", "first");
    const tree = join(outer, "tree");
    await git(repo, "worktree", "add", "-q", tree, "-b", "side");
    const nested = join(repo, "trees", "nested");
    await git(repo, "worktree", "add", "-q", nested, "-b", "nested");
    const key = keyOf("src/a.ts", repo);
    assertEquals(keyOf("src/a.ts", tree), key);
    assertEquals(keyOf("a.ts", join(tree, "src")), key);
    assertEquals(keyOf(join(tree, "src/a.ts"), repo), key);
    assertEquals(keyOf("src/a.ts", nested), key);
    assertEquals(keyOf("trees/nested/src/a.ts", repo), key);
    assertEquals(codeOf("../repo/src/a.ts", tree), "PATH_OUTSIDE");
  });
});

Deno.test("lockPaths: another repository is another space, named by an absolute path", async () => {
  await inRepository(async (repo, outer) => {
    const other = join(outer, "other");
    await makeRepository(other);
    write(join(other, "src/a.ts"), "theirs");
    const theirs = keyOf(join(other, "src/a.ts"), repo);
    assertEquals(theirs, { space: join(other, ".git"), path: "src/a.ts" });
    assertNotEquals(theirs.space, keyOf("src/a.ts", repo).space);
    assertEquals(codeOf("../other/src/a.ts", repo), "PATH_OUTSIDE");
  });
});

Deno.test("lockPaths: outside of git a file's key is its real path", async () => {
  await withTempFolder(async (folder) => {
    write(join(folder, "plain/a.ts"), "a");
    Deno.symlinkSync("plain", join(folder, "link"));
    const plain = join(folder, "plain");
    const key = keyOf("a.ts", plain);
    assertEquals(key, { space: "/", path: join(plain, "a.ts") });
    assertEquals(keyOf("link/a.ts", folder), key);
    assertEquals(keyOf(join(folder, "link", "a.ts"), plain), key);
    assertEquals(keyOf("plain/", folder).path, `${plain}/**`);
    assert(meet(keyOf("*.ts", plain), key));
    await Promise.resolve();
  });
});

Deno.test("lockPaths: what is outside of the project is refused, by name and by project", async () => {
  await inRepository(async (repo, outer) => {
    write(join(outer, "outside.ts"), "x");
    for (const typed of ["../outside.ts", "..", "src/../../x", join(outer, "outside.ts"), "/"]) {
      assertEquals(codeOf(typed, repo), "PATH_OUTSIDE", typed);
    }
    try {
      lockPaths("../outside.ts", repo);
    } catch (thrown) {
      assert(thrown instanceof Refusal);
      assertStringIncludes(thrown.message, "../outside.ts");
      assertStringIncludes(thrown.message, repo);
      assertEquals(thrown.details["field"], "paths");
    }
    await Promise.resolve();
  });
});

Deno.test("lockPaths: a name that begins with two dots is inside like any other", async () => {
  await inRepository(async (repo) => {
    assertEquals(codeOf("..config", repo), "granted");
    assertEquals(codeOf("src/..config", repo), "granted");
    await Promise.resolve();
  });
});

Deno.test("lockPaths: what would reserve everything is refused", async () => {
  await inRepository(async (repo, outer) => {
    Deno.symlinkSync(repo, join(outer, "alias"));
    const wide = [
      ".",
      "./",
      "",
      "*",
      "**",
      "**/*",
      "./**",
      "src/..",
      "src/../**",
      "{src,**}",
      repo,
    ];
    for (const typed of [...wide, join(outer, "alias")]) {
      assertEquals(codeOf(typed, repo), "PATH_TOO_WIDE", typed);
    }
    assertEquals(codeOf("..", join(repo, "src")), "PATH_TOO_WIDE");
    for (const typed of ["src/**", "**/*.ts", "*.ts", "src"]) {
      assertEquals(codeOf(typed, repo), "granted", typed);
    }
  });
  await withTempFolder(async (folder) => {
    for (const typed of [".", "**", folder]) {
      assertEquals(codeOf(typed, folder), "PATH_TOO_WIDE", typed);
    }
    await Promise.resolve();
  });
});

Deno.test("lockPaths: braces are several keys with what was typed; bad ones are refused", async () => {
  await inRepository(async (repo) => {
    const keys = lockPaths("src/{a,deep/b}.ts", repo);
    assertEquals(keys.map((key) => key.path), ["src/a.ts", "src/deep/b.ts"]);
    assertEquals(new Set(keys.map((key) => key.shown)), new Set(["src/{a,deep/b}.ts"]));
    for (const typed of ["src/{a", "src/a}", `{${"a,".repeat(40)}b}`]) {
      assertEquals(codeOf(typed, repo), "INVALID_INPUT", typed);
    }
    await Promise.resolve();
  });
});

Deno.test("lockPaths: both Unicode forms of a name are one key", async () => {
  await inRepository(async (repo) => {
    const composed = "src/caf\u00e9.ts";
    const decomposed = "src/cafe\u0301.ts";
    assertNotEquals(composed, decomposed);
    assertEquals(keyOf(composed, repo), keyOf(decomposed, repo));
    write(join(repo, decomposed), "on disk");
    assertEquals(keyOf(composed, repo), keyOf(decomposed, repo));
    await Promise.resolve();
  });
});

Deno.test("lockPaths: case counts exactly where the file system says so", async () => {
  await inRepository(async (repo) => {
    let folds = true;
    try {
      Deno.statSync(join(repo, "SRC", "A.TS"));
    } catch {
      folds = false;
    }
    assertEquals(meet(keyOf("SRC/A.TS", repo), keyOf("src/a.ts", repo)), folds);
    await Promise.resolve();
  });
});
