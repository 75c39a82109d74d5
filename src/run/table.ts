// Runs: a goal with a plan, its tasks and its history, which outlive every session.

import { Refusal } from "../core/errors.ts";
import type { Tx } from "../core/transaction.ts";

export type RunStatus = "active" | "ended";

/** A row of `run`. */
export interface RunRow {
  readonly id: string;
  readonly project: string;
  readonly goal: string;
  readonly plan: string;
  readonly status: RunStatus;
  readonly created_by: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly ended_at: string | null;
  readonly outcome: string | null;
}

const COLUMNS =
  "id, project, goal, plan, status, created_by, created_at, updated_at, ended_at, outcome";

export function runById(tx: Tx, id: string): Promise<RunRow | undefined> {
  return tx.get<RunRow>(`SELECT ${COLUMNS} FROM run WHERE id = ?`, id);
}

/**
 * A run of a project that goes on.
 * @param what the operation that needs one
 * @throws Refusal `UNKNOWN_RUN`, `RUN_ENDED`
 */
export async function openRun(tx: Tx, project: string, id: string, what: string): Promise<RunRow> {
  const row = await runById(tx, id);
  if (row === undefined || row.project !== project) {
    throw new Refusal("UNKNOWN_RUN", `${what}: run ${id} does not exist in this project`, {
      field: "run",
    });
  }
  if (row.status === "ended") {
    throw new Refusal("RUN_ENDED", `${what}: run ${id} ended at ${row.ended_at}`, {
      field: "run",
      run: id,
    });
  }
  return row;
}

/** Runs of a project, newest first. */
export function runsOf(tx: Tx, project: string, limit: number): Promise<RunRow[]> {
  return tx.all<RunRow>(
    `SELECT ${COLUMNS} FROM run WHERE project = ? ORDER BY created_at DESC, length(id) DESC, id DESC LIMIT ?`,
    project,
    limit,
  );
}

/** The goal of a run, else of the project's newest that goes on; null without one. */
export async function goalOf(tx: Tx, project: string, run: string | null): Promise<string | null> {
  const own = run === null ? undefined : await runById(tx, run);
  if (own !== undefined) return own.goal;
  const row = await tx.get<{ goal: string }>(
    `SELECT goal FROM run WHERE project = ? AND status = 'active'
     ORDER BY created_at DESC, length(id) DESC, id DESC LIMIT 1`,
    project,
  );
  return row?.goal ?? null;
}

export function insertRun(
  tx: Tx,
  run: Pick<RunRow, "id" | "project" | "goal" | "plan" | "created_by" | "created_at">,
): Promise<number> {
  return tx.run(
    `INSERT INTO run (id, project, goal, plan, status, created_by, created_at, updated_at)
     VALUES (?, ?, ?, ?, 'active', ?, ?, ?)`,
    run.id,
    run.project,
    run.goal,
    run.plan,
    run.created_by,
    run.created_at,
    run.created_at,
  );
}

export function updateRun(
  tx: Tx,
  id: string,
  change: { goal?: string | undefined; plan?: string | undefined },
  at: string,
): Promise<number> {
  return tx.run(
    "UPDATE run SET goal = coalesce(?, goal), plan = coalesce(?, plan), updated_at = ? WHERE id = ?",
    change.goal ?? null,
    change.plan ?? null,
    at,
    id,
  );
}

export function endRun(tx: Tx, id: string, outcome: string | null, at: string): Promise<number> {
  return tx.run(
    "UPDATE run SET status = 'ended', ended_at = ?, outcome = ?, updated_at = ? WHERE id = ?",
    at,
    outcome,
    at,
    id,
  );
}
