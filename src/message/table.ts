// Messages: stored once, whoever gets them. What becomes of one for each recipient: deliveries.ts.

import { limitTo, type Tx } from "../core/transaction.ts";
import type { Category } from "./rules.ts";

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

/** As the index of them says it, for which no list is made with every message that is stored. */
const OPEN = `m.resolved_at IS NULL
  AND (m.category = 'blocker' OR m.category = 'review_request' OR m.category = 'error')`;

export type NewMessage = Omit<MessageRow, "id" | "resolved_at" | "recipients"> & {
  readonly upS: number;
};

/** Stores a message and a queued delivery for each recipient; returns its number. */
export async function post(
  tx: Tx,
  message: NewMessage,
  recipients: readonly string[],
): Promise<number> {
  const id = await tx.insert(
    `INSERT INTO message (sender, sender_name, sender_role, project, category, content, task,
       run, reply_to, chain, recipients, at, up_s)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
  for (const peer of recipients) {
    await tx.run("INSERT INTO delivery (peer, message) VALUES (?, ?)", peer, id);
  }
  return id;
}

export function messageById(tx: Tx, id: number): Promise<MessageRow | undefined> {
  return tx.get<MessageRow>(`SELECT ${COLUMNS} FROM message m WHERE m.id = ?`, id);
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

/** Nobody has to review this task any more; if it is over, nothing stands in its way either. */
export function resolveAbout(tx: Tx, task: string, at: string, over: boolean): Promise<number> {
  const categories = over ? "'review_request', 'blocker'" : "'review_request'";
  return tx.run(
    `UPDATE message SET resolved_at = ? WHERE task = ? AND category IN (${categories})
       AND resolved_at IS NULL`,
    at,
    task,
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
    `SELECT ${COLUMNS} FROM message m WHERE m.project = ? AND ${OPEN} AND m.category = ?
     ORDER BY m.id ${limitTo(limit)}`,
    project,
    category,
  );
  return rows.slice(0, limit);
}

/**
 * Escalations of a project that nobody has answered: the newest of each sender first, then what else they
 * have sent, and how many there are in all. A flood of one hides no other's.
 */
export async function newestEscalations(
  tx: Tx,
  project: string,
  category: "blocker" | "review_request" | "error",
  limit: number,
): Promise<{ rows: MessageRow[]; total: number }> {
  const rows = await tx.all<MessageRow & { total: number }>(
    `SELECT ${COLUMNS}, count(*) OVER () AS total FROM message m
     WHERE m.project = ? AND ${OPEN} AND m.category = ?
     ORDER BY row_number() OVER (PARTITION BY m.sender ORDER BY m.id DESC), m.id DESC
     ${limitTo(limit)}`,
    project,
    category,
  );
  return { rows: rows.slice(0, limit), total: rows[0]?.total ?? 0 };
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
