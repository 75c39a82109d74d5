// Makes a worktree under a name that nobody else has, and sweeps what dead makers left. A maker holds a
// file lock while it works, so that a dead maker's leavings are known from the work of a living or a
// stopped one.
//
// The administrative folder (gitrepository-layout(5): HEAD, commondir, gitdir, locked) is put together
// aside and renamed into `.git/worktrees/`, instead of by `git worktree add`, which writes it there file
// by file: every git that lists worktrees at that moment fails with "failed to read .../commondir",
// those of agents and of the user too, and for good if it is killed there (seen with six hosts at work).
// Where worktrees have settings of their own or refs are kept otherwise, git knows better than we.

import { during } from "../core/during.ts";
import { basename, join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { exists, namesIn } from "../core/folders.ts";
import { git } from "./git.ts";
import {
  adminOf,
  linkedTrees,
  type Mark,
  nameOf,
  type Place,
  readOrNull,
  repoint,
  unique,
  writeMark,
} from "./place.ts";
import { forgetTree, removeAll } from "./remove.ts";

/** What is being made, before it gets its place. */
export const NEW_PREFIX = ".new-";
/** A record that is being put together. */
const NEW_RECORD = "skein-new-";

/** A folder name of one's own, and a lock that shows that its maker lives. */
export interface Maker extends Disposable {
  readonly path: string;
}

/** Begins making: takes a name in the run's folder. */
export function newMaker(folder: string, name: string): Maker {
  for (;;) {
    const path = join(folder, `${NEW_PREFIX}${unique()}-${name}`);
    const lock = Deno.openSync(`${path}.lock`, { createNew: true, write: true, mode: 0o600 });
    lock.lockSync(true);
    // The sweep may have taken the file before it was locked: then under another name.
    if (exists(`${path}.lock`)) {
      return {
        path,
        [Symbol.dispose]: () => {
          removeAll(`${path}.lock`);
          lock.close();
        },
      };
    }
    lock.close();
  }
}

/**
 * Makes a complete, marked worktree at a maker's path.
 * @returns its administrative folder
 */
export async function makeTree(place: Place, path: string, mark: Mark): Promise<string> {
  const why = `skein run ${mark.run}: ${mark.task}, attempt ${mark.attempt}`;
  try {
    if (needsGit(place)) {
      const { branch } = mark;
      // Forced: another maker's half-made worktree may have the same branch.
      const add = ["worktree", "add", "-q", "--force", "--lock", "--reason", why, path, branch];
      await git(place.tree, add);
    } else {
      link(place, path, mark, why);
      // By its name: without one, a branch that was just deleted would be an empty tree.
      const ref = `refs/heads/${mark.branch}`;
      await git(path, ["reset", "-q", "--hard", "--no-recurse-submodules", ref]);
    }
    const admin = adminOf(path);
    if (admin === null) {
      throw new Refusal("GIT_FAILED", `git made no worktree at ${path}`, { path });
    }
    beginHistory(admin);
    writeMark(admin, mark);
    return admin;
  } catch (thrown) {
    await dropTree(place, path);
    throw thrown;
  }
}

function needsGit(place: Place): boolean {
  const config = readOrNull(join(place.commonDir, "config")) ?? "";
  // A setting may stand in the line of its section.
  return /(?:^|\])\s*(worktreeconfig|refstorage|relativeworktrees)\b/im.test(config) ||
    exists(join(place.gitDir, "info", "sparse-checkout"));
}

/** Git's record of a worktree, whole from its first moment; and the worktree's `.git` file. */
function link(place: Place, path: string, mark: Mark, why: string): void {
  const name = basename(path).slice(1);
  const aside = join(place.commonDir, `${NEW_RECORD}${name}`);
  const admin = join(place.commonDir, "worktrees", name);
  Deno.mkdirSync(path);
  Deno.mkdirSync(aside);
  Deno.writeTextFileSync(join(aside, "HEAD"), `ref: refs/heads/${mark.branch}\n`);
  Deno.writeTextFileSync(join(aside, "commondir"), "../..\n");
  Deno.writeTextFileSync(join(aside, "gitdir"), `${join(path, ".git")}\n`);
  Deno.writeTextFileSync(join(aside, "locked"), `${why}\n`);
  beginHistory(aside);
  for (;;) {
    // Whoever removes the last worktree removes this folder too, as git does.
    Deno.mkdirSync(join(place.commonDir, "worktrees"), { recursive: true });
    try {
      Deno.renameSync(aside, admin);
      break;
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.NotFound) || !exists(aside)) throw thrown;
    }
  }
  Deno.writeTextFileSync(join(path, ".git"), `gitdir: ${admin}\n`);
}

/**
 * Git writes the history of HEAD wherever there is one, whatever core.logAllRefUpdates says: without it,
 * commits that an agent left behind would be known to nobody (park.ts).
 */
function beginHistory(admin: string): void {
  Deno.mkdirSync(join(admin, "logs"), { recursive: true });
  Deno.openSync(join(admin, "logs", "HEAD"), { create: true, append: true }).close();
}

/** Removes a worktree that nobody has worked in, at a maker's path. */
export async function dropTree(place: Place, path: string): Promise<number> {
  const name = basename(path);
  let dropped = 0;
  for (const one of linkedTrees(place.commonDir)) {
    // A record of git's own making that was cut off may not say where it belongs.
    const torn = one.path === null && basename(one.admin) === name.replace(/^\./, "-");
    if (one.path !== path && !torn) continue;
    // Renamed into its place, but git's record was not told.
    const arrived = one.mark === null ? null : join(place.folder, nameOf(one.mark));
    if (arrived !== null && adminOf(arrived) === one.admin) repoint(one.admin, arrived);
    else await forgetTree(place, { ...one, mark: null });
    dropped += 1;
  }
  removeAll(join(place.commonDir, `${NEW_RECORD}${name.slice(1)}`));
  removeAll(path);
  return dropped;
}

/**
 * Removes what dead makers left half made: folders, records, lock files.
 * @returns how many makers that were
 */
export async function sweepHalfMade(place: Place): Promise<number> {
  const names = namesIn(place.folder).filter((name) => name.startsWith(NEW_PREFIX));
  const half = new Set(names.map((name) => join(place.folder, name.replace(/\.lock$/, ""))));
  for (const { path } of linkedTrees(place.commonDir)) {
    if (path?.startsWith(join(place.folder, NEW_PREFIX))) half.add(path);
  }
  let swept = 0;
  for (const path of half) {
    const dead = lockOfDead(`${path}.lock`);
    if (dead === null) continue;
    await during(dead, async () => {
      await dropTree(place, path);
      removeAll(`${path}.lock`);
    });
    swept += 1;
  }
  return swept;
}

/** Holds a maker's lock if it is dead (or has none); null while it lives. */
function lockOfDead(path: string): Disposable | null {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { write: true });
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return { [Symbol.dispose]: () => {} };
    throw thrown;
  }
  if (file.tryLockSync(true)) return file;
  file.close();
  return null;
}
