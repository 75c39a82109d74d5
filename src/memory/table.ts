// Shared memory: every version is a row, the newest of a key is the current one.

import { limitTo, type Tx } from "../core/transaction.ts";
import type { Confidence, MemoryType } from "./rules.ts";

/** A row of `memory`. */
export interface MemoryRow {
  readonly project: string;
  readonly key: string;
  readonly version: number;
  readonly value: string;
  readonly type: MemoryType;
  readonly confidence: Confidence;
  readonly author: string;
  readonly run: string | null;
  readonly supersedes: string | null;
  readonly superseded_by: string | null;
  readonly at: string;
}

const COLUMNS =
  "project, key, version, value, type, confidence, author, run, supersedes, superseded_by, at";

export function currentEntry(tx: Tx, project: string, key: string): Promise<MemoryRow | undefined> {
  return tx.get<MemoryRow>(
    `SELECT ${COLUMNS} FROM memory WHERE project = ? AND key = ? AND current = 1
     ORDER BY version DESC LIMIT 1`,
    project,
    key,
  );
}

/** All kept versions of a key, newest first. */
export async function versions(
  tx: Tx,
  project: string,
  key: string,
  limit: number,
): Promise<MemoryRow[]> {
  const rows = await tx.all<MemoryRow>(
    `SELECT ${COLUMNS} FROM memory WHERE project = ? AND key = ? ORDER BY version DESC
     ${limitTo(limit)}`,
    project,
    key,
  );
  return rows.slice(0, limit);
}

/** Current entries that nothing has superseded, newest first. */
export async function entries(
  tx: Tx,
  project: string,
  type: MemoryType | undefined,
  limit: number,
): Promise<MemoryRow[]> {
  const ofType = type === undefined ? "" : "AND type = ?";
  const rows = await tx.all<MemoryRow>(
    `SELECT ${COLUMNS} FROM memory WHERE project = ? ${ofType} AND current = 1
       AND superseded_by IS NULL ORDER BY at DESC, key DESC ${limitTo(limit)}`,
    project,
    ...(type === undefined ? [] : [type]),
  );
  return rows.slice(0, limit);
}

/** Constraints and decisions in force, each newest first. */
export async function bindingMemory(tx: Tx, project: string, limit: number): Promise<MemoryRow[]> {
  const [constraints, decisions] = (["constraint", "decision"] as const).map((type) =>
    `SELECT * FROM (SELECT ${COLUMNS} FROM memory WHERE project = ? AND type = '${type}'
       AND current = 1 AND superseded_by IS NULL ORDER BY at DESC, key DESC ${limitTo(limit)})`
  );
  const rows = await tx.all<MemoryRow>(`${constraints} UNION ALL ${decisions}`, project, project);
  const of = (type: MemoryType): MemoryRow[] => rows.filter((row) => row.type === type);
  return [...of("constraint"), ...of("decision")].slice(0, limit);
}

export async function memoryOfRun(tx: Tx, run: string, limit: number): Promise<MemoryRow[]> {
  const rows = await tx.all<MemoryRow>(
    `SELECT ${COLUMNS} FROM memory WHERE run = ? AND current = 1 AND superseded_by IS NULL
     ORDER BY at DESC ${limitTo(limit)}`,
    run,
  );
  return rows.slice(0, limit);
}

/** Writes the next version of a key and drops those beyond `keep`. */
export async function putEntry(
  tx: Tx,
  entry: Omit<MemoryRow, "superseded_by">,
  keep: number,
): Promise<void> {
  await tx.run(
    "UPDATE memory SET current = 0 WHERE project = ? AND key = ? AND current = 1",
    entry.project,
    entry.key,
  );
  await tx.run(
    `INSERT INTO memory (project, key, version, value, type, confidence, author, run, supersedes,
       current, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)`,
    entry.project,
    entry.key,
    entry.version,
    entry.value,
    entry.type,
    entry.confidence,
    entry.author,
    entry.run,
    entry.supersedes,
    entry.at,
  );
  await tx.run(
    "DELETE FROM memory WHERE project = ? AND key = ? AND version <= ?",
    entry.project,
    entry.key,
    entry.version - keep,
  );
}

export function supersede(tx: Tx, project: string, key: string, by: string): Promise<number> {
  return tx.run(
    "UPDATE memory SET superseded_by = ? WHERE project = ? AND key = ? AND current = 1",
    by,
    project,
    key,
  );
}

/** How many keys a project has; counting stops at `most`. */
export async function countKeys(tx: Tx, project: string, most: number): Promise<number> {
  const row = await tx.get<{ total: number }>(
    `SELECT count(*) AS total FROM (SELECT 1 FROM memory WHERE project = ? AND current = 1
       ${limitTo(most)})`,
    project,
  );
  return row?.total ?? 0;
}

/** How many current entries of a type a project has that nothing has superseded. */
export async function countOf(tx: Tx, project: string, type: MemoryType): Promise<number> {
  const row = await tx.get<{ total: number }>(
    `SELECT count(*) AS total FROM memory WHERE project = ? AND type = ? AND current = 1
       AND superseded_by IS NULL`,
    project,
    type,
  );
  return row?.total ?? 0;
}
