// Takes a worktree away whose attempt is over, where that loses nothing. One that holds what cannot be
// kept (a repository of its own, for example) stays: it is somebody's to look at, and stops nobody. At
// the end of a run whoever started it hears what stays.

import { during } from "../core/during.ts";
import { join } from "@std/path";
import { asRefusal } from "../core/errors.ts";
import { folderIn } from "../core/folders.ts";
import { leftovers, sweep as sweepHalfMade } from "../worktree/leftovers.ts";
import type { RunTree } from "../worktree/place.ts";
import { removeWorktree } from "../worktree/remove.ts";
import type { Calls } from "./calls.ts";
import { clearCheck } from "./check.ts";

/** As many branches are named to whoever started the run. */
const NAMED = 10;

/** Removes a worktree; says why it stays if it does, else null. */
export async function clearAway(tree: RunTree, path: string): Promise<string | null> {
  try {
    await removeWorktree(tree, path);
    return null;
  } catch (thrown) {
    return asRefusal(thrown).message;
  }
}

/** The right to sweep a run; the kernel frees it if its holder dies. Null: another has it. */
export function turnOf({ home, run }: RunTree): Disposable | null {
  const path = join(folderIn(home, "worktrees"), `${run}.sweep`);
  const file = Deno.openSync(path, { create: true, write: true, mode: 0o600 });
  if (file.tryLockSync(true)) return file;
  file.close();
  return null;
}

/**
 * Nobody works any more: worktrees that somebody died over go; what was not committed is parked. One of
 * an attempt that was begun since stays: it is somebody's who works.
 * @returns what stays, in words
 */
export async function tidy(calls: Calls, tree: RunTree): Promise<string[]> {
  // Whoever sweeps clears them away, too.
  const turn = turnOf(tree);
  return turn === null ? [] : await during(turn, () => tidyAlone(calls, tree));
}

async function tidyAlone(calls: Calls, tree: RunTree): Promise<string[]> {
  const { worktrees, branches } = await leftovers(tree);
  // Looked at in this order: an attempt is begun before its worktree is made.
  const { attempts } = await calls.attempts({ run: tree.run, open: true });
  const open = new Set(attempts.map(({ task, number }) => `${task} ${number}`));
  const stay: string[] = [];
  for (const { path, state, task, attempt } of worktrees) {
    if (open.has(`${task} ${attempt}`)) continue;
    const why = state === "ready" || state === "gone" ? await clearAway(tree, path) : null;
    if (why !== null) stay.push(`a worktree stays: ${why}`);
  }
  await sweepHalfMade(tree);
  const left = await clearCheck(tree);
  if (left !== null) stay.push(left);
  const alone = branches.filter(({ merged }) => !merged).map(({ branch }) => branch);
  if (alone.length > 0) stay.push(`merged nowhere: ${listed(alone)}`);
  return stay;
}

/** The first of many. */
function listed(names: readonly string[]): string {
  const more = names.length - NAMED;
  return names.slice(0, NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
