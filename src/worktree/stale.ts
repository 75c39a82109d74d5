// Lock files that a killed git left behind. Git's `x.lock` names no owner, so one is removed only
// after its owner is proven gone: it is older than this boot, or no living git works in the folders
// it could belong to and nobody has it open. What cannot be proven is left, and the refusal says
// which file stands in the way. Only locks of what skein alone writes are touched: its worktrees'
// own and those of refs under refs/heads/skein/ and refs/skein/; the user's index.lock never is.

import { basename, dirname, join, SEPARATOR } from "@std/path";
import { TIMES } from "../core/limits.ts";
import { linkedTrees, readOrNull } from "./place.ts";

/** A clock at boot may be off by this much. */
const BOOT_MARGIN_MS = 60_000;

/**
 * Removes a lock file of skein's own whose owner is gone.
 * @returns whether it is gone now
 */
export function clearStaleLock(lock: string): boolean {
  if (!ours(lock)) return false;
  return removeIfStale(lock, foldersOf(lock));
}

/** The same for any lock file whose path the caller vouches for; `folders`: where its owner works. */
export function removeIfStale(lock: string, folders: readonly string[]): boolean {
  const seen = stat(lock);
  if (seen === null) return true;
  if (!ownerGone(lock, seen, folders)) return false;
  // Of several that judged the same lock, one removes it; the others then see another file, or none.
  return oneAtATime(guardOf(lock), () => {
    const now = stat(lock);
    if (now === null) return true;
    if (now.ino !== seen.ino || now.mtime?.getTime() !== seen.mtime?.getTime()) return false;
    Deno.removeSync(lock);
    return true;
  });
}

function ours(lock: string): boolean {
  if (/[/\\]refs[/\\](heads[/\\])?skein[/\\]/.test(lock)) return true;
  return /[/\\]worktrees[/\\]/.test(lock) && stat(join(dirname(lock), "skein.json")) !== null;
}

/** In the repository's own folder: among refs or worktrees git would take the file for one. */
function guardOf(lock: string): string {
  const parts = ["refs", "worktrees"].map((part) =>
    lock.lastIndexOf(`${SEPARATOR}${part}${SEPARATOR}`)
  );
  const at = Math.max(...parts);
  return join(at < 0 ? dirname(lock) : lock.slice(0, at), "skein.guard");
}

/** Where a git that holds this lock would stand: its worktree, or any of the repository (for refs). */
function foldersOf(lock: string): readonly string[] {
  const own = readOrNull(join(dirname(lock), "gitdir"));
  if (own !== null) return [dirname(own.trim())];
  const commonDir = dirname(guardOf(lock));
  const linked = linkedTrees(commonDir).flatMap(({ path }) => path === null ? [] : [path]);
  return [commonDir, ...(basename(commonDir) === ".git" ? [dirname(commonDir)] : []), ...linked];
}

/** Whether nobody can still hold this lock; false when that is not certain. */
function ownerGone(lock: string, info: Deno.FileInfo, folders: readonly string[]): boolean {
  const made = info.mtime?.getTime();
  if (made === undefined) return false;
  if (made < Date.now() - Deno.osUptime() * 1000 - BOOT_MARGIN_MS) return true;
  // A lock this young may belong to a git that has not even changed its folder yet.
  if (Date.now() - made < TIMES.gitLockMs / 2) return false;
  return livingGit([...folders, dirname(lock)]) === false;
}

/** Whether a living git works in one of these folders; null where that cannot be seen. */
export function livingGit(folders: readonly string[]): boolean | null {
  if (Deno.build.os !== "linux") return null;
  try {
    for (const { name } of Deno.readDirSync("/proc")) {
      if (/^\d+$/.test(name) && isGitIn(name, folders)) return true;
    }
    return false;
  } catch {
    // /proc is closed to us.
    return null;
  }
}

function isGitIn(pid: string, folders: readonly string[]): boolean {
  let folder: string;
  try {
    if (!Deno.readTextFileSync(`/proc/${pid}/comm`).startsWith("git")) return false;
    folder = Deno.readLinkSync(`/proc/${pid}/cwd`);
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotCapable) throw thrown;
    // It has just ended, or is another user's, who has no business in here.
    return false;
  }
  return folders.some((one) => folder === one || folder.startsWith(`${one}/`));
}

/** Runs `body` under a lock that the kernel frees with its holder; false when another has it. */
function oneAtATime(path: string, body: () => boolean): boolean {
  using file = Deno.openSync(path, { create: true, write: true, mode: 0o600 });
  if (!file.tryLockSync(true)) return false;
  try {
    return body();
  } finally {
    file.unlockSync();
  }
}

function stat(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    throw thrown;
  }
}
