// Looks at a worktree and takes a snapshot of what is in it, through an index of our own beside git's:
// so neither an `index.lock` that a killed git left nor a git that still runs in there is in the way,
// and what the agent had staged stays as it was until the new index is put in its place.

import { join } from "@std/path";
import { exists } from "../core/folders.ts";
import { git } from "./git.ts";
import { adminOf, readOrNull, unique } from "./place.ts";
import { clearStaleLock } from "./stale.ts";

/** What a worktree holds besides its HEAD commit. */
export interface TreeState {
  /** The commit of HEAD; null when its branch is gone. */
  readonly head: string | null;
  /** Short name of the branch HEAD is on; null when detached. */
  readonly branch: string | null;
  /** Whether anything differs from HEAD, untracked files included, ignored ones not. */
  readonly dirty: boolean;
  /** Files with an unresolved merge. */
  readonly unmerged: readonly string[];
  /** Folders that are repositories of their own, and so no part of this one. */
  readonly nested: readonly string[];
}

/** What git is in the middle of in a worktree, and how it is ended. */
const IN_PROGRESS = [
  ["rebase-merge", "a rebase", "git rebase --continue, or --abort"],
  ["rebase-apply", "a rebase or git am", "git rebase --continue, or --abort"],
  ["sequencer", "a pick or revert of several commits", "git cherry-pick --continue, or --abort"],
  ["BISECT_LOG", "a bisect", "git bisect reset"],
] as const;

const STATUS = [
  "status",
  "--porcelain=v2",
  "--branch",
  "-z",
  "--untracked-files=all",
  "--no-renames",
  // The commit of a submodule is part of the work, whatever is ignored of it elsewhere; what is in it is not.
  "--ignore-submodules=dirty",
];

/** Reads the state of a worktree. */
export async function lookAt(path: string): Promise<TreeState> {
  const first = await git(path, STATUS, { ok: [0, 128] });
  const stdout = first.code === 0 ? first.stdout : await lookAnew(path);
  let head: string | null = null;
  let branch: string | null = null;
  let dirty = false;
  const unmerged: string[] = [];
  const nested: string[] = [];
  for (const record of stdout.split("\0")) {
    if (record.startsWith("# branch.oid ")) head = record.slice(13);
    else if (record.startsWith("# branch.head ")) branch = record.slice(14);
    else if (record.startsWith("? ") && record.endsWith("/")) nested.push(record.slice(2, -1));
    else if (/^[12u?] /.test(record)) dirty = true;
    if (record.startsWith("u ")) unmerged.push(record.split(" ").slice(10).join(" "));
  }
  nested.push(...await embeddedIn(path));
  return {
    head: head === "(initial)" ? null : head,
    branch: branch === "(detached)" ? null : branch,
    dirty,
    unmerged,
    nested,
  };
}

/**
 * Repositories that git holds for submodules, as after `git add` of a folder with one inside, but whose
 * commits are in that folder alone: a submodule of git's making has a `.git` file there.
 */
async function embeddedIn(path: string): Promise<string[]> {
  const { stdout } = await git(path, ["ls-files", "-s", "-z"], { ok: [0, 128] });
  return stdout.split("\0").flatMap((entry) => {
    const folder = entry.startsWith("160000 ") ? entry.slice(entry.indexOf("\t") + 1) : null;
    return folder !== null && exists(join(path, folder, ".git", "HEAD")) ? [folder] : [];
  });
}

/** The same where git cannot read the worktree's index (an agent's was cut off): by one made of HEAD. */
async function lookAnew(path: string): Promise<string> {
  const admin = adminOf(path);
  const index = join(admin ?? path, `skein-index-${unique()}`);
  const env = { GIT_INDEX_FILE: index };
  try {
    if (admin !== null) await git(path, ["read-tree", "HEAD"], { env });
    // Without a record of the worktree this says what git has against it.
    return (await git(path, STATUS, admin === null ? {} : { env })).stdout;
  } finally {
    removeIndex(index);
  }
}

/** What git is in the middle of, that a save would cut short; null if nothing. */
export function inProgress(admin: string): { what: string; end: string } | null {
  const found = IN_PROGRESS.find(([file]) => exists(join(admin, file)));
  return found === undefined ? null : { what: found[1], end: found[2] };
}

/** The commit that a merge in progress brings in. */
export function mergeHead(admin: string): string | null {
  return readOrNull(join(admin, "MERGE_HEAD"))?.split("\n", 1)[0]?.trim() ?? null;
}

/**
 * Stages everything that is not ignored in an index of our own.
 * @param head what the index begins with if the worktree's own cannot be used
 * @param without folders that are left out
 * @returns the index file; `dispose` removes it
 */
export async function stageAll(
  path: string,
  admin: string,
  head: string | null,
  without: readonly string[] = [],
): Promise<Disposable & { index: string }> {
  const index = join(admin, `skein-index-${unique()}`);
  const env = { GIT_INDEX_FILE: index };
  const paths = without.length === 0
    ? []
    : ["--", ":/", ...without.map((one) => `:(top,exclude,literal)${one}`)];
  const add = ["add", "-A", "--sparse", ...paths];
  const own = join(admin, "index");
  const begin = head === null ? ["read-tree", "--empty"] : ["read-tree", head];
  const staged = { index, [Symbol.dispose]: () => removeIndex(index) };
  try {
    if (exists(own)) {
      copyIndex(own, index);
      // 128 may be an index that was torn; then without it.
      const { code } = await git(path, add, { env, ok: [0, 128] });
      if (code === 0) return staged;
      removeIndex(index);
    }
    await git(path, begin, { env });
    await git(path, add, { env });
    return staged;
  } catch (thrown) {
    removeIndex(index);
    throw thrown;
  }
}

/**
 * Whether a worktree that looks changed holds what HEAD has all the same: the index of a save that
 * found a lock in its way is then put in its place.
 */
export async function isCleanAtHeart(path: string, admin: string, head: string): Promise<boolean> {
  using staged = await stageAll(path, admin, head);
  const written = await git(path, ["write-tree"], { env: { GIT_INDEX_FILE: staged.index } });
  const tree = await git(path, ["rev-parse", `${head}^{tree}`]);
  if (written.stdout !== tree.stdout) return false;
  const lock = join(admin, "index.lock");
  if (exists(lock)) clearStaleLock(lock);
  return installIndex(admin, staged.index);
}

/**
 * Puts an index in the place of the worktree's own, by git's own protocol.
 * @returns false when a lock is in the way: the old one stays, and looks different from HEAD
 */
export function installIndex(admin: string, index: string): boolean {
  const lock = join(admin, "index.lock");
  try {
    Deno.linkSync(index, lock);
  } catch (thrown) {
    if (thrown instanceof Deno.errors.AlreadyExists) return false;
    throw thrown;
  }
  Deno.renameSync(lock, join(admin, "index"));
  return true;
}

/**
 * Git takes a file for unchanged when its times are as recorded and older than the index; one that was
 * changed in the second in which the index was written it reads again. So a copy has to be as old.
 */
function copyIndex(from: string, to: string): void {
  const { mtime } = Deno.statSync(from);
  Deno.copyFileSync(from, to);
  const second = mtime === null ? 0 : Math.floor(mtime.getTime() / 1000);
  Deno.utimeSync(to, second, second);
}

function removeIndex(index: string): void {
  for (const file of [index, `${index}.lock`]) {
    try {
      Deno.removeSync(file);
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    }
  }
}
