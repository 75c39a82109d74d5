// Messages from the flock itself: somebody died, a lock was lost, two peers edit one file. They
// are plain messages of the sender `skein`, so they arrive like any other.

import type { Unit } from "../core/transaction.ts";
import { type Category, escalates } from "./rules.ts";
import { post } from "./table.ts";

/** The sender of notices; the name is reserved. */
export const SYSTEM = "skein";

export interface Notice {
  readonly project: string;
  readonly category: Category;
  readonly content: string;
  readonly task?: string | null;
}

/**
 * Sends a notice to peers and rings their bells. One that waits for somebody to act is kept also where
 * nobody is there: the next architect gets it. Returns the number of the message, 0 if there is none.
 */
export async function notify(
  unit: Unit,
  recipients: readonly string[],
  notice: Notice,
): Promise<number> {
  if (recipients.length === 0 && escalates(notice.category) === null) return 0;
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
