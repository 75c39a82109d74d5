// What a completed task sets free.

import type { Context } from "../core/operation.ts";
import { SYSTEM } from "../message/notice.ts";

/** More tasks than this that become ready at once are told by the count alone. */
const UNBLOCKED_TOLD = 50;

/** What became ready is an event of its own; whoever it is assigned to learns that it can start. */
export async function tellUnblocked(ctx: Context, ids: readonly string[]): Promise<void> {
  for (const id of ids.slice(0, UNBLOCKED_TOLD)) {
    ctx.record({ actor: SYSTEM, op: "unblocked", subject: `task/${id}`, detail: {} });
    const row = await ctx.tx.get<{ assigned_to: string }>(
      "SELECT assigned_to FROM task WHERE id = ?",
      id,
    );
    if (row !== undefined && row.assigned_to !== "") ctx.wake(row.assigned_to);
  }
}
