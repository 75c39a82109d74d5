// Clears away what a run needs no more: branches of tasks whose every commit the run branch has. What
// is not merged stays, whatever became of its task.

import { dropBranch } from "./branch.ts";
import { leftovers } from "./leftovers.ts";
import { dropFences } from "./fence.ts";
import { placeOf, type RunTree } from "./place.ts";

/**
 * Removes the merged branches of the tasks of a run that is over, and their fences.
 * @returns their names
 */
export async function dropMerged(r: RunTree): Promise<string[]> {
  const dropped: string[] = [];
  for (const { branch, merged } of (await leftovers(r)).branches) {
    if (merged && await dropBranch(r, branch)) dropped.push(branch);
  }
  await dropFences(placeOf(r));
  return dropped;
}
