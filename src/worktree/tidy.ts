// Clears away what a run needs no more: branches of tasks whose every commit the run branch has. What
// is not merged stays, whatever became of its task.

import { git } from "./git.ts";
import { leftovers } from "./leftovers.ts";
import { placeOf, type RunTree } from "./place.ts";

/**
 * Removes the merged branches of a run's tasks, each only while it stands where it was seen.
 * @returns their names
 */
export async function dropMerged(r: RunTree): Promise<string[]> {
  const { branches, worktrees } = await leftovers(r);
  const inUse = new Set(worktrees.map(({ branch }) => branch));
  const merged = branches.filter((one) => one.merged && !inUse.has(one.branch));
  const dropped: string[] = [];
  for (const { branch, commit } of merged) {
    const { code } = await git(
      placeOf(r).tree,
      ["update-ref", "-d", `refs/heads/${branch}`, commit],
      // Somebody has moved it meanwhile: then it is not what we saw.
      { ok: [0, 1, 128] },
    );
    if (code === 0) dropped.push(branch);
  }
  return dropped;
}
