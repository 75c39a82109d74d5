// Whom a name means, seen from a project. People call their terminals alike everywhere (`worker-1`), and a
// name is unique in a home: a peer without a process that another project has under this name is somebody
// else. Here its name is the next one, `worker-1-2`, and whoever says `worker-1` here means that one.

import type { Tx } from "../core/transaction.ts";
import { numberedName } from "./rules.ts";
import { OPERATOR } from "./session.ts";
import { type Called, idByName, peerById, type PeerRow } from "./table.ts";

/** The name under which somebody without a process acts in a project that calls itself `name`. */
export async function nameIn(tx: Tx, name: string, project: string): Promise<string> {
  for (let n = 1;; n++) {
    const one = numberedName(name, n);
    const row = await idByName(tx, one);
    if (row === undefined) return one;
    // Under its own name, whoever lives there decides; a session under another one is in the way.
    const elsewhere = isElsewhere(row, project);
    if (n === 1 ? !elsewhere : row.project === project && row.kind === "leased") return one;
  }
}

/** Whom a name means in a project: who is called so here, else who is called so anywhere. */
export async function idIn(
  tx: Tx,
  name: string,
  project: string,
): Promise<Called | undefined> {
  const first = await idByName(tx, name);
  if (first === undefined || !isElsewhere(first, project)) return first;
  for (let n = 2;; n++) {
    const one = numberedName(name, n);
    const row = await idByName(tx, one);
    if (row === undefined) return first;
    if (row.project === project) return row;
  }
}

/** The same, with all that is known of it. */
export async function peerIn(tx: Tx, name: string, project: string): Promise<PeerRow | undefined> {
  const found = await idIn(tx, name, project);
  return found === undefined ? undefined : await peerById(tx, found.id);
}

function isElsewhere(row: Called, project: string): boolean {
  return row.kind === "leased" && row.project !== project && row.id !== OPERATOR;
}
