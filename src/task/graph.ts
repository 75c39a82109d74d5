// task_graph: the DAG as the page draws it. Only what a picture needs of each task, so that thousands
// fit into one answer; the page asks again for those alone that have changed.

import * as z from "zod";
import { flag, list, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { LEADING } from "../core/policy.ts";
import { type Status, STATUSES } from "./rules.ts";

const OPEN: readonly Status[] = ["proposed", "pending", "in_progress", "in_review", "failed"];

const nodeShape = z.lazy(() =>
  z.object({
    id: z.string(),
    title: z.string(),
    status: z.enum(STATUSES),
    ready: z.boolean(),
    priority: z.number(),
    claimed_by: z.string().nullable(),
    assigned_to: z.string().optional(),
    run: z.string().nullable(),
    attempts: z.number(),
    updated_at: z.string(),
    progress: z.string().optional(),
  })
);

interface NodeRow {
  readonly id: string;
  readonly title: string;
  readonly status: Status;
  readonly open_deps: number;
  readonly priority: number;
  readonly claimed_by: string | null;
  readonly assigned_to: string | null;
  readonly run: string | null;
  readonly attempts: number;
  readonly updated_at: string;
  readonly progress: string;
}

const NODE = `SELECT t.id, t.title, t.status, t.open_deps, t.priority, t.run, t.attempts,
  t.updated_at, t.progress,
  (SELECT name FROM peer p WHERE p.id = t.claimed_by) AS claimed_by,
  CASE WHEN t.assigned_to = '' THEN NULL
    ELSE (SELECT name FROM peer p WHERE p.id = t.assigned_to) END AS assigned_to`;

export const taskGraph = operation({
  name: "task_graph",
  summary: "The graph of tasks: open ones (done: all), of a run, or some by id, with their edges.",
  roles: LEADING,
  effect: "read",
  hints: {},
  risk: "low",
  unlisted: true,
  input: z.strictObject({
    run: word().optional(),
    ids: list(word(), LIMITS.idsPerAnswer, 1).optional(),
    done: flag().optional(),
  }),
  output: z.lazy(() =>
    z.object({
      tasks: z.array(nodeShape),
      /** `task` waits for `on`. With ids: also edges to tasks that were not asked for. */
      edges: z.array(z.object({ task: z.string(), on: z.string() })),
      truncated: z.boolean(),
    })
  ),
  async handle(ctx, input) {
    const rows = input.ids === undefined
      ? await inProject(ctx, input.run, input.done === true)
      : await byIds(ctx, input.ids);
    const shown = rows.slice(0, LIMITS.graphTasks);
    return {
      tasks: shown.map(nodeOf),
      edges: await edgesOf(ctx, shown, input.ids !== undefined),
      truncated: rows.length > LIMITS.graphTasks,
    };
  },
});

async function inProject(
  ctx: Context,
  run: string | undefined,
  done: boolean,
): Promise<NodeRow[]> {
  const rows: NodeRow[] = [];
  for (const status of done ? STATUSES : OPEN) {
    const more = LIMITS.graphTasks + 1 - rows.length;
    if (more <= 0) break;
    // What is open comes first where there is too much; of what is done, the newest.
    const order = OPEN.includes(status) ? "t.priority, t.n" : "t.n DESC";
    rows.push(
      ...await ctx.tx.all<NodeRow>(
        `${NODE} FROM task t WHERE t.project = ? AND t.status = '${status}' AND (? IS NULL OR t.run = ?)
         ORDER BY ${order} LIMIT ?`,
        ctx.actor.project,
        run ?? null,
        run ?? null,
        more,
      ),
    );
  }
  return rows;
}

/** From the ids to the tasks: the other way round SQLite reads every task of the project. */
async function byIds(ctx: Context, ids: readonly string[]): Promise<NodeRow[]> {
  return await ctx.tx.all<NodeRow>(
    `${NODE} FROM json_each(?) w CROSS JOIN task t ON t.id = w.value WHERE t.project = ?`,
    JSON.stringify([...new Set(ids)]),
    ctx.actor.project,
  );
}

async function edgesOf(
  ctx: Context,
  rows: readonly NodeRow[],
  beyond: boolean,
): Promise<{ task: string; on: string }[]> {
  const known = new Set(rows.map((row) => row.id));
  const edges = await ctx.tx.all<{ task: string; on: string }>(
    `SELECT d.task, d.on_task AS "on" FROM json_each(?) w JOIN dependency d ON d.task = w.value`,
    JSON.stringify([...known]),
  );
  return beyond ? edges : edges.filter(({ on }) => known.has(on));
}

function nodeOf(row: NodeRow): z.input<typeof nodeShape> {
  return {
    id: row.id,
    title: row.title,
    status: row.status,
    // A picture is drawn anew by what happens, not by the clock: what is only delayed counts as ready.
    ready: row.status === "pending" && row.open_deps === 0,
    priority: row.priority,
    claimed_by: row.claimed_by,
    ...(row.assigned_to === null ? {} : { assigned_to: row.assigned_to }),
    run: row.run,
    attempts: row.attempts,
    updated_at: row.updated_at,
    ...(row.progress === "" ? {} : { progress: row.progress }),
  };
}
