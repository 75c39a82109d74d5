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

/** Remembers an answer under its key. */
export async function rememberAnswer(
  unit: Unit,
  peer: string,
  key: string,
  op: string,
  request: string,
  answer: Answer,
): Promise<void> {
  await unit.tx.run(
    "INSERT INTO idempotency (peer, key, op, request, answer, at) VALUES (?, ?, ?, ?, ?, ?)",
    peer,
    key,
    op,
    request,
    JSON.stringify(answer),
    unit.at,
  );
}
