// What is forgotten, and when: seen messages and ended peers after a week, details of the journal
// after a week, its rows after a month, idempotency keys after a day. In chunks of a few milliseconds,
// so that nobody waits for it, and only by time that is sure (steady.ts): a clock that is wrong for a
// minute must not take anything away. The journal keeps a signed base in place of the rows that are gone.

import { sha256 } from "../core/digest.ts";
import { iso } from "../core/clock.ts";
import { LIMITS, TIMES } from "../core/limits.ts";
import type { Tx, Unit } from "../core/transaction.ts";
import { forgetTurns } from "../conversation/table.ts";
import { forgetDocument } from "../flock/search.ts";
import { BLANKED, dropUpTo } from "../store/journal.ts";
import { getMeta, setMeta } from "../store/meta.ts";
import type { Store } from "../store/unit.ts";
import { forgetPeers } from "./forget_peers.ts";
import { confirmedMs } from "./steady.ts";

const DAY_MS = 86_400_000;

/** One chunk of forgetting. */
export interface Chunk {
  readonly unit: Unit;
  /** Whether the time of the chunk is over. */
  over(): boolean;
  /** The time of so many days ago, ISO 8601 in UTC. */
  before(days: number): string;
}

const PARTS: readonly ((chunk: Chunk, store: Store) => Promise<boolean>)[] = [
  forgetMessages,
  forgetPeers,
  blankDetails,
  forgetJournal,
  forgetKeys,
  forgetOldTurns,
];

/** Forgets one chunk, of so many milliseconds at most or one page; true if there may be more. */
export async function forgetHistory(
  unit: Unit,
  store: Store,
  chunkMs: number = TIMES.chunkMs,
): Promise<boolean> {
  const deadlineMs = performance.now() + chunkMs;
  await unit.tx.run("DELETE FROM lock_wait WHERE until_s < ?", unit.upS);
  const nowMs = await confirmedMs(unit);
  if (nowMs === null) return false;
  const chunk: Chunk = {
    unit,
    over: () => performance.now() >= deadlineMs,
    before: (days) => iso(nowMs - days * DAY_MS),
  };
  // One part after the other, each until nothing is left for it; the next chunk goes on where this ends.
  const begun = Number(await getMeta(unit.tx, "retention_part") ?? 0);
  let at = begun;
  do {
    if (await PARTS[at]?.(chunk, store) !== true) at += 1;
  } while (at < PARTS.length && !chunk.over());
  const more = at < PARTS.length;
  if (!more) at = 0;
  if (at !== begun) await setMeta(unit.tx, "retention_part", String(at));
  return more;
}

interface Dated {
  readonly id: number;
  readonly at: string;
}

/** A table whose rows are numbered in the order in which they came. */
interface Course<R extends Dated> {
  /** Where the place is kept that was come to. */
  readonly key: string;
  readonly before: string;
  /** Rows after a number, oldest first, at most so many. */
  page(from: number, most: number): Promise<R[]>;
  /** Forgets some that are old; none may be left out of a prefix. */
  forget(rows: readonly R[]): Promise<void>;
}

/**
 * Goes on through a table from the oldest rows to the first that is young, and begins anew afterwards,
 * since a row that had to stay may go later. A row that is dated ahead of the clock is no end: it was
 * written while the clock was wrong. True if the chunk's time ended before that.
 */
async function course<R extends Dated>(chunk: Chunk, table: Course<R>): Promise<boolean> {
  const { tx, at: now } = chunk.unit;
  const begun = Number(await getMeta(tx, table.key) ?? 0);
  let from = begun;
  let more = true;
  do {
    const rows = await table.page(from, LIMITS.forgetRows);
    const end = rows.findIndex(({ at }) => at >= table.before && at <= now);
    const passed = end === -1 ? rows : rows.slice(0, end);
    const old = passed.filter(({ at }) => at < table.before);
    if (old.length > 0) await table.forget(old);
    more = end === -1 && rows.length === LIMITS.forgetRows;
    from = more ? passed.at(-1)?.id ?? 0 : 0;
  } while (more && !chunk.over());
  if (from !== begun) await setMeta(tx, table.key, String(from));
  return more;
}

interface OldMessage extends Dated {
  readonly project: string;
  readonly recipients: string;
}

/** Old messages that everybody has seen; the newest row stays, so that no number comes twice. */
function forgetMessages(chunk: Chunk): Promise<boolean> {
  const { tx } = chunk.unit;
  const before = chunk.before(LIMITS.retentionDays);
  return course<OldMessage>(chunk, {
    key: "kept_message",
    before,
    page: (from, most) =>
      tx.all<OldMessage>(
        `SELECT id, at, project, recipients FROM message
         WHERE id > ? AND id < (SELECT max(id) FROM message) ORDER BY id LIMIT ?`,
        from,
        most,
      ),
    forget: async (rows) => {
      for (const { id, project, recipients } of rows) {
        if (await stillDue(tx, id, JSON.parse(recipients) as string[], before)) continue;
        await tx.run("DELETE FROM message WHERE id = ?", id);
        await forgetDocument(tx, project, "message", `m${id}`);
      }
    },
  });
}

/**
 * Whether a recipient that is still known has not seen it, or the sender may not have heard yet that
 * it never will; deliveries that are over go.
 */
async function stillDue(
  tx: Tx,
  message: number,
  recipients: readonly string[],
  before: string,
): Promise<boolean> {
  for (const peer of recipients) {
    const waiting = await tx.get(
      `SELECT 1 AS x FROM delivery d JOIN peer p ON p.id = d.peer
       WHERE d.peer = ? AND d.state IN (0, 1, 3) AND d.message = ?
         AND (d.state <> 3 OR d.seen_at >= ?)`,
      peer,
      message,
      before,
    );
    if (waiting !== undefined) return true;
  }
  for (const peer of recipients) {
    await tx.run(
      "DELETE FROM delivery WHERE peer = ? AND state IN (0, 1, 2, 3) AND message = ?",
      peer,
      message,
    );
  }
  return false;
}

/** Takes out the detail and leaves its hash, over which the MAC was made. */
async function blankDetails(chunk: Chunk): Promise<boolean> {
  const { tx, at: now } = chunk.unit;
  const before = chunk.before(LIMITS.retentionDays);
  const begun = Number(await getMeta(tx, "blanked_seq") ?? 0);
  let from = begun;
  let more = true;
  do {
    const rows = await tx.all<{ seq: number; at: string; detail: string }>(
      "SELECT seq, at, detail FROM journal WHERE seq > ? ORDER BY seq LIMIT ?",
      from,
      LIMITS.forgetRows,
    );
    more = rows.length === LIMITS.forgetRows;
    for (const { seq, at, detail } of rows) {
      if (at >= before && at <= now) {
        more = false;
        break;
      }
      from = seq;
      // Dated ahead: what stands in it goes with its row, since no reader could tell that it is old.
      if (at > now || detail.startsWith(BLANKED)) continue;
      await tx.run("UPDATE journal SET detail = ? WHERE seq = ?", BLANKED + sha256(detail), seq);
    }
  } while (more && !chunk.over());
  if (from !== begun) await setMeta(tx, "blanked_seq", String(from));
  return more;
}

/** Drops the oldest rows and signs where the chain begins now. */
function forgetJournal(chunk: Chunk, store: Store): Promise<boolean> {
  const { tx } = chunk.unit;
  return course<Dated & { mac: string }>(chunk, {
    key: "dropping_seq",
    before: chunk.before(LIMITS.journalDays),
    page: (from, most) =>
      tx.all<Dated & { mac: string }>(
        `SELECT seq AS id, at, mac FROM journal WHERE seq > ? AND seq <
           (SELECT coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'search_seq'), 0))
         ORDER BY seq LIMIT ?`,
        from,
        most,
      ),
    forget: async (rows) => {
      const last = rows.at(-1);
      if (last !== undefined) await dropUpTo(tx, store.secret, { seq: last.id, mac: last.mac });
    },
  });
}

async function forgetKeys(chunk: Chunk): Promise<boolean> {
  let gone: number;
  do {
    gone = await chunk.unit.tx.run(
      `DELETE FROM idempotency WHERE (peer, key) IN
         (SELECT peer, key FROM idempotency WHERE at < ? LIMIT ?)`,
      chunk.before(LIMITS.idempotencyDays),
      LIMITS.forgetRows,
    );
  } while (gone === LIMITS.forgetRows && !chunk.over());
  return gone === LIMITS.forgetRows;
}

/** Turns of conversations; the newest row stays, so that no number comes twice. */
function forgetOldTurns(chunk: Chunk): Promise<boolean> {
  const { tx } = chunk.unit;
  return course<Dated>(chunk, {
    key: "kept_turn",
    before: chunk.before(LIMITS.retentionDays),
    page: (from, most) =>
      tx.all<Dated>(
        `SELECT id, at FROM conversation WHERE id > ? AND id < (SELECT max(id) FROM conversation)
         ORDER BY id LIMIT ?`,
        from,
        most,
      ),
    forget: (rows) => forgetTurns(tx, rows),
  });
}
