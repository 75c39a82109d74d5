// Making tasks, claiming and finishing them. What may follow what is in rules.ts; a claim is
// fenced by its epoch: whoever answers with another one has been overtaken and changes nothing.

import { z } from "zod";
import { Refusal } from "../core/errors.ts";
import { flag, integer, line, list, oneOf, optionalText, text, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, EVERYONE, operation, WORKING } from "../core/operation.ts";
import { peerById, peerByName } from "../peer/table.ts";
import { stillAlive } from "../peer/life.ts";
import { mayTakeOver } from "../peer/rules.ts";
import { runById } from "../run/table.ts";
import { briefing } from "./briefing.ts";
import { readPlan } from "./plan.ts";
import { isBlocked, priorityOf, STATUSES } from "./rules.ts";
import * as table from "./table.ts";
import {
  nameOf,
  ownClaim,
  shownTask,
  taskOr404,
  taskShape,
  wholeShape,
  wholeTask,
} from "./view.ts";

const priority = z.preprocess(priorityOf, integer(1, 10));
const paths = list(line(LIMITS.pathChars), LIMITS.listItems);
const ids = list(word(), LIMITS.dependenciesPerTask);

/** One task of a batch. */
export const newTask = z.strictObject({
  key: word().optional(),
  title: line(LIMITS.titleChars),
  description: optionalText(LIMITS.descriptionChars).optional(),
  priority: priority.optional(),
  blocked_by: ids.optional(),
  files: paths.optional(),
  accept: optionalText(LIMITS.noteChars).optional(),
  assign_to: line(LIMITS.nameChars).optional(),
});

export const createTask = operation({
  name: "create_task",
  summary: "Add a task, or a whole DAG: tasks[] with key, title and the same fields; blocked_by " +
    "takes keys and ids.",
  roles: WORKING,
  effect: "write",
  hints: {},
  risk: "medium",
  positionals: ["title"],
  input: z.strictObject({
    title: line(LIMITS.titleChars).optional(),
    tasks: z.array(newTask, { error: "must be a list of tasks" }).min(1, { error: "is empty" })
      .max(LIMITS.tasksPerBatch, { error: `has too many tasks, at most ${LIMITS.tasksPerBatch}` })
      .optional(),
    description: optionalText(LIMITS.descriptionChars).optional(),
    priority: priority.optional(),
    blocked_by: ids.optional(),
    run: word().optional(),
    files: paths.optional(),
    accept: optionalText(LIMITS.noteChars).optional(),
    assign_to: line(LIMITS.nameChars).optional(),
  }).superRefine((input, context) => {
    if ((input.title === undefined) !== (input.tasks === undefined)) return;
    context.addIssue({
      code: "custom",
      path: ["title"],
      message: "is required, or tasks[] instead of it",
    });
  }),
  output: z.object({
    id: z.string().optional(),
    status: z.string().optional(),
    ids: z.record(z.string(), z.string()).optional(),
  }),
  async handle(ctx, input) {
    const run = input.run ?? ctx.actor.run;
    if (run !== null && await runById(ctx.tx, run) === undefined) {
      throw new Refusal("UNKNOWN_RUN", `create_task: run ${run} does not exist`, { field: "run" });
    }
    const single = input.tasks === undefined;
    const { run: _run, tasks: _tasks, ...fields } = input;
    const wanted = input.tasks ?? [{ ...fields, title: input.title ?? "" }];
    const plan = await readPlan(ctx, wanted);
    const status = createdStatus(ctx);
    for (const task of plan.tasks) {
      await table.insertTask(ctx.tx, {
        ...task,
        project: ctx.actor.project,
        run,
        status,
        createdBy: ctx.actor.name,
        maxAttempts: LIMITS.attempts,
        at: ctx.at,
      });
      for (const on of task.dependsOn) await table.insertDependency(ctx.tx, task.id, on);
      ctx.record({
        subject: `task/${task.id}`,
        detail: { title: task.title, priority: task.priority, blocked_by: task.dependsOn },
      });
    }
    for (const peer of plan.assigned) ctx.wake(peer);
    const first = plan.tasks[0];
    if (single && first !== undefined) return { id: first.id, status };
    return { ids: Object.fromEntries(plan.tasks.map((task) => [task.key, task.id])) };
  },
});

/** What a pinned worker adds is a proposal until the architect or the operator accepts it. */
function createdStatus(ctx: Context): "proposed" | "pending" {
  return ctx.actor.role === "worker" && ctx.actor.pinned ? "proposed" : "pending";
}

const LISTED = [...STATUSES, "ready", "blocked", "open"] as const;

export const listTasks = operation({
  name: "list_tasks",
  summary: "List tasks, open ones first by priority.",
  roles: EVERYONE,
  effect: "read",
  hints: {},
  risk: "low",
  input: z.strictObject({
    status: list(oneOf(LISTED), LISTED.length).optional(),
    ready: flag().optional(),
    mine: flag().optional(),
    run: word().optional(),
    limit: integer(1, LIMITS.pageRows).optional(),
    cursor: word().optional(),
  }),
  output: z.object({ tasks: z.array(taskShape), next: z.string().nullable() }),
  async handle(ctx, input) {
    const limit = input.limit ?? LIMITS.pageRowsDefault;
    const rows = await table.listTasks(ctx.tx, {
      project: ctx.actor.project,
      ...listed(input.status, input.ready === true),
      claimedBy: input.mine === true ? ctx.actor.id : undefined,
      run: input.run,
      after: cursorOf(input.cursor),
      limit: limit + 1,
    });
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const open = await table.openDependencies(
      ctx.tx,
      page.filter((row) => row.open_deps > 0).map((row) => row.id),
    );
    const tasks = [];
    for (const row of page) tasks.push(await shownTask(ctx.tx, row, open.get(row.id) ?? []));
    const more = rows.length > limit && last !== undefined;
    return { tasks, next: more ? `${last.priority}.${last.n}` : null };
  },
});

function listed(
  asked: readonly string[] | undefined,
  ready: boolean,
): Pick<table.ListQuery, "statuses" | "pending"> {
  if (ready) return { statuses: ["pending"], pending: "ready" };
  const words = new Set(asked ?? ["open"]);
  if (words.has("open")) {
    for (const status of ["proposed", "pending", "in_progress", "in_review"]) words.add(status);
  }
  const derived = ["ready", "blocked"].filter((word) => words.has(word));
  const all = words.has("pending") || derived.length === 2;
  if (derived.length > 0) words.add("pending");
  return {
    statuses: STATUSES.filter((status) => words.has(status)),
    pending: all || derived.length === 0 ? "all" : derived[0] as "ready" | "blocked",
  };
}

function cursorOf(cursor: string | undefined): { priority: number; n: number } | undefined {
  if (cursor === undefined) return undefined;
  const match = /^(\d{1,2})\.(\d{1,15})$/.exec(cursor);
  if (match === null) {
    throw new Refusal("INVALID_INPUT", `list_tasks: cursor ${cursor} was not given by list_tasks`, {
      field: "cursor",
    });
  }
  return { priority: Number(match[1]), n: Number(match[2]) };
}

export const claimTask = operation({
  name: "claim_task",
  summary: "Claim a task to work on; without id the best ready one. Gives its briefing.",
  roles: WORKING,
  effect: "write",
  hints: {},
  risk: "medium",
  positionals: ["id"],
  input: z.strictObject({ id: word().optional() }),
  output: z.object({
    task: wholeShape.nullable(),
    epoch: z.number().optional(),
    briefing: z.string().optional(),
    reason: z.enum(["empty", "blocked", "delayed"]).optional(),
  }),
  async handle(ctx, input) {
    const row = input.id === undefined ? await best(ctx) : await claimable(ctx, input.id);
    if (row === null) return { task: null, reason: await whyNothing(ctx) };
    const { actor } = ctx;
    const epoch = await table.claim(ctx.tx, row.id, actor.id, actor.incarnation, ctx.at);
    if (epoch === null) {
      throw new Refusal("TASK_TAKEN", `claim_task: ${row.id} was just taken`, { task: row.id });
    }
    ctx.record({
      subject: `task/${row.id}`,
      detail: { epoch, attempt: row.attempts + 1, incarnation: actor.incarnation },
    });
    const now = await taskOr404(ctx, row.id);
    return {
      task: await wholeTask(ctx.tx, now),
      epoch,
      briefing: await briefing(ctx.tx, now),
    };
  },
});

async function best(ctx: Context): Promise<table.TaskRow | null> {
  const { tx, actor, upS } = ctx;
  const own = await table.bestReady(tx, actor.project, actor.id, upS);
  const open = await table.bestReady(tx, actor.project, "", upS);
  if (own === undefined || open === undefined) return own ?? open ?? null;
  const ownFirst = own.priority < open.priority ||
    (own.priority === open.priority && own.n < open.n);
  return ownFirst ? own : open;
}

async function whyNothing(ctx: Context): Promise<"empty" | "blocked" | "delayed"> {
  const counts = await table.countTasks(ctx.tx, ctx.actor.project);
  if (counts.ready > 0) return "delayed";
  return counts.blocked > 0 ? "blocked" : "empty";
}

/** A named task, if it can be claimed; a claim of somebody dead or long stalled gives way. */
async function claimable(ctx: Context, id: string): Promise<table.TaskRow> {
  let row = await taskOr404(ctx, id);
  if (row.status === "in_progress" && row.claimed_by !== null) {
    await giveWay(ctx, row);
    row = await taskOr404(ctx, id);
  }
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
    const holder = await nameOf(ctx.tx, row.assigned_to);
    throw new Refusal("TASK_TAKEN", `claim_task: ${id} is assigned to ${holder}`, {
      task: id,
      assigned_to: holder,
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

/** Frees the task if whoever claimed it is dead, or has been stalled beyond the grace. */
async function giveWay(ctx: Context, row: table.TaskRow): Promise<void> {
  if (row.claimed_by === null || row.claimed_by === ctx.actor.id) return;
  if (!await stillAlive(ctx, row.claimed_by)) return;
  const holder = await peerById(ctx.tx, row.claimed_by);
  const stalled = holder?.stalled_since_s ?? null;
  if (!mayTakeOver(stalled, ctx.upS, ctx.settings.stalledGraceS)) return;
  await table.setStatus(ctx.tx, row.id, "pending", ctx.at);
  ctx.record({
    subject: `task/${row.id}`,
    detail: { taken_over_from: holder?.name, stalled_since_s: stalled },
  });
}

export const completeTask = operation({
  name: "complete_task",
  summary: "Finish your task: what was done, files touched, tests run, risks left.",
  roles: WORKING,
  effect: "write",
  hints: {},
  risk: "medium",
  positionals: ["id", "summary"],
  input: z.strictObject({
    id: word(),
    summary: text(LIMITS.noteChars),
    files: paths.optional(),
    tests: optionalText(LIMITS.noteChars).optional(),
    risks: optionalText(LIMITS.noteChars).optional(),
    epoch: integer(0, Number.MAX_SAFE_INTEGER).optional(),
  }),
  output: z.object({
    id: z.string(),
    status: z.string(),
    unblocked: z.array(z.string()),
    unblocked_count: z.number().optional(),
  }),
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
      files: input.files ?? [],
      tests: input.tests ?? "",
      risks: input.risks ?? "",
    };
    const unblocked = await table.complete(
      ctx.tx,
      row.id,
      ctx.actor.name,
      input.summary,
      artifacts,
      ctx.at,
    );
    await wakeAssigned(ctx, unblocked);
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

/** Whoever a task was assigned to learns that it can start. */
export async function wakeAssigned(ctx: Context, ids: readonly string[]): Promise<void> {
  for (const id of ids.slice(0, LIMITS.idsPerAnswer)) {
    const row = await ctx.tx.get<{ assigned_to: string }>(
      "SELECT assigned_to FROM task WHERE id = ?",
      id,
    );
    if (row !== undefined && row.assigned_to !== "") ctx.wake(row.assigned_to);
  }
}

export const getTask = operation({
  name: "get_task",
  summary: "A task whole: description, dependencies, artifacts, notes, history.",
  roles: EVERYONE,
  effect: "read",
  hints: {},
  risk: "low",
  positionals: ["id"],
  input: z.strictObject({ id: word() }),
  output: z.object({ task: wholeShape }),
  async handle(ctx, input) {
    const row = await taskOr404(ctx, input.id);
    return { task: await wholeTask(ctx.tx, row, { history: true }) };
  },
});

/** The peer a task is assigned to, by name. */
export async function assignee(ctx: Context, name: string): Promise<string> {
  const peer = await peerByName(ctx.tx, name);
  if (peer !== undefined) return peer.id;
  throw new Refusal("UNKNOWN_PEER", `assign_to: nobody is called ${name}`, { field: "assign_to" });
}
