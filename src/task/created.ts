// In which state a task begins.

import type { Context } from "../core/operation.ts";

/** What a pinned worker adds is a proposal until the architect or the operator accepts it. */
export function createdStatus(ctx: Context): "proposed" | "pending" {
  return ctx.actor.pinned && !ctx.may("skip_acceptance") ? "proposed" : "pending";
}
