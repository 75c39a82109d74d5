// Cleaning up after workers that died: whatever is left of the agent's group ends, finished work is
// merged, unfinished work is parked, the worktree goes. Every step can be repeated by anybody: what one
// has done before it died the next finds done.

import { during } from "../core/during.ts";
import { endGroup, parseRecord } from "../agent/group.ts";
import { asRefusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Outcome } from "../fleet/rules.ts";
import type { ShownAttempt } from "../fleet/view.ts";
import { checkedOutIn } from "../worktree/merge.ts";
import { park } from "../worktree/park.ts";
import { saveWork } from "../worktree/save.ts";
import type { Calls } from "./calls.ts";
import { endLeftCheck } from "./check.ts";
import { clearAway, turnOf } from "./clear.ts";
import { causeOfFault } from "./fault.ts";
import { type MergeEnd, type MergePlace, mergeWork } from "./merge.ts";

/** What of one attempt was found, and what was made of it. */
export interface Swept {
  readonly attempt: number;
  readonly task: string;
  readonly outcome: Outcome;
}

/**
 * Settles what is orphaned among the attempts of a run, and merges what was approved. One at a time
 * does so: two at the same worktree would take it from under each other's hands.
 * @param tree the run's repository; null where attempts have no worktrees
 * @param seen attempts as they were just now; if any of them needs it, all are looked at again
 * @returns what was done; null if somebody else is at it
 */
export async function sweep(
  calls: Calls,
  tree: MergePlace | null,
  seen: readonly ShownAttempt[],
): Promise<Swept[] | null> {
  if (tree !== null) await endLeftCheck(tree);
  const [first] = seen.filter((one) => one.orphaned === true || one.state !== "running");
  if (first === undefined) return [];
  if (tree === null) return await sweepAll(calls, tree, seen);
  const turn = turnOf(tree);
  if (turn === null) return null;
  return await during(turn, async () => {
    const { attempts } = await calls.attempts({ run: first.run, open: true });
    return await sweepAll(calls, tree, attempts);
  });
}

async function sweepAll(
  calls: Calls,
  tree: MergePlace | null,
  attempts: readonly ShownAttempt[],
): Promise<Swept[]> {
  const swept: Swept[] = [];
  const alive = await endAgents(attempts);
  let held = false;
  for (const attempt of attempts) {
    // What holds one merge up holds up all.
    if (alive.has(attempt.id) || (held && attempt.state === "waiting")) continue;
    try {
      const one = await settled(calls, tree, attempt);
      if (one !== null) swept.push(one);
      held ||= one === null && attempt.state === "waiting";
    } catch (thrown) {
      // Whoever it belongs to has just ended it.
      if (!await isOpen(calls, attempt.id)) continue;
      swept.push(await givenUp(calls, attempt, thrown));
    }
  }
  return swept;
}

/** What can be done for an attempt now; null: nothing. */
async function settled(
  calls: Calls,
  tree: MergePlace | null,
  attempt: ShownAttempt,
): Promise<Swept | null> {
  if (attempt.orphaned === true) return await settle(calls, tree, attempt);
  if (attempt.state === "review") return await reviewed(calls, tree, attempt);
  return attempt.state === "waiting" && tree !== null ? await waited(calls, tree, attempt) : null;
}

/**
 * What git cannot do today it will not tomorrow, and the run goes on: the worktree stays, and a task
 * whose branch somebody took away is done again.
 * @throws what has nothing to do with the attempt
 */
export async function givenUp(
  calls: Calls,
  attempt: ShownAttempt,
  thrown: unknown,
): Promise<Swept> {
  const { code, message } = asRefusal(thrown);
  if (!["GIT_STATE", "GIT_FAILED", "INVALID_INPUT"].includes(code)) throw thrown;
  const { id, task } = attempt;
  const outcome = attempt.orphaned === true ? "lost" as const : "failed" as const;
  await calls.end({ attempt: id, outcome, reason: message, cause: causeOfFault(thrown) });
  return { attempt: id, task, outcome };
}

/** Ends what is left of dead workers' agents; gives those of which something still writes. */
async function endAgents(attempts: readonly ShownAttempt[]): Promise<Set<number>> {
  const alive = new Set<number>();
  const orphaned = attempts.filter((one) => one.orphaned === true);
  // All at once: each that ignores its end takes seconds.
  await Promise.all(orphaned.map(async ({ id, process }) => {
    const record = parseRecord(JSON.stringify(process));
    // The next look tries again.
    if (record !== null && (await endGroup(record)).outcome === "survived") alive.add(id);
  }));
  return alive;
}

export async function isOpen(calls: Calls, id: number): Promise<boolean> {
  const { attempts: [now] } = await calls.attempts({ after: id - 1, open: true });
  return now?.id === id;
}

/** Whether an attempt's work may still be merged: whoever sweeps may have slept. */
async function stands(calls: Calls, id: number): Promise<boolean> {
  const { attempts: [now] } = await calls.attempts({ after: id - 1, open: true });
  return now?.id === id && now.lost !== true;
}

/** What somebody has looked at: approved, it is merged; given back, another attempt goes on with it. */
async function reviewed(
  calls: Calls,
  tree: MergePlace | null,
  attempt: ShownAttempt,
): Promise<Swept | null> {
  const { id, task } = attempt;
  const { status, epoch } = await calls.task(task);
  if (status === "in_review") return null;
  // Not if it was given to somebody else meanwhile, whose work was approved.
  const approved = status === "completed" && epoch === attempt.epoch;
  if (approved && tree !== null) return await merge(calls, tree, attempt);
  const ended = approved
    ? { outcome: "done" } as const
    : { outcome: "stopped", reason: whyNot(status), cause: "review" } as const;
  await calls.end({ attempt: id, ...ended });
  return { attempt: id, task, outcome: ended.outcome };
}

/** What became of a task that is no longer in the review it was in. */
function whyNot(status: string): string {
  if (status === "completed") return "another attempt was approved";
  return ["pending", "in_progress"].includes(status)
    ? "changes were requested"
    : `the task was ${status} in its review`;
}

/** What waits to be merged: tried again, and nothing written while it waits for the same. */
async function waited(
  calls: Calls,
  tree: MergePlace,
  attempt: ShownAttempt,
): Promise<Swept | null> {
  if (await endIfLost(calls, attempt)) {
    return { attempt: attempt.id, task: attempt.task, outcome: "stopped" };
  }
  // Whose turn it is to check does that, and takes long (landing.ts).
  if (tree.checks) return null;
  const path = checkedOutIn(tree);
  const known = path !== null && attempt.reason?.includes(` ${path};`);
  return known ? null : await merge(calls, tree, attempt);
}

/** Ends what waits for a task that is another's by now, or nobody's any more; whether it was so. */
export async function endIfLost(
  calls: Calls,
  { id, task, lost }: ShownAttempt,
): Promise<boolean> {
  if (lost !== true) return false;
  const reason = `${task} was taken back before it could be merged`;
  await calls.end({ attempt: id, outcome: "stopped", reason, cause: "ended" });
  return true;
}

async function settle(
  calls: Calls,
  tree: MergePlace | null,
  attempt: ShownAttempt,
): Promise<Swept | null> {
  const { id, task, folder, branch } = attempt;
  const here = tree !== null && folder !== null && branch !== null && exists(folder);
  const handedIn = attempt.report !== null && attempt.lost !== true;
  if (handedIn && attempt.kind !== "plan" && tree !== null && branch !== null) {
    const fault = here ? (await saved(folder, attempt)).fault : null;
    if (fault === null) return await merge(calls, tree, attempt);
    await calls.end({ attempt: id, outcome: "lost", reason: fault });
    return { attempt: id, task, outcome: "lost" };
  }
  const asked = attempt.lost !== true && attempt.kind !== "plan" && here &&
    ["in_review", "completed"].includes((await calls.task(task)).status);
  if (asked) {
    // Somebody looks at it, or has: it is merged once it is approved.
    const { commit, fault } = await saved(folder, attempt);
    if (fault !== null) {
      await calls.end({ attempt: id, outcome: "failed", reason: fault, cause: "agent" });
      return { attempt: id, task, outcome: "failed" };
    }
    await calls.end({ attempt: id, outcome: "review", head: commit });
    await clearAway(tree, folder);
    return { attempt: id, task, outcome: "review" };
  }
  const kept = here ? await park(folder, { run: tree.run, task, attempt: attempt.number }) : null;
  if (here) await clearAway(tree, folder);
  // Without a worktree there is nothing to merge: what was handed in is done.
  const ended = handedIn
    ? { outcome: "done", reason: `${attempt.worker} died` } as const
    : attempt.stop === null
    ? { outcome: "lost", reason: `${attempt.worker} died` } as const
    : { outcome: "stopped", reason: attempt.stop, cause: "ended" } as const;
  await calls.end({ attempt: id, ...ended, ...(kept === null ? {} : { parked: kept.ref }) });
  return { attempt: id, task, outcome: ended.outcome };
}

/** Commits what a dead worker's agent had handed in; says why where that cannot be. */
async function saved(
  folder: string,
  { task, worker }: ShownAttempt,
): Promise<{ commit: string; fault: null } | { commit: null; fault: string }> {
  try {
    const { commit } = await saveWork(folder, { message: `Work on ${task} by ${worker}` });
    return { commit, fault: null };
  } catch (thrown) {
    const { code, message } = asRefusal(thrown);
    if (code !== "GIT_STATE") throw thrown;
    return { commit: null, fault: message };
  }
}

/** Merges, and says so; null where it waits for what it is known to wait for. */
async function merge(
  calls: Calls,
  tree: MergePlace,
  attempt: ShownAttempt,
): Promise<Swept | null> {
  const { id, task, branch, folder } = attempt;
  const merged = await mergeWork(tree, {
    task,
    branch: branch ?? "",
    message: `Merge ${task} (${attempt.worker})`,
    still: () => stands(calls, id),
  });
  if (folder !== null && exists(folder)) await clearAway(tree, folder);
  if (merged.outcome === "waiting" && isKnown(attempt, merged)) return null;
  await calls.end({ attempt: id, ...merged });
  return { attempt: id, task, outcome: merged.outcome };
}

/** Whether it waits for this already, or for what git says in other words with every look. */
function isKnown(attempt: ShownAttempt, now: MergeEnd): boolean {
  if (attempt.state !== "waiting" || attempt.ended_at === null) return false;
  return attempt.reason === now.reason || (now.cause !== "held" && isFresh(attempt));
}

/** Whether it has waited for a moment only. */
export function isFresh({ ended_at: at }: ShownAttempt): boolean {
  // Both ways: the clock may have been set back.
  return at !== null && Math.abs(Date.now() - Date.parse(at)) < LIMITS.waitingNoteMs;
}

function exists(folder: string): boolean {
  try {
    return Deno.statSync(folder).isDirectory;
  } catch {
    return false;
  }
}
