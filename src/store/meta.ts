// Single values of the store, by name.

import type { Tx } from "../core/transaction.ts";

/** A value, if it was ever set. */
export async function getMeta(tx: Tx, key: string): Promise<string | undefined> {
  const row = await tx.get<{ value: string }>("SELECT value FROM meta WHERE key = ?", key);
  return row?.value;
}

export async function setMeta(tx: Tx, key: string, value: string): Promise<void> {
  await tx.run(
    "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    key,
    value,
  );
}
