// The `head` file: number and MAC of the newest journal row, written each second by the leader
// outside of the database. A database that was swapped for an older copy does not fit it.

import { join } from "@std/path";
import type { Store } from "../store/unit.ts";

const written = new WeakMap<Store, number>();

/** Writes the head if it moved; atomically, so that nobody reads half of it. */
export async function writeHead(store: Store): Promise<void> {
  const row = await store.engine.read((tx) =>
    tx.get<{ seq: number; mac: string }>("SELECT seq, mac FROM journal ORDER BY seq DESC LIMIT 1")
  );
  if (row === undefined || written.get(store) === row.seq) return;
  const path = join(store.folder, "head");
  const temporary = `${path}.new`;
  Deno.writeTextFileSync(temporary, `${JSON.stringify({ seq: row.seq, mac: row.mac })}\n`, {
    mode: 0o600,
  });
  Deno.renameSync(temporary, path);
  written.set(store, row.seq);
}
