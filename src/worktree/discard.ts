// Puts a worktree back to a commit that has all of its work: what a check leaves there (reports, snapshots,
// whatever is not ignored) is no work of anybody's. Commits that it made stay in the history of HEAD,
// which is kept when the worktree goes. What is ignored stays, so that the next check finds what this
// one has built.

import { git } from "./git.ts";
import { ownTree } from "./place.ts";

/**
 * Makes a worktree of skein's hold a commit of its branch and nothing else.
 * @param commit what was saved just before; whatever has changed since is gone
 * @throws Refusal `GIT_STATE` when there is none at `path`
 */
export async function discardSince(path: string, commit: string): Promise<void> {
  const { mark } = ownTree(path);
  await git(path, ["symbolic-ref", "HEAD", `refs/heads/${mark.branch}`]);
  await git(path, ["reset", "-q", "--hard", "--no-recurse-submodules", commit]);
  // Twice forced: repositories in there were made by the check, since none can be saved.
  await git(path, ["clean", "-q", "-f", "-f", "-d"]);
}
