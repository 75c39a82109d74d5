// The run: started once, resumed by any later session with everything it needs to go on.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import { integer, oneOf, optionalText, text, unlisted, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { EVERYONE } from "../core/policy.ts";
import { excerpt } from "../core/text.ts";
import type { Tx } from "../core/transaction.ts";
import { conductOf, hostIds, stopAgents, usageOfRun } from "../fleet/driven.ts";
import { giveUpWaiting } from "../fleet/ending.ts";
import { type Conduct, spent } from "../fleet/rules.ts";
import { waitingOf } from "../fleet/waiting.ts";
import { memoryOfRun } from "../memory/table.ts";
import { messageId } from "../message/rules.ts";
import { messagesOfRun } from "../message/table.ts";
import { setRun } from "../peer/table.ts";
import { countTasks, listTasks } from "../task/list.ts";
import { takeNumbers, type TaskRow } from "../task/table.ts";
import { nameOf } from "../task/view.ts";
import * as table from "./table.ts";

/** How much of each thing a digest shows; the tools have the rest. */
const DIGEST = { tasks: 50, memory: 20, messages: 10, excerptChars: 400 };

const summaryShape = z.lazy(() =>
  z.object({
    id: z.string(),
    goal: z.string(),
    status: z.string(),
    created_by: z.string(),
    created_at: z.string(),
    done: z.number(),
    total: z.number(),
  })
);

const runShape = z.lazy(() =>
  summaryShape.unwrap().extend({
    plan: z.string(),
    outcome: z.string().optional(),
    /** Why nothing of it is begun any more, where worker processes drive it. */
    stopped: z.string().optional(),
    /** Of one that worker processes drive, until it is ended; and whether its plan is still to be taken. */
    driven: z.boolean().optional(),
    planning: z.boolean().optional(),
    /** Why its result is not on the user's branch, though everything is done. */
    left: z.string().optional(),
    tasks: z.record(z.string(), z.number()),
    open: z.array(z.object({
      id: z.string(),
      title: z.string(),
      status: z.string(),
      ready: z.boolean(),
      claimed_by: z.string().nullable(),
    })),
    /** Done, but not merged yet, and why. */
    waiting: z.array(z.object({ task: z.string(), text: z.string(), since: z.string() }))
      .optional(),
    completed: z.array(z.object({ id: z.string(), title: z.string(), summary: z.string() })),
    memory: z.array(z.object({ key: z.string(), type: z.string(), value: z.string() })),
    messages: z.array(
      z.object({ id: z.string(), from: z.string(), category: z.string(), content: z.string() }),
    ),
  })
);

export const run = operation({
  name: "run",
  summary: "A run is a goal with plan, tasks and history that outlives sessions: start one, " +
    "resume it whole, see, update, list or end it.",
  roles: EVERYONE,
  effect: "write",
  hints: {},
  risk: "medium",
  positionals: ["action", "id"],
  input: z.strictObject({
    action: oneOf(["start", "resume", "status", "update", "list", "end"]),
    id: word().optional(),
    goal: text(LIMITS.goalChars).optional(),
    plan: optionalText(LIMITS.planChars).optional(),
    /** The new run gets a number above this one: a repository may know runs of other homes. */
    above: unlisted(integer(0, 1_000_000_000).optional()),
  }),
  readsOnly: (input) => input.action === "status" || input.action === "list",
  output: z.lazy(() =>
    z.object({
      run: runShape.optional(),
      runs: z.array(summaryShape).optional(),
    })
  ),
  async handle(ctx, input) {
    const { tx } = ctx;
    if (input.action === "list") return { runs: await listRuns(ctx) };
    if (input.action === "start") return { run: await start(ctx, input) };
    if (input.action === "end") refuseObserver(ctx);
    const row = await wanted(ctx, input.id, input.action === "end");
    if (input.action === "resume") {
      await table.openRun(tx, ctx.actor.project, row.id, "run");
      await setRun(tx, ctx.actor.id, row.id);
      ctx.record({ op: "resume_run", subject: `run/${row.id}`, detail: {} });
    }
    if (input.action === "update") {
      refuseObserver(ctx);
      if (input.goal === undefined && input.plan === undefined) {
        throw new Refusal("INVALID_INPUT", "run: update needs a goal or a plan", { field: "plan" });
      }
      await table.updateRun(tx, row.id, input, ctx.at);
      ctx.record({ op: "update_run", subject: `run/${row.id}`, detail: {} });
    }
    if (input.action === "end") await end(ctx, row, input.plan);
    return { run: await digest(ctx, await table.runById(tx, row.id) ?? row) };
  },
});

function refuseObserver(ctx: Context): void {
  if (ctx.may("change_runs")) return;
  throw new Refusal("NOT_ALLOWED", "run: an observer reads; it cannot change a run");
}

async function listRuns(ctx: Context): Promise<z.input<typeof summaryShape>[]> {
  const rows = await table.runsOf(ctx.tx, ctx.actor.project, LIMITS.pageRowsDefault);
  const runs = [];
  for (const row of rows) runs.push(await summary(ctx, row));
  return runs;
}

async function start(
  ctx: Context,
  { goal, plan, above = 0 }: {
    goal?: string | undefined;
    plan?: string | undefined;
    above?: number | undefined;
  },
): Promise<z.input<typeof runShape>> {
  refuseObserver(ctx);
  if (goal === undefined) {
    throw new Refusal("INVALID_INPUT", "run: goal is required to start a run", { field: "goal" });
  }
  const next = await takeNumbers(ctx.tx, "run", 1);
  // Those in between are taken and given to nobody.
  if (next <= above) await takeNumbers(ctx.tx, "run", above + 1 - next);
  const id = `r${Math.max(next, above + 1)}`;
  const row = {
    id,
    project: ctx.actor.project,
    goal,
    plan: plan ?? "",
    created_by: ctx.actor.name,
    created_at: ctx.at,
  };
  await table.insertRun(ctx.tx, row);
  await setRun(ctx.tx, ctx.actor.id, id);
  ctx.record({ op: "start_run", subject: `run/${id}`, detail: { characters: goal.length } });
  return await digest(ctx, {
    ...row,
    status: "active",
    updated_at: ctx.at,
    ended_at: null,
    outcome: null,
  });
}

async function end(ctx: Context, row: table.RunRow, outcome: string | undefined): Promise<void> {
  if (row.status === "ended") {
    throw new Refusal("TASK_STATE", `run: ${row.id} ended already`, { run: row.id });
  }
  const own = row.created_by === ctx.actor.name && await conductOf(ctx.tx, row.id) === null;
  if (!own && !ctx.may("end_runs")) {
    throw new Refusal("NOT_ALLOWED", `run: ${row.id} was begun by ${row.created_by}`, {
      run: row.id,
      hint:
        "Only the architect or the operator ends what others began, or what worker processes do.",
    });
  }
  await table.endRun(ctx.tx, row.id, outcome ?? null, ctx.at);
  // What its agents would still do nobody would merge or hand over.
  const why = `${ctx.actor.name}: the run was ended`;
  await stopAgents(ctx.tx, row.id, why);
  await giveUpWaiting(ctx, { run: row.id, why });
  for (const peer of await hostIds(ctx.tx, row.id)) ctx.wake(peer);
  await ctx.tx.run("UPDATE peer SET run = NULL WHERE run = ?", row.id);
  ctx.record({ op: "end_run", subject: `run/${row.id}`, detail: {} });
}

/** The named run, else the actor's, else, unless it is to end, the newest active one of the project. */
async function wanted(
  ctx: Context,
  id: string | undefined,
  ending: boolean,
): Promise<table.RunRow> {
  const wantedId = id ?? ctx.actor.run;
  if (ending && wantedId === null) {
    throw new Refusal("INVALID_INPUT", "run: id is required to end a run that you are not in", {
      field: "id",
      hint: "run with action list shows the runs.",
    });
  }
  const rows = wantedId === null
    ? (await table.runsOf(ctx.tx, ctx.actor.project, LIMITS.pageRowsDefault))
      .filter((row) => row.status === "active")
    : [await table.runById(ctx.tx, wantedId)];
  const row = rows[0];
  if (row !== undefined && row.project === ctx.actor.project) return row;
  const what = wantedId === null ? "this project has no active run" : `${wantedId} does not exist`;
  throw new Refusal("UNKNOWN_RUN", `run: ${what}`, { field: "id" });
}

async function summary(ctx: Context, row: table.RunRow): Promise<z.input<typeof summaryShape>> {
  const counts = await countTasks(ctx.tx, row.project, row.id);
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return {
    id: row.id,
    goal: row.goal,
    status: row.status,
    created_by: row.created_by,
    created_at: row.created_at,
    done: counts.completed,
    total,
  };
}

/** Whole enough to go on: what was to be reached, what is done, what is open, what was said. */
async function digest(ctx: Context, row: table.RunRow): Promise<z.input<typeof runShape>> {
  const { tx } = ctx;
  const of = (statuses: TaskRow["status"][]): Promise<TaskRow[]> =>
    listTasks(tx, {
      project: row.project,
      statuses,
      pending: "all",
      run: row.id,
      limit: DIGEST.tasks,
    });
  const open = [];
  for (const task of await of(["proposed", "pending", "in_progress", "in_review", "failed"])) {
    open.push({
      id: task.id,
      title: task.title,
      status: task.status,
      ready: task.status === "pending" && task.open_deps === 0,
      claimed_by: await nameOf(tx, task.claimed_by),
    });
  }
  const waiting = (await waitingOf(tx, { run: row.id }, DIGEST.tasks)).map((one) => ({
    task: one.task,
    text: one.reason ?? "",
    since: one.ended_at ?? "",
  }));
  const conduct = row.status === "active" ? await conductOf(tx, row.id) : null;
  const tasks = await countTasks(tx, row.project, row.id);
  // A budget ends nothing where nothing is left to begin.
  const left = tasks.ready + tasks.blocked + tasks.in_progress + tasks.in_review > 0;
  const stopped = await whyStopped(tx, row.id, conduct, left);
  return {
    ...await summary(ctx, row),
    plan: row.plan,
    ...(row.outcome === null ? {} : { outcome: row.outcome }),
    ...(stopped === null ? {} : { stopped }),
    ...(conduct === null ? {} : { driven: true }),
    ...(conduct === null || conduct.plan === null || conduct.plan_only ? {} : { planning: true }),
    ...(conduct === null || !conduct.left ? {} : { left: conduct.left }),
    tasks: { ...tasks },
    open,
    ...(waiting.length === 0 ? {} : { waiting }),
    completed: (await of(["completed"])).map((task) => ({
      id: task.id,
      title: task.title,
      summary: excerpt(task.summary ?? "", DIGEST.excerptChars),
    })),
    memory: (await memoryOfRun(tx, row.id, DIGEST.memory)).map((entry) => ({
      key: entry.key,
      type: entry.type,
      value: excerpt(entry.value, DIGEST.excerptChars),
    })),
    messages: (await messagesOfRun(tx, row.id, readerOf(ctx), DIGEST.messages)).map((message) => ({
      id: messageId(message.id),
      from: message.sender_name,
      category: message.category,
      content: excerpt(message.content, DIGEST.excerptChars),
    })),
  };
}

/** Why workers begin nothing more of a run: somebody's word, or its budget; null while they do. */
async function whyStopped(
  tx: Tx,
  id: string,
  conduct: Conduct | null,
  left: boolean,
): Promise<string | null> {
  if (conduct === null) return null;
  if (conduct.stopped !== null) return conduct.stopped;
  if (!left || Object.values(conduct.all).every((most) => most === null)) return null;
  const over = spent(await usageOfRun(tx, id), conduct.all);
  return over === null ? null : `its budget is spent: ${over}`;
}

/** Whose messages the digest shows: a worker's own, everybody's to the architect. */
function readerOf(ctx: Context): string | null {
  return ctx.may("read_all") ? null : ctx.actor.id;
}
