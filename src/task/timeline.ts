// timeline: who did what when, for the view of a run: the acts on its tasks, and from them the spans in
// which somebody worked on one. From the journal; what retention has forgotten is not there.

import * as z from "zod";
import { integer, word } from "../core/fields.ts";
import { iso } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { LEADING } from "../core/policy.ts";
import { seqBefore } from "../flock/figures.ts";
import { type Span, spansOf, type TaskAct } from "./spans.ts";

export const timeline = operation({
  name: "timeline",
  summary: "Who worked on what when: of a run, a peer, or the last minutes.",
  roles: LEADING,
  effect: "read",
  hints: {},
  risk: "low",
  unlisted: true,
  input: z.strictObject({
    run: word().optional(),
    peer: word(LIMITS.nameChars).optional(),
    minutes: integer(1, LIMITS.timelineMinutesMax).optional(),
  }),
  output: z.lazy(() =>
    z.object({
      /** The newest acts, oldest first. */
      rows: z.array(
        z.object({ peer: z.string(), op: z.string(), subject: z.string(), at: z.string() }),
      ),
      /** From claim to end; `to` is null while somebody works on it. */
      spans: z.array(z.object({
        peer: z.string(),
        task: z.string(),
        from: z.string(),
        to: z.string().nullable(),
        outcome: z.enum(["completed", "released", "failed", "review", "lost", "working"]),
      })),
      /** Whether there was more than one answer holds. */
      truncated: z.boolean(),
    })
  ),
  async handle(ctx, input) {
    const acts = input.run === undefined
      ? await recent(ctx, input.minutes ?? LIMITS.timelineMinutes)
      : await ofRun(ctx, input.run, input.minutes);
    const truncated = acts.length > LIMITS.timelineRows;
    const kept = acts.slice(-LIMITS.timelineRows);
    const mine = <T extends { peer: string }>(one: T): boolean =>
      input.peer === undefined || one.peer === input.peer;
    return {
      rows: kept.map(({ actor, op, subject, at }) => ({ peer: actor, op, subject, at }))
        .filter(mine),
      spans: spansOf(kept).filter(mine) as Span[],
      truncated,
    };
  },
});

const ACT = "SELECT j.seq, j.at, j.actor, j.op, j.subject, j.detail FROM";
/** Acts, not words. One by one: a list of them would not say to SQLite that the index by subject has it. */
const NOT_SAID = "j.op <> 'send' AND j.op <> 'note_attempt'";

/** The newest acts on tasks of the project since some minutes ago, oldest first. */
async function recent(ctx: Context, minutes: number): Promise<TaskAct[]> {
  const from = await seqBefore(ctx.tx, iso(Date.parse(ctx.at) - minutes * 60_000));
  const rows = await ctx.tx.all<TaskAct>(
    `${ACT} journal j JOIN task t ON t.id = substr(j.subject, 6)
     WHERE j.seq > ? AND ${NOT_SAID} AND j.subject LIKE 'task/%' AND t.project = ?
     ORDER BY j.seq DESC LIMIT ?`,
    from,
    ctx.actor.project,
    LIMITS.timelineRows + 1,
  );
  return rows.reverse();
}

/** The newest acts on the tasks of a run, oldest first. */
async function ofRun(ctx: Context, run: string, minutes: number | undefined): Promise<TaskAct[]> {
  const from = minutes === undefined
    ? 0
    : await seqBefore(ctx.tx, iso(Date.parse(ctx.at) - minutes * 60_000));
  const rows = await ctx.tx.all<TaskAct>(
    `${ACT} task t JOIN journal j ON j.subject = 'task/' || t.id AND ${NOT_SAID}
     WHERE t.run = ? AND t.project = ? AND j.seq > ? ORDER BY j.seq DESC LIMIT ?`,
    run,
    ctx.actor.project,
    from,
    LIMITS.timelineRows + 1,
  );
  return rows.reverse();
}
