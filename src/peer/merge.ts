// One identity becomes part of another: somebody took the name of a peer that is gone.

import type { Tx } from "../core/transaction.ts";

/** Moves everything that belongs to one identity to another, and removes the first. */
export async function mergePeer(tx: Tx, from: string, into: string): Promise<void> {
  await tx.run(
    `UPDATE message SET recipients = replace(recipients, ?, ?)
     WHERE id IN (SELECT message FROM delivery WHERE peer = ?)`,
    JSON.stringify(from),
    JSON.stringify(into),
    from,
  );
  await tx.run("UPDATE OR IGNORE delivery SET peer = ? WHERE peer = ?", into, from);
  await tx.run("UPDATE task SET creator = ? WHERE creator = ?", into, from);
  await tx.run("UPDATE task SET claimed_by = ? WHERE claimed_by = ?", into, from);
  await tx.run("UPDATE task SET assigned_to = ? WHERE assigned_to = ?", into, from);
  await tx.run("UPDATE OR IGNORE lock SET peer = ? WHERE peer = ?", into, from);
  await tx.run("UPDATE message SET sender = ? WHERE sender = ?", into, from);
  await tx.run("DELETE FROM lost WHERE peer = ?", from);
  await tx.run("DELETE FROM peer WHERE id = ?", from);
}
