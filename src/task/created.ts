// In which state a task begins.

import type { Context } from "../core/operation.ts";

/** What a pinned worker adds is a proposal until the architect or the operator accepts it. */
export function createdStatus(ctx: Context): "proposed" | "pending" {
  return ctx.actor.role === "worker" && ctx.actor.pinned ? "proposed" : "pending";
}
