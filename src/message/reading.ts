// Messages for whoever watches over them: all of them, backwards, whatever their deliveries say.

import { limitTo, type Tx } from "../core/transaction.ts";
import { COLUMNS, type MessageRow } from "./table.ts";

/** Messages before a number, newest first. */
export async function messagesBefore(
  tx: Tx,
  before: number,
  limit: number,
  task?: string,
): Promise<MessageRow[]> {
  const about = task === undefined ? "" : "m.task = ? AND ";
  const rows = await tx.all<MessageRow>(
    `SELECT ${COLUMNS} FROM message m WHERE ${about}m.id < ? ORDER BY m.id DESC ${limitTo(limit)}`,
    ...(task === undefined ? [] : [task]),
    Math.min(before, Number.MAX_SAFE_INTEGER),
  );
  return rows.slice(0, limit);
}

/** A message and everything that replies to it, newest first. */
export async function messagesOfThread(
  tx: Tx,
  root: number,
  before: number,
  limit: number,
): Promise<MessageRow[]> {
  const rows = await tx.all<MessageRow>(
    `SELECT ${COLUMNS} FROM message m WHERE (m.id = ? OR m.chain = ?) AND m.id < ?
     ORDER BY m.id DESC ${limitTo(limit)}`,
    root,
    root,
    Math.min(before, Number.MAX_SAFE_INTEGER),
  );
  return rows.slice(0, limit);
}
