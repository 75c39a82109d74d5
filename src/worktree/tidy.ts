// Clears away what a run needs no more: branches of tasks whose every commit the run branch has. What
// is not merged stays, whatever became of its task.

import { dropBranch } from "./branch.ts";
import { leftovers } from "./leftovers.ts";
import type { RunTree } from "./place.ts";

/**
 * Removes the merged branches of a run's tasks.
 * @returns their names
 */
export async function dropMerged(r: RunTree): Promise<string[]> {
  const dropped: string[] = [];
  for (const { branch, merged } of (await leftovers(r)).branches) {
    if (merged && await dropBranch(r, branch)) dropped.push(branch);
  }
  return dropped;
}
