// Identities that ended long ago and have nothing left to come back for: no claim, no mail that waits,
// no budget, no word of control. The human's own never goes. Mail that waited for a month for somebody
// who is gone is given up: it says so of itself, and its sender is told.

import { LIMITS } from "../core/limits.ts";
import type { Unit } from "../core/transaction.ts";
import { notify, SYSTEM } from "../message/notice.ts";
import { messageId } from "../message/rules.ts";
import { OPERATOR } from "../peer/session.ts";
import { peerById } from "../peer/table.ts";
import { getMeta, setMeta } from "../store/meta.ts";
import type { Chunk } from "./retention.ts";

/** Up to where the ended peers were looked at. */
const KEY = "kept_peer";
/** Ids that one notice names. */
const NAMED = 10;

interface Ended {
  readonly id: string;
  readonly name: string;
  readonly project: string;
  readonly ended_at: string;
  readonly kept: number;
}

const KEPT = `p.killed_at IS NOT NULL OR p.paused_at IS NOT NULL OR p.budget IS NOT NULL
  OR EXISTS (SELECT 1 FROM task t WHERE t.claimed_by = p.id
    AND t.status IN ('in_progress', 'in_review'))`;

/** Goes on through the ended peers; true if the chunk's time was over before the last one. */
export async function forgetPeers(chunk: Chunk): Promise<boolean> {
  const { unit } = chunk;
  const { tx } = unit;
  const begun = await getMeta(tx, KEY) ?? "";
  let [endedAt = "", id = ""] = begun.split(" ");
  let rows: Ended[];
  do {
    rows = await tx.all<Ended>(
      `SELECT id, name, project, ended_at, (${KEPT}) AS kept FROM peer p
       WHERE state = 'gone' AND (ended_at, id) > (?, ?) AND ended_at < ?
       ORDER BY ended_at, id LIMIT ?`,
      endedAt,
      id,
      chunk.before(LIMITS.retentionDays),
      LIMITS.forgetRows,
    );
    for (const peer of rows) {
      ({ ended_at: endedAt, id } = peer);
      if (id !== OPERATOR) await forgetPeer(unit, peer, chunk.before(LIMITS.undeliveredDays));
      if (chunk.over()) break;
    }
  } while (rows.length === LIMITS.forgetRows && !chunk.over());
  const more = rows.length > 0 && chunk.over();
  const now = more ? `${endedAt} ${id}` : "";
  if (now !== begun) await setMeta(tx, KEY, now);
  return more;
}

async function forgetPeer(unit: Unit, peer: Ended, before: string): Promise<void> {
  const { tx } = unit;
  const { id } = peer;
  await giveUp(unit, peer, before);
  if (peer.kept === 1) return;
  const mail = await tx.get(
    "SELECT 1 AS x FROM delivery WHERE peer = ? AND state IN (0, 1, 3) LIMIT 1",
    id,
  );
  if (mail !== undefined) return;
  await tx.run("DELETE FROM delivery WHERE state IN (0, 1, 2, 3) AND peer = ?", id);
  await tx.run("DELETE FROM lost WHERE peer = ?", id);
  await tx.run("UPDATE task SET assigned_to = '' WHERE assigned_to = ? AND assigned_to <> ''", id);
  await tx.run("DELETE FROM peer WHERE id = ?", id);
}

/** Marks what nobody will read any more, and tells whoever has sent it. */
async function giveUp(unit: Unit, peer: Ended, before: string): Promise<void> {
  const { tx, at } = unit;
  const rows = await tx.all<{ message: number; sender: string }>(
    `SELECT d.message, m.sender FROM delivery d JOIN message m ON m.id = d.message
     WHERE d.peer = ? AND d.state IN (0, 1) AND m.at < ? ORDER BY d.message LIMIT ?`,
    peer.id,
    before,
    LIMITS.forgetRows,
  );
  const bySender = new Map<string, number[]>();
  for (const { message, sender } of rows) {
    await tx.run(
      "UPDATE delivery SET state = 3, seen_at = ? WHERE peer = ? AND state IN (0, 1) AND message = ?",
      at,
      peer.id,
      message,
    );
    const subject = `message/${messageId(message)}`;
    unit.record({ actor: SYSTEM, op: "undelivered", subject, detail: { peer: peer.name } });
    bySender.set(sender, [...bySender.get(sender) ?? [], message]);
  }
  for (const [sender, messages] of bySender) {
    const to = await peerById(tx, sender);
    // Who is gone as well would have one more message that nobody reads.
    if (to === undefined || to.state === "gone") continue;
    const named = messages.slice(0, NAMED).map(messageId).join(", ");
    const more = messages.length > NAMED ? ` and ${messages.length - NAMED} more` : "";
    await notify(unit, [to.id], {
      project: peer.project,
      category: "alert",
      content:
        `${peer.name} has been gone since ${peer.ended_at} and never read ${named}${more}: ` +
        "undelivered, nobody will read that any more.",
    });
  }
}
