// What the end of a run means for work that is done and merged nowhere: nobody will merge it any more.
// Its attempts end with it, in the same transaction, so that none is open that no process is at; its
// tasks are free, and say where the work is.

import type { Context } from "../core/operation.ts";
import { runById } from "../run/table.ts";
import { insertNote } from "../task/notes.ts";
import { reopen, setStatus, taskById } from "../task/table.ts";
import type { Outcome } from "./rules.ts";
import { type AttemptRow, attemptsOf, changeAttempt } from "./table.ts";

/** The cause of an attempt's end whose work was done and is merged nowhere. */
export const UNMERGED = "unmerged";

/** What an attempt comes to that ends now: in a run that was ended nothing waits for anything. */
export async function outcomeNow(
  ctx: Context,
  run: string,
  said: Outcome,
): Promise<{ readonly outcome: Outcome; readonly unmerged: boolean }> {
  const waits = said === "waiting" || said === "review";
  const unmerged = waits && (await runById(ctx.tx, run))?.status === "ended";
  return { outcome: unmerged ? "stopped" : said, unmerged };
}

/** Ends the attempts of a run that wait for a review or for their merge. */
export async function giveUpWaiting(
  ctx: Context,
  { run, why }: { readonly run: string; readonly why: string },
): Promise<void> {
  const filter = { run, open: true };
  for (const row of await attemptsOf(ctx.tx, ctx.actor.project, filter, Number.MAX_SAFE_INTEGER)) {
    if (row.state !== "running") await giveUp(ctx, row, why);
  }
}

/** Ends an attempt that waits for a review or for its merge: nobody merges it. */
export async function giveUp(ctx: Context, row: AttemptRow, why: string): Promise<void> {
  const { tx, at } = ctx;
  await changeAttempt(tx, row.id, {
    state: "stopped",
    reason: why,
    cause: UNMERGED,
    ended_at: at,
    ended_ms: Date.parse(at),
  });
  ctx.record({
    op: "end_attempt",
    subject: `task/${row.task}`,
    detail: { attempt: row.id, outcome: "stopped", why },
  });
  await freeUnmerged(ctx, row, why);
}

/** The task of work that is merged nowhere is to be done, if it is still that attempt's. */
export async function freeUnmerged(ctx: Context, row: AttemptRow, why: string): Promise<void> {
  const task = await taskById(ctx.tx, row.task);
  if (task === undefined || task.claim_epoch !== row.claim_epoch) return;
  if (!["in_progress", "in_review", "completed"].includes(task.status)) return;
  await insertNote(ctx.tx, task.id, {
    author: row.worker,
    kind: "handover",
    text: `Attempt ${row.number} is merged nowhere: ${why}.` +
      (row.branch === null ? "" : ` Its work is on ${row.branch}.`),
    at: ctx.at,
  });
  // What waits for it has begun nothing, and waits again.
  if (task.status === "completed") await reopen(ctx.tx, task.id, ctx.at);
  else await setStatus(ctx.tx, task.id, "pending", ctx.at);
}
