// Takes a worktree away whose attempt is over, where that loses nothing. One that holds what cannot be
// kept (a repository of its own, for example) stays: it is somebody's to look at, and stops nobody. At
// the end of a run whoever started it hears what stays.

import { asRefusal } from "../core/errors.ts";
import { leftovers, sweep as sweepHalfMade } from "../worktree/leftovers.ts";
import type { RunTree } from "../worktree/place.ts";
import { removeWorktree } from "../worktree/remove.ts";

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

/**
 * Nobody works any more: worktrees that somebody died over go; what was not committed is parked.
 * @returns what stays, in words
 */
export async function tidy(tree: RunTree): Promise<string[]> {
  const { worktrees, branches } = await leftovers(tree);
  const stay: string[] = [];
  for (const { path, state } of worktrees) {
    const why = state === "ready" || state === "gone" ? await clearAway(tree, path) : null;
    if (why !== null) stay.push(`a worktree stays: ${why}`);
  }
  await sweepHalfMade(tree);
  const alone = branches.filter(({ merged }) => !merged).map(({ branch }) => branch);
  if (alone.length > 0) stay.push(`merged nowhere: ${listed(alone)}`);
  return stay;
}

/** The first of many. */
function listed(names: readonly string[]): string {
  const more = names.length - NAMED;
  return names.slice(0, NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
