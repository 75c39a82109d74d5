// Takes a worktree away whose attempt is over, where that loses nothing. One that holds what cannot be
// kept (a repository of its own, for example) stays: it is somebody's to look at, and stops nobody.

import { asRefusal } from "../core/errors.ts";
import type { RunTree } from "../worktree/place.ts";
import { removeWorktree } from "../worktree/remove.ts";

/** Removes a worktree; says why it stays if it does, else null. */
export async function clearAway(tree: RunTree, path: string): Promise<string | null> {
  try {
    await removeWorktree(tree, path);
    return null;
  } catch (thrown) {
    return asRefusal(thrown).message;
  }
}
