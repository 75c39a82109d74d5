// What is forgotten, and when: seen messages and ended peers after a week, details of the journal
// after a week, its rows after a month, idempotency keys after a day. In chunks of a few rows, so
// that nobody waits for it. The journal keeps a signed base in place of the rows that are gone.

import { sha256 } from "../core/digest.ts";
import { iso } from "../core/clock.ts";
import { LIMITS } from "../core/limits.ts";
import type { Tx, Unit } from "../core/transaction.ts";
import { BLANKED, dropUpTo } from "../store/journal.ts";
import { getMeta, setMeta } from "../store/meta.ts";
import type { Store } from "../store/unit.ts";

const CHUNK_ROWS = 200;
const DAY_MS = 86_400_000;

/** Forgets one chunk; true if there may be more. */
export async function forgetHistory(unit: Unit, store: Store): Promise<boolean> {
  const nowMs = Date.parse(unit.at);
  const before = (days: number): string => iso(nowMs - days * DAY_MS);
  const counts = [
    await forgetMessages(unit.tx, before(LIMITS.retentionDays)),
    await forgetPeers(unit.tx, before(LIMITS.retentionDays)),
    await blankDetails(unit.tx, before(LIMITS.retentionDays)),
    await forgetJournal(unit.tx, before(LIMITS.journalDays), store.secret),
    await unit.tx.run(
      `DELETE FROM idempotency WHERE (peer, key) IN
         (SELECT peer, key FROM idempotency WHERE at < ? LIMIT ?)`,
      before(LIMITS.idempotencyDays),
      CHUNK_ROWS,
    ),
    await unit.tx.run("DELETE FROM lock_wait WHERE until_s < ?", unit.upS),
    await forgetTurns(unit.tx, before(LIMITS.retentionDays)),
  ];
  return counts.some((count) => count >= CHUNK_ROWS);
}

/** Turns of conversations; they are numbered in the order in which they came. */
function forgetTurns(tx: Tx, before: string): Promise<number> {
  return tx.run(
    `DELETE FROM conversation WHERE id IN
       (SELECT id FROM (SELECT id, at FROM conversation ORDER BY id LIMIT ?) WHERE at < ?)`,
    CHUNK_ROWS,
    before,
  );
}

/** Old messages that everybody has seen; the newest row stays, so that no number comes twice. */
async function forgetMessages(tx: Tx, before: string): Promise<number> {
  const kept = await getMeta(tx, "kept_message");
  const rows = await tx.all<{ id: number; at: string; recipients: string }>(
    `SELECT id, at, recipients FROM message
     WHERE id > ? AND id < (SELECT max(id) FROM message) ORDER BY id LIMIT ?`,
    Number(kept ?? 0),
    CHUNK_ROWS,
  );
  const old = rows.filter((row) => row.at < before);
  for (const { id, recipients } of old) {
    if (await unseenBySomebody(tx, id, JSON.parse(recipients) as string[])) continue;
    await tx.run("DELETE FROM message WHERE id = ?", id);
    await forgetDocument(tx, "message", `m${id}`);
  }
  const last = old.at(-1);
  // From the first row again once everything old was looked at.
  await setMeta(tx, "kept_message", String(old.length === CHUNK_ROWS ? last?.id ?? 0 : 0));
  return old.length;
}

/** Whether a recipient that is still known has not seen it; deliveries that are over go. */
async function unseenBySomebody(
  tx: Tx,
  message: number,
  recipients: readonly string[],
): Promise<boolean> {
  for (const peer of recipients) {
    const waiting = await tx.get(
      `SELECT 1 AS x FROM delivery d JOIN peer p ON p.id = d.peer
       WHERE d.peer = ? AND d.state IN (0, 1) AND d.message = ?`,
      peer,
      message,
    );
    if (waiting !== undefined) return true;
  }
  for (const peer of recipients) {
    await tx.run(
      "DELETE FROM delivery WHERE peer = ? AND state IN (0, 1, 2) AND message = ?",
      peer,
      message,
    );
  }
  return false;
}

async function forgetDocument(tx: Tx, kind: string, ref: string): Promise<void> {
  const docs = await tx.all<{ id: number }>(
    "SELECT id FROM search_doc WHERE kind = ? AND ref = ?",
    kind,
    ref,
  );
  for (const { id } of docs) {
    await tx.run("DELETE FROM search_text WHERE rowid = ?", id);
    await tx.run("DELETE FROM search_doc WHERE id = ?", id);
  }
}

/** Identities that ended long ago and have nothing left to come back for. */
async function forgetPeers(tx: Tx, before: string): Promise<number> {
  const rows = await tx.all<{ id: string }>(
    `SELECT id FROM peer p WHERE state = 'gone' AND ended_at < ?
       AND killed_at IS NULL AND paused_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM task t WHERE t.claimed_by = p.id
         AND t.status IN ('in_progress', 'in_review')) LIMIT ?`,
    before,
    CHUNK_ROWS,
  );
  for (const { id } of rows) {
    await tx.run("DELETE FROM delivery WHERE peer = ?", id);
    await tx.run("DELETE FROM lost WHERE peer = ?", id);
    await tx.run("UPDATE task SET assigned_to = '' WHERE assigned_to = ?", id);
    await tx.run("DELETE FROM peer WHERE id = ?", id);
  }
  return rows.length;
}

/** Takes out the detail and leaves its hash, over which the MAC was made. */
async function blankDetails(tx: Tx, before: string): Promise<number> {
  const from = Number(await getMeta(tx, "blanked_seq") ?? 0);
  const rows = await tx.all<{ seq: number; detail: string }>(
    "SELECT seq, detail FROM journal WHERE seq > ? AND at < ? ORDER BY seq LIMIT ?",
    from,
    before,
    CHUNK_ROWS,
  );
  for (const { seq, detail } of rows) {
    if (detail.startsWith(BLANKED)) continue;
    const blank = BLANKED + sha256(detail);
    await tx.run("UPDATE journal SET detail = ? WHERE seq = ?", blank, seq);
  }
  const last = rows.at(-1);
  if (last !== undefined) await setMeta(tx, "blanked_seq", String(last.seq));
  return rows.length;
}

/** Drops the oldest rows and signs where the chain begins now. */
async function forgetJournal(tx: Tx, before: string, secret: Uint8Array): Promise<number> {
  const rows = await tx.all<{ seq: number; at: string; mac: string }>(
    `SELECT seq, at, mac FROM journal WHERE seq <
       (SELECT coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'search_seq'), 0))
     ORDER BY seq LIMIT ?`,
    CHUNK_ROWS,
  );
  const old = rows.filter((row) => row.at < before);
  const last = old.at(-1);
  if (last === undefined) return 0;
  await dropUpTo(tx, secret, { seq: last.seq, mac: last.mac });
  return old.length;
}
