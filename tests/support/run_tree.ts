// A user's repository with a bare remote, a home beside it, and what must hold whatever happened to a
// run in it: the repository is sound, everything ever written in a worktree is reachable, neither the
// user's checkout nor the remote has changed, and nothing half made is left.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { RunTree } from "../../src/worktree/place.ts";
import { leftovers, sweep } from "../../src/worktree/leftovers.ts";
import { eventually } from "./eventually.ts";
import { git, makeRepository, write } from "./git.ts";
import { withTempFolder } from "./temp.ts";

export interface World {
  readonly folder: string;
  readonly repo: string;
  readonly remote: string;
  readonly home: string;
  readonly run: RunTree;
}

/** A repository with one commit, pushed to a bare remote, with a dirty and an untracked file. */
export async function withWorld(
  body: (world: World) => Promise<void>,
  options: { readonly dirty?: boolean; readonly name?: string } = {},
): Promise<void> {
  // What git is told by the surroundings of the test must not reach the tests.
  Deno.env.set("GIT_CONFIG_GLOBAL", "/dev/null");
  Deno.env.set("GIT_CONFIG_NOSYSTEM", "1");
  await withTempFolder(async (folder) => {
    const repo = join(folder, options.name ?? "repo");
    const remote = join(folder, "remote.git");
    const home = join(folder, "home");
    await makeRepository(repo);
    write(join(repo, "a.txt"), "one\ntwo\nthree\n");
    write(join(repo, "sub/b.txt"), "b\n");
    write(join(repo, ".gitignore"), "ignored/\n");
    await git(repo, "add", "-A");
    await git(repo, "commit", "-q", "-m", "begin");
    await git(folder, "clone", "-q", "--bare", repo, remote);
    await git(repo, "remote", "add", "origin", remote);
    await git(repo, "fetch", "-q");
    if (options.dirty ?? true) {
      write(join(repo, "sub/b.txt"), "b, and the user's own change\n");
      write(join(repo, "untracked.txt"), "the user's\n");
    }
    Deno.mkdirSync(home, { mode: 0o700 });
    await body({ folder, repo, remote, home, run: { run: "r1", repo, home } });
  });
}

/** All that belongs to the user: files, HEAD, index, branches, remote. */
export async function ownership(world: World): Promise<string> {
  const files: string[] = [];
  const walk = (folder: string) => {
    for (const entry of [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1)) {
      if (entry.name === ".git") continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory) walk(path);
      else files.push(`${path} ${Deno.readTextFileSync(path)}`);
    }
  };
  walk(world.repo);
  const index = Deno.readFileSync(join(world.repo, ".git/index"));
  return [
    ...files,
    index.join(","),
    Deno.readTextFileSync(join(world.repo, ".git/HEAD")),
    Deno.readTextFileSync(join(world.repo, ".git/config")),
    (await git(world.repo, "for-each-ref")).split("\n").filter((line) => !/skein/.test(line))
      .join("\n"),
    await git(world.remote, "for-each-ref"),
  ].join("\n");
}

/** Fails unless the repository is sound and each of `texts` is in a commit that some ref reaches. */
export async function assertSound(world: World, texts: readonly string[] = []): Promise<void> {
  const complaints = await git(world.repo, "fsck", "--full", "--no-dangling", "--no-progress");
  assertEquals(complaints.trim(), "");
  const objects = await git(world.repo, "rev-list", "--objects", "--all");
  for (const text of texts) {
    const file = join(world.folder, "looked-for");
    Deno.writeTextFileSync(file, text);
    const id = (await git(world.repo, "hash-object", file)).trim();
    assert(objects.includes(id), `lost: ${text}`);
  }
}

/** Fails if anything but branches and parked work is left of the run after a sweep. */
export async function assertTidy(world: World): Promise<void> {
  await sweep(world.run);
  assertEquals((await leftovers(world.run)).worktrees, []);
  const stray = (): string[] => strayFiles(join(world.repo, ".git"));
  // The lock of a git that was just killed may be that of one that lives, for a while.
  await eventually(async () => {
    await sweep(world.run);
    assertEquals(stray(), []);
    return true;
  }, { what: "no lock and no rubbish" });
  assertEquals(
    (await git(world.repo, "worktree", "list", "--porcelain")).match(/^worktree /gm)?.length,
    1,
  );
}

/** Lock files and rubbish in a git folder. */
export function strayFiles(folder: string): string[] {
  const found: string[] = [];
  for (const entry of Deno.readDirSync(folder)) {
    const path = join(folder, entry.name);
    if (/\.lock$|^skein-|^\.skein/.test(entry.name)) found.push(path);
    else if (entry.isDirectory && entry.name !== "objects") found.push(...strayFiles(path));
  }
  return found;
}

/** One commit of an agent in a worktree. */
export async function commit(path: string, file: string, text: string): Promise<string> {
  write(join(path, file), text);
  await git(path, "add", "-A");
  await git(path, "commit", "-q", "-m", `write ${file}`);
  return (await git(path, "rev-parse", "HEAD")).trim();
}

/** More git commands than any life in these tests has. */
const MOST_COMMANDS = 60;
/** Worlds at the same time: most of such a test is waiting for processes. */
const AT_ONCE = 3;

/** Calls `body` with 1, 2, 3, ... until one answers that its process came through unharmed. */
export async function forEachCommand(body: (at: number) => Promise<boolean>): Promise<void> {
  for (let from = 1; from < MOST_COMMANDS; from += AT_ONCE) {
    const numbers = Array.from({ length: AT_ONCE }, (_, i) => from + i);
    if (!(await Promise.all(numbers.map(body))).every((harmed) => harmed)) return;
  }
  throw new Error("no end of git commands");
}
