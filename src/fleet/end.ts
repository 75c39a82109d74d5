// end_attempt: what became of an attempt, and what that means for its task, in one transaction. The
// worker's process says it; if that has died, whoever cleans up after it.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import { flag, integer, line, list, oneOf, optionalText, path, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { WORKING } from "../core/policy.ts";
import { notify, SYSTEM } from "../message/notice.ts";
import { stillAlive } from "../peer/life.ts";
import { architectOf } from "../peer/table.ts";
import { getMeta, setMeta } from "../store/meta.ts";
import { insertNote } from "../task/notes.ts";
import { retryDelayS } from "../task/rules.ts";
import { complete, reopen, setStatus, taskById, type TaskRow } from "../task/table.ts";
import { tellUnblocked } from "../task/unblocked.ts";
import { addDifference, definedOf, projectAttempt, refuseToken, usageFields } from "./attempts.ts";
import { LIMIT_KEY, LIMIT_KNOWN_KEY } from "./begin.ts";
import { freeUnmerged, outcomeNow, UNMERGED } from "./ending.ts";
import {
  endingOf,
  laterLimit,
  type LimitEnd,
  type Outcome,
  OUTCOMES,
  wasStopped,
} from "./rules.ts";
import * as driven from "./driven.ts";
import * as table from "./table.ts";
import { keepClaim } from "./waiting.ts";

/** A plan that is unusable twice is not better the third time: the goal becomes one task. */
const PLAN_ATTEMPTS = 2;

export const endAttempt = operation({
  name: "end_attempt",
  summary: "Say what became of an attempt; completes, fails or frees its task.",
  roles: WORKING,
  effect: "write",
  hints: {},
  risk: "medium",
  unlisted: true,
  whilePaused: true,
  input: z.strictObject({
    attempt: integer(1, Number.MAX_SAFE_INTEGER),
    outcome: oneOf(OUTCOMES),
    reason: optionalText(LIMITS.noteChars).optional(),
    /** What was done, where the agent itself has not handed it in. */
    summary: optionalText(LIMITS.noteChars).optional(),
    files: list(path(), LIMITS.attemptFiles).optional(),
    head: line(LIMITS.nameChars).optional(),
    merged: line(LIMITS.nameChars).optional(),
    parked: line(LIMITS.pathChars).optional(),
    cause: word().optional(),
    /** Whether it is tried again, after how many milliseconds, and whether this try counts. */
    again: flag().optional(),
    delay_ms: integer(0, Number.MAX_SAFE_INTEGER).optional(),
    counts: flag().optional(),
    /** End of a usage limit, in milliseconds since 1970. */
    limit_until_ms: integer(0, Number.MAX_SAFE_INTEGER).optional(),
    /** Whether the service told that end; else it is a guess. */
    limit_known: flag().optional(),
    ...usageFields,
  }),
  output: z.lazy(() =>
    z.object({
      outcome: z.enum(OUTCOMES),
      task: z.string(),
      status: z.string(),
      unblocked: z.array(z.string()),
    })
  ),
  async handle(ctx, input) {
    const row = await endable(ctx, input.attempt);
    const { outcome, unmerged } = await outcomeNow(ctx, row.run, input.outcome);
    await table.changeAttempt(ctx.tx, row.id, {
      ...definedOf({
        head: input.head,
        merged: input.merged,
        parked: input.parked,
        turns: input.turns,
        tokens: input.tokens,
        cost_usd: input.cost_usd,
      }),
      // What it waited for meanwhile is over.
      reason: input.reason ?? null,
      cause: unmerged ? UNMERGED : input.cause ?? null,
      state: outcome,
      ended_at: ctx.at,
      ended_ms: Date.parse(ctx.at),
    });
    await addDifference(ctx, row, input);
    if (input.limit_until_ms !== undefined) {
      await setLimit(ctx, { untilMs: input.limit_until_ms, known: input.limit_known === true });
    }
    const task = await taskById(ctx.tx, row.task);
    const unblocked = task === undefined || unmerged ? [] : await settle(ctx, row, task, input);
    if (unmerged) await freeUnmerged(ctx, row, input.reason ?? "the run was ended");
    ctx.record({
      subject: `task/${row.task}`,
      detail: definedOf({
        attempt: row.id,
        outcome,
        merged: input.merged,
        parked: input.parked,
        why: outcome === "waiting" ? input.reason : undefined,
      }),
    });
    // Whoever waits for work of this run, or for its turn, looks again.
    for (const { id } of await driven.idleHosts(ctx.tx)) ctx.wake(id);
    const status = (await taskById(ctx.tx, row.task))?.status ?? "removed";
    return { outcome, task: row.task, status, unblocked: unblocked.slice(0, LIMITS.idsPerAnswer) };
  },
});

/**
 * An attempt that is open: the actor's own, or one that no process is at any more. Its own a worker's
 * process ends, which saves and merges; not the agent, which acts by its token. Others' ends whoever
 * cleans up: a process that does tasks of the run, or somebody who leads.
 */
async function endable(ctx: Context, id: number): Promise<table.AttemptRow> {
  const row = await projectAttempt(ctx, id);
  if (!["running", "review", "waiting"].includes(row.state)) {
    throw new Refusal("TASK_STATE", `end_attempt: attempt ${id} has ended: ${row.state}`, {
      field: "attempt",
    });
  }
  const { actor, tx } = ctx;
  const own = row.incarnation === actor.incarnation;
  if (!own && row.state === "running" && !await table.isOver(tx, row.incarnation)) {
    throw new Refusal("NOT_YOUR_CLAIM", `end_attempt: ${row.worker} is at it and lives`, {
      field: "attempt",
    });
  }
  if (ctx.may("manage")) return row;
  if (own) refuseToken(ctx, "end_attempt");
  else if (actor.proofEndsS !== null || !await driven.isHost(tx, actor.incarnation, row.run)) {
    throw new Refusal("NOT_ALLOWED", `end_attempt: attempt ${id} is ${row.worker}'s`, {
      field: "attempt",
      hint: "A worker of its run cleans up after it, or the architect or the operator does.",
    });
  }
  return row;
}

/** Keeps the end of a usage limit, unless what is known of it already says more. */
async function setLimit({ tx, at }: Context, said: LimitEnd): Promise<void> {
  // Whoever says more has misread it, or wants nobody to work.
  const furthestMs = Date.parse(at) + LIMITS.limitFurthestS * 1_000;
  const told = { ...said, untilMs: Math.min(said.untilMs, furthestMs) };
  const untilMs = Number(await getMeta(tx, LIMIT_KEY) ?? 0);
  const knownMs = Number(await getMeta(tx, LIMIT_KNOWN_KEY) ?? 0);
  const next = laterLimit({ untilMs, known: untilMs === knownMs }, told, Date.parse(at));
  await setMeta(tx, LIMIT_KEY, String(next.untilMs));
  if (next.known) await setMeta(tx, LIMIT_KNOWN_KEY, String(next.untilMs));
}

interface Said {
  readonly outcome: Outcome;
  readonly reason?: string | undefined;
  readonly summary?: string | undefined;
  readonly files?: readonly string[] | undefined;
  readonly again?: boolean | undefined;
  readonly delay_ms?: number | undefined;
  readonly counts?: boolean | undefined;
}

/** Moves the task on, if it is still this attempt's; returns what became ready. */
async function settle(
  ctx: Context,
  row: table.AttemptRow,
  task: TaskRow,
  said: Said,
): Promise<string[]> {
  if (row.incarnation !== ctx.actor.incarnation) await stillAlive(ctx, row.peer);
  const now = await taskById(ctx.tx, row.task) ?? task;
  // A review of what could not be saved is one of nothing.
  const asked = now.status === "in_review" && row.state === "running" && said.outcome === "failed";
  const held = (now.status === "in_progress" || asked) && now.claim_epoch === row.claim_epoch;
  // Freed by the worker's death, and nobody has claimed it since.
  const freed = ["pending", "failed"].includes(now.status) &&
    now.claim_epoch === row.claim_epoch + 1;
  const most = row.kind === "plan"
    ? PLAN_ATTEMPTS
    : (await driven.conductOf(ctx.tx, row.run))?.attempts ?? now.max_attempts;
  // One that does not count is not the last one either.
  const counted = said.counts === false ? now.attempts - 1 : now.attempts;
  const usual = endingOf(said.outcome, counted, most);
  const ending = {
    to: usual.to === "pending" && said.again === false ? "failed" as const : usual.to,
    counts: said.counts ?? usual.counts,
  };
  // Approved, but what was merged before is in its way, or it cannot be saved: nothing that waits for
  // it has begun.
  const unmerged = said.outcome === "failed" ||
    row.state !== "running" && said.outcome === "conflict";
  if (unmerged && now.status === "completed" && now.claim_epoch === row.claim_epoch) {
    await note(ctx, row, said);
    await reopen(ctx.tx, now.id, ctx.at);
    return [];
  }
  if (ending.to === "completed") return held || freed ? await finish(ctx, row, now, said) : [];
  if (said.outcome === "waiting") {
    if (held || freed) await keepClaim(ctx.tx, row, ctx.at);
    return [];
  }
  // Whoever stopped it has said what becomes of the task; where its work is, the next try wants to know.
  if (row.stop !== null && freed && wasStopped(now.failure)) await note(ctx, row, said);
  if (!held || ending.to === "kept") return [];
  if (said.reason !== undefined && said.reason !== "") await note(ctx, row, said);
  await setStatus(ctx.tx, now.id, ending.to, ctx.at, {
    failure: said.outcome === "failed"
      ? `${row.worker}, attempt ${now.attempts} of ${most}: ${said.reason ?? "no reason given"}`
      : null,
    notBeforeS:
      ending.to === "pending" && (said.outcome === "failed" || said.delay_ms !== undefined)
        ? ctx.upS + delayS(said, now.attempts)
        : 0,
    attempts: ending.counts ? now.attempts : Math.max(0, now.attempts - 1),
  });
  if (ending.to === "failed") await escalate(ctx, row, now, said.reason);
  return [];
}

/** Seconds until the next try. */
function delayS({ delay_ms }: Said, attempts: number): number {
  return delay_ms === undefined ? retryDelayS(attempts) : Math.ceil(delay_ms / 1_000);
}

async function finish(
  ctx: Context,
  row: table.AttemptRow,
  task: TaskRow,
  said: Said,
): Promise<string[]> {
  const handedIn = row.report === null ? null : JSON.parse(row.report) as table.Report;
  const files = [...new Set([...handedIn?.files ?? [], ...said.files ?? []])];
  const unblocked = await complete(
    ctx.tx,
    task,
    row.worker,
    handedIn?.summary ?? said.summary ?? "done",
    {
      files: files.slice(0, LIMITS.attemptFiles),
      tests: handedIn?.tests ?? "",
      risks: handedIn?.risks ?? "",
    },
    ctx.at,
  );
  await tellUnblocked(ctx, unblocked);
  ctx.record({
    actor: row.worker,
    op: "complete_task",
    subject: `task/${task.id}`,
    detail: { epoch: row.claim_epoch, unblocked: unblocked.length, files },
  });
  return unblocked;
}

function note(ctx: Context, row: table.AttemptRow, said: Said): Promise<number> {
  const files = said.files === undefined || said.files.length === 0
    ? ""
    : ` Files: ${said.files.join(", ")}.`;
  return insertNote(ctx.tx, row.task, {
    author: row.worker,
    kind: said.outcome === "failed" ? "failure" : "handover",
    text: `Attempt ${row.number} (${said.outcome}): ${said.reason}.${files}` +
      (row.branch === null ? "" : ` Its work is on ${row.branch}.`),
    at: ctx.at,
  });
}

/** Spent: somebody has to look at it. */
async function escalate(
  ctx: Context,
  row: table.AttemptRow,
  task: TaskRow,
  reason: string | undefined,
): Promise<void> {
  ctx.record({ actor: SYSTEM, op: "fail_task", subject: `task/${task.id}`, detail: {} });
  const architect = await architectOf(ctx.tx, task.project);
  if (architect === undefined || architect.id === ctx.actor.id) return;
  await notify(ctx, [architect.id], {
    project: task.project,
    category: "alert",
    content: `${task.id} (${task.title}) failed after ${task.attempts} attempts: ` +
      (reason ?? "no reason given") + (row.branch === null ? "" : ` (${row.branch})`),
    task: task.id,
  });
}
