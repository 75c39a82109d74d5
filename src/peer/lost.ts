// What an ended peer held, kept until the same session comes back for it.

import type { Tx } from "../core/transaction.ts";

export interface LostRow {
  readonly peer: string;
  readonly kind: "task" | "lock" | "told";
  readonly ref: string;
  readonly detail: string;
}

export function rememberLost(
  tx: Tx,
  peer: string,
  kind: LostRow["kind"],
  ref: string,
  detail: unknown,
): Promise<number> {
  return tx.run(
    `INSERT INTO lost (peer, kind, ref, detail) VALUES (?, ?, ?, ?)
     ON CONFLICT (peer, kind, ref) DO UPDATE SET detail = excluded.detail`,
    peer,
    kind,
    ref,
    JSON.stringify(detail),
  );
}

export function lostOf(tx: Tx, peer: string): Promise<LostRow[]> {
  return tx.all<LostRow>("SELECT peer, kind, ref, detail FROM lost WHERE peer = ?", peer);
}

export function forgetLost(
  tx: Tx,
  peer: string,
  kind: LostRow["kind"],
  ref: string,
): Promise<number> {
  return tx.run("DELETE FROM lost WHERE peer = ? AND kind = ? AND ref = ?", peer, kind, ref);
}

/** Hands what an identity lost to another one. */
export function moveLost(tx: Tx, from: string, to: string): Promise<number> {
  return tx.run("UPDATE OR IGNORE lost SET peer = ? WHERE peer = ?", to, from);
}
