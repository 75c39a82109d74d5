// The peers.

import type { Role } from "../core/operation.ts";
import type { GitState } from "../core/git.ts";
import type { Tx } from "../core/transaction.ts";
import type { UsageRow } from "./standing.ts";

export type Kind = "resident" | "leased";

/** A row of `peer`. */
export interface PeerRow extends UsageRow {
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
  readonly paused_at: string | null;
  readonly paused_by: string | null;
  readonly paused_why: string | null;
  readonly killed_at: string | null;
  readonly killed_by: string | null;
  readonly budget_by: string | null;
  readonly strikes: number;
  readonly strikes_at_s: number;
  readonly urgent_tokens: number;
  readonly urgent_at_s: number;
  /** JSON of what it waits for at its terminal (waits.ts). */
  readonly waits: string | null;
}

const COLUMNS = `id, name, role, wanted_role, pinned, project, folder, tree, kind, session, summary,
  state, incarnation, bell, run, version, joined_at, seen_at, lease_until_s, stalled_since_s,
  rate_tokens, rate_at_s, git, git_at, paused_at, paused_by, paused_why, killed_at, killed_by,
  strikes, strikes_at_s, urgent_tokens, urgent_at_s, waits, budget, budget_by, used_tokens, used_calls, used_cost_usd,
  used_turns`;

export function peerById(tx: Tx, id: string): Promise<PeerRow | undefined> {
  return tx.get<PeerRow>(`SELECT ${COLUMNS} FROM peer WHERE id = ?`, id);
}

export function peerByName(tx: Tx, name: string): Promise<PeerRow | undefined> {
  return tx.get<PeerRow>(`SELECT ${COLUMNS} FROM peer WHERE name = ?`, name);
}

/** Who is called by a name: what sending needs. */
export type Called = Pick<
  PeerRow,
  "id" | "name" | "project" | "kind" | "state" | "killed_at" | "bell"
>;

/** Only who is behind a name, from where, and whether it is here. */
export function idByName(
  tx: Tx,
  name: string,
): Promise<Called | undefined> {
  return tx.get<Called>(
    "SELECT id, name, project, kind, state, killed_at, bell FROM peer WHERE name = ?",
    name,
  );
}

/** A process that cannot be mistaken for a later one of the same number. */
export interface ProcessId {
  readonly pid: number;
  /** When it started, as the system says it. */
  readonly start: string;
}

/** What every call needs to know of its actor; every column is paid for with every call. */
export type ActorRow =
  & Pick<
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
    | "urgent_tokens"
    | "urgent_at_s"
    | "paused_at"
    | "budget"
  >
  & {
    /** The home's policy as JSON, if the operator has set one. */
    readonly policy: string | null;
  };

export function actorById(tx: Tx, id: string): Promise<ActorRow | undefined> {
  return tx.get<ActorRow>(
    `SELECT name, role, pinned, project, folder, kind, state, incarnation, run, rate_tokens,
       rate_at_s, urgent_tokens, urgent_at_s, paused_at, budget, (SELECT value FROM meta WHERE key = 'policy') AS policy FROM peer WHERE id = ?`,
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

/** The peers, living and ended, behind which one of these processes stands; newest first. */
export async function peersOfClients(
  tx: Tx,
  clients: readonly ProcessId[],
): Promise<{ readonly id: string; readonly client: ProcessId }[]> {
  const found = [];
  for (const client of clients) {
    const rows = await tx.all<{ id: string }>(
      `SELECT id FROM peer WHERE client_pid > 0 AND client_pid = ?
         AND (client_start = ? OR client_start = '' OR ? = '') ORDER BY seen_at DESC`,
      client.pid,
      client.start,
      client.start,
    );
    for (const { id } of rows) found.push({ id, client });
  }
  return found;
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

/** What the leader watches of a peer with a process. */
export type Resident = Pick<PeerRow, "name" | "bell" | "stalled_since_s"> & {
  readonly incarnation: string;
};

/** Live peers of the home that have a process. */
export function residents(tx: Tx): Promise<Resident[]> {
  return tx.all<Resident>(
    `SELECT incarnation, name, bell, stalled_since_s FROM peer
     WHERE state = 'live' AND kind = 'resident' AND incarnation IS NOT NULL`,
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

export function setRole(tx: Tx, id: string, role: Role, wanted: Role | null): Promise<number> {
  return tx.run("UPDATE peer SET role = ?, wanted_role = ? WHERE id = ?", role, wanted, id);
}

export function setName(tx: Tx, id: string, name: string): Promise<number> {
  return tx.run("UPDATE peer SET name = ? WHERE id = ?", name, id);
}

export function setSession(tx: Tx, id: string, session: string): Promise<number> {
  return tx.run("UPDATE peer SET session = ? WHERE id = ?", session, id);
}

export function setSummary(tx: Tx, id: string, summary: string): Promise<number> {
  return tx.run("UPDATE peer SET summary = ? WHERE id = ?", summary, id);
}

export function setRun(tx: Tx, id: string, run: string | null): Promise<number> {
  return tx.run("UPDATE peer SET run = ? WHERE id = ?", run, id);
}

export function setWatch(tx: Tx, incarnation: string, watch: boolean): Promise<number> {
  return tx.run("UPDATE peer SET watch = ? WHERE incarnation = ?", watch ? 1 : 0, incarnation);
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
       AND wanted_role = 'architect' AND paused_at IS NULL ORDER BY joined_at LIMIT 1`,
    project,
  );
}
