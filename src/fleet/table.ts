// Attempts: what worker processes try, where, at what cost, and what became of it.

import { limitTo, type Tx } from "../core/transaction.ts";
import { CHECK, type Kind, type Outcome } from "./rules.ts";

/**
 * `review`: handed in, not merged until somebody approves. `waiting`: done, and merged as soon as what
 * `reason` names is out of the way; no process is at it.
 */
export type AttemptState = "running" | Outcome;

/** A row of `attempt`. */
export interface AttemptRow {
  readonly id: number;
  readonly run: string;
  readonly task: string;
  readonly title: string;
  /** Counted from 1 for each task. */
  readonly number: number;
  readonly kind: Kind;
  /** Name of the worker. */
  readonly worker: string;
  readonly peer: string;
  readonly incarnation: string;
  readonly claim_epoch: number;
  readonly model: string | null;
  readonly state: AttemptState;
  /** Why it shall end; null while nobody wants that. */
  readonly stop: string | null;
  readonly folder: string | null;
  readonly branch: string | null;
  /** The commit it began at, the commit it saved, and the commit that merged it. */
  readonly base: string | null;
  readonly head: string | null;
  readonly merged: string | null;
  /** The ref that keeps what was not committed. */
  readonly parked: string | null;
  /** JSON of the agent's process, its group and when it began. */
  readonly process: string | null;
  readonly session: string | null;
  readonly log: string | null;
  readonly started_at: string;
  /** Milliseconds since 1970. */
  readonly started_ms: number;
  readonly first_output_at: string | null;
  readonly ended_at: string | null;
  readonly ended_ms: number | null;
  readonly turns: number;
  readonly tokens: number;
  readonly cost_usd: number;
  /** JSON of what the agent handed in. */
  readonly report: string | null;
  readonly reason: string | null;
  /** What a failure came from, in a word. */
  readonly cause: string | null;
}

/** What an agent handed in with complete_task. */
export interface Report {
  readonly summary: string;
  readonly files: readonly string[];
  readonly tests: string;
  readonly risks: string;
}

const COLUMNS =
  `id, run, task, (SELECT title FROM task WHERE task.id = attempt.task) AS title, number, kind, worker, peer, incarnation, claim_epoch, model, state,
  stop, folder, branch, base, head, merged, parked, process, session, log, started_at, started_ms,
  first_output_at, ended_at, ended_ms, turns, tokens, cost_usd, report, reason, cause`;

export function attemptById(tx: Tx, id: number): Promise<AttemptRow | undefined> {
  return tx.get<AttemptRow>(`SELECT ${COLUMNS} FROM attempt WHERE id = ?`, id);
}

/** The attempt that goes on at a task under one claim. */
export function runningAttempt(
  tx: Tx,
  task: string,
  epoch: number,
): Promise<AttemptRow | undefined> {
  return tx.get<AttemptRow>(
    `SELECT ${COLUMNS} FROM attempt WHERE task = ? AND claim_epoch = ? AND state = 'running'`,
    task,
    epoch,
  );
}

/** The attempts that go on at a task: of its claim, and of claims that were taken away. */
export function runningOf(tx: Tx, task: string): Promise<AttemptRow[]> {
  return tx.all<AttemptRow>(
    `SELECT ${COLUMNS} FROM attempt WHERE task = ? AND state = 'running' ORDER BY id`,
    task,
  );
}

/**
 * The last attempt whose branch the next one goes on from: it could not be merged, somebody wanted
 * changes to it, or it failed the check. Others after it may have failed.
 */
export function lastKept(tx: Tx, task: string): Promise<AttemptRow | undefined> {
  return tx.get<AttemptRow>(
    `SELECT ${COLUMNS} FROM attempt WHERE task = ? AND branch IS NOT NULL
       AND (state = 'conflict' OR (state = 'stopped' AND cause = 'review')
         OR (state = 'failed' AND cause = ?))
     ORDER BY id DESC LIMIT 1`,
    task,
    CHECK,
  );
}

export interface AttemptFilter {
  readonly run?: string | undefined;
  readonly task?: string | undefined;
  readonly open?: boolean | undefined;
  /** Only those after this id. */
  readonly after?: number | undefined;
}

/** Attempts of a project, oldest first. */
export function attemptsOf(
  tx: Tx,
  project: string,
  { run, task, open, after }: AttemptFilter,
  limit: number,
): Promise<AttemptRow[]> {
  const where = [
    "run IN (SELECT id FROM run WHERE project = ?)",
    ...(run === undefined ? [] : ["run = ?"]),
    ...(task === undefined ? [] : ["task = ?"]),
    ...(open === true ? ["state IN ('running', 'review', 'waiting')"] : []),
    "id > ?",
  ];
  const values = [project, ...[run, task].filter((one) => one !== undefined), after ?? 0];
  return tx.all<AttemptRow>(
    `SELECT ${COLUMNS} FROM attempt WHERE ${where.join(" AND ")} ORDER BY id ${limitTo(limit)}`,
    ...values,
  );
}

export type NewAttempt = Pick<
  AttemptRow,
  | "run"
  | "task"
  | "number"
  | "kind"
  | "worker"
  | "peer"
  | "incarnation"
  | "claim_epoch"
  | "model"
  | "base"
  | "started_at"
  | "started_ms"
>;

/** Begins an attempt and returns its id. */
export function insertAttempt(tx: Tx, one: NewAttempt): Promise<number> {
  return tx.insert(
    `INSERT INTO attempt (run, task, number, kind, worker, peer, incarnation, claim_epoch, model,
       base, started_at, started_ms, state)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'running')`,
    one.run,
    one.task,
    one.number,
    one.kind,
    one.worker,
    one.peer,
    one.incarnation,
    one.claim_epoch,
    one.model,
    one.base,
    one.started_at,
    one.started_ms,
  );
}

/** What of an attempt becomes known while it goes on, or at its end. */
export type AttemptChange = Partial<
  Pick<
    AttemptRow,
    | "claim_epoch"
    | "state"
    | "stop"
    | "folder"
    | "branch"
    | "base"
    | "head"
    | "merged"
    | "parked"
    | "process"
    | "session"
    | "log"
    | "first_output_at"
    | "ended_at"
    | "ended_ms"
    | "turns"
    | "tokens"
    | "cost_usd"
    | "report"
    | "reason"
    | "cause"
  >
>;

/** Sets what is given, and nothing else. */
export async function changeAttempt(tx: Tx, id: number, change: AttemptChange): Promise<void> {
  const fields = Object.entries(change).filter(([, value]) => value !== undefined);
  if (fields.length === 0) return;
  const set = fields.map(([name]) => `${name} = ?`).join(", ");
  await tx.run(`UPDATE attempt SET ${set} WHERE id = ?`, ...fields.map(([, value]) => value), id);
}

/**
 * Whether the process of a life has ended: its presence is free, or it was taken away after somebody
 * had noticed the end.
 */
export async function isOver(tx: Tx, incarnation: string): Promise<boolean> {
  const presence = await tx.held(incarnation);
  if (presence !== "missing") return presence === "free";
  return await tx.get("SELECT 1 FROM peer WHERE incarnation = ?", incarnation) === undefined;
}

/**
 * Whether a task is still an attempt's: claimed for it, approved before it ended, or freed by its
 * worker's end and claimed by nobody since. What anybody else has begun, finished or cancelled is not the attempt's to merge.
 */
export async function isCurrent(
  tx: Tx,
  row: Pick<AttemptRow, "task" | "claim_epoch">,
): Promise<boolean> {
  const found = await tx.get(
    `SELECT 1 FROM task WHERE id = ? AND (
       (claim_epoch = ? AND status IN ('in_progress', 'in_review', 'completed'))
       OR (claim_epoch = ? AND status IN ('pending', 'failed')))`,
    row.task,
    row.claim_epoch,
    row.claim_epoch + 1,
  );
  return found !== undefined;
}

/** The same for one that no worker's death has freed: whose worker lives, or needs none any more. */
export async function isHeld(
  tx: Tx,
  row: Pick<AttemptRow, "task" | "claim_epoch">,
): Promise<boolean> {
  const found = await tx.get(
    `SELECT 1 FROM task WHERE id = ? AND claim_epoch = ?
       AND status IN ('in_progress', 'in_review', 'completed')`,
    row.task,
    row.claim_epoch,
  );
  return found !== undefined;
}

/** Whether something of a task's attempts waits for a merge, or for whoever cleans up after the dead. */
export async function isUnsettled(tx: Tx, task: string): Promise<boolean> {
  const rows = await tx.all<{ incarnation: string; state: AttemptState }>(
    "SELECT incarnation, state FROM attempt WHERE task = ? AND state IN ('running', 'waiting')",
    task,
  );
  for (const { incarnation, state } of rows) {
    if (state === "waiting" || await isOver(tx, incarnation)) return true;
  }
  return false;
}

/** A task is tried as often as its run says, also where its workers die. */
export function setMostAttempts(tx: Tx, task: string, most: number): Promise<number> {
  return tx.run(
    "UPDATE task SET max_attempts = ? WHERE id = ? AND max_attempts <> ?",
    most,
    task,
    most,
  );
}

/** How many attempts a task has had. */
export async function countAttempts(tx: Tx, task: string): Promise<number> {
  const row = await tx.get<{ total: number }>(
    "SELECT count(*) AS total FROM attempt WHERE task = ?",
    task,
  );
  return row?.total ?? 0;
}

/** Failures of a task that another model might mend: not those of the service or the network. */
export async function countFailures(tx: Tx, task: string): Promise<number> {
  const row = await tx.get<{ total: number }>(
    `SELECT count(*) AS total FROM attempt
     WHERE task = ? AND state = 'failed' AND coalesce(cause, '') <> 'service'`,
    task,
  );
  return row?.total ?? 0;
}
