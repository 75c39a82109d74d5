// Making tasks, listing them, looking at one. Claims are in claim.ts, other changes in change.ts.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import {
  flag,
  integer,
  line,
  list,
  oneOf,
  optionalText,
  path,
  unlisted,
  word,
} from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { EVERYONE, LEADING, WORKING } from "../core/policy.ts";
import { openRun, runById } from "../run/table.ts";
import { createdStatus } from "./created.ts";
import { hasMoreOpenThan, type ListQuery, listTasks as pageOf } from "./list.ts";
import { readPlan } from "./plan.ts";
import { priorityOf, STATUSES } from "./rules.ts";
import * as table from "./table.ts";
import { shownTask, taskOr404, taskShape, viewerOf, wholeShape, wholeTask } from "./view.ts";

const priority = z.preprocess(priorityOf, integer(1, 10));
const paths = list(path(), LIMITS.listItems);
const ids = list(word(), LIMITS.dependenciesPerTask);

/** One task of a batch. */
export const newTask = z.strictObject({
  key: word().optional(),
  title: line(LIMITS.titleChars),
  description: optionalText(LIMITS.descriptionChars).optional(),
  priority: priority.optional(),
  blocked_by: ids.optional(),
  files: paths.optional(),
  hints: unlisted(optionalText(LIMITS.hintsChars).optional()),
  accept: optionalText(LIMITS.noteChars).optional(),
  assign_to: word(LIMITS.nameChars).optional(),
});

export const createTask = operation({
  name: "create_task",
  summary: "Add a task, or a whole DAG: tasks[] with key, title and the same fields; blocked_by " +
    "takes keys and ids.",
  roles: { strict: WORKING, open: WORKING, lite: LEADING },
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
    hints: unlisted(optionalText(LIMITS.hintsChars).optional()),
    accept: optionalText(LIMITS.noteChars).optional(),
    assign_to: word(LIMITS.nameChars).optional(),
  }).superRefine((input, context) => {
    const { tasks, run: _run, ...fields } = input;
    if (tasks === undefined && input.title === undefined) {
      const message = "is required, or tasks[] instead of it";
      context.addIssue({ code: "custom", path: ["title"], message });
    }
    if (tasks === undefined) return;
    for (const [field, value] of Object.entries(fields)) {
      if (value === undefined) continue;
      const message = "belongs into each of tasks[], not beside them";
      context.addIssue({ code: "custom", path: [field], message });
    }
  }),
  output: z.lazy(() =>
    z.object({
      id: z.string().optional(),
      status: z.string().optional(),
      ids: z.record(z.string(), z.string()).optional(),
    })
  ),
  async handle(ctx, input) {
    if (input.run !== undefined) {
      await openRun(ctx.tx, ctx.actor.project, input.run, "create_task");
    }
    const run = input.run ?? ctx.actor.run;
    const single = input.tasks === undefined;
    const { run: _run, tasks: _tasks, ...fields } = input;
    const wanted = input.tasks ?? [{ ...fields, title: input.title ?? "" }];
    await refuseFull(ctx, wanted.length);
    const plan = await readPlan(ctx, wanted);
    const status = createdStatus(ctx);
    for (const task of plan.tasks) {
      await table.insertTask(ctx.tx, {
        ...task,
        project: ctx.actor.project,
        run,
        status,
        createdBy: ctx.actor.name,
        creator: ctx.actor.id,
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

async function refuseFull(ctx: Context, more: number): Promise<void> {
  const most = LIMITS.openTasks - more;
  if (!await hasMoreOpenThan(ctx.tx, ctx.actor.project, most)) return;
  throw new Refusal(
    "LIMIT_REACHED",
    `create_task: with these the project would have more than ${LIMITS.openTasks} open tasks`,
    { hint: "Complete or cancel tasks first." },
  );
}

const LISTED = [...STATUSES, "ready", "blocked", "open"] as const;

export const listTasks = operation({
  name: "list_tasks",
  summary: "List tasks by priority: open ones, unless status says which.",
  roles: EVERYONE,
  effect: "read",
  hints: {},
  risk: "low",
  input: z.strictObject({
    status: list(oneOf(LISTED), LISTED.length, 1).optional(),
    ready: flag().optional(),
    mine: flag().optional(),
    run: word().optional(),
    limit: integer(1, LIMITS.pageRows).optional(),
    cursor: word().optional(),
  }),
  output: z.lazy(() => z.object({ tasks: z.array(taskShape), next: z.string().nullable() })),
  async handle(ctx, input) {
    if (
      input.run !== undefined && (await runById(ctx.tx, input.run))?.project !== ctx.actor.project
    ) {
      throw new Refusal("UNKNOWN_RUN", `list_tasks: run ${input.run} does not exist`, {
        field: "run",
      });
    }
    const limit = input.limit ?? LIMITS.pageRowsDefault;
    const viewer = viewerOf(ctx);
    const rows = await pageOf(ctx.tx, {
      project: ctx.actor.project,
      ...listed(input.status, input.ready === true),
      of: input.mine === true ? ctx.actor.id : undefined,
      viewer,
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
    for (const row of page) {
      tasks.push(await shownTask(ctx.tx, row, open.get(row.id) ?? [], viewer));
    }
    const more = rows.length > limit && last !== undefined;
    return { tasks, next: more ? `${last.priority}.${last.n}` : null };
  },
});

function listed(
  asked: readonly string[] | undefined,
  ready: boolean,
): Pick<ListQuery, "statuses" | "pending"> {
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

export const getTask = operation({
  name: "get_task",
  summary: "A task whole: description, dependencies, artifacts, notes, history.",
  roles: EVERYONE,
  effect: "read",
  hints: {},
  risk: "low",
  positionals: ["id"],
  input: z.strictObject({ id: word() }),
  output: z.lazy(() => z.object({ task: wholeShape })),
  async handle(ctx, input) {
    const row = await taskOr404(ctx, input.id);
    return { task: await wholeTask(ctx.tx, row, { history: true, viewer: viewerOf(ctx) }) };
  },
});
