// A project's rows, page by page, for whoever writes them down elsewhere; and rows from elsewhere.

import { limitTo, type Tx } from "../core/transaction.ts";
import { headSeq, type JournalRow, rowsAfter } from "../store/journal.ts";
import { splitHints, type Status } from "../task/rules.ts";
import { dependenciesOf, type TaskRow } from "../task/table.ts";
import { nameOf } from "../task/view.ts";
import type { Acted, Exported } from "./rules.ts";

interface Made {
  readonly files?: readonly string[];
  readonly created?: readonly string[];
  readonly tests?: string;
  readonly risks?: string;
}

/** A task with everything that an export tells of it. */
export async function exported(tx: Tx, row: TaskRow): Promise<Exported> {
  const made = JSON.parse(row.artifacts ?? "{}") as Made;
  const created = made.created ?? [];
  const { description, hints } = splitHints(row.description);
  return {
    id: row.id,
    n: row.n,
    title: row.title,
    description,
    hints,
    status: row.status,
    priority: row.priority,
    depends_on: (await dependenciesOf(tx, row.id)).map((task) => task.id),
    files: JSON.parse(row.files) as string[],
    claimed_by: await nameOf(tx, row.claimed_by),
    claimed_at: row.claimed_at,
    progress: row.progress,
    created_by: row.created_by,
    created_at: row.created_at,
    updated_at: row.updated_at,
    completed_by: row.completed_by,
    summary: row.summary,
    files_modified: (made.files ?? []).filter((file) => !created.includes(file)),
    files_created: created,
    tests: made.tests ?? "",
    risks: made.risks ?? "",
    failure: row.failure,
    attempts: row.attempts,
    run: row.run,
  };
}

/** What was done in a project after a row of the journal: one page, and where the next begins. */
export async function actsAfter(
  tx: Tx,
  project: string,
  after: number,
  limit: number,
): Promise<{ acts: Acted[]; next: number | null }> {
  const rows = await rowsAfter(tx, after, limit);
  const acts: Acted[] = [];
  const known = new Map<string, string | undefined>();
  for (const row of rows) {
    let owner = known.get(row.subject);
    if (!known.has(row.subject)) known.set(row.subject, owner = await projectOf(tx, row));
    if (owner !== project) continue;
    const { seq, at, actor, op, subject } = row;
    acts.push({ seq, at, actor, op, subject, text: textOf(row.detail) });
  }
  return { acts, next: rows.length < limit ? null : rows.at(-1)?.seq ?? null };
}

/** The project that a row of the journal is about; undefined if it is about none. */
async function projectOf(tx: Tx, row: JournalRow): Promise<string | undefined> {
  const [kind, id = ""] = row.subject.split(/\/(.*)/s);
  if (kind === "memory") {
    const detail = row.detail.startsWith("{") ? JSON.parse(row.detail) as { project?: string } : {};
    return detail.project;
  }
  if (kind !== "task" && kind !== "run") return undefined;
  const found = await tx.get<{ project: string }>(
    `SELECT project FROM ${kind} WHERE id = ?`,
    id,
  );
  return found?.project;
}

/** What a log says besides who, when and what: the parts of a detail that people understand. */
function textOf(detail: string): string {
  if (!detail.startsWith("{")) return "";
  const { title, action, progress, as } = JSON.parse(detail) as Record<string, unknown>;
  const said = [title, action, progress].filter((part) => typeof part === "string");
  return [...said, ...(typeof as === "string" ? [`(as ${as})`] : [])].join(" ");
}

/** Where logs begin that nobody has written yet. */
export async function logsFrom(tx: Tx, rows: number): Promise<number> {
  return Math.max(0, await headSeq(tx) - rows);
}

/** Numbers of rows that one page looks at: most may be of other projects, or of nobody's business. */
const LOOK_ROWS = 2_000;

/** A page, and after which row the next one begins; null behind the last. */
export interface Rows {
  readonly rows: readonly { readonly cursor: number }[];
  readonly next: number | null;
}

/** Who reads: whoever does not read `all` gets its own mail and conversation. */
export interface Reader {
  readonly id: string;
  readonly all: boolean;
}

/** A stretch of a table that grows: from the first row after `after` on. */
async function stretch(
  tx: Tx,
  table: "message" | "conversation",
  after: number,
): Promise<{ readonly from: number; readonly to: number; readonly last: number }> {
  const row = await tx.get<{ first: number | null; last: number | null }>(
    `SELECT (SELECT id FROM ${table} WHERE id > ? ORDER BY id LIMIT 1) AS first,
       (SELECT max(id) FROM ${table}) AS last`,
    after,
  );
  const from = (row?.first ?? after + 1) - 1;
  return { from, to: from + LOOK_ROWS, last: row?.last ?? 0 };
}

function ended(
  rows: readonly { readonly cursor: number }[],
  limit: number,
  at: { readonly to: number; readonly last: number },
): Rows {
  const page = rows.slice(0, limit);
  if (rows.length >= limit) return { rows: page, next: page.at(-1)?.cursor ?? null };
  return { rows: page, next: at.to < at.last ? at.to : null };
}

/** Messages of a project, and mail that came to it from another one. */
export async function messageRows(
  tx: Tx,
  project: string,
  after: number,
  limit: number,
  reader: Reader,
): Promise<Rows> {
  const at = await stretch(tx, "message", after);
  const rows = await tx.all<{ cursor: number }>(
    `SELECT id AS cursor, 'm' || id AS id, sender_name AS sender, category, content, task, run, at
     FROM message m WHERE id > ? AND id <= ? AND ((project = ? AND (? = 1 OR sender = ?))
       OR EXISTS (SELECT 1 FROM delivery d
         WHERE d.peer = ? AND d.state IN (0, 1, 2) AND d.message = m.id)
       OR (? = 1 AND EXISTS (SELECT 1 FROM json_each(m.recipients) r JOIN peer p ON p.id = r.value
         WHERE p.project = ?)))
     ORDER BY id ${limitTo(limit)}`,
    at.from,
    at.to,
    project,
    reader.all ? 1 : 0,
    reader.id,
    reader.id,
    reader.all ? 1 : 0,
    project,
  );
  return ended(rows, limit, at);
}

/** Turns of a project's conversations. */
export async function turnRows(
  tx: Tx,
  project: string,
  after: number,
  limit: number,
  reader: Reader,
): Promise<Rows> {
  const at = await stretch(tx, "conversation", after);
  const rows = await tx.all<{ cursor: number }>(
    `SELECT id AS cursor, peer, run, turn, content, at FROM conversation
     WHERE id > ? AND id <= ? AND project = ? AND (? = 1 OR peer = ?) ORDER BY id ${
      limitTo(limit)
    }`,
    at.from,
    at.to,
    project,
    reader.all ? 1 : 0,
    reader.id,
  );
  return ended(rows, limit, at);
}

/** A row of a project's peers, locks, notes: as it is, for a program. */
export async function plainRows(
  tx: Tx,
  part: "peers" | "locks" | "notes",
  project: string,
  after: number,
  limit: number,
): Promise<Rows> {
  const sql = {
    peers: `SELECT rowid AS cursor, name, role, summary, state, joined_at, seen_at FROM peer
        WHERE project = ? AND rowid > ?`,
    locks: `SELECT l.id AS cursor, l.shown AS path, l.mode, p.name AS peer, l.task, l.since
        FROM lock l JOIN peer p ON p.id = l.peer WHERE p.project = ? AND l.id > ?`,
    notes: `SELECT o.id AS cursor, o.task, o.author, o.kind, o.text, o.at
        FROM note o JOIN task t ON t.id = o.task WHERE t.project = ? AND o.id > ?`,
  }[part];
  const rows = await tx.all<{ cursor: number }>(
    `${sql} ORDER BY cursor ${limitTo(limit)}`,
    project,
    after,
  );
  return ended(rows, limit, { to: 0, last: 0 });
}

/** Every kept version of a project's memory, after a key and version. */
export function memoryRows(
  tx: Tx,
  project: string,
  after: { readonly key: string; readonly version: number },
  limit: number,
): Promise<{ readonly key: string; readonly version: number }[]> {
  return tx.all(
    `SELECT key, version, value, type, confidence, author, run, supersedes, superseded_by, current,
       at FROM memory WHERE project = ? AND (key, version) > (?, ?) ORDER BY key, version
     ${limitTo(limit)}`,
    project,
    after.key,
    after.version,
  );
}

/** A task from elsewhere, with its own id. */
export interface Taken {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly status: Status;
  readonly priority: number;
  readonly openDeps: number;
  readonly files: readonly string[];
  readonly claimedBy: string | null;
  readonly incarnation: string | null;
  readonly summary: string | null;
  readonly artifacts: string | null;
  readonly failure: string | null;
  readonly completedBy: string | null;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly progress: string;
}

/** Writes what a new task does not have yet: how far it had come elsewhere. */
export function insertTaken(
  tx: Tx,
  n: number,
  place: {
    readonly project: string;
    readonly run: string | null;
    readonly by: string;
    readonly creator: string;
    readonly maxAttempts: number;
    readonly at: string;
  },
  task: Taken,
): Promise<number> {
  const claimed = task.incarnation !== null;
  return tx.run(
    `INSERT INTO task (n, id, project, run, title, description, accept, files, status, priority,
       open_deps, created_by, creator, created_at, claimed_by, claim_incarnation, claim_epoch,
       claimed_at, attempts, max_attempts, progress, summary, artifacts, failure, completed_by,
       updated_at)
     VALUES (?, ?, ?, ?, ?, ?, '', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    n,
    task.id,
    place.project,
    place.run,
    task.title,
    task.description,
    JSON.stringify(task.files),
    task.status,
    task.priority,
    task.openDeps,
    place.by,
    place.creator,
    task.createdAt,
    task.claimedBy,
    task.incarnation,
    claimed ? 1 : 0,
    claimed ? place.at : null,
    claimed ? 1 : 0,
    place.maxAttempts,
    task.progress,
    task.summary,
    task.artifacts,
    task.failure,
    task.completedBy,
    task.updatedAt,
  );
}
