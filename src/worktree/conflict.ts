// Begins the resolving of a conflict: in a worktree on the task's branch, the run branch is merged and
// left uncommitted, with git's markers where the two disagree. Saving the work afterwards makes the
// merge commit, and the task then merges without conflict. Nothing in the worktree may be uncommitted
// before; what a call that died half-way has left is parked and cleared, then begun again.

import { during } from "../core/during.ts";
import { join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { exists } from "../core/folders.ts";
import { git, gitCommitting, gitLine } from "./git.ts";
import { parkState } from "./park.ts";
import { type Mark, ownTree, runBranch, writeMark } from "./place.ts";
import { inProgress, isCleanAtHeart, lookAt, mergeHead, stageAll } from "./snapshot.ts";
import {
  type Conflicted,
  conflictsOf,
  display,
  entriesOfIndex,
  readConflicts,
  writeConflicts,
} from "./unresolved.ts";

/**
 * Merges the run branch into the task's branch in its worktree and leaves what conflicts.
 * @returns the files with conflicts; none when it merges without (saving then concludes it)
 * @throws Refusal `GIT_STATE` when there is uncommitted work, or git is in the middle of something
 */
export async function startConflict(
  path: string,
  { run }: { readonly run: string },
): Promise<{ files: string[] }> {
  const { admin, mark } = ownTree(path);
  // One at a time: clearing what a dead call left must not meet an agent that has begun to work.
  const guard = Deno.openSync(join(admin, "skein-conflict.guard"), { create: true, write: true });
  return await during(guard, async () => {
    if (guard.tryLockSync(true)) return await startAlone(path, admin, mark, run);
    throw new Refusal("GIT_BUSY", `another process begins the resolving of conflicts in ${path}`, {
      field: "path",
      path,
    });
  });
}

async function startAlone(
  path: string,
  admin: string,
  mark: Mark,
  run: string,
): Promise<{ files: string[] }> {
  const intent = join(admin, "skein-merging");
  const ref = `refs/heads/${runBranch(run)}`;
  if (mergeHead(admin) !== null && !exists(intent)) {
    return { files: readConflicts(admin).map(({ path }) => display(path)) };
  }
  if (mergeHead(admin) === null) {
    await makeClean(path, admin, intent);
    Deno.writeTextFileSync(intent, "");
    await gitCommitting(path, [
      "merge",
      "-q",
      "--no-ff",
      "--no-commit",
      "--no-autostash",
      "--no-rerere-autoupdate",
      ref,
    ], { ok: [0, 1] });
  }
  // The record is complete before the intent goes: until then the agent has not begun.
  const { head, unmerged } = await lookAt(path);
  const onto = mergeHead(admin) ?? await gitLine(path, ["merge-base", "HEAD", ref]);
  const conflicts = unmerged.length === 0 ? [] : await left(path, admin, [head ?? "HEAD", onto]);
  writeConflicts(admin, conflicts);
  writeMark(admin, { ...mark, onto });
  Deno.removeSync(intent);
  return { files: conflicts.map((one) => display(one.path)) };
}

async function left(path: string, admin: string, sides: readonly string[]): Promise<Conflicted[]> {
  const { head, nested } = await lookAt(path);
  // As a save stages it: what git cannot add (a submodule that is not there) stands as HEAD has it.
  using staged = await stageAll(path, admin, head, nested);
  return await conflictsOf(path, await entriesOfIndex(path, staged.index), sides);
}

async function makeClean(path: string, admin: string, intent: string): Promise<void> {
  const state = await lookAt(path);
  const busy = inProgress(admin);
  if (exists(intent) && state.dirty) {
    const { mark } = ownTree(path);
    await parkState(path, admin, state, mark);
    await git(path, ["reset", "-q", "--hard", "HEAD"]);
    await git(path, ["clean", "-q", "-f", "-d"]);
    return;
  }
  const { head } = state;
  if (busy === null && head !== null) {
    if (!state.dirty || await isCleanAtHeart(path, admin, head)) return;
  }
  throw new Refusal(
    "GIT_STATE",
    `${path} ${busy === null ? "has uncommitted work" : `is in the middle of ${busy.what}`}`,
    { field: "path", path, hint: busy?.end ?? "Save the work first." },
  );
}
