// One identity becomes part of another: somebody took the name of a peer that is gone.

import type { Tx } from "../core/transaction.ts";

/** Moves everything that belongs to one identity to another, and removes the first. */
export async function mergePeer(tx: Tx, from: string, into: string): Promise<void> {
  await mergeMail(tx, from, into);
  await tx.run("UPDATE task SET creator = ? WHERE creator = ?", into, from);
  await tx.run("UPDATE task SET claimed_by = ? WHERE claimed_by = ?", into, from);
  await tx.run("UPDATE task SET assigned_to = ? WHERE assigned_to = ?", into, from);
  await tx.run("UPDATE OR IGNORE lock SET peer = ? WHERE peer = ?", into, from);
  await tx.run("UPDATE message SET sender = ? WHERE sender = ?", into, from);
  await tx.run("UPDATE conversation SET peer = ? WHERE peer = ?", into, from);
  await tx.run("DELETE FROM lost WHERE peer = ?", from);
  // Another name is no clean slate.
  await tx.run(
    `UPDATE peer SET rate_tokens = CASE WHEN old.rate_tokens < 0 THEN peer.rate_tokens
         WHEN peer.rate_tokens < 0 THEN old.rate_tokens
         ELSE min(peer.rate_tokens, old.rate_tokens) END,
       rate_at_s = max(peer.rate_at_s, old.rate_at_s),
       urgent_tokens = CASE WHEN old.urgent_tokens < 0 THEN peer.urgent_tokens
         WHEN peer.urgent_tokens < 0 THEN old.urgent_tokens
         ELSE min(peer.urgent_tokens, old.urgent_tokens) END,
       urgent_at_s = max(peer.urgent_at_s, old.urgent_at_s),
       strikes = max(peer.strikes, old.strikes), strikes_at_s = max(peer.strikes_at_s, old.strikes_at_s),
       used_tokens = peer.used_tokens + old.used_tokens, used_calls = peer.used_calls + old.used_calls,
       used_cost_usd = peer.used_cost_usd + old.used_cost_usd,
       used_turns = peer.used_turns + old.used_turns
     FROM peer AS old WHERE peer.id = ? AND old.id = ?`,
    into,
    from,
  );
  await tx.run("DELETE FROM peer WHERE id = ?", from);
}

/** What both got becomes one delivery, in the state that is further on: seen is seen. */
async function mergeMail(tx: Tx, from: string, into: string): Promise<void> {
  await tx.run(
    `UPDATE message SET recipients = (SELECT json_group_array(DISTINCT
         CASE value WHEN ? THEN ? ELSE value END) FROM json_each(recipients))
     WHERE id IN (SELECT message FROM delivery WHERE state IN (0, 1, 2, 3) AND peer = ?)`,
    from,
    into,
    from,
  );
  for (const [less, more, than] of [[from, into, ">="], [into, from, ">"]] as const) {
    await tx.run(
      `DELETE FROM delivery WHERE state IN (0, 1, 2, 3) AND peer = ? AND EXISTS (SELECT 1 FROM delivery other
         WHERE other.peer = ? AND other.state IN (0, 1, 2) AND other.state ${than} delivery.state
           AND other.message = delivery.message)`,
      less,
      more,
    );
  }
  await tx.run("UPDATE delivery SET peer = ? WHERE state IN (0, 1, 2, 3) AND peer = ?", into, from);
}
