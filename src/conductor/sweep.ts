// Cleaning up after workers that died: whatever is left of the agent's group ends, finished work is
// merged, unfinished work is parked, the worktree goes. Every step can be repeated, by anybody, at the
// same time: what one has done the other finds done.

import { endGroup } from "../agent/group.ts";
import type { ShownAttempt } from "../fleet/view.ts";
import { mergeTask } from "../worktree/merge.ts";
import { park } from "../worktree/park.ts";
import type { RunTree } from "../worktree/place.ts";
import { removeWorktree } from "../worktree/remove.ts";
import { saveWork } from "../worktree/save.ts";
import type { Calls } from "./calls.ts";

/** What of one attempt was found, and what was made of it. */
export interface Swept {
  readonly attempt: number;
  readonly task: string;
  readonly outcome: "done" | "conflict" | "lost";
}

/**
 * Settles what is orphaned among the attempts of a run, and merges what was approved.
 * @param tree the run's repository; null where attempts have no worktrees
 */
export async function sweep(
  calls: Calls,
  tree: RunTree | null,
  attempts: readonly ShownAttempt[],
): Promise<Swept[]> {
  const swept: Swept[] = [];
  for (const attempt of attempts) {
    if (attempt.orphaned === true) swept.push(await settle(calls, tree, attempt));
    else if (attempt.state === "review" && tree !== null) {
      const task = await calls.task(attempt.task);
      if (task.status === "completed") swept.push(await merge(calls, tree, attempt));
      else if (task.status !== "in_review") {
        await calls.end({ attempt: attempt.id, outcome: "lost", reason: `it is ${task.status}` });
        swept.push({ attempt: attempt.id, task: attempt.task, outcome: "lost" });
      }
    }
  }
  return swept;
}

async function settle(calls: Calls, tree: RunTree | null, attempt: ShownAttempt): Promise<Swept> {
  const process = attempt.process as Parameters<typeof endGroup>[0] | null;
  if (process !== null) await endGroup(process);
  const { id, task, folder, branch } = attempt;
  const here = tree !== null && folder !== null && branch !== null && exists(folder);
  if (attempt.report !== null && attempt.kind !== "plan" && tree !== null && branch !== null) {
    if (here) await saveWork(folder, { message: `Work on ${task} by ${attempt.worker}` });
    return await merge(calls, tree, attempt);
  }
  const kept = here ? await park(folder, { run: tree.run, task, attempt: attempt.number }) : null;
  if (here) await removeWorktree(tree, folder);
  // Without a worktree there is nothing to merge: what was handed in is done.
  const outcome = attempt.report !== null ? "done" as const : "lost" as const;
  await calls.end({
    attempt: id,
    outcome,
    reason: `${attempt.worker} died`,
    ...(kept === null ? {} : { parked: kept.ref }),
  });
  return { attempt: id, task, outcome };
}

async function merge(calls: Calls, tree: RunTree, attempt: ShownAttempt): Promise<Swept> {
  const { id, task, branch, folder } = attempt;
  const merged = await mergeTask(tree, {
    task,
    branch: branch ?? "",
    message: `Merge ${task} (${attempt.worker})`,
  });
  if (folder !== null && exists(folder)) await removeWorktree(tree, folder);
  if (merged.outcome === "conflict") {
    await calls.end({
      attempt: id,
      outcome: "conflict",
      reason: "it conflicts with what was merged before it",
      files: merged.files,
    });
    return { attempt: id, task, outcome: "conflict" };
  }
  await calls.end({ attempt: id, outcome: "done", merged: merged.commit });
  return { attempt: id, task, outcome: "done" };
}

function exists(folder: string): boolean {
  try {
    return Deno.statSync(folder).isDirectory;
  } catch {
    return false;
  }
}
