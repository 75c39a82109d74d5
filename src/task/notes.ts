// Notes on tasks: what happened, in the words of those who worked on them.

import { limitTo, type Tx } from "../core/transaction.ts";

export interface NoteRow {
  readonly author: string;
  /** note, finding, handover, review, failure */
  readonly kind: string;
  readonly text: string;
  readonly at: string;
}

export function insertNote(tx: Tx, task: string, note: NoteRow): Promise<number> {
  return tx.run(
    "INSERT INTO note (task, author, kind, text, at) VALUES (?, ?, ?, ?, ?)",
    task,
    note.author,
    note.kind,
    note.text,
    note.at,
  );
}

/** The newest notes of a task, oldest first. */
export async function notesOf(tx: Tx, task: string, limit: number): Promise<NoteRow[]> {
  const rows = await tx.all<NoteRow>(
    `SELECT author, kind, text, at FROM note WHERE task = ? ORDER BY id DESC ${limitTo(limit)}`,
    task,
  );
  return rows.slice(0, limit).reverse();
}

export async function countNotes(tx: Tx, task: string): Promise<number> {
  const row = await tx.get<{ total: number }>(
    "SELECT count(*) AS total FROM note WHERE task = ?",
    task,
  );
  return row?.total ?? 0;
}
