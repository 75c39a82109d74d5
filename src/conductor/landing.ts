// How finished work gets onto the run branch: committed on its own branch, checked where the run has a
// check, and merged. What is checked is what is merged: others' work is brought into the branch before, and
// if somebody else was merged meanwhile, it is brought in and checked again.

import { LIMITS } from "../core/limits.ts";
import { startConflict } from "../worktree/conflict.ts";
import { discardSince } from "../worktree/discard.ts";
import { saveWork } from "../worktree/save.ts";
import type { Ended } from "./calls.ts";
import { check, type CheckFault, inTurn } from "./check.ts";
import { type MergeEnd, type MergeOrder, type MergePlace, mergeWork } from "./merge.ts";
import { signature } from "./signature.ts";
import type { WorkOrder } from "./work.ts";

/** What came of it, and the commit of the work. */
export type Landed =
  & (MergeEnd | CheckFault)
  & Pick<Ended, "files" | "head">;

/** So often others may be merged while one is checked: each time it is their success. */
const ROUNDS = 20;

/**
 * Saves what a worktree holds, and merges it.
 * @param still whether the task is still the attempt's
 * @throws Refusal `GIT_STATE` when it cannot be saved, and whatever `mergeWork` throws
 */
export async function land(
  order: WorkOrder,
  tree: MergePlace,
  { folder, branch, still }: {
    readonly folder: string;
    readonly branch: string;
    still(): Promise<boolean>;
  },
): Promise<Landed> {
  const { attempt, task } = order;
  const saved = await saveWork(folder, { message: `${task.title}\n\n${signature(attempt)}` });
  const head = saved.commit;
  // Saving may take long, and whoever sleeps meanwhile may find the task done by another.
  if (!await still()) {
    const reason = `${task.id} was taken from ${attempt.worker} while it was saved`;
    return { outcome: "stopped", reason, cause: "ended", head };
  }
  const merge: MergeOrder = {
    task: task.id,
    branch,
    message: `Merge ${task.id}: ${task.title}\n\n${signature(attempt)}`,
    still,
  };
  const files = saved.files.slice(0, LIMITS.attemptFiles);
  const merged = await mergeWork(tree, merge);
  if (merged.outcome !== "unchecked") return { files, head, ...merged };
  const checked = await inTurn(
    order,
    tree,
    () => checkAndMerge(order, tree, { folder, head, merge }),
  );
  return { files, head, ...checked };
}

async function checkAndMerge(
  order: WorkOrder,
  tree: MergePlace,
  { folder, head, merge }: {
    readonly folder: string;
    readonly head: string;
    readonly merge: MergeOrder;
  },
): Promise<Landed> {
  const { attempt } = order;
  let tip = head;
  let checked = "";
  for (let round = 0; round < ROUNDS; round++) {
    const merged = await mergeWork(tree, { ...merge, checked });
    if (merged.outcome !== "unchecked") return { ...merged, head: tip };
    if (merged.behind) {
      const { files } = await startConflict(folder, { run: attempt.run });
      if (files.length > 0) {
        await discardSince(folder, tip);
        return {
          outcome: "conflict",
          reason: "it conflicts with what was merged before it",
          files,
        };
      }
      const message = `Bring ${order.task.id} up to date\n\n${signature(attempt)}`;
      tip = (await saveWork(folder, { message })).commit;
    }
    const fault = await check(order, folder);
    await discardSince(folder, tip);
    if (fault !== null) return { ...fault, head: tip };
    checked = tip;
  }
  const reason = `others were merged during each of ${ROUNDS} checks`;
  return { outcome: "waiting", reason, cause: "service", head: tip };
}
