// The journal: one row for each act, in the transaction of the act. It is the change feed (nodes
// read it from their cursor) and the audit log (each row's MAC covers the row before it, and the
// detail through its hash, so a detail can be blanked later without breaking the chain).

import { equalInConstantTime, hmacSha256, sha256 } from "../core/digest.ts";
import { Refusal } from "../core/errors.ts";
import { type Act, limitTo, type Tx } from "../core/transaction.ts";
import { getMeta, setMeta } from "./meta.ts";
import { SCHEMA_VERSION } from "./schema.ts";

/** The newest row, as the next one builds on it. */
export interface Head {
  readonly seq: number;
  readonly mac: string;
}

/** A row of the journal. */
export interface JournalRow {
  readonly seq: number;
  readonly at: string;
  readonly actor: string;
  readonly op: string;
  readonly subject: string;
  readonly detail: string;
  readonly mac: string;
}

/** What stands in place of a detail that was blanked. */
export const BLANKED = "#sha256:";

const BESIDE = `(SELECT value FROM meta WHERE key = 'min_writer') AS needed,
  (SELECT group_concat(bell) FROM peer WHERE watch = 1) AS watchers`;
const HEAD = `SELECT seq, mac, ${BESIDE} FROM journal ORDER BY seq DESC LIMIT 1`;
const NO_HEAD = `SELECT 0 AS seq, '' AS mac, ${BESIDE}`;

/** What every write has to know before it begins. */
export interface Beginning extends Head {
  /** The bells of whoever watches everything. */
  readonly watchers: readonly number[];
}

/**
 * Reads the head inside a write, and refuses if this code is too old to write here.
 * @throws Refusal `STORE_NEWER`
 */
export async function headForWrite(tx: Tx): Promise<Beginning> {
  // One statement: every write begins with it. An empty journal has no row to carry the values.
  type Row = Head & { readonly needed: string | null; readonly watchers: string | null };
  const row = await tx.get<Row>(HEAD) ?? await tx.get<Row>(NO_HEAD);
  const needed = Number(row?.needed ?? Number.POSITIVE_INFINITY);
  if (!(needed <= SCHEMA_VERSION)) {
    throw new Refusal(
      "STORE_NEWER",
      `the store needs a writer of schema ${needed}; this session writes schema ${SCHEMA_VERSION}`,
    );
  }
  const watchers = row?.watchers?.split(",").map(Number) ?? [];
  return { seq: row?.seq ?? 0, mac: row?.mac ?? "", watchers };
}

/** The newest row's number; 0 when there is none. */
export async function headSeq(tx: Tx): Promise<number> {
  const row = await tx.get<{ seq: number }>("SELECT seq FROM journal ORDER BY seq DESC LIMIT 1");
  return row?.seq ?? 0;
}

/** The MAC of a row: keyed, chained to the row before, over the hash of its detail. */
export function macOf(
  secret: Uint8Array,
  previousMac: string,
  row: Omit<JournalRow, "mac">,
): string {
  const detailHash = row.detail.startsWith(BLANKED)
    ? row.detail.slice(BLANKED.length)
    : sha256(row.detail);
  const text = [previousMac, row.seq, row.at, row.actor, row.op, row.subject, detailHash]
    .join("\u001f");
  return hmacSha256(secret, text);
}

/** Appends acts after `head` and returns the new head. */
export async function append(
  tx: Tx,
  secret: Uint8Array,
  head: Head,
  at: string,
  acts: readonly Act[],
): Promise<Head> {
  let { seq, mac } = head;
  for (const act of acts) {
    seq += 1;
    const { actor, op, subject } = act;
    const detail = JSON.stringify(act.detail ?? {});
    mac = macOf(secret, mac, { seq, at, actor, op, subject, detail });
    await tx.run(
      "INSERT INTO journal (seq, at, actor, op, subject, detail, mac) VALUES (?, ?, ?, ?, ?, ?, ?)",
      seq,
      at,
      actor,
      op,
      subject,
      detail,
      mac,
    );
  }
  return { seq, mac };
}

/** Rows after a cursor, oldest first: one page. */
export function rowsAfter(tx: Tx, seq: number, limit: number): Promise<JournalRow[]> {
  return tx.all<JournalRow>(
    "SELECT seq, at, actor, op, subject, detail, mac FROM journal WHERE seq > ? ORDER BY seq LIMIT ?",
    seq,
    limit,
  );
}

/** Rows before a number, newest first: one page. */
export function rowsBefore(tx: Tx, seq: number, limit: number): Promise<JournalRow[]> {
  return tx.all<JournalRow>(
    `SELECT seq, at, actor, op, subject, detail, mac FROM journal WHERE seq < ?
     ORDER BY seq DESC LIMIT ?`,
    seq,
    limit,
  );
}

function sealOf(secret: Uint8Array, base: Head): string {
  return hmacSha256(secret, `base\u001f${base.seq}\u001f${base.mac}`);
}

/** Where the chain begins: after the rows that retention has dropped, signed by who dropped them. */
export async function baseOf(tx: Tx, secret: Uint8Array): Promise<Head | "forged"> {
  const text = await getMeta(tx, "journal_base");
  if (text === undefined) return { seq: 0, mac: "" };
  try {
    const { seq, mac, sealed } = JSON.parse(text) as Head & { sealed: string };
    if (equalInConstantTime(String(sealed), sealOf(secret, { seq, mac }))) return { seq, mac };
  } catch {
    // Not what skein writes.
  }
  return "forged";
}

/** Drops the rows up to `base` and signs where the chain begins now. */
export async function dropUpTo(tx: Tx, secret: Uint8Array, base: Head): Promise<void> {
  await tx.run("DELETE FROM journal WHERE seq <= ?", base.seq);
  await setMeta(tx, "journal_base", JSON.stringify({ ...base, sealed: sealOf(secret, base) }));
}

/** The newest of what happened to one thing besides being sent, oldest first. */
export async function rowsOf(tx: Tx, subject: string, limit: number): Promise<JournalRow[]> {
  const rows = await tx.all<JournalRow>(
    `SELECT seq, at, actor, op, subject, detail, mac FROM journal
     WHERE subject = ? AND op <> 'send' ORDER BY seq DESC ${limitTo(limit)}`,
    subject,
  );
  return rows.slice(0, limit).reverse();
}
