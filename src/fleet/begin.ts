// begin_attempt: a worker takes its next task of a run. The claim and the attempt are one
// transaction, so there is no claim without an attempt that somebody can end, and no agent beyond
// what machine, budget and usage limit allow.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import { word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { WORKING } from "../core/policy.ts";
import { limitTo } from "../core/transaction.ts";
import { runById } from "../run/table.ts";
import { getMeta } from "../store/meta.ts";
import { briefing } from "../task/briefing.ts";
import { claim, type TaskRow } from "../task/table.ts";
import { aroundTask, wholeShape, wholeTask } from "../task/view.ts";
import { reapWithoutLeader } from "../peer/life.ts";
import { attemptShape, shownAttempt } from "./view.ts";
import { type Conduct, type Kind, limitWaitMs, mayStart, modelOf, spent } from "./rules.ts";
import { dropProposals } from "./planned.ts";
import * as driven from "./driven.ts";
import * as table from "./table.ts";

/** Where the end of a usage limit stands: it is the account's, so it holds for every run. */
export const LIMIT_KEY = "agents_wait_until_ms";
/** The same, where the service itself told it; a guess leaves it as it is. */
export const LIMIT_KNOWN_KEY = "agents_wait_known_ms";

const NOTHING = ["waiting", "busy", "limit", "budget", "stopped", "finished"] as const;
type Nothing = typeof NOTHING[number];

const answerShape = z.lazy(() =>
  z.object({
    attempt: attemptShape.nullable(),
    task: wholeShape.optional(),
    briefing: z.string().optional(),
    /** Branch of an earlier attempt to go on from. */
    from: z.string().nullable().optional(),
    conduct: z.unknown(),
    reason: z.enum(NOTHING).optional(),
    /** Milliseconds after which asking again may help. */
    retry_ms: z.number().optional(),
  })
);

export const beginAttempt = operation({
  name: "begin_attempt",
  summary: "Claim the next task of a run, for a worker process that does them one after another.",
  roles: WORKING,
  effect: "write",
  hints: {},
  risk: "medium",
  unlisted: true,
  positionals: ["run"],
  input: z.strictObject({ run: word() }),
  output: answerShape,
  async handle(ctx, input) {
    const { tx, actor } = ctx;
    const run = await runById(tx, input.run);
    const conduct = run?.project === actor.project ? await driven.conductOf(tx, run.id) : null;
    if (run === undefined || conduct === null) {
      throw new Refusal("UNKNOWN_RUN", `begin_attempt: nobody drives a run ${input.run} here`, {
        field: "run",
      });
    }
    await driven.setHosts(tx, actor.incarnation, run.id);
    const hindrance = run.status === "ended"
      ? { reason: "finished" as const, ms: 0 }
      : await hindranceOf(ctx, run.id, conduct);
    if (hindrance !== null) return nothing(conduct, hindrance);
    const row = await next(ctx, run.id) ??
      (await reapWithoutLeader(ctx) ? await next(ctx, run.id) : undefined);
    if (row === undefined) return nothing(conduct, await whyNone(ctx, run.id));
    return await begin(ctx, run.id, conduct, row);
  },
});

function nothing(
  conduct: Conduct,
  { reason, ms }: { reason: Nothing; ms: number },
): { attempt: null; conduct: Conduct; reason: Nothing; retry_ms: number } {
  return { attempt: null, conduct, reason, retry_ms: ms };
}

/** What stands in the way of any task. */
async function hindranceOf(
  ctx: Context,
  run: string,
  conduct: Conduct,
): Promise<{ reason: Nothing; ms: number } | null> {
  if (conduct.stopped !== null) return { reason: "stopped", ms: 0 };
  const { tx } = ctx;
  if (spent(await driven.usageOfRun(tx, run), conduct.all) !== null) {
    return { reason: "budget", ms: 0 };
  }
  const limitMs = limitWaitMs({
    nowMs: Date.parse(ctx.at),
    untilMs: Number(await getMeta(tx, LIMIT_KEY) ?? 0),
    lastStartMs: await driven.lastStartMs(tx),
    staggerMs: LIMITS.limitStaggerMs,
    recoveryMs: LIMITS.limitRecoveryMs,
  });
  if (limitMs > 0) return { reason: "limit", ms: limitMs };
  const running = await driven.runningByRun(tx);
  // Two conductors of one run start more workers than either would.
  const free = (running.get(run) ?? 0) < conduct.workers && mayStart(run, {
    most: ctx.settings.agents ?? LIMITS.agents,
    running,
    wanting: await driven.wantingRuns(tx),
  });
  return free ? null : { reason: "busy", ms: LIMITS.attemptPollMs };
}

/** As many tasks are looked at in search of one: a worker that died holds up one. */
const CANDIDATES = 100;

/**
 * The best ready task of the run. One whose dependency was approved but is not merged waits: its
 * worktree would lack what it builds on. So does one whose last worker died, until that is cleaned
 * up: its agent may still run, and what was handed in is merged and not done again.
 */
async function next(ctx: Context, run: string): Promise<TaskRow | undefined> {
  for (const row of await readyTasks(ctx, run)) {
    if (!await table.isUnsettled(ctx.tx, row.id)) return row;
  }
  return undefined;
}

function readyTasks(ctx: Context, run: string): Promise<TaskRow[]> {
  return ctx.tx.all<TaskRow>(
    `SELECT * FROM task AS t WHERE run = ? AND status = 'pending' AND open_deps = 0
       AND not_before_s <= ? AND assigned_to IN ('', ?) AND NOT EXISTS (
         SELECT 1 FROM dependency d JOIN attempt a ON a.task = d.on_task AND a.state IN ('review', 'waiting', 'running')
         WHERE d.task = t.id)
     ORDER BY priority, n ${limitTo(CANDIDATES)}`,
    run,
    ctx.upS,
    ctx.actor.id,
  );
}

async function begin(
  ctx: Context,
  run: string,
  conduct: Conduct,
  row: TaskRow,
): Promise<z.input<typeof answerShape>> {
  const { tx, actor } = ctx;
  const claimed = await claim(tx, row, actor.id, actor.incarnation, ctx.at);
  await table.setMostAttempts(tx, row.id, conduct.attempts);
  const kept = await table.lastKept(tx, row.id);
  const resolves = kept?.state === "conflict";
  const kind: Kind = row.id === conduct.plan ? "plan" : resolves ? "resolve" : "work";
  // What an earlier planner made before it failed would be done twice.
  if (kind === "plan") await dropProposals(ctx, row.id);
  const id = await table.insertAttempt(tx, {
    run,
    task: row.id,
    number: await table.countAttempts(tx, row.id) + 1,
    kind,
    worker: actor.name,
    peer: actor.id,
    incarnation: actor.incarnation,
    claim_epoch: claimed.claim_epoch,
    model: modelOf(conduct.models, await table.countFailures(tx, row.id) + 1),
    base: null,
    started_at: ctx.at,
    started_ms: Date.parse(ctx.at),
  });
  const attempt = await table.attemptById(tx, id);
  ctx.record({
    subject: `task/${row.id}`,
    detail: { attempt: id, epoch: claimed.claim_epoch, kind, incarnation: actor.incarnation },
  });
  const around = await aroundTask(tx, row.id);
  return {
    attempt: attempt === undefined ? null : shownAttempt(attempt),
    task: await wholeTask(tx, claimed, { around }),
    briefing: await briefing(tx, claimed, around),
    from: kept?.branch ?? null,
    conduct,
  };
}

/** Nothing is ready: is there still something to wait for? */
async function whyNone(ctx: Context, run: string): Promise<{ reason: Nothing; ms: number }> {
  const row = await ctx.tx.get<{ moving: number; until_s: number | null }>(
    `SELECT count(*) FILTER (WHERE status IN ('in_progress', 'in_review', 'proposed')) + (
         SELECT count(*) FROM attempt WHERE run = ? AND state IN ('review', 'waiting')) AS moving,
       min(not_before_s) FILTER (WHERE status = 'pending' AND open_deps = 0) AS until_s
     FROM task WHERE run = ?`,
    run,
    run,
  );
  const until = row?.until_s ?? null;
  if (until === null && (row?.moving ?? 0) === 0) return { reason: "finished", ms: 0 };
  const ms = until === null ? LIMITS.attemptPollMs : Math.max(0, until - ctx.upS) * 1000 + 100;
  return { reason: "waiting", ms: Math.min(ms, LIMITS.attemptPollMs) };
}
