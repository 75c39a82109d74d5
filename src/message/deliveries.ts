// Deliveries: the state of a message for one recipient, and what is due to a life of it.

import type { Shown } from "../core/operation.ts";
import { limitTo, type Tx } from "../core/transaction.ts";
import { type State, STATES } from "./rules.ts";
import { messageById, type MessageRow } from "./table.ts";

/** What was not offered to anybody yet, oldest first. */
const QUEUED = "SELECT message FROM delivery WHERE state = 0 AND peer = ? ORDER BY message";
/** What was offered to a life and is not seen: by itself, or by an earlier one, to which it is due again. */
const OFFERED = "FROM delivery WHERE state = 1 AND peer = ? AND offered_to IS";

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
    `SELECT message FROM (${QUEUED} ${limitTo(limit + shown.unmarked)})
     UNION ALL SELECT message FROM (SELECT message ${OFFERED} NOT ? ORDER BY message
       ${limitTo(limit + shown.unmarked)})`,
    peer,
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
    `SELECT message, 0 AS offered FROM (${QUEUED} ${limitTo(limit + shown.unmarked)})
     UNION ALL SELECT message, offered_to IS ? FROM delivery WHERE state = 1 AND peer = ?`,
    peer,
    incarnation,
    peer,
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
    `SELECT (SELECT count(*) FROM (${QUEUED} ${limitTo(most + shown.unmarked)}))
       + (SELECT count(*) ${OFFERED} NOT ?) AS total`,
    peer,
    peer,
    incarnation,
  );
  return Math.max(0, Math.min(most, (row?.total ?? 0) - shown.unmarked));
}

/** Messages that were offered to this incarnation and not seen, by whatever door. */
export async function offeredTo(tx: Tx, peer: string, incarnation: string): Promise<number[]> {
  const rows = await tx.all<{ message: number }>(`SELECT message ${OFFERED} ?`, peer, incarnation);
  return rows.map((row) => row.message);
}

// The state begins the key. Whatever put a message there twice, a mark makes one of it (OR REPLACE).

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
    // Nearly always nobody was offered it yet; a list of states in one statement costs as much as both.
    for (const before of [0, 1]) {
      const marked = await tx.run(
        `UPDATE OR REPLACE delivery SET state = ?, offered_to = ?, offered_at = ?, seen_at = ?
         WHERE state = ? AND peer = ? AND message = ?`,
        seen ? 2 : 1,
        incarnation,
        at,
        seen ? at : null,
        before,
        peer,
        id,
      );
      if (marked === 0) continue;
      // A second row of it, as offered, would be due again to the next life.
      if (seen && before === 0) {
        await tx.run("DELETE FROM delivery WHERE state = 1 AND peer = ? AND message = ?", peer, id);
      }
      break;
    }
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
       WHERE state IN (1, 2) AND peer = ? AND message = ? AND offered_to = ?`,
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
       WHERE state = 1 AND peer = ? AND message = ? AND offered_to = ?`,
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
    `UPDATE OR REPLACE delivery SET state = 2, seen_at = ? WHERE state = 1 AND peer = ? AND offered_to = ?`,
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
