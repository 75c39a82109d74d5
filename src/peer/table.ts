// The peers and the leader row.

import type { Role } from "../core/operation.ts";
import type { Tx } from "../core/transaction.ts";

export type Kind = "resident" | "leased";

/** A row of `peer`. */
export interface PeerRow {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly wanted_role: Role | null;
  readonly pinned: number;
  readonly project: string;
  readonly folder: string;
  /** Top of its working tree, or its folder. */
  readonly tree: string;
  readonly kind: Kind;
  readonly session: string | null;
  readonly summary: string;
  readonly state: "live" | "gone";
  readonly incarnation: string | null;
  readonly bell: number;
  readonly run: string | null;
  readonly version: string;
  readonly joined_at: string;
  readonly seen_at: string;
  readonly lease_until_s: number | null;
  readonly stalled_since_s: number | null;
  readonly rate_tokens: number;
  readonly rate_at_s: number;
  readonly git: string | null;
  readonly git_at: string | null;
}

/** The leader row. */
export interface LeaderRow {
  readonly incarnation: string | null;
  readonly peer: string | null;
  readonly epoch: number;
  readonly since: string | null;
  readonly url: string | null;
}

/** Git state of a working tree, as a peer last saw it. */
export interface GitState {
  readonly branch: string;
  readonly commit: string;
  readonly dirty: readonly string[];
  /** How many dirty files there are in all. */
  readonly dirtyCount: number;
}

const COLUMNS = `id, name, role, wanted_role, pinned, project, folder, tree, kind, session, summary,
  state, incarnation, bell, run, version, joined_at, seen_at, lease_until_s, stalled_since_s,
  rate_tokens, rate_at_s, git, git_at`;

export function peerById(tx: Tx, id: string): Promise<PeerRow | undefined> {
  return tx.get<PeerRow>(`SELECT ${COLUMNS} FROM peer WHERE id = ?`, id);
}

export function peerByName(tx: Tx, name: string): Promise<PeerRow | undefined> {
  return tx.get<PeerRow>(`SELECT ${COLUMNS} FROM peer WHERE name = ?`, name);
}

/** Only the id behind a name: what sending needs. */
export function idByName(tx: Tx, name: string): Promise<{ id: string } | undefined> {
  return tx.get<{ id: string }>("SELECT id FROM peer WHERE name = ?", name);
}

/** What every call needs to know of its actor. */
export type ActorRow = Pick<
  PeerRow,
  | "name"
  | "role"
  | "pinned"
  | "project"
  | "folder"
  | "kind"
  | "state"
  | "incarnation"
  | "run"
  | "rate_tokens"
  | "rate_at_s"
>;

export function actorById(tx: Tx, id: string): Promise<ActorRow | undefined> {
  return tx.get<ActorRow>(
    `SELECT name, role, pinned, project, folder, kind, state, incarnation, run, rate_tokens,
       rate_at_s FROM peer WHERE id = ?`,
    id,
  );
}

/** The newest identity of a client session. */
export function peerBySession(tx: Tx, session: string): Promise<PeerRow | undefined> {
  return tx.get<PeerRow>(
    `SELECT ${COLUMNS} FROM peer WHERE session = ? ORDER BY seen_at DESC LIMIT 1`,
    session,
  );
}

export function peerByIncarnation(tx: Tx, incarnation: string): Promise<PeerRow | undefined> {
  return tx.get<PeerRow>(`SELECT ${COLUMNS} FROM peer WHERE incarnation = ?`, incarnation);
}

/** Live peers of a project, oldest first. */
export function livePeers(tx: Tx, project: string): Promise<PeerRow[]> {
  return tx.all<PeerRow>(
    `SELECT ${COLUMNS} FROM peer WHERE project = ? AND state = 'live' ORDER BY joined_at, id`,
    project,
  );
}

/** Live peers of the home, oldest first. */
export function allLivePeers(tx: Tx): Promise<PeerRow[]> {
  return tx.all<PeerRow>(
    `SELECT ${COLUMNS} FROM peer WHERE state = 'live' ORDER BY joined_at, id`,
  );
}

/** The live architect of a project. */
export function architectOf(tx: Tx, project: string): Promise<PeerRow | undefined> {
  return tx.get<PeerRow>(
    `SELECT ${COLUMNS} FROM peer WHERE project = ? AND role = 'architect' AND state = 'live'
     ORDER BY joined_at LIMIT 1`,
    project,
  );
}

/** Every name that starts like `prefix`; enough to find a free one without a query for each. */
export async function namesLike(tx: Tx, prefix: string): Promise<Set<string>> {
  const rows = await tx.all<{ name: string }>(
    "SELECT name FROM peer WHERE name >= ? AND name < ?",
    prefix,
    `${prefix}\u{10ffff}`,
  );
  return new Set(rows.map((row) => row.name));
}

export async function leaderRow(tx: Tx): Promise<LeaderRow> {
  const row = await tx.get<LeaderRow>(
    "SELECT incarnation, peer, epoch, since, url FROM leader WHERE one = 1",
  );
  return row ?? { incarnation: null, peer: null, epoch: 0, since: null, url: null };
}

/** Everything that is set when somebody joins. */
export interface Entry {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly wantedRole: Role | null;
  readonly pinned: boolean;
  readonly project: string;
  readonly folder: string;
  readonly tree: string;
  readonly kind: Kind;
  readonly session: string | null;
  readonly incarnation: string;
  readonly bell: number;
  readonly pid: number;
  readonly version: string;
  readonly schema: number;
  readonly at: string;
  readonly leaseUntilS: number | null;
}

/** Makes an identity, or gives it a new life. Mail, summary and run stay with the identity. */
export async function writeEntry(tx: Tx, entry: Entry): Promise<void> {
  await tx.run(
    `INSERT INTO peer (id, name, role, wanted_role, pinned, project, folder, tree, kind, session,
       state, incarnation, bell, pid, version, schema, joined_at, seen_at, lease_until_s)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'live', ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, role = excluded.role,
       wanted_role = excluded.wanted_role, pinned = excluded.pinned, project = excluded.project,
       folder = excluded.folder, tree = excluded.tree, kind = excluded.kind,
       session = excluded.session, state = 'live', incarnation = excluded.incarnation,
       bell = excluded.bell, watch = 0, pid = excluded.pid, version = excluded.version,
       schema = excluded.schema, joined_at = excluded.joined_at, seen_at = excluded.seen_at,
       lease_until_s = excluded.lease_until_s, ended_at = NULL, end_reason = NULL,
       stalled_since_s = NULL, git = NULL, git_at = NULL`,
    entry.id,
    entry.name,
    entry.role,
    entry.wantedRole,
    entry.pinned ? 1 : 0,
    entry.project,
    entry.folder,
    entry.tree,
    entry.kind,
    entry.session,
    entry.incarnation,
    entry.bell,
    entry.pid,
    entry.version,
    entry.schema,
    entry.at,
    entry.at,
    entry.leaseUntilS,
  );
}

/** Ends a life. False if it had ended before. */
export async function endPeer(
  tx: Tx,
  incarnation: string,
  at: string,
  reason: string,
): Promise<boolean> {
  const changed = await tx.run(
    `UPDATE peer SET state = 'gone', incarnation = NULL, bell = 0, watch = 0, lease_until_s = NULL,
       stalled_since_s = NULL, ended_at = ?, end_reason = ? WHERE incarnation = ?`,
    at,
    reason,
    incarnation,
  );
  return changed > 0;
}

export function setRole(tx: Tx, id: string, role: Role, wanted: Role | null): Promise<number> {
  return tx.run("UPDATE peer SET role = ?, wanted_role = ? WHERE id = ?", role, wanted, id);
}

export function setName(tx: Tx, id: string, name: string): Promise<number> {
  return tx.run("UPDATE peer SET name = ? WHERE id = ?", name, id);
}

export function setSummary(tx: Tx, id: string, summary: string): Promise<number> {
  return tx.run("UPDATE peer SET summary = ? WHERE id = ?", summary, id);
}

export function setRun(tx: Tx, id: string, run: string | null): Promise<number> {
  return tx.run("UPDATE peer SET run = ? WHERE id = ?", run, id);
}

export function setWatch(tx: Tx, id: string, watch: boolean): Promise<number> {
  return tx.run("UPDATE peer SET watch = ? WHERE id = ?", watch ? 1 : 0, id);
}

export function setBucket(tx: Tx, id: string, tokens: number, atS: number): Promise<number> {
  return tx.run("UPDATE peer SET rate_tokens = ?, rate_at_s = ? WHERE id = ?", tokens, atS, id);
}

export function setStalled(tx: Tx, incarnation: string, sinceS: number | null): Promise<number> {
  return tx.run("UPDATE peer SET stalled_since_s = ? WHERE incarnation = ?", sinceS, incarnation);
}

export function setGit(tx: Tx, id: string, git: GitState | null, at: string): Promise<number> {
  const text = git === null ? null : JSON.stringify(git);
  return tx.run("UPDATE peer SET git = ?, git_at = ? WHERE id = ?", text, at, id);
}

export function renewLease(tx: Tx, id: string, untilS: number, at: string): Promise<number> {
  return tx.run("UPDATE peer SET lease_until_s = ?, seen_at = ? WHERE id = ?", untilS, at, id);
}

/** Live peers without a process whose lease is over. */
export function expiredLeases(tx: Tx, upS: number): Promise<PeerRow[]> {
  return tx.all<PeerRow>(
    `SELECT ${COLUMNS} FROM peer
     WHERE state = 'live' AND kind = 'leased' AND lease_until_s <= ? LIMIT 100`,
    upS,
  );
}

/** The live peer that has waited longest for the architect's seat of a project. */
export function nextArchitect(tx: Tx, project: string): Promise<PeerRow | undefined> {
  return tx.get<PeerRow>(
    `SELECT ${COLUMNS} FROM peer WHERE project = ? AND role = 'worker' AND state = 'live'
       AND wanted_role = 'architect' ORDER BY joined_at LIMIT 1`,
    project,
  );
}

/** Moves everything that belongs to one identity to another, and removes the first. */
export async function mergePeer(tx: Tx, from: string, into: string): Promise<void> {
  await tx.run(
    `UPDATE message SET recipients = replace(recipients, ?, ?)
     WHERE id IN (SELECT message FROM delivery WHERE peer = ?)`,
    JSON.stringify(from),
    JSON.stringify(into),
    from,
  );
  await tx.run("UPDATE OR IGNORE delivery SET peer = ? WHERE peer = ?", into, from);
  await tx.run("UPDATE task SET creator = ? WHERE creator = ?", into, from);
  await tx.run("UPDATE task SET claimed_by = ? WHERE claimed_by = ?", into, from);
  await tx.run("UPDATE task SET assigned_to = ? WHERE assigned_to = ?", into, from);
  await tx.run("UPDATE OR IGNORE lock SET peer = ? WHERE peer = ?", into, from);
  await tx.run("UPDATE message SET sender = ? WHERE sender = ?", into, from);
  await tx.run("DELETE FROM lost WHERE peer = ?", from);
  await tx.run("DELETE FROM peer WHERE id = ?", from);
}
