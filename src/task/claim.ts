// Claiming and completing. A claim is fenced by its epoch: whoever answers with another one has
// been overtaken and changes nothing.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import { integer, list, optionalText, path, text, unlisted, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { DOING, WORKING } from "../core/policy.ts";
import { changeAttempt, runningAttempt } from "../fleet/table.ts";
import { waitingAt } from "../fleet/waiting.ts";
import { giveUpOn, leaderLives, reapWithoutLeader, stillAlive } from "../peer/life.ts";
import { head } from "../core/text.ts";
import { budgetSpent, mayTakeOver } from "../peer/rules.ts";
import { usageOf } from "../peer/standing.ts";
import { peerById } from "../peer/table.ts";
import { briefing } from "./briefing.ts";
import { tellUnblocked } from "./unblocked.ts";
import { countTasks, hasDelayed } from "./list.ts";
import { isBlocked } from "./rules.ts";
import * as table from "./table.ts";
import { aroundTask, nameOf, ownClaim, taskOr404, wholeShape, wholeTask } from "./view.ts";

const paths = list(path(), LIMITS.listItems);
/** Why there is no task to claim: none at all, or only such as wait for others, for time, for a peer. */
const REASONS = ["empty", "blocked", "delayed"] as const;

export const claimTask = operation({
  name: "claim_task",
  summary: "Claim a task to work on; without id the best ready one. Gives its briefing.",
  roles: { strict: WORKING, open: WORKING, lite: DOING },
  effect: "write",
  hints: {},
  risk: "medium",
  positionals: ["id"],
  input: z.strictObject({ id: word().optional() }),
  output: z.lazy(() =>
    z.object({
      task: wholeShape.nullable(),
      epoch: z.number().optional(),
      briefing: z.string().optional(),
      reason: z.enum(REASONS).optional(),
    })
  ),
  async handle(ctx, input) {
    if (ctx.actor.budgeted) await refuseSpent(ctx);
    const row = input.id === undefined
      ? await best(ctx) ?? (await reapWithoutLeader(ctx) ? await best(ctx) : null)
      : await claimable(ctx, input.id);
    if (row === null) return { task: null, reason: await whyNothing(ctx) };
    const { actor } = ctx;
    const now = await table.claim(ctx.tx, row, actor.id, actor.incarnation, ctx.at);
    ctx.record({
      subject: `task/${row.id}`,
      detail: { epoch: now.claim_epoch, attempt: now.attempts, incarnation: actor.incarnation },
    });
    const around = await aroundTask(ctx.tx, row.id);
    return {
      task: shortened(await wholeTask(ctx.tx, now, { around, claimer: actor.name })),
      epoch: now.claim_epoch,
      briefing: await briefing(ctx.tx, now, around),
    };
  },
});

/** A claimer gets so much of a long text; it can ask for the rest. */
function shortened<T extends { readonly description?: string | undefined }>(task: T): T {
  const { description } = task;
  if (description === undefined || description.length <= LIMITS.descriptionChars) return task;
  const start = head(description, LIMITS.descriptionChars);
  return { ...task, description: `${start}\n... (get_task has the rest)` };
}

/** What control allowed it is used up: it finishes what it has and takes nothing new. */
async function refuseSpent(ctx: Context): Promise<void> {
  const peer = await peerById(ctx.tx, ctx.actor.id);
  const { used, budget } = peer === undefined ? { used: null, budget: null } : usageOf(peer);
  const spent = used === null ? null : budgetSpent(used, budget);
  if (spent === null) return;
  throw new Refusal("BUDGET_SPENT", `claim_task: your budget is spent: ${spent}`, { used, budget });
}

async function best(ctx: Context): Promise<table.TaskRow | null> {
  const { tx, actor, upS } = ctx;
  return await table.bestReady(tx, actor.project, actor.id, upS) ?? null;
}

async function whyNothing(ctx: Context): Promise<typeof REASONS[number]> {
  const { tx, actor, upS } = ctx;
  if (await hasDelayed(tx, actor.project, actor.id, upS)) return "delayed";
  const { ready, blocked } = await countTasks(tx, actor.project);
  if (blocked > 0) return "blocked";
  // What is somebody else's to do may come free yet.
  return ready > 0 ? "delayed" : "empty";
}

/** A named task, if it can be claimed; a claim of somebody dead or long stalled gives way. */
async function claimable(ctx: Context, id: string): Promise<table.TaskRow> {
  const row = await taskOr404(ctx, id);
  const holder = row.status === "in_progress" ? row.claimed_by : row.assigned_to;
  if (holder === null || holder === "" || holder === ctx.actor.id) {
    return await refuseUnclaimable(ctx, row);
  }
  const ended = await giveWay(ctx, row, holder);
  try {
    return await refuseUnclaimable(ctx, await taskOr404(ctx, id));
  } catch (thrown) {
    if (ended && thrown instanceof Refusal) thrown.ended = holder;
    throw thrown;
  }
}

/** The task, unless something stands in the way of the actor's claim. */
async function refuseUnclaimable(ctx: Context, row: table.TaskRow): Promise<table.TaskRow> {
  const { id } = row;
  if (row.status === "in_progress") {
    const holder = await nameOf(ctx.tx, row.claimed_by);
    const own = row.claimed_by === ctx.actor.id;
    throw new Refusal(
      "TASK_TAKEN",
      own ? `claim_task: you have ${id} already` : `claim_task: ${holder} has ${id}`,
      { task: id, claimed_by: holder, since: row.claimed_at },
    );
  }
  if (row.status !== "pending") {
    throw new Refusal("TASK_STATE", `claim_task: ${id} is ${row.status}`, {
      task: id,
      status: row.status,
    });
  }
  if (isBlocked({ status: row.status, openDeps: row.open_deps })) {
    const open = (await table.openDependencies(ctx.tx, [id])).get(id) ?? [];
    throw new Refusal("TASK_BLOCKED", `claim_task: ${id} waits for ${open.join(", ")}`, {
      task: id,
      blocked_by: open,
    });
  }
  if (row.assigned_to !== "" && row.assigned_to !== ctx.actor.id) {
    const meant = await peerById(ctx.tx, row.assigned_to);
    const holder = meant?.name ?? row.assigned_to;
    const away = meant?.state === "live" ? "" : ", who is not here";
    throw new Refusal("TASK_TAKEN", `claim_task: ${id} is assigned to ${holder}${away}`, {
      task: id,
      assigned_to: holder,
      ...(away === ""
        ? {}
        : { hint: "Claim without an id, or ask the architect to assign it to somebody else." }),
    });
  }
  if (row.not_before_s > ctx.upS) {
    const waitS = row.not_before_s - ctx.upS;
    throw new Refusal("TASK_DELAYED", `claim_task: ${id} failed and can be retried in ${waitS} s`, {
      task: id,
      retry_after_s: waitS,
    });
  }
  return row;
}

/**
 * Frees the task if whoever has it, or is to do it, is dead, never came, or has been stalled beyond the
 * grace at it. Returns whether this was the end of that peer.
 */
async function giveWay(ctx: Context, row: table.TaskRow, peer: string): Promise<boolean> {
  // What is done and waits to be merged needs no life, and is not to be done again.
  if (await waitingAt(ctx.tx, row.id) !== undefined) return false;
  const holder = await peerById(ctx.tx, peer);
  if (!await stillAlive(ctx, peer)) {
    const waited = holder?.state === "gone" && (holder.lease_until_s ?? Infinity) <= ctx.upS;
    if (waited && !await leaderLives(ctx)) await giveUpOn(ctx, peer);
    return holder?.state === "live";
  }
  const stalled = holder?.stalled_since_s ?? null;
  const over = mayTakeOver(stalled, ctx.upS, ctx.settings.stalledGraceS);
  if (row.status !== "in_progress" || !over) return false;
  const unassign = row.assigned_to === peer;
  await table.setStatus(ctx.tx, row.id, "pending", ctx.at, { unassign });
  ctx.record({
    subject: `task/${row.id}`,
    detail: { taken_over_from: holder?.name, stalled_since_s: stalled },
  });
  return false;
}

export const completeTask = operation({
  name: "complete_task",
  summary: "Finish your task: what was done, files touched, tests run, risks left.",
  roles: { strict: WORKING, open: WORKING, lite: DOING },
  effect: "write",
  hints: {},
  risk: "medium",
  positionals: ["id", "summary"],
  input: z.strictObject({
    id: word(),
    summary: text(LIMITS.noteChars),
    files: paths.optional(),
    created: unlisted(paths.optional()),
    tests: optionalText(LIMITS.noteChars).optional(),
    risks: optionalText(LIMITS.noteChars).optional(),
    epoch: integer(0, Number.MAX_SAFE_INTEGER).optional(),
  }),
  output: z.lazy(() =>
    z.object({
      id: z.string(),
      status: z.string(),
      unblocked: z.array(z.string()),
      unblocked_count: z.number().optional(),
    })
  ),
  async handle(ctx, input) {
    const row = await taskOr404(ctx, input.id);
    if (row.status === "completed") {
      throw new Refusal("TASK_STATE", `complete_task: ${row.id} is completed already`, {
        task: row.id,
        status: row.status,
      });
    }
    await ownClaim(ctx, row, input.epoch, "complete_task");
    if (row.status !== "in_progress") {
      throw new Refusal("TASK_STATE", `complete_task: ${row.id} is ${row.status}`, {
        task: row.id,
        status: row.status,
        ...(row.status === "in_review" ? { hint: "Wait for the review." } : {}),
      });
    }
    const artifacts = {
      files: [...new Set([...input.files ?? [], ...input.created ?? []])],
      ...(input.created === undefined || input.created.length === 0
        ? {}
        : { created: input.created }),
      tests: input.tests ?? "",
      risks: input.risks ?? "",
    };
    const attempt = await runningAttempt(ctx.tx, row.id, row.claim_epoch);
    if (attempt !== undefined) {
      // Its worker's process saves and merges the work; only then is the task completed.
      const report = JSON.stringify({ summary: input.summary, ...artifacts });
      await changeAttempt(ctx.tx, attempt.id, { report });
      ctx.record({ subject: `task/${row.id}`, detail: { attempt: attempt.id, handed_in: true } });
      ctx.wake(ctx.actor.id);
      return { id: row.id, status: "handed_in", unblocked: [] };
    }
    const unblocked = await table.complete(
      ctx.tx,
      row,
      ctx.actor.name,
      input.summary,
      artifacts,
      ctx.at,
    );
    await tellUnblocked(ctx, unblocked);
    ctx.record({
      subject: `task/${row.id}`,
      detail: { epoch: row.claim_epoch, unblocked: unblocked.length, files: artifacts.files },
    });
    return {
      id: row.id,
      status: "completed",
      unblocked: unblocked.slice(0, LIMITS.idsPerAnswer),
      ...(unblocked.length > LIMITS.idsPerAnswer ? { unblocked_count: unblocked.length } : {}),
    };
  },
});
