// Logged turns, newest kept. What is forgotten of them is forgotten by the search, too; the newest
// row of all stays, so that no number comes twice.

import { limitTo, type Tx } from "../core/transaction.ts";
import { forgetDocument } from "../flock/search.ts";

export const TURNS = ["user", "assistant", "tool_call", "tool_result", "summary"] as const;

export interface TurnRow {
  readonly peer: string;
  readonly project: string;
  readonly run: string | null;
  readonly turn: typeof TURNS[number];
  readonly content: string;
  readonly at: string;
}

/** Stores a turn and drops the oldest beyond `keep`; returns its number. */
export async function addTurn(tx: Tx, turn: TurnRow, keep: number): Promise<number> {
  const id = await tx.insert(
    "INSERT INTO conversation (peer, project, run, turn, content, at) VALUES (?, ?, ?, ?, ?, ?)",
    turn.peer,
    turn.project,
    turn.run,
    turn.turn,
    turn.content,
    turn.at,
  );
  await forgetTurns(
    tx,
    await tx.all<{ id: number }>(
      `SELECT id FROM conversation WHERE peer = ? AND id <= coalesce((SELECT id FROM conversation
       WHERE peer = ? ORDER BY id DESC LIMIT 1 OFFSET ?), 0)`,
      turn.peer,
      turn.peer,
      keep,
    ),
  );
  return id;
}

/** Deletes turns, and what the search knows of them. */
export async function forgetTurns(
  tx: Tx,
  turns: readonly { readonly id: number }[],
): Promise<void> {
  for (const { id } of turns) {
    const row = await tx.get<{ project: string }>(
      "DELETE FROM conversation WHERE id = ? RETURNING project",
      id,
    );
    if (row !== undefined) await forgetDocument(tx, row.project, "conversation", String(id));
  }
}

/** The newest turns of a peer, oldest first. */
export async function turnsOf(tx: Tx, peer: string, limit: number): Promise<TurnRow[]> {
  const rows = await tx.all<TurnRow>(
    `SELECT peer, project, run, turn, content, at FROM conversation WHERE peer = ?
     ORDER BY id DESC ${limitTo(limit)}`,
    peer,
  );
  return rows.slice(0, limit).reverse();
}
