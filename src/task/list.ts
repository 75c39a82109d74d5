// Pages and counts of tasks, each answered from an index.

import { limitTo, type Tx } from "../core/transaction.ts";
import type { Status, Viewer } from "./rules.ts";
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
  /** Blocked by nothing, but delayed, or assigned to somebody else than who looks; left out if none is. */
  readonly waiting?: number;
}

/**
 * How many there are in each state. Those that ended were counted when they did: this costs what is open.
 * Without somebody who looks, everything is ready that nothing blocks.
 */
export async function countTasks(
  tx: Tx,
  project: string,
  run?: string,
  viewer?: Viewer,
): Promise<TaskCounts> {
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
  const free = ready?.total ?? 0;
  const waiting = viewer === undefined ? 0 : free - await countReady(tx, project, viewer);
  const of = (status: Status): number => rows.find((row) => row.status === status)?.total ?? 0;
  return {
    proposed: of("proposed"),
    ready: free - waiting,
    blocked: of("pending") - free,
    in_progress: of("in_progress"),
    in_review: of("in_review"),
    completed: of("completed"),
    failed: of("failed"),
    cancelled: of("cancelled"),
    ...(waiting === 0 ? {} : { waiting }),
  };
}

/** How many tasks of a project who looks could claim now; each part is counted in an index of its own. */
async function countReady(tx: Tx, project: string, { upS, peer }: Viewer): Promise<number> {
  const free = "project = ? AND status = 'pending' AND open_deps = 0";
  const own = peer === null ? "" : "AND assigned_to IN ('', ?)";
  const whose = peer === null ? [] : [peer];
  const row = await tx.get<{ total: number }>(
    `SELECT (SELECT count(*) FROM task WHERE ${free} ${own}) -
       (SELECT count(*) FROM task WHERE ${free} AND not_before_s > 0 AND not_before_s > ? ${own})
       AS total`,
    project,
    ...whose,
    project,
    upS,
    ...whose,
  );
  return row?.total ?? 0;
}

/** Whether a task that a peer could claim waits for its next attempt. */
export async function hasDelayed(
  tx: Tx,
  project: string,
  peer: string,
  upS: number,
): Promise<boolean> {
  const row = await tx.get(
    `SELECT 1 AS x FROM task WHERE project = ? AND status = 'pending' AND open_deps = 0
       AND not_before_s > 0 AND not_before_s > ? AND assigned_to IN ('', ?) LIMIT 1`,
    project,
    upS,
    peer,
  );
  return row !== undefined;
}

export interface ListQuery {
  readonly project: string;
  readonly statuses: readonly Status[];
  /** Of pending ones: only ready, only blocked, or both. */
  readonly pending: "ready" | "blocked" | "all";
  /** Only what this peer has claimed, or is assigned to it. */
  readonly of?: string | undefined;
  /** Who looks, where what is ready is to be ready for it. */
  readonly viewer?: Viewer | undefined;
  readonly run?: string | undefined;
  /** Rows after this one, in the order of the list. */
  readonly after?: { readonly priority: number; readonly n: number } | undefined;
  readonly limit: number;
}

/** A page of tasks by priority, then age. Reads each state by its index and merges the pages. */
export async function listTasks(tx: Tx, query: ListQuery): Promise<TaskRow[]> {
  const filters: string[] = [];
  const params: (string | number)[] = [];
  if (query.of !== undefined) {
    filters.push("(claimed_by = ? OR (assigned_to = ? AND claimed_by IS NULL))");
    params.push(query.of, query.of);
  }
  if (query.run !== undefined) {
    filters.push("run = ?");
    params.push(query.run);
  }
  if (query.after !== undefined) {
    filters.push("(priority, n) > (?, ?)");
    params.push(query.after.priority, query.after.n);
  }
  const due = query.pending === "ready" ? dueFor(query.viewer) : { sql: "", params: [] };
  const rows: TaskRow[] = [];
  for (const status of query.statuses) {
    const derived = status === "pending" && query.pending !== "all"
      ? [query.pending === "ready" ? `open_deps = 0${due.sql}` : "open_deps > 0"]
      : [];
    // The state is written out: bound, it makes SQLite prepare the statement again each time.
    const where = ["project = ?", `status = '${status}'`, ...derived, ...filters].join(" AND ");
    rows.push(
      ...await tx.all<TaskRow>(
        `SELECT ${COLUMNS} FROM task WHERE ${where} ORDER BY priority, n ${limitTo(query.limit)}`,
        query.project,
        ...(status === "pending" ? due.params : []),
        ...params,
      ),
    );
  }
  return rows.sort((a, b) => a.priority - b.priority || a.n - b.n).slice(0, query.limit);
}

/** What else has to be so of a task that nothing blocks, to be ready for who looks. */
function dueFor(viewer?: Viewer): { readonly sql: string; readonly params: (string | number)[] } {
  if (viewer === undefined) return { sql: "", params: [] };
  const { upS, peer } = viewer;
  const due = " AND not_before_s <= ?";
  if (peer === null) return { sql: due, params: [upS] };
  return { sql: `${due} AND assigned_to IN ('', ?)`, params: [upS, peer] };
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
