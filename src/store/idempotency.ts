// Idempotency keys: the same key gives the same answer and does nothing twice. The answer is
// remembered in the transaction of what it answers.

import { sha256 } from "../core/digest.ts";
import { Refusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Tx, Unit } from "../core/transaction.ts";

type Answer = Readonly<Record<string, unknown>>;

/** What makes two requests the same. */
export function requestHash(name: string, input: unknown): string {
  return sha256(`${name}\n${JSON.stringify(input)}`);
}

/**
 * The answer that was given under this key, or null.
 * @throws Refusal `KEY_REUSED`, `INVALID_INPUT`
 */
export async function rememberedAnswer(
  tx: Tx,
  peer: string,
  key: string,
  request: string,
): Promise<Answer | null> {
  // deno-lint-ignore no-control-regex
  const control = /[\u0000-\u001f\u007f]/.test(key);
  if (key.trim() === "" || key.length > LIMITS.keyChars || control || !key.isWellFormed()) {
    throw new Refusal(
      "INVALID_INPUT",
      `the idempotency key has 1 to ${LIMITS.keyChars} visible characters`,
      { field: "key" },
    );
  }
  const row = await tx.get<{ request: string; answer: string }>(
    "SELECT request, answer FROM idempotency WHERE peer = ? AND key = ?",
    peer,
    key,
  );
  if (row === undefined) return null;
  if (row.request === request) return JSON.parse(row.answer) as Answer;
  throw new Refusal("KEY_REUSED", `the idempotency key ${key} was used for another request`, {
    field: "key",
  });
}

/** Remembers an answer under its key; `carriesOut` if it is a decision that is to be carried out yet. */
export async function rememberAnswer(
  unit: Unit,
  peer: string,
  key: string,
  op: string,
  request: string,
  answer: Answer,
  carriesOut: boolean,
): Promise<void> {
  await unit.tx.run(
    `INSERT INTO idempotency (peer, key, op, request, answer, at, carrying)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
    peer,
    key,
    op,
    request,
    JSON.stringify(answer),
    unit.at,
    carriesOut ? "" : null,
  );
}

/** How far the carrying out of a remembered decision has come. */
export interface Carrying {
  /** With what came of it, once it is done. */
  readonly answer: Answer;
  /** Null: done. Empty: not begun. Else the presence of the process that is at it. */
  readonly by: string | null;
}

/** Undefined if nothing is remembered under this key (any more). */
export async function carryingOf(tx: Tx, peer: string, key: string): Promise<Carrying | undefined> {
  const row = await tx.get<{ answer: string; carrying: string | null }>(
    "SELECT answer, carrying FROM idempotency WHERE peer = ? AND key = ?",
    peer,
    key,
  );
  return row && { answer: JSON.parse(row.answer) as Answer, by: row.carrying };
}

/** Takes it on to carry the decision out; false if another was faster. */
export async function beginCarrying(
  tx: Tx,
  peer: string,
  key: string,
  by: string,
): Promise<boolean> {
  const sql = "UPDATE idempotency SET carrying = ? WHERE peer = ? AND key = ? AND carrying = ''";
  return await tx.run(sql, by, peer, key) > 0;
}

/** Remembers what came of it; null if it failed, so that a repeated call tries again. */
export async function endCarrying(
  tx: Tx,
  peer: string,
  key: string,
  by: string,
  answer: Answer | null,
): Promise<void> {
  await tx.run(
    `UPDATE idempotency SET carrying = ?, answer = coalesce(?, answer)
     WHERE peer = ? AND key = ? AND carrying = ?`,
    answer === null ? "" : null,
    answer === null ? null : JSON.stringify(answer),
    peer,
    key,
    by,
  );
}
