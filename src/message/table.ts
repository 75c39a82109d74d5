// Messages and their deliveries. A message is stored once; a delivery is its state for one
// recipient.

import type { Tx } from "../core/transaction.ts";
import type { Category } from "./rules.ts";
import { type State, STATES } from "./rules.ts";

/** A row of `message`. */
export interface MessageRow {
  readonly id: number;
  readonly sender: string;
  readonly sender_name: string;
  readonly sender_role: string;
  readonly project: string;
  readonly category: Category;
  readonly content: string;
  readonly task: string | null;
  readonly run: string | null;
  readonly reply_to: number | null;
  readonly chain: number | null;
  readonly at: string;
  readonly resolved_at: string | null;
}

const COLUMNS =
  `m.id, m.sender, m.sender_name, m.sender_role, m.project, m.category, m.content, m.task,
  m.run, m.reply_to, m.chain, m.at, m.resolved_at`;

export type NewMessage = Omit<MessageRow, "id" | "resolved_at"> & { readonly upS: number };

/** Stores a message and a queued delivery for each recipient; returns its number. */
export async function post(
  tx: Tx,
  message: NewMessage,
  recipients: readonly string[],
): Promise<number> {
  const row = await tx.get<{ id: number }>(
    `INSERT INTO message (sender, sender_name, sender_role, project, category, content, task, run,
       reply_to, chain, at, up_s) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
    message.sender,
    message.sender_name,
    message.sender_role,
    message.project,
    message.category,
    message.content,
    message.task,
    message.run,
    message.reply_to,
    message.chain,
    message.at,
    message.upS,
  );
  const id = row?.id ?? 0;
  for (const peer of recipients) {
    await tx.run("INSERT INTO delivery (peer, message) VALUES (?, ?)", peer, id);
  }
  return id;
}

export function messageById(tx: Tx, id: number): Promise<MessageRow | undefined> {
  return tx.get<MessageRow>(`SELECT ${COLUMNS} FROM message m WHERE m.id = ?`, id);
}

/**
 * What an incarnation has not been offered yet, oldest first. `offering` are those that its node
 * has on the way, whose marks may not be written yet.
 */
export async function unread(
  tx: Tx,
  peer: string,
  incarnation: string,
  limit: number,
  offering: ReadonlySet<number>,
): Promise<MessageRow[]> {
  const rows = await tx.all<MessageRow>(
    `SELECT ${COLUMNS} FROM delivery d JOIN message m ON m.id = d.message
     WHERE d.peer = ? AND d.state < 2 AND (d.state = 0 OR d.offered_to IS NOT ?)
     ORDER BY d.message LIMIT ?`,
    peer,
    incarnation,
    limit + offering.size,
  );
  const due = offering.size === 0 ? rows : rows.filter((row) => !offering.has(row.id));
  return due.slice(0, limit);
}

/** How much of that there is; counting stops at `most`. */
export async function countUnread(
  tx: Tx,
  peer: string,
  incarnation: string,
  most: number,
  offering: ReadonlySet<number>,
): Promise<number> {
  const rows = await tx.all<{ message: number }>(
    `SELECT message FROM delivery
     WHERE peer = ? AND state < 2 AND (state = 0 OR offered_to IS NOT ?) LIMIT ?`,
    peer,
    incarnation,
    most + offering.size,
  );
  return Math.min(most, rows.filter((row) => !offering.has(row.message)).length);
}

export async function markOffered(
  tx: Tx,
  peer: string,
  ids: readonly number[],
  incarnation: string,
  at: string,
): Promise<void> {
  for (const id of ids) {
    await tx.run(
      `UPDATE delivery SET state = 1, offered_to = ?, offered_at = ?
       WHERE peer = ? AND message = ? AND state < 2`,
      incarnation,
      at,
      peer,
      id,
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
      `UPDATE delivery SET state = 2, seen_at = ?
       WHERE peer = ? AND message = ? AND state = 1 AND offered_to = ?`,
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
    `UPDATE delivery SET state = 2, seen_at = ? WHERE peer = ? AND state = 1 AND offered_to = ?`,
    at,
    peer,
    incarnation,
  );
}

/** The state of a message for each recipient, by name. */
export async function deliveriesOf(
  tx: Tx,
  message: number,
): Promise<{ name: string; state: State; offered_at: string | null; seen_at: string | null }[]> {
  const rows = await tx.all<
    { name: string; state: number; offered_at: string | null; seen_at: string | null }
  >(
    `SELECT coalesce(p.name, d.peer) AS name, d.state, d.offered_at, d.seen_at FROM delivery d
     LEFT JOIN peer p ON p.id = d.peer WHERE d.message = ? ORDER BY name LIMIT 500`,
    message,
  );
  return rows.map((row) => ({ ...row, state: STATES[row.state] ?? "queued" }));
}

/** Replies of a sender in a chain since a time, to one pair partner. */
export async function repliesInChain(
  tx: Tx,
  chain: number,
  sender: string,
  sinceS: number,
): Promise<number> {
  const row = await tx.get<{ total: number }>(
    "SELECT count(*) AS total FROM message WHERE chain = ? AND sender = ? AND up_s >= ?",
    chain,
    sender,
    sinceS,
  );
  return row?.total ?? 0;
}

/** Marks an escalation as acted upon. */
export function resolve(tx: Tx, id: number, at: string): Promise<number> {
  return tx.run(
    `UPDATE message SET resolved_at = ? WHERE id = ? AND resolved_at IS NULL
       AND category IN ('blocker', 'review_request', 'error')`,
    at,
    id,
  );
}

/** Escalations of a project that nobody has answered, newest first. */
export function openEscalations(tx: Tx, project: string, limit: number): Promise<MessageRow[]> {
  return tx.all<MessageRow>(
    `SELECT ${COLUMNS} FROM message m WHERE m.project = ? AND m.resolved_at IS NULL
       AND m.category IN ('blocker', 'review_request', 'error') ORDER BY m.id DESC LIMIT ?`,
    project,
    limit,
  );
}

/** The newest messages of a run, oldest first. */
export async function messagesOfRun(tx: Tx, run: string, limit: number): Promise<MessageRow[]> {
  const rows = await tx.all<MessageRow>(
    `SELECT ${COLUMNS} FROM message m WHERE m.run = ? ORDER BY m.id DESC LIMIT ?`,
    run,
    limit,
  );
  return rows.reverse();
}
