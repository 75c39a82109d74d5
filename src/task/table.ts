// Tasks, their dependencies and notes. `open_deps` counts the dependencies that are not completed,
// so that ready and blocked are columns to look up and not questions to compute.

import { invariant } from "../core/invariant.ts";
import { limitTo, type Tx } from "../core/transaction.ts";
import { resolveAbout } from "../message/table.ts";
import type { Status } from "./rules.ts";
import { setStatus } from "./status.ts";

export { setStatus };

/** A row of `task`. */
export interface TaskRow {
  readonly n: number;
  readonly id: string;
  readonly project: string;
  readonly run: string | null;
  readonly title: string;
  readonly description: string;
  readonly accept: string;
  /** JSON array of paths. */
  readonly files: string;
  readonly status: Status;
  readonly priority: number;
  readonly open_deps: number;
  /** Peer id, or empty. */
  readonly assigned_to: string;
  readonly created_by: string;
  /** Peer id of whoever made it: names change. */
  readonly creator: string;
  readonly created_at: string;
  /** Peer id of the claimer, or of the author while it is in review. */
  readonly claimed_by: string | null;
  readonly claim_incarnation: string | null;
  readonly claim_epoch: number;
  readonly claimed_at: string | null;
  readonly attempts: number;
  readonly max_attempts: number;
  readonly not_before_s: number;
  readonly progress: string;
  readonly summary: string | null;
  /** JSON of files, tests, risks. */
  readonly artifacts: string | null;
  readonly failure: string | null;
  readonly reviewer: string | null;
  readonly completed_by: string | null;
  readonly updated_at: string;
}

/** Every column of a row. */
export const COLUMNS =
  `n, id, project, run, title, description, accept, files, status, priority, open_deps,
  assigned_to, created_by, creator, created_at, claimed_by, claim_incarnation, claim_epoch, claimed_at,
  attempts, max_attempts, not_before_s, progress, summary, artifacts, failure, reviewer,
  completed_by, updated_at`;

export function taskById(tx: Tx, id: string): Promise<TaskRow | undefined> {
  return tx.get<TaskRow>(`SELECT ${COLUMNS} FROM task WHERE id = ?`, id);
}

/** Reserves `count` consecutive numbers and returns the first. */
export async function takeNumbers(tx: Tx, name: string, count: number): Promise<number> {
  const row = await tx.get<{ value: number }>(
    `INSERT INTO sequence (name, value) VALUES (?, ?)
     ON CONFLICT (name) DO UPDATE SET value = value + excluded.value RETURNING value`,
    name,
    count,
  );
  return (row?.value ?? count) - count + 1;
}

export interface NewTask {
  readonly n: number;
  readonly id: string;
  readonly project: string;
  readonly run: string | null;
  readonly title: string;
  readonly description: string;
  readonly accept: string;
  readonly files: readonly string[];
  readonly status: Status;
  readonly priority: number;
  readonly openDeps: number;
  readonly assignedTo: string;
  readonly createdBy: string;
  readonly creator: string;
  readonly maxAttempts: number;
  readonly at: string;
}

export function insertTask(tx: Tx, task: NewTask): Promise<number> {
  return tx.run(
    `INSERT INTO task (n, id, project, run, title, description, accept, files, status, priority,
       open_deps, assigned_to, created_by, creator, created_at, max_attempts, updated_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    task.n,
    task.id,
    task.project,
    task.run,
    task.title,
    task.description,
    task.accept,
    JSON.stringify(task.files),
    task.status,
    task.priority,
    task.openDeps,
    task.assignedTo,
    task.createdBy,
    task.creator,
    task.at,
    task.maxAttempts,
    task.at,
  );
}

export function insertDependency(tx: Tx, task: string, on: string): Promise<number> {
  return tx.run("INSERT INTO dependency (task, on_task) VALUES (?, ?)", task, on);
}

/** What a task waits for, with its state. */
export function dependenciesOf(
  tx: Tx,
  id: string,
): Promise<Pick<TaskRow, "id" | "title" | "status" | "summary" | "artifacts">[]> {
  return tx.all(
    `SELECT t.id, t.title, t.status, t.summary, t.artifacts FROM dependency d
     JOIN task t ON t.id = d.on_task WHERE d.task = ? ORDER BY t.n`,
    id,
  );
}

/** Open dependencies of several tasks at once. */
export async function openDependencies(
  tx: Tx,
  ids: readonly string[],
): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const id of ids) {
    const rows = await tx.all<{ id: string }>(
      `SELECT t.id FROM dependency d JOIN task t ON t.id = d.on_task
       WHERE d.task = ? AND t.status <> 'completed' ORDER BY t.n LIMIT 20`,
      id,
    );
    found.set(id, rows.map((row) => row.id));
  }
  return found;
}

/** What waits for a task. */
export async function dependentsOf(
  tx: Tx,
  id: string,
  limit: number,
): Promise<Pick<TaskRow, "id" | "title" | "status">[]> {
  const rows = await tx.all<Pick<TaskRow, "id" | "title" | "status">>(
    `SELECT t.id, t.title, t.status FROM dependency d JOIN task t ON t.id = d.task
     WHERE d.on_task = ? ORDER BY t.n ${limitTo(limit)}`,
    id,
  );
  return rows.slice(0, limit);
}

const READY = `SELECT n, priority FROM task WHERE project = ? AND assigned_to = ?
  AND status = 'pending' AND open_deps = 0 AND not_before_s <= ? ORDER BY priority, n LIMIT 1`;

/** The best task that is ready for a peer: one of its own, or one for everybody. */
export function bestReady(
  tx: Tx,
  project: string,
  peer: string,
  upS: number,
): Promise<TaskRow | undefined> {
  // Each half is one step in the index.
  return tx.get<TaskRow>(
    `SELECT ${COLUMNS} FROM task WHERE n = (SELECT n FROM
       (SELECT * FROM (${READY}) UNION ALL SELECT * FROM (${READY})) ORDER BY priority, n LIMIT 1)`,
    project,
    peer,
    upS,
    project,
    "",
    upS,
  );
}

/** Hands a task, as it was read in this transaction, to a peer; the task as it is then. */
export async function claim(
  tx: Tx,
  row: TaskRow,
  peer: string,
  incarnation: string,
  at: string,
): Promise<TaskRow> {
  const claimed: TaskRow = {
    ...row,
    status: "in_progress",
    claimed_by: peer,
    claim_incarnation: incarnation,
    claim_epoch: row.claim_epoch + 1,
    claimed_at: at,
    attempts: row.attempts + 1,
    updated_at: at,
  };
  // Told here and not by RETURNING, which costs as much as the update.
  const changed = await tx.run(
    `UPDATE task SET status = 'in_progress', claimed_by = ?, claim_incarnation = ?, claim_epoch = ?,
       claimed_at = ?, attempts = ?, updated_at = ?
     WHERE n = ? AND status = 'pending' AND open_deps = 0`,
    peer,
    incarnation,
    claimed.claim_epoch,
    at,
    claimed.attempts,
    at,
    row.n,
  );
  invariant(changed === 1, `${row.id} can be claimed`);
  return claimed;
}

/** Moves a task between working and review; the claim goes on. */
export function moveTo(
  tx: Tx,
  id: string,
  status: "in_progress" | "in_review",
  at: string,
): Promise<number> {
  return tx.run("UPDATE task SET status = ?, updated_at = ? WHERE id = ?", status, at, id);
}

/** A reviewed task goes back to its author, who has a new life, under a new epoch. */
export function handBack(
  tx: Tx,
  id: string,
  peer: string,
  incarnation: string,
  at: string,
): Promise<number> {
  return tx.run(
    `UPDATE task SET status = 'in_progress', claimed_by = ?, claim_incarnation = ?, claimed_at = ?,
       claim_epoch = claim_epoch + 1, updated_at = ? WHERE id = ?`,
    peer,
    incarnation,
    at,
    at,
    id,
  );
}

/** Completes a task and returns what is ready now that was not before. */
export async function complete(
  tx: Tx,
  { n, id }: Pick<TaskRow, "n" | "id">,
  by: string,
  summary: string,
  artifacts: unknown,
  at: string,
): Promise<string[]> {
  await tx.run(
    `UPDATE task SET status = 'completed', summary = ?, artifacts = ?, completed_by = ?,
       claim_incarnation = NULL, failure = NULL, updated_at = ? WHERE n = ?`,
    summary,
    JSON.stringify(artifacts),
    by,
    at,
    n,
  );
  await resolveAbout(tx, id, at, true);
  // Most tasks are waited for by none: looking is cheaper than changing nothing.
  const waited = await tx.get("SELECT 1 AS x FROM dependency WHERE on_task = ? LIMIT 1", id);
  if (waited === undefined) return [];
  const rows = await tx.all<{ id: string; status: Status; open_deps: number }>(
    `UPDATE task SET open_deps = open_deps - 1
     WHERE id IN (SELECT task FROM dependency WHERE on_task = ?) RETURNING id, status, open_deps`,
    id,
  );
  return rows.filter((row) => row.open_deps === 0 && row.status === "pending").map((row) => row.id);
}

/** Takes a completion back: whatever waits for the task waits again. */
export async function reopen(tx: Tx, id: string, at: string): Promise<void> {
  await tx.run(
    `UPDATE task SET open_deps = open_deps + 1
     WHERE id IN (SELECT task FROM dependency WHERE on_task = ?)`,
    id,
  );
  await setStatus(tx, id, "pending", at);
}

/** What was done, in the words of whoever asks for the review. */
export function setSummary(tx: Tx, id: string, summary: string): Promise<number> {
  return tx.run("UPDATE task SET summary = ? WHERE id = ?", summary, id);
}

export function setReviewer(tx: Tx, id: string, reviewer: string): Promise<number> {
  return tx.run("UPDATE task SET reviewer = ? WHERE id = ?", reviewer, id);
}

export function setProgress(tx: Tx, id: string, progress: string, at: string): Promise<number> {
  return tx.run("UPDATE task SET progress = ?, updated_at = ? WHERE id = ?", progress, at, id);
}

export function setPriority(tx: Tx, id: string, priority: number, at: string): Promise<number> {
  return tx.run("UPDATE task SET priority = ?, updated_at = ? WHERE id = ?", priority, at, id);
}

export function setAssigned(tx: Tx, id: string, peer: string, at: string): Promise<number> {
  return tx.run("UPDATE task SET assigned_to = ?, updated_at = ? WHERE id = ?", peer, at, id);
}

/** Tasks that an incarnation of a peer has claimed and not finished. */
export function claimsOf(tx: Tx, peer: string, incarnation: string): Promise<TaskRow[]> {
  return tx.all<TaskRow>(
    `SELECT ${COLUMNS} FROM task
     WHERE claimed_by = ? AND status IN ('in_progress', 'in_review') AND claim_incarnation = ?
     ORDER BY n`,
    peer,
    incarnation,
  );
}
