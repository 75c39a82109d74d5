// Pages and counts of tasks, each answered from an index.

import { limitTo, type Tx } from "../core/transaction.ts";
import type { Status } from "./rules.ts";
import { COLUMNS, type TaskRow } from "./table.ts";

/** How many tasks a project has in each derived state. */
export interface TaskCounts {
  readonly proposed: number;
  readonly ready: number;
  readonly blocked: number;
  readonly in_progress: number;
  readonly in_review: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
}

/** How many there are in each state. Those that ended were counted when they did: this costs what is open. */
export async function countTasks(tx: Tx, project: string, run?: string): Promise<TaskCounts> {
  const where = run === undefined ? "project = ?" : "run = ?";
  const key = run ?? project;
  const rows = await tx.all<{ status: Status; total: number }>(
    `SELECT status, count(*) AS total FROM task WHERE ${where}
       AND status IN ('proposed', 'pending', 'in_progress', 'in_review') GROUP BY status
     UNION ALL SELECT status, sum(total) FROM task_count WHERE project = ?
       ${run === undefined ? "" : "AND run = ?"} AND status <> 'made' GROUP BY status`,
    key,
    project,
    ...(run === undefined ? [] : [run]),
  );
  const ready = await tx.get<{ total: number }>(
    `SELECT count(*) AS total FROM task WHERE ${where} AND status = 'pending' AND open_deps = 0`,
    key,
  );
  const of = (status: Status): number => rows.find((row) => row.status === status)?.total ?? 0;
  return {
    proposed: of("proposed"),
    ready: ready?.total ?? 0,
    blocked: of("pending") - (ready?.total ?? 0),
    in_progress: of("in_progress"),
    in_review: of("in_review"),
    completed: of("completed"),
    failed: of("failed"),
    cancelled: of("cancelled"),
  };
}

export interface ListQuery {
  readonly project: string;
  readonly statuses: readonly Status[];
  /** Of pending ones: only ready, only blocked, or both. */
  readonly pending: "ready" | "blocked" | "all";
  readonly claimedBy?: string | undefined;
  readonly run?: string | undefined;
  /** Rows after this one, in the order of the list. */
  readonly after?: { readonly priority: number; readonly n: number } | undefined;
  readonly limit: number;
}

/** A page of tasks by priority, then age. Reads each state by its index and merges the pages. */
export async function listTasks(tx: Tx, query: ListQuery): Promise<TaskRow[]> {
  const filters: string[] = [];
  const params: (string | number)[] = [];
  if (query.claimedBy !== undefined) {
    filters.push("claimed_by = ?");
    params.push(query.claimedBy);
  }
  if (query.run !== undefined) {
    filters.push("run = ?");
    params.push(query.run);
  }
  if (query.after !== undefined) {
    filters.push("(priority, n) > (?, ?)");
    params.push(query.after.priority, query.after.n);
  }
  const rows: TaskRow[] = [];
  for (const status of query.statuses) {
    const derived = status === "pending" && query.pending !== "all"
      ? [query.pending === "ready" ? "open_deps = 0" : "open_deps > 0"]
      : [];
    // The state is written out: bound, it makes SQLite prepare the statement again each time.
    const where = ["project = ?", `status = '${status}'`, ...derived, ...filters].join(" AND ");
    rows.push(
      ...await tx.all<TaskRow>(
        `SELECT ${COLUMNS} FROM task WHERE ${where} ORDER BY priority, n ${limitTo(query.limit)}`,
        query.project,
        ...params,
      ),
    );
  }
  return rows.sort((a, b) => a.priority - b.priority || a.n - b.n).slice(0, query.limit);
}

/** Whether a project has more than so many tasks that have not ended. */
export async function hasMoreOpenThan(tx: Tx, project: string, most: number): Promise<boolean> {
  // In most homes there were never so many: the highest number says that at once.
  const last = await tx.get<{ n: number }>("SELECT n FROM task ORDER BY n DESC LIMIT 1");
  if ((last?.n ?? 0) <= most) return false;
  const row = await tx.get<{ open: number | null }>(
    `SELECT sum(CASE status WHEN 'made' THEN total ELSE -total END) AS open
     FROM task_count WHERE project = ?`,
    project,
  );
  return (row?.open ?? 0) > most;
}
