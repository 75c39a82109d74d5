// Work that is done and cannot be merged just now, for a reason that is not the work's: it has to be
// checked first, somebody has the run branch checked out, the disk is full. Its attempt says what it
// waits for, once; its task stays claimed, but by no life that could end, so that nobody does it again;
// and whoever drives the run tries the merge again and again (conductor/sweep.ts, conductor/landing.ts).

import { limitTo, type Tx } from "../core/transaction.ts";
import { type AttemptRow, changeAttempt } from "./table.ts";

/** An attempt whose work waits. */
export type Waiting = Pick<
  AttemptRow,
  "id" | "run" | "task" | "worker" | "reason" | "cause" | "ended_at"
>;

/** What waits to be merged of the runs that go on: of one, or of a whole project; oldest first. */
export function waitingOf(
  tx: Tx,
  of: { readonly run: string } | { readonly project: string },
  limit: number,
): Promise<Waiting[]> {
  const [column, value] = "run" in of ? ["id", of.run] : ["project", of.project];
  return tx.all<Waiting>(
    `SELECT a.id, a.run, a.task, a.worker, a.reason, a.cause, a.ended_at FROM attempt a JOIN run r ON r.id = a.run
     WHERE a.state = 'waiting' AND r.status = 'active' AND r.${column} = ?
     ORDER BY a.id ${limitTo(limit)}`,
    value,
  );
}

/** The attempt whose work waits, of one task. */
export function waitingAt(tx: Tx, task: string): Promise<Pick<Waiting, "reason"> | undefined> {
  return tx.get("SELECT reason FROM attempt WHERE task = ? AND state = 'waiting'", task);
}

/**
 * The attempt's task stays its worker's, whatever becomes of that; one that its death has freed is the
 * worker's again, under a new epoch.
 */
export async function keepClaim(
  tx: Tx,
  { id, task, peer }: Pick<AttemptRow, "id" | "task" | "peer">,
  at: string,
): Promise<void> {
  const row = await tx.get<{ claim_epoch: number }>(
    `UPDATE task SET claim_epoch = claim_epoch + (status <> 'in_progress'), status = 'in_progress',
       claimed_by = ?, claim_incarnation = NULL, claimed_at = coalesce(claimed_at, ?), failure = NULL,
       updated_at = ? WHERE id = ? RETURNING claim_epoch`,
    peer,
    at,
    at,
    task,
  );
  if (row !== undefined) await changeAttempt(tx, id, { claim_epoch: row.claim_epoch });
}
