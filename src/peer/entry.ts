// Joining: one transaction that decides who the newcomer is, gives it a role, writes its row and
// returns what its session had before.

import { Refusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Role } from "../core/operation.ts";
import type { Tx, Unit } from "../core/transaction.ts";
import { inspect } from "../filter/filter.ts";
import { inheritEscalations } from "../message/table.ts";
import { SCHEMA_VERSION } from "../store/schema.ts";
import { endLife, giveBack, type Returned, stillAlive } from "./life.ts";
import {
  type Brings,
  type Candidate,
  decideIdentity,
  decideRole,
  rankOf,
  type RoleDecision,
} from "./rules.ts";
import { writeEntry } from "./lives.ts";
import {
  architectOf,
  type Kind,
  namesLike,
  peerById,
  peerByName,
  peerBySession,
  type PeerRow,
  peersOfClients,
  type ProcessId,
  setName,
} from "./table.ts";

/** Everything a newcomer brings along. */
export interface Newcomer extends Brings {
  readonly kind: Kind;
  /** Role from the environment or a spawner. */
  readonly role: Role | null;
  readonly incarnation: string;
  readonly bell: number;
  readonly pid: number;
  readonly version: string;
  readonly folder: string;
  readonly tree: string;
  /** For a peer without a process: until when it lives, in seconds since boot. */
  readonly leaseUntilS: number | null;
  /** The client behind it, if it is an agent's. */
  readonly client?: ProcessId | null;
  /** Whether the role it brings may be more than one it was given before. */
  readonly mayRise?: boolean;
}

export interface Entered {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly returned: Returned;
  /** What the newcomer has to be told: another name or role than it wanted. */
  readonly notices: string[];
}

/**
 * Lets a newcomer in. `newId` makes peer ids, `random` numbers in [0, 1).
 * @throws Refusal `KILLED`, `LIMIT_REACHED`, `NOT_ALLOWED`, `ROLE_TAKEN`
 */
export async function enter(
  unit: Unit,
  newcomer: Newcomer,
  newId: () => string,
  random: () => number,
): Promise<Entered> {
  const { tx } = unit;
  const notices: string[] = [];
  const bySession = newcomer.session === null
    ? await byClient(unit, newcomer)
    : await peerBySession(tx, newcomer.session);
  const byName = newcomer.name === null ? undefined : await peerByName(tx, newcomer.name);
  const taken = await namesLike(tx, newcomer.name ?? "");
  const identity = decideIdentity(
    newcomer,
    await candidate(unit, bySession),
    await candidate(unit, byName),
    (name) => taken.has(name),
    random,
  );
  if (identity.as === "killed") {
    const { name, killed_by: by, killed_at: at } = await peerById(tx, identity.id) ?? {};
    throw new Refusal("KILLED", `${name} was ended by ${by} at ${at}`);
  }
  await refuseCrowd(tx);
  refuseFolder(newcomer.folder);
  let before: PeerRow | undefined;
  if (identity.as === "same") {
    before = await peerById(tx, identity.id);
    const old = before?.incarnation ?? null;
    if (old !== null) await endLife(unit, old, "superseded");
  }
  if (identity.as === "heir") {
    await setName(tx, identity.archive, `${identity.name}.${identity.archive}`);
  }
  if (identity.as === "new" && identity.instead !== undefined) {
    notices.push(`the name ${identity.instead} is in use; you are ${identity.name}`);
  }
  if (before?.pinned === 1 && newcomer.mayRise === false) refuseRise(before, newcomer.role);
  const id = before?.id ?? newId();
  const name = identity.as === "same" ? before?.name ?? newId() : identity.name;
  const decision = await roleFor(unit, {
    id,
    project: newcomer.project,
    asked: newcomer.role,
    pinning: true,
    present: before?.project === newcomer.project ? before.role : null,
    pinned: before?.pinned === 1 && newcomer.role === null,
    takesSeat: newcomer.kind === "resident",
  });
  if (decision.notice !== undefined) notices.push(decision.notice);
  await writeEntry(tx, {
    ...newcomer,
    id,
    name,
    role: decision.role,
    wantedRole: decision.wanted,
    pinned: newcomer.role !== null || before?.pinned === 1,
    session: newcomer.session ?? before?.session ?? null,
    schema: SCHEMA_VERSION,
    at: unit.at,
  });
  if (decision.role === "architect") await inheritEscalations(tx, newcomer.project, id);
  // Whom control has paused gets nothing back to sit on.
  const returned = before?.paused_at
    ? { given: [], lost: [], epochs: new Map<string, number>() }
    : await giveBack(unit, id, newcomer.incarnation);
  unit.record({
    actor: name,
    op: "join",
    subject: `peer/${name}`,
    detail: { role: decision.role, project: newcomer.project, returned: returned.given },
  });
  return { id, name, role: decision.role, returned, notices };
}

/** A client that has no session is known by its process: its server comes back as the same peer. */
async function byClient(unit: Unit, newcomer: Newcomer): Promise<PeerRow | undefined> {
  const { client = null, name } = newcomer;
  if (client === null || client.start === "") return undefined;
  for (const { id } of await peersOfClients(unit.tx, [client])) {
    const row = await peerById(unit.tx, id);
    const same = row !== undefined && row.session === null && row.project === newcomer.project &&
      (name === null || name === row.name);
    // One process may run several agents: only one that has ended comes back.
    if (same && !await stillAlive(unit, id)) return row;
  }
  return undefined;
}

/** A role that was given stays, whatever the environment of a shell says. */
function refuseRise(before: PeerRow, asked: Role | null): void {
  if (asked === null || rankOf(asked) <= rankOf(before.role)) return;
  throw new Refusal("NOT_ALLOWED", `role: ${before.name} was made ${before.role} and stays it`, {
    field: "role",
  });
}

/** The name of a folder is shown to every peer. */
function refuseFolder(folder: string): void {
  const [found] = inspect(folder);
  if (found === undefined) return;
  throw new Refusal("CONTENT_REFUSED", `the folder's name has ${found.sign}`, {
    field: "folder",
    hint: "Work in a folder of another name.",
  });
}

async function refuseCrowd(tx: Tx): Promise<void> {
  const row = await tx.get<{ total: number }>(
    "SELECT count(*) AS total FROM peer WHERE state = 'live'",
  );
  if ((row?.total ?? 0) < LIMITS.livePeers) return;
  throw new Refusal("LIMIT_REACHED", `${LIMITS.livePeers} peers live in this home`);
}

async function candidate(unit: Unit, row: PeerRow | undefined): Promise<Candidate | null> {
  if (row === undefined) return null;
  const { id, name, project, session, kind } = row;
  const killed = row.killed_at !== null;
  return { id, name, project, session, kind, killed, alive: await stillAlive(unit, id) };
}

export interface RoleRequest {
  readonly id: string;
  readonly project: string;
  readonly asked: Role | null;
  readonly pinning: boolean;
  readonly present: Role | null;
  readonly pinned: boolean;
  readonly takesSeat: boolean;
}

/**
 * Decides a role with the seat as it is right now; a dead holder loses it on the spot.
 * @throws Refusal `NOT_ALLOWED`, `ROLE_TAKEN`
 */
export async function roleFor(
  unit: Unit,
  request: RoleRequest,
): Promise<Exclude<RoleDecision, { refused: string }>> {
  let holder = await architectOf(unit.tx, request.project);
  while (holder !== undefined && holder.id !== request.id && !await stillAlive(unit, holder.id)) {
    holder = await architectOf(unit.tx, request.project);
  }
  const seatHolder = holder === undefined || holder.id === request.id ? null : holder.name;
  const decision = decideRole({ ...request, seatHolder });
  if (!("refused" in decision)) return decision;
  const code = decision.refused === "taken" ? "ROLE_TAKEN" : "NOT_ALLOWED";
  throw new Refusal(code, `role: ${decision.why}`, { field: "role" });
}
