// Refusals, coalesced: the first of its kind in a minute is a row of the journal at once, the others
// are counted and told in one row when the minute is over. So a loop that is refused ten thousand
// times is a handful of rows.

import type { Tx, Unit } from "../core/transaction.ts";

const MINUTE_MS = 60_000;

function minuteOf(at: string): number {
  return Math.floor(Date.parse(at) / MINUTE_MS);
}

/**
 * Counts some. Null if they are not the first of their kind in this minute; else how many of an older
 * minute were counted and not told yet.
 */
export async function countRefusal(
  tx: Tx,
  actor: string,
  op: string,
  code: string,
  times: number,
  at: string,
): Promise<number | null> {
  const minute = minuteOf(at);
  const again = await tx.run(
    "UPDATE refusal SET count = count + ? WHERE actor = ? AND op = ? AND code = ? AND minute = ?",
    times,
    actor,
    op,
    code,
    minute,
  );
  if (again > 0) return null;
  const before = await tx.get<{ count: number }>(
    "SELECT count FROM refusal WHERE actor = ? AND op = ? AND code = ?",
    actor,
    op,
    code,
  );
  await tx.run(
    `INSERT INTO refusal (actor, op, code, minute, count) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (actor, op, code) DO UPDATE SET minute = excluded.minute, count = excluded.count`,
    actor,
    op,
    code,
    minute,
    times - 1,
  );
  return before?.count ?? 0;
}

/** Whether there is anything of the minutes before. */
export async function hasRefusals(tx: Tx, at: string): Promise<boolean> {
  const row = await tx.get("SELECT 1 AS x FROM refusal WHERE minute < ? LIMIT 1", minuteOf(at));
  return row !== undefined;
}

/** Writes into the journal what the minutes before have counted; returns how many rows. */
export async function flushRefusals(unit: Unit, at: string, most: number): Promise<number> {
  const rows = await unit.tx.all<{ actor: string; op: string; code: string; count: number }>(
    "SELECT actor, op, code, count FROM refusal WHERE minute < ? LIMIT ?",
    minuteOf(at),
    most,
  );
  for (const { actor, op, code, count } of rows) {
    if (count > 0) {
      const detail = { op, code, further: count };
      unit.record({ actor, op: "refuse", subject: `peer/${actor}`, detail });
    }
    await unit.tx.run(
      "DELETE FROM refusal WHERE actor = ? AND op = ? AND code = ?",
      actor,
      op,
      code,
    );
  }
  return rows.length;
}
