// Which tasks are a plan: those that its planner made while it was at it, and nobody else, nor the same
// worker at another task. What other workers propose waits for the architect or the operator.

import type { Context } from "../core/operation.ts";
import type { Tx } from "../core/transaction.ts";
import { setStatus } from "../task/table.ts";

/** A task that an attempt at a plan has made. */
export interface Planned {
  readonly id: string;
  readonly status: string;
  /** The attempt that made it. */
  readonly attempt: number;
}

/** What the attempts at a plan have made, oldest first. */
export function plannedBy(tx: Tx, plan: string): Promise<Planned[]> {
  return tx.all<Planned>(
    `SELECT t.id, t.status, a.id AS attempt FROM attempt a JOIN task t
       ON t.run = a.run AND t.creator = a.peer AND t.id <> a.task
       AND t.created_at >= a.started_at AND t.created_at <= coalesce(a.ended_at, t.created_at)
     WHERE a.task = ? AND a.kind = 'plan' ORDER BY t.n`,
    plan,
  );
}

/** Accepts what the last attempt at a plan has proposed; gives the ids. */
export async function acceptPlanned(ctx: Context, plan: string): Promise<string[]> {
  const row = await ctx.tx.get<{ last: number | null }>(
    "SELECT max(id) AS last FROM attempt WHERE task = ? AND kind = 'plan'",
    plan,
  );
  const proposed = (await plannedBy(ctx.tx, plan))
    .filter(({ status, attempt }) => status === "proposed" && attempt === row?.last);
  for (const { id } of proposed) await accept(ctx, id);
  return proposed.map(({ id }) => id);
}

/** A proposed task may be begun. */
export async function accept(ctx: Context, id: string): Promise<void> {
  await setStatus(ctx.tx, id, "pending", ctx.at);
  ctx.record({ op: "update_task", subject: `task/${id}`, detail: { action: "accept" } });
}

/** The proposals of planners that came to no plan go: the next one makes its own, or none is made. */
export async function dropProposals(ctx: Context, plan: string): Promise<void> {
  for (const { id, status } of await plannedBy(ctx.tx, plan)) {
    if (status !== "proposed") continue;
    await setStatus(ctx.tx, id, "cancelled", ctx.at);
    ctx.record({ op: "update_task", subject: `task/${id}`, detail: { action: "cancel" } });
  }
}
