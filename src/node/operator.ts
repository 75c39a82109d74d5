// The human's peer: one of the home, in no project's roster, without a process. Its life is made when
// it first acts and renewed while it does.

import type { Settings } from "../core/operation.ts";
import type { Unit } from "../core/transaction.ts";
import { VERSION } from "../core/version.ts";
import { writeEntry } from "../peer/lives.ts";
import { OPERATOR } from "../peer/session.ts";
import { peerById, renewLease } from "../peer/table.ts";
import { SCHEMA_VERSION } from "../store/schema.ts";
import { commit, type Store } from "../store/unit.ts";
import { newId } from "./ids.ts";

/** Gives the human's peer a new life and returns it. */
export async function beginOperator(
  unit: Unit,
  settings: Pick<Settings, "leaseS">,
): Promise<string> {
  const incarnation = newId(12);
  await writeEntry(unit.tx, {
    id: OPERATOR,
    name: OPERATOR,
    role: "operator",
    wantedRole: null,
    pinned: true,
    project: "",
    folder: "",
    tree: "",
    kind: "leased",
    session: null,
    incarnation,
    bell: 0,
    pid: 0,
    version: VERSION,
    schema: SCHEMA_VERSION,
    at: unit.at,
    leaseUntilS: unit.upS + settings.leaseS,
  });
  unit.record({ actor: OPERATOR, op: "join", subject: `peer/${OPERATOR}`, detail: {} });
  return incarnation;
}

/** The human's present life, renewed or made if need be. */
export async function operatorLife(
  store: Store,
  settings: Pick<Settings, "leaseS">,
): Promise<string> {
  const row = await store.engine.read((tx) => peerById(tx, OPERATOR));
  const leftS = (row?.lease_until_s ?? 0) - store.clock.upS();
  const life = row?.incarnation ?? null;
  if (row?.state === "live" && life !== null && leftS > settings.leaseS / 2) return life;
  return await commit(store, (unit) => liveOperator(unit, settings));
}

/** The same inside of a write. */
export async function liveOperator(
  unit: Unit,
  settings: Pick<Settings, "leaseS">,
): Promise<string> {
  const row = await peerById(unit.tx, OPERATOR);
  if (row?.state !== "live" || row.incarnation === null) return await beginOperator(unit, settings);
  await renewLease(unit.tx, OPERATOR, unit.upS + settings.leaseS, unit.at);
  return row.incarnation;
}
