// stop_attempt: somebody wants a task stopped. The task fails in the same transaction, so nobody takes
// it again, whether or not its worker's process lives to hear of it; `retry` puts it back.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import { optionalText, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { LEADING } from "../core/policy.ts";
import type { Tx } from "../core/transaction.ts";
import { setStatus, type TaskRow } from "../task/table.ts";
import { taskOr404 } from "../task/view.ts";
import * as driven from "./driven.ts";
import { giveUp } from "./ending.ts";
import { stoppedBy } from "./rules.ts";
import * as table from "./table.ts";
import { waitingAt } from "./waiting.ts";

export const stopAttempt = operation({
  name: "stop_attempt",
  summary:
    "Stop a task of a run: its agent ends, its work is kept, and it fails until it is retried.",
  roles: LEADING,
  effect: "write",
  hints: { destructive: true },
  risk: "high",
  unlisted: true,
  positionals: ["task"],
  input: z.strictObject({ task: word(), why: optionalText(LIMITS.noteChars).optional() }),
  output: z.lazy(() => z.object({ stopped: z.array(z.number()), status: z.string() })),
  async handle(ctx, input) {
    const { tx, actor } = ctx;
    const task = await taskOr404(ctx, input.task);
    const running = await table.runningOf(tx, task.id);
    const why = `${actor.name}: ${input.why ?? "no reason given"}`;
    for (const row of running) {
      await table.changeAttempt(tx, row.id, { stop: why });
      ctx.wake(row.peer);
    }
    const held = await isHeldBack(ctx, task, running);
    const approved = running.length === 0 && task.status === "completed"
      ? await unmergedOf(tx, task.id)
      : undefined;
    if (approved !== undefined) {
      // Nothing of it is merged, so nothing that builds on it has begun: what is approved is given up.
      await giveUp(ctx, approved, why);
      await setStatus(tx, task.id, "failed", ctx.at, { failure: stoppedBy(why) });
      ctx.record({
        subject: `task/${task.id}`,
        detail: { attempts: [approved.id], status: "failed" },
      });
      return { stopped: [approved.id], status: "failed" };
    }
    if (!held && running.length === 0) throw await nothingToStop(ctx, task);
    const stopped = running.map(({ id }) => id);
    if (held) {
      await setStatus(tx, task.id, "failed", ctx.at, {
        failure: stoppedBy(why),
        // What people stop is no failed attempt.
        attempts: Math.max(0, task.attempts - (task.status === "in_progress" ? 1 : 0)),
      });
    }
    const status = held ? "failed" : task.status;
    ctx.record({ subject: `task/${task.id}`, detail: { attempts: stopped, status } });
    return { stopped, status };
  },
});

/** The attempt of an approved task whose work is merged nowhere yet. */
async function unmergedOf(tx: Tx, task: string): Promise<table.AttemptRow | undefined> {
  const row = await tx.get<{ id: number }>(
    "SELECT id FROM attempt WHERE task = ? AND state IN ('waiting', 'review') ORDER BY id DESC",
    task,
  );
  return row === undefined ? undefined : await table.attemptById(tx, row.id);
}

/** Nobody is at it; what is done and waits for its merge is given up otherwise. */
async function nothingToStop({ tx }: Context, task: TaskRow): Promise<Refusal> {
  const about = { field: "task", status: task.status };
  const waits = await waitingAt(tx, task.id);
  if (waits === undefined) {
    const text = `stop_attempt: ${task.id} is ${task.status}, nobody is at it`;
    return new Refusal("TASK_STATE", text, about);
  }
  return new Refusal("TASK_STATE", `stop_attempt: ${task.id} is done and waits to be merged`, {
    ...about,
    waits: waits.reason,
    hint: `Give it up: skein task update ${task.id} --action cancel. Its work stays on its branch.`,
  });
}

/**
 * Whether the task itself is stopped, and not only its agent: what was handed in, or waits for a review,
 * is done, and stands.
 */
async function isHeldBack(
  { tx }: Context,
  task: TaskRow,
  running: readonly table.AttemptRow[],
): Promise<boolean> {
  for (const row of running) {
    if (row.report !== null && await table.isCurrent(tx, row)) return false;
  }
  // A claim of somebody else, who took it over, is not ours to end.
  if (task.status === "in_progress") {
    return running.some(({ claim_epoch }) => claim_epoch === task.claim_epoch);
  }
  // Between two attempts, or before the first: of a run that is driven.
  return task.status === "pending" && task.run !== null &&
    await driven.conductOf(tx, task.run) !== null;
}
