// Merges what an attempt has saved, and says what came of it in the words of its end. Work that cannot
// be merged is on its branch; whoever tries next goes on from there.

import { asRefusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { mergeTask } from "../worktree/merge.ts";
import type { RunTree } from "../worktree/place.ts";
import type { Ended } from "./calls.ts";

/** What a merge is to the attempt whose branch it is of. */
export type MergeEnd =
  & Pick<Ended, "reason" | "files" | "merged" | "delay_ms">
  & { readonly outcome: "done" | "conflict" };

/**
 * Merges a task's branch into the run branch.
 * @throws Refusal `GIT_STATE` when the run branch is gone, or whatever else git says
 */
export async function mergeWork(
  tree: RunTree,
  order: { readonly task: string; readonly branch: string; readonly message: string },
): Promise<MergeEnd> {
  try {
    const merged = await mergeTask(tree, order);
    if (merged.outcome !== "conflict") return { outcome: "done", merged: merged.commit };
    const files = merged.files.slice(0, LIMITS.attemptFiles);
    return { outcome: "conflict", reason: "it conflicts with what was merged before it", files };
  } catch (thrown) {
    const { code, message, details } = asRefusal(thrown);
    if (code !== "GIT_STATE" || details["path"] === undefined) throw thrown;
    // Somebody looks at the run branch in a checkout: no fault of the work, which is tried again later.
    return { outcome: "conflict", reason: message, delay_ms: LIMITS.retryDelayS * 1_000 };
  }
}
