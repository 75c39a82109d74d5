// How a session's node tells that its human is asked for something, and that this is over.

import * as z from "zod";
import { flag, line } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { operation } from "../core/operation.ts";
import { EVERYONE } from "../core/policy.ts";
import { setWaits } from "./standing.ts";
import type { StoredWait } from "./waits.ts";

export const reportWaiting = operation({
  name: "report_waiting",
  summary: "Your human is asked for permission to use a tool; without one: that is over.",
  roles: EVERYONE,
  effect: "write",
  hints: { idempotent: true },
  risk: "low",
  unlisted: true,
  whilePaused: true,
  input: z.strictObject({
    tool: line(LIMITS.nameChars * 2).optional(),
    /** Where the terminal is, as far as that is known. */
    where: line(LIMITS.nameChars * 2).optional(),
    /** Nothing but the next hook will tell that it was answered. */
    unsure: flag().optional(),
  }),
  output: z.lazy(() => z.object({ waiting: z.string().nullable() })),
  async handle(ctx, { tool, where, unsure }) {
    const { tx, actor, at } = ctx;
    const waits: StoredWait | null = tool === undefined ? null : {
      incarnation: actor.incarnation,
      since: at,
      tool,
      where: where ?? null,
      unsure: unsure === true,
    };
    await setWaits(tx, actor.id, waits === null ? null : JSON.stringify(waits));
    ctx.record({ subject: `peer/${actor.name}`, detail: { tool: tool ?? null } });
    return { waiting: tool ?? null };
  },
});
