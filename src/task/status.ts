// What ends a claim, or an assignment: the one way from state to state besides claiming, reviewing and
// completing.

import type { Tx } from "../core/transaction.ts";
import { resolveAbout } from "../message/table.ts";
import type { Status } from "./rules.ts";

/**
 * Sets a task's state: its claim and epoch end with it, and whoever was asked to review it is asked no
 * more.
 */
export async function setStatus(
  tx: Tx,
  id: string,
  status: Status,
  at: string,
  more: {
    keepAuthor?: boolean;
    failure?: string | null;
    notBeforeS?: number;
    attempts?: number;
    unassign?: boolean;
  } = {},
): Promise<void> {
  await tx.run(
    `UPDATE task SET status = ?, claim_incarnation = NULL, claim_epoch = claim_epoch + 1,
       claimed_by = CASE WHEN ? THEN claimed_by END, claimed_at = CASE WHEN ? THEN claimed_at END,
       failure = ?, not_before_s = ?, attempts = coalesce(?, attempts), updated_at = ?,
       assigned_to = CASE WHEN ? THEN '' ELSE assigned_to END
     WHERE id = ?`,
    status,
    more.keepAuthor === true ? 1 : 0,
    more.keepAuthor === true ? 1 : 0,
    more.failure ?? null,
    more.notBeforeS ?? 0,
    more.attempts ?? null,
    at,
    more.unassign === true ? 1 : 0,
    id,
  );
  await resolveAbout(tx, id, at, status === "cancelled");
}

/** What is assigned to a peer and not begun is anybody's; returns the ids. */
export async function unassignPending(
  tx: Tx,
  project: string,
  peer: string,
  at: string,
): Promise<string[]> {
  const rows = await tx.all<{ id: string }>(
    `UPDATE task SET assigned_to = '', updated_at = ?
     WHERE project = ? AND status = 'pending' AND assigned_to = ? RETURNING id`,
    at,
    project,
    peer,
  );
  return rows.map((row) => row.id);
}
