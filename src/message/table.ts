// Messages and their deliveries. A message is stored once; a delivery is its state for one
// recipient.

import { invariant } from "../core/invariant.ts";
import type { Shown } from "../core/operation.ts";
import { limitTo, type Tx } from "../core/transaction.ts";
import { type Category, type State, STATES } from "./rules.ts";

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
  /** JSON list of peer ids. */
  readonly recipients: string;
  readonly at: string;
  readonly resolved_at: string | null;
}

/** Every column of a row `m`. */
export const COLUMNS =
  `m.id, m.sender, m.sender_name, m.sender_role, m.project, m.category, m.content, m.task,
  m.run, m.reply_to, m.chain, m.recipients, m.at, m.resolved_at`;

export type NewMessage = Omit<MessageRow, "id" | "resolved_at" | "recipients"> & {
  readonly upS: number;
};

/** Stores a message and a queued delivery for each recipient; returns its number. */
export async function post(
  tx: Tx,
  message: NewMessage,
  recipients: readonly string[],
): Promise<number> {
  const row = await tx.get<{ id: number }>(
    `INSERT INTO message (sender, sender_name, sender_role, project, category, content, task,
       run, reply_to, chain, recipients, at, up_s)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
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
    JSON.stringify(recipients),
    message.at,
    message.upS,
  );
  invariant(row !== undefined, "a message that was stored has a number");
  const { id } = row;
  for (const peer of recipients) {
    await tx.run("INSERT INTO delivery (peer, message) VALUES (?, ?)", peer, id);
  }
  return id;
}

export function messageById(tx: Tx, id: number): Promise<MessageRow | undefined> {
  return tx.get<MessageRow>(`SELECT ${COLUMNS} FROM message m WHERE m.id = ?`, id);
}

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
  // Numbers first: this is asked with every call, and nearly always there is nothing. What an
  // earlier life was offered and has not seen comes along.
  const due = await tx.all<{ message: number }>(
    `SELECT message FROM delivery
     WHERE peer = ? AND state < 2 AND (state = 0 OR offered_to IS NOT ?)
     ORDER BY state, message ${limitTo(limit + shown.unmarked)}`,
    peer,
    incarnation,
  );
  const rows: MessageRow[] = [];
  for (const { message } of due.sort((a, b) => a.message - b.message)) {
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
  const rows = await tx.all<{ message: number }>(
    "SELECT message FROM delivery WHERE peer = ? AND state = 1 AND offered_to = ?",
    peer,
    incarnation,
  );
  return rows.map((row) => row.message);
}

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
      `UPDATE delivery SET state = ?, offered_to = ?, offered_at = ?, seen_at = ?
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
      `UPDATE delivery SET state = 0, offered_to = NULL, offered_at = NULL, seen_at = NULL
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
      `UPDATE delivery SET state = 2, seen_at = ?
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
    `UPDATE delivery SET state = 2, seen_at = ? WHERE peer = ? AND state = 1 AND offered_to = ?`,
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
       WHERE d.peer = ? AND d.state IN (0, 1, 2) AND d.message = ?`,
      peer,
      message.id,
    );
    if (row !== undefined) found.push({ ...row, state: STATES[row.state] ?? "queued" });
  }
  return found;
}

/** Messages of a chain since a time, in seconds since boot: who wrote to whom. */
export function chainSince(
  tx: Tx,
  chain: number,
  sinceS: number,
): Promise<Pick<MessageRow, "sender" | "recipients">[]> {
  return tx.all(
    "SELECT sender, recipients FROM message WHERE chain = ? AND up_s >= ?",
    chain,
    sinceS,
  );
}

/** Messages of a chain after one of them, oldest first. */
export function chainOf(
  tx: Tx,
  chain: number,
  after: number,
  limit: number,
): Promise<MessageRow[]> {
  return tx.all<MessageRow>(
    `SELECT ${COLUMNS} FROM message m WHERE m.chain = ? AND m.id > ? ORDER BY m.id LIMIT ?`,
    chain,
    after,
    limit,
  );
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

/** Escalations of a project that nobody has answered, oldest first: a flood hides none. */
export async function openEscalations(
  tx: Tx,
  project: string,
  category: "blocker" | "review_request" | "error",
  limit: number,
): Promise<MessageRow[]> {
  const rows = await tx.all<MessageRow>(
    `SELECT ${COLUMNS} FROM message m WHERE m.project = ? AND m.resolved_at IS NULL
       AND m.category IN ('blocker', 'review_request', 'error') AND m.category = ?
     ORDER BY m.id ${limitTo(limit)}`,
    project,
    category,
  );
  return rows.slice(0, limit);
}

/** The newest messages of a run that a peer sent or got (null: all of them), oldest first. */
export async function messagesOfRun(
  tx: Tx,
  run: string,
  reader: string | null,
  limit: number,
): Promise<MessageRow[]> {
  const rows = await tx.all<MessageRow>(
    `SELECT ${COLUMNS} FROM message m WHERE m.run = ? AND (? IS NULL OR m.sender = ? OR EXISTS
       (SELECT 1 FROM delivery d WHERE d.peer = ? AND d.state IN (0, 1, 2) AND d.message = m.id))
     ORDER BY m.id DESC ${limitTo(limit)}`,
    run,
    reader,
    reader,
    reader,
  );
  return rows.slice(0, limit).reverse();
}

/** Delivers what nobody has acted on to the next architect, who was not there when it was sent. */
export async function inheritEscalations(
  tx: Tx,
  project: string,
  architect: string,
): Promise<number> {
  let count = 0;
  const open: MessageRow[] = [];
  for (const category of ["blocker", "review_request", "error"] as const) {
    open.push(...await openEscalations(tx, project, category, 100));
  }
  for (const row of open) {
    const recipients = JSON.parse(row.recipients) as string[];
    if (row.sender === architect || recipients.includes(architect)) continue;
    await tx.run("INSERT INTO delivery (peer, message) VALUES (?, ?)", architect, row.id);
    await tx.run(
      "UPDATE message SET recipients = ? WHERE id = ?",
      JSON.stringify([...recipients, architect]),
      row.id,
    );
    count += 1;
  }
  return count;
}
