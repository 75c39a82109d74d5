// Deliveries: the state of a message for one recipient, and what is due to a life of it.

import type { Shown } from "../core/operation.ts";
import { limitTo, type Tx } from "../core/transaction.ts";
import { type State, STATES } from "./rules.ts";
import { messageById, type MessageRow } from "./table.ts";

/** Due to an incarnation: what was not offered, and what an earlier life was offered and has not seen. */
const DUE = `SELECT message FROM delivery
  WHERE peer = ? AND state < 2 AND (state = 0 OR offered_to IS NOT ?) ORDER BY state, message`;
const OFFERED = "SELECT message FROM delivery WHERE peer = ? AND state = 1 AND offered_to = ?";

/**
 * What an incarnation has not been offered yet, oldest first. `shown` is what its node has shown it,
 * whose marks may not be written yet.
 */
export async function unread(
  tx: Tx,
  peer: string,
  incarnation: string,
  limit: number,
  shown: Shown,
): Promise<MessageRow[]> {
  const due = await tx.all<{ message: number }>(
    `${DUE} ${limitTo(limit + shown.unmarked)}`,
    peer,
    incarnation,
  );
  return await rowsOf(tx, due.map(({ message }) => message), limit, shown);
}

/**
 * The same, and what was offered to this incarnation, by whatever door, and not seen: one statement,
 * since it is asked with every call, and nearly always there is nothing.
 */
export async function unreadAndOffered(
  tx: Tx,
  peer: string,
  incarnation: string,
  limit: number,
  shown: Shown,
): Promise<{ unread: MessageRow[]; offered: number[] }> {
  const found = await tx.all<{ message: number; offered: number }>(
    `SELECT message, 0 AS offered FROM (${DUE} ${limitTo(limit + shown.unmarked)})
     UNION ALL SELECT message, 1 FROM (${OFFERED})`,
    peer,
    incarnation,
    peer,
    incarnation,
  );
  if (found.length === 0) return { unread: [], offered: [] };
  const numbers = (offered: number): number[] =>
    found.filter((row) => row.offered === offered).map(({ message }) => message);
  return { unread: await rowsOf(tx, numbers(0), limit, shown), offered: numbers(1) };
}

async function rowsOf(
  tx: Tx,
  due: number[],
  limit: number,
  shown: Shown,
): Promise<MessageRow[]> {
  const rows: MessageRow[] = [];
  for (const message of due.sort((a, b) => a - b)) {
    if (shown.has(message) || rows.length === limit) continue;
    const row = await messageById(tx, message);
    if (row !== undefined) rows.push(row);
  }
  return rows;
}

/**
 * How much of that there is; counting stops at `most`. What is on the way is not marked yet, so it
 * is among the rows that are counted.
 */
export async function countUnread(
  tx: Tx,
  peer: string,
  incarnation: string,
  most: number,
  shown: Shown,
): Promise<number> {
  const row = await tx.get<{ total: number }>(
    `SELECT (SELECT count(*) FROM (SELECT 1 FROM delivery WHERE peer = ? AND state = 0
         ${limitTo(most + shown.unmarked)}))
       + (SELECT count(*) FROM delivery WHERE peer = ? AND state = 1 AND offered_to IS NOT ?)
       AS total`,
    peer,
    peer,
    incarnation,
  );
  return Math.max(0, Math.min(most, (row?.total ?? 0) - shown.unmarked));
}

/** Messages that were offered to this incarnation and not seen, by whatever door. */
export async function offeredTo(tx: Tx, peer: string, incarnation: string): Promise<number[]> {
  const rows = await tx.all<{ message: number }>(OFFERED, peer, incarnation);
  return rows.map((row) => row.message);
}

// The state is part of the key. Whatever put a message there twice, a mark makes one of it (OR REPLACE).

/** `seen`: it has been seen, too, since the last marks: one step instead of two. */
export async function markOffered(
  tx: Tx,
  peer: string,
  ids: Iterable<number>,
  incarnation: string,
  at: string,
  seen = false,
): Promise<void> {
  for (const id of ids) {
    await tx.run(
      `UPDATE OR REPLACE delivery SET state = ?, offered_to = ?, offered_at = ?, seen_at = ?
       WHERE peer = ? AND state < 2 AND message = ?`,
      seen ? 2 : 1,
      incarnation,
      at,
      seen ? at : null,
      peer,
      id,
    );
  }
}

/** What was offered to this incarnation and came to nobody is queued again, whatever was made of it. */
export async function markQueued(
  tx: Tx,
  peer: string,
  ids: readonly number[],
  incarnation: string,
): Promise<void> {
  for (const id of ids) {
    await tx.run(
      `UPDATE OR REPLACE delivery SET state = 0, offered_to = NULL, offered_at = NULL, seen_at = NULL
       WHERE peer = ? AND state IN (1, 2) AND message = ? AND offered_to = ?`,
      peer,
      id,
      incarnation,
    );
  }
}

/** Only what was last offered to this very incarnation can be seen by it. */
export async function markSeen(
  tx: Tx,
  peer: string,
  ids: readonly number[],
  incarnation: string,
  at: string,
): Promise<void> {
  for (const id of ids) {
    await tx.run(
      `UPDATE OR REPLACE delivery SET state = 2, seen_at = ?
       WHERE peer = ? AND state = 1 AND message = ? AND offered_to = ?`,
      at,
      peer,
      id,
      incarnation,
    );
  }
}

/** Everything that was offered to an incarnation so far and that it has not seen. */
export function markAllOfferedSeen(
  tx: Tx,
  peer: string,
  incarnation: string,
  at: string,
): Promise<number> {
  return tx.run(
    `UPDATE OR REPLACE delivery SET state = 2, seen_at = ? WHERE peer = ? AND state = 1 AND offered_to = ?`,
    at,
    peer,
    incarnation,
  );
}

/** The state of a message for each recipient, by name. */
export async function deliveriesOf(
  tx: Tx,
  message: Pick<MessageRow, "id" | "recipients">,
): Promise<{ name: string; state: State; offered_at: string | null; seen_at: string | null }[]> {
  const found = [];
  for (const peer of JSON.parse(message.recipients) as string[]) {
    const row = await tx.get<
      { name: string; state: number; offered_at: string | null; seen_at: string | null }
    >(
      `SELECT coalesce(p.name, d.peer) AS name, d.state, d.offered_at, d.seen_at FROM delivery d
       LEFT JOIN peer p ON p.id = d.peer
       WHERE d.peer = ? AND d.state IN (0, 1, 2, 3) AND d.message = ?`,
      peer,
      message.id,
    );
    if (row !== undefined) found.push({ ...row, state: STATES[row.state] ?? "queued" });
  }
  return found;
}
