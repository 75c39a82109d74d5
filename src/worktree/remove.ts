// Removes a worktree without losing anything: first what is uncommitted, and the commits that only it
// knows, are kept (park.ts); then its folder is renamed away, which decides it; then git's record of
// it; the rest is rubbish that anybody may clear. Whoever dies in between leaves a state from which
// the next call goes on. A worktree that holds what cannot be kept (a repository of its own, changed
// submodules) stays, and the refusal says why. Its branch stays too: dropBranch is another decision.

import { basename, dirname, join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { exists, namesIn } from "../core/folders.ts";
import { git } from "./git.ts";
import { keepHistory, type Parked, parkState } from "./park.ts";
import {
  healedAdminOf,
  type Linked,
  linkedTrees,
  type Place,
  placeOf,
  readMark,
  type RunTree,
  unique,
} from "./place.ts";
import { lookAt, type TreeState } from "./snapshot.ts";

/** What was removed and is only rubbish now. */
const OLD_PREFIX = ".old-";
const OLD_RECORD = "skein-old-";

/**
 * Removes a worktree of the run. Called again, or where nothing is left of it, it does nothing.
 * @returns what was kept of it
 * @throws Refusal `INVALID_INPUT` for a folder that is none of the run's worktrees, `GIT_STATE` when
 *   it holds what cannot be kept
 */
export async function removeWorktree(r: RunTree, path: string): Promise<Parked[]> {
  const place = placeOf(r);
  checkOurs(place, path);
  const admin = healedAdminOf(place.commonDir, path);
  const mark = admin === null ? null : readMark(admin);
  const kept: Parked[] = [];
  if (admin !== null && mark !== null) {
    await refuseSubmodules(path, admin);
    const state = await lookAt(path);
    const parked = await parkState(path, admin, state, mark);
    if (parked !== null) kept.push(parked);
    refuseNested(path, state);
    const history = await keepHistory(place.tree, admin, mark);
    if (history !== null) kept.push(history);
  } else if (exists(path) && !isEmpty(path)) {
    throw new Refusal("GIT_STATE", `${path} has lost its record in git`, {
      field: "path",
      path,
      hint: "Look whether it holds work; then move or delete the folder yourself.",
    });
  }
  renameAway(path, join(place.folder, `${OLD_PREFIX}${unique()}-${basename(path)}`));
  for (const linked of linkedTrees(place.commonDir)) {
    if (linked.path === path) await forgetTree(place, linked);
  }
  clearRubbish(place);
  return kept;
}

/** Drops git's record of a worktree whose folder is gone, or was never complete; keeps its history. */
export async function forgetTree(place: Place, linked: Linked): Promise<void> {
  const { admin, mark } = linked;
  if (mark !== null) await keepHistory(place.tree, admin, mark);
  renameAway(admin, join(place.commonDir, `${OLD_RECORD}${unique()}-${basename(admin)}`));
  clearRecords(place);
  try {
    Deno.removeSync(dirname(admin));
  } catch {
    // Other worktrees have their records there, or another call was faster; git does the same.
  }
}

/** Deletes what a removal left that died after it was decided. @returns how many there were */
export function clearRubbish(place: Place): number {
  const old = namesIn(place.folder).filter((name) => name.startsWith(OLD_PREFIX));
  for (const name of old) removeAll(join(place.folder, name));
  return old.length + clearRecords(place);
}

function clearRecords(place: Place): number {
  const old = namesIn(place.commonDir).filter((name) => name.startsWith(OLD_RECORD));
  for (const name of old) removeAll(join(place.commonDir, name));
  return old.length;
}

function checkOurs(place: Place, path: string): void {
  const name = basename(path);
  if (dirname(path) === place.folder && !name.startsWith(".")) return;
  throw new Refusal("INVALID_INPUT", `${path} is no worktree of run ${place.run}`, {
    field: "path",
    path,
    hint: `They stand in ${place.folder}.`,
  });
}

/** Submodules of a worktree keep their own history in its record. */
async function refuseSubmodules(path: string, admin: string): Promise<void> {
  if (!exists(join(admin, "modules"))) return;
  const changed = "git status --porcelain; git log -1 --format=%h HEAD --not --remotes";
  const { stdout } = await git(path, ["submodule", "--quiet", "foreach", "--recursive", changed]);
  if (stdout.trim() === "") return;
  throw new Refusal("GIT_STATE", `submodules in ${path} hold work that is nowhere else`, {
    field: "path",
    path,
    hint: "Push or undo what was changed in them (git submodule foreach git status).",
  });
}

function refuseNested(path: string, { nested }: TreeState): void {
  if (nested.length === 0) return;
  throw new Refusal(
    "GIT_STATE",
    `${path} holds a repository of its own (${
      nested.slice(0, 5).join(", ")
    }), which cannot be kept`,
    { field: "path", path, files: nested, hint: "Move it elsewhere or delete it." },
  );
}

function isEmpty(path: string): boolean {
  return Deno.lstatSync(path).isDirectory && namesIn(path).length === 0;
}

function renameAway(from: string, to: string): void {
  try {
    Deno.renameSync(from, to);
  } catch (thrown) {
    // Another call was faster.
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
}

/** Deletes what is there; two may do it at once, and an agent may have left folders closed to writing. */
export function removeAll(path: string): void {
  for (let tries = 0;; tries++) {
    try {
      Deno.removeSync(path, { recursive: true });
      return;
    } catch (thrown) {
      if (!exists(path)) return;
      if (tries === 3) throw thrown;
      makeWritable(path);
    }
  }
}

function makeWritable(folder: string): void {
  try {
    const info = Deno.lstatSync(folder);
    if (!info.isDirectory) return;
    Deno.chmodSync(folder, 0o700);
    for (const entry of Deno.readDirSync(folder)) {
      if (entry.isDirectory) makeWritable(join(folder, entry.name));
    }
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
}
