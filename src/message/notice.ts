// Messages from the flock itself: somebody died, a lock was lost, two peers edit one file. They
// are plain messages of the sender `skein`, so they arrive like any other.

import type { Unit } from "../core/transaction.ts";
import type { Category } from "./rules.ts";
import { post } from "./table.ts";

/** The sender of notices; the name is reserved. */
export const SYSTEM = "skein";

export interface Notice {
  readonly project: string;
  readonly category: Category;
  readonly content: string;
  readonly task?: string | null;
}

/** Sends a notice to peers and rings their bells. Returns the number of the message. */
export async function notify(
  unit: Unit,
  recipients: readonly string[],
  notice: Notice,
): Promise<number> {
  if (recipients.length === 0) return 0;
  const id = await post(unit.tx, {
    sender: SYSTEM,
    sender_name: SYSTEM,
    sender_role: SYSTEM,
    project: notice.project,
    category: notice.category,
    content: notice.content,
    task: notice.task ?? null,
    run: null,
    reply_to: null,
    chain: null,
    at: unit.at,
    upS: unit.upS,
  }, recipients);
  for (const recipient of recipients) unit.wake(recipient);
  return id;
}
