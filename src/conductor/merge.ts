// Merges what an attempt has saved, and says what came of it in the words of its end. Work that conflicts
// is on its branch; whoever tries next goes on from there. Work that only cannot be merged just now
// waits as it is: doing it again would mend nothing.

import { asRefusal } from "../core/errors.ts";
import { excerpt } from "../core/text.ts";
import { LIMITS } from "../core/limits.ts";
import { mergeTask } from "../worktree/merge.ts";
import type { RunTree } from "../worktree/place.ts";
import { type Conduct, UNCHECKED } from "../fleet/rules.ts";
import type { Ended } from "./calls.ts";

/** What a merge is to the attempt whose branch it is of. */
export type MergeEnd =
  & Pick<Ended, "reason" | "cause" | "files" | "merged">
  & { readonly outcome: "done" | "conflict" | "waiting" | "stopped" };

/** Where the work of a run is merged. */
export interface MergePlace extends RunTree {
  /** Whether it has to be checked before. */
  readonly checks: boolean;
}

/** Where the work of a run is merged; null where attempts have no worktrees. */
export function mergePlace(
  { repo, worktrees, check }: Conduct,
  { run, home }: { readonly run: string; readonly home: string },
): MergePlace | null {
  return worktrees ? { run, repo, home, checks: Boolean(check) } : null;
}

/** The check said no. */
export interface Unchecked {
  readonly outcome: "unchecked";
}

export const TO_BE_CHECKED = {
  outcome: "waiting",
  reason: "it is to be checked before it is merged",
  cause: UNCHECKED,
} as const satisfies MergeEnd;

/** What is merged for an attempt. */
export interface MergeOrder {
  readonly task: string;
  readonly branch: string;
  readonly message: string;
  /** Whether the task is still the attempt's. */
  still(): Promise<boolean>;
}

/** What passes, or is mended: another git ends, somebody makes room or sees to what git complains about. */
const PASSES: readonly string[] = ["GIT_BUSY", "STORE_FULL", "GIT_FAILED"];

/**
 * Merges a task's branch into the run branch.
 * @returns `waiting` with what stands in the way, and its remedy, where that is not the work; its cause
 *   is `held` where somebody holds the run branch, else `service`; `stopped` where the task went to another;
 *   where it has to be checked, and this is not who does that (landing.ts), it waits for that
 * @throws Refusal `INVALID_INPUT` or `GIT_STATE` when it is the work's own branch
 */
export async function mergeWork(place: MergePlace, order: MergeOrder): Promise<MergeEnd>;
/** The same, by whoever checks it: `unchecked` where the check said no. */
export async function mergeWork(
  place: MergePlace,
  order: MergeOrder & { check(commit: string): Promise<boolean> },
): Promise<MergeEnd | Unchecked>;
export async function mergeWork(
  { checks, ...tree }: MergePlace,
  order: MergeOrder & { check?(commit: string): Promise<boolean> },
): Promise<MergeEnd | Unchecked> {
  if (checks && order.check === undefined) return TO_BE_CHECKED;
  try {
    const merged = await mergeTask(tree, order);
    if (merged.outcome === "unchecked") return merged;
    if (merged.outcome === "taken") {
      const reason = `${order.task} went to another before it was merged`;
      return { outcome: "stopped", reason, cause: "ended" };
    }
    if (merged.outcome === "empty") return { outcome: "done", merged: merged.commit, files: [] };
    if (merged.outcome !== "conflict") return { outcome: "done", merged: merged.commit };
    const files = merged.files.slice(0, LIMITS.attemptFiles);
    return { outcome: "conflict", reason: "it conflicts with what was merged before it", files };
  } catch (thrown) {
    const { code, message, hint, details } = asRefusal(thrown);
    // Somebody looks at the run branch in a checkout, works on it, or has deleted it.
    const held = code === "GIT_STATE" && details["field"] === "run";
    if (!held && !PASSES.includes(code)) throw thrown;
    const reason = excerpt(`${message}. ${hint}`, LIMITS.noteChars - 3);
    return { outcome: "waiting", reason, cause: held ? "held" : "service" };
  }
}
