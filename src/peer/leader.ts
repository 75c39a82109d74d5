// The leader row.

import type { Tx } from "../core/transaction.ts";

/** The leader row. */
export interface LeaderRow {
  readonly incarnation: string | null;
  readonly peer: string | null;
  readonly epoch: number;
  readonly since: string | null;
  readonly url: string | null;
}

export async function leaderRow(tx: Tx): Promise<LeaderRow> {
  const row = await tx.get<LeaderRow>(
    "SELECT incarnation, peer, epoch, since, url FROM leader WHERE one = 1",
  );
  return row ?? { incarnation: null, peer: null, epoch: 0, since: null, url: null };
}
