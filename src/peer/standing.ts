// What control and limits keep of a peer: whether it is paused, its budget and what it has used, its
// strikes and its buckets, and what its session waits for. It belongs to the identity: a new life changes nothing about it.

import type { Tx } from "../core/transaction.ts";
import type { Budget, Usage } from "./rules.ts";

/** A row's columns of usage, as they are read. */
export interface UsageRow {
  readonly budget: string | null;
  readonly used_tokens: number;
  readonly used_calls: number;
  readonly used_cost_usd: number;
  readonly used_turns: number;
}

export function usageOf(row: UsageRow): { used: Usage; budget: Budget | null } {
  return {
    used: {
      tokens: row.used_tokens,
      tool_calls: row.used_calls,
      cost_usd: row.used_cost_usd,
      turns: row.used_turns,
    },
    budget: row.budget === null ? null : JSON.parse(row.budget) as Budget,
  };
}

/** Stops a peer from changing anything, until somebody resumes it. The human's word is the last. */
export function pause(
  tx: Tx,
  id: string,
  how: { readonly at: string; readonly by: string; readonly why: string },
): Promise<number> {
  return tx.run(
    `UPDATE peer SET paused_at = ?, paused_by = ?, paused_why = ?
     WHERE id = ? AND (paused_at IS NULL OR ? = 'operator')`,
    how.at,
    how.by,
    how.why,
    id,
    how.by,
  );
}

/** Lets it go on, with a clean slate; a killed one may come back. */
export function resume(tx: Tx, id: string): Promise<number> {
  return tx.run(
    `UPDATE peer SET paused_at = NULL, paused_by = NULL, paused_why = NULL, killed_at = NULL,
       killed_by = NULL, strikes = 0 WHERE id = ? AND (paused_at IS NOT NULL OR killed_at IS NOT NULL)`,
    id,
  );
}

/** No later life comes of this identity by itself. */
export function setKilled(tx: Tx, id: string, at: string, by: string): Promise<number> {
  return tx.run("UPDATE peer SET killed_at = ?, killed_by = ? WHERE id = ?", at, by, id);
}

export function setStrikes(tx: Tx, id: string, count: number, atS: number): Promise<number> {
  return tx.run("UPDATE peer SET strikes = ?, strikes_at_s = ? WHERE id = ?", count, atS, id);
}

export function setBudget(
  tx: Tx,
  id: string,
  budget: Budget | null,
  by: string,
): Promise<number> {
  const text = budget === null ? null : JSON.stringify(budget);
  return tx.run("UPDATE peer SET budget = ?, budget_by = ? WHERE id = ?", text, by, id);
}

/** Adds to what a peer has used. */
export function addUsage(tx: Tx, id: string, more: Partial<Usage>): Promise<number> {
  return tx.run(
    `UPDATE peer SET used_tokens = used_tokens + ?, used_calls = used_calls + ?,
       used_cost_usd = used_cost_usd + ?, used_turns = used_turns + ? WHERE id = ?`,
    more.tokens ?? 0,
    more.tool_calls ?? 0,
    more.cost_usd ?? 0,
    more.turns ?? 0,
    id,
  );
}

/** What its session waits for at its terminal: JSON, or null. */
export function setWaits(tx: Tx, id: string, waits: string | null): Promise<number> {
  return tx.run("UPDATE peer SET waits = ? WHERE id = ?", waits, id);
}

/** What is left of the messages of this minute. */
export function setBucket(tx: Tx, id: string, tokens: number, atS: number): Promise<number> {
  return tx.run("UPDATE peer SET rate_tokens = ?, rate_at_s = ? WHERE id = ?", tokens, atS, id);
}

/** What is left of the escalations of this minute. */
export function setUrgent(tx: Tx, id: string, tokens: number, atS: number): Promise<number> {
  return tx.run("UPDATE peer SET urgent_tokens = ?, urgent_at_s = ? WHERE id = ?", tokens, atS, id);
}
