// Reading the journal back: does every row follow from the one before, as it was signed? Pure: rows
// and the secret are handed in, the first that does not fit is named.

import { sha256 } from "../core/digest.ts";
import { BLANKED, type JournalRow, macOf } from "../store/journal.ts";

/** Something that is not as it was written. */
export interface Fault {
  readonly what:
    | "edited"
    | "missing"
    | "blanked"
    | "base"
    | "head"
    | "truncated"
    | "older_copy"
    | "other_history";
  /** Row of the journal where it shows. */
  readonly seq: number;
  readonly text: string;
}

/** How far the chain has been read. */
export interface Link {
  readonly seq: number;
  readonly mac: string;
}

/**
 * Reads rows that follow `from`. Details may be blanked only in rows written before `blankBefore`
 * (ISO 8601), which is what retention does; `early` are the numbers of the others that are.
 */
export function readChain(
  secret: Uint8Array,
  from: Link,
  rows: readonly JournalRow[],
  blankBefore: string,
): { readonly to: Link; readonly fault: Fault | null; readonly early: readonly number[] } {
  let { seq, mac } = from;
  const early: number[] = [];
  for (const row of rows) {
    const fault = faultOf(secret, { seq, mac }, row);
    if (fault !== null) return { to: { seq, mac }, fault, early };
    if (row.detail.startsWith(BLANKED) && row.at >= blankBefore) early.push(row.seq);
    ({ seq, mac } = row);
  }
  return { to: { seq, mac }, fault: null, early };
}

function faultOf(
  secret: Uint8Array,
  before: Link,
  row: JournalRow,
): Fault | null {
  const { seq } = row;
  if (seq !== before.seq + 1) {
    const last = seq - 1;
    const which = last === before.seq + 1
      ? `row ${last} is`
      : `rows ${before.seq + 1} to ${last} are`;
    return { what: "missing", seq: before.seq + 1, text: `${which} missing` };
  }
  const text = `row ${seq} (${row.actor} ${row.op} ${row.subject} at ${row.at})`;
  // SQLite keeps a value of any type in any column; what skein writes is text.
  const texts = [row.at, row.actor, row.op, row.subject, row.detail, row.mac];
  if (!Number.isSafeInteger(seq) || texts.some((value) => typeof value !== "string")) {
    return { what: "edited", seq, text: `${text} is not what was signed` };
  }
  if (macOf(secret, before.mac, row) !== row.mac) {
    return { what: "edited", seq, text: `${text} is not what was signed` };
  }
  return null;
}

/** A row's detail, or null if it was forgotten. */
export function detailOf(row: Pick<JournalRow, "detail">): Record<string, unknown> | null {
  if (typeof row.detail !== "string") return { unreadable: true };
  if (row.detail.startsWith(BLANKED)) return null;
  try {
    return JSON.parse(row.detail) as Record<string, unknown>;
  } catch {
    // Not what skein wrote: audit verify says which row.
    return { unreadable: sha256(row.detail) };
  }
}
