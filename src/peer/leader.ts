// The leader row, and who led before.

import { LIMITS } from "../core/limits.ts";
import { getMeta, setMeta } from "../store/meta.ts";
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

/** A change of leadership. */
export interface Takeover {
  readonly at: string;
  readonly epoch: number;
  readonly name: string;
}

/** The last take-overs, newest first. */
export async function takeovers(tx: Tx): Promise<Takeover[]> {
  return JSON.parse(await getMeta(tx, "takeovers") ?? "[]") as Takeover[];
}

/** The journal has every one; these are at hand without a search for them. */
export async function rememberTakeover(tx: Tx, takeover: Takeover): Promise<void> {
  const kept = [takeover, ...await takeovers(tx)].slice(0, LIMITS.takeovers);
  await setMeta(tx, "takeovers", JSON.stringify(kept));
}
