// Trails to tamper with: rows of a journal that are signed here, by the test's own hand, as the
// format says (a MAC over the one before, the row, and the hash of its detail). Were skein's own
// function used, a MAC that forgets a column would go unnoticed.

import { createHash, createHmac } from "node:crypto";
import { BLANKED, type JournalRow } from "../../src/store/journal.ts";

export const SECRET = new Uint8Array(32).fill(7);
export const OTHER_SECRET = new Uint8Array(32).fill(8);
/** Where a trail begins. */
export const START = { seq: 0, mac: "" };

export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** What stands in place of a detail that was forgotten. */
export function blanked(detail: string): string {
  return BLANKED + hashOf(detail);
}

/** The MAC of a row, by the format's words. */
export function signed(
  secret: Uint8Array,
  before: string,
  row: Omit<JournalRow, "mac">,
): JournalRow {
  const { seq, at, actor, op, subject, detail } = row;
  const text = [before, seq, at, actor, op, subject, hashOf(detail)].join("\u001f");
  return { ...row, mac: createHmac("sha256", secret).update(text).digest("hex") };
}

/** A whole trail, one row a second from the first of March 2026 on. */
export function trail(count: number, secret = SECRET): JournalRow[] {
  const rows: JournalRow[] = [];
  for (let seq = 1; seq <= count; seq++) {
    rows.push(signed(secret, rows.at(-1)?.mac ?? "", {
      seq,
      at: new Date(Date.UTC(2026, 2, 1, 0, 0, seq)).toISOString(),
      actor: seq % 2 === 0 ? "anna" : "bob",
      op: "update_task",
      subject: `task/t${seq}`,
      detail: JSON.stringify({ note: `number ${seq}` }),
    }));
  }
  return rows;
}

/** The trail with one row changed. */
export function changed(
  rows: readonly JournalRow[],
  seq: number,
  change: Partial<JournalRow>,
): JournalRow[] {
  return rows.map((row) => row.seq === seq ? { ...row, ...change } : row);
}
