// A lease on a path that is over: whoever held it and lives is told, or it would go on editing.

import type { Unit } from "../core/transaction.ts";
import { notify } from "../message/notice.ts";
import { peerById } from "../peer/table.ts";
import type { LockRow } from "./table.ts";

const NAMED = 10;

/** Tells the holders of locks that have just expired; not of those that were taken for an editor. */
export async function tellExpired(unit: Unit, locks: readonly LockRow[]): Promise<void> {
  const wanted = locks.filter((lock) => lock.tree === null);
  for (const [id, held] of Map.groupBy(wanted, (lock) => lock.peer)) {
    const holder = await peerById(unit.tx, id);
    if (holder?.state !== "live") continue;
    const names = held.slice(0, NAMED).map((lock) => lock.shown).join(", ");
    const more = held.length > NAMED ? ` and ${held.length - NAMED} more` : "";
    await notify(unit, [id], {
      project: holder.project,
      category: "alert",
      content: `Your lock on ${names}${more} has expired: lock again before you edit.`,
    });
  }
}
