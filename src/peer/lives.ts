// How an identity gets a life, loses it, or waits for its first one.

import type { Role } from "../core/operation.ts";
import type { Tx } from "../core/transaction.ts";
import { OPERATOR } from "./session.ts";
import { type Kind, peerByName, type ProcessId } from "./table.ts";

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
  /** The process behind the peer, if there is one: whose shell a command line runs in. */
  readonly client?: ProcessId | null;
}

/** Makes an identity, or gives it a new life. Mail, summary and run stay with the identity. */
export async function writeEntry(tx: Tx, entry: Entry): Promise<void> {
  await tx.run(
    `INSERT INTO peer (id, name, role, wanted_role, pinned, project, folder, tree, kind, session,
       state, incarnation, bell, pid, version, schema, joined_at, seen_at, lease_until_s, client_pid,
       client_start)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'live', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET name = excluded.name, role = excluded.role,
       wanted_role = excluded.wanted_role, pinned = excluded.pinned, project = excluded.project,
       folder = excluded.folder, tree = excluded.tree, kind = excluded.kind,
       session = excluded.session, state = 'live', incarnation = excluded.incarnation,
       bell = excluded.bell, watch = 0, pid = excluded.pid, version = excluded.version,
       schema = excluded.schema, joined_at = excluded.joined_at, seen_at = excluded.seen_at,
       lease_until_s = excluded.lease_until_s, client_pid = excluded.client_pid,
       client_start = excluded.client_start, ended_at = NULL, end_reason = NULL,
       stalled_since_s = NULL, git = NULL, git_at = NULL, hosts = NULL`,
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
    entry.client?.pid ?? 0,
    entry.client?.start ?? "",
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

/**
 * Makes an identity that nobody has begun yet: whoever brings its name is it. `untilS`, in seconds since
 * boot: how long what is assigned to it waits for that. Returns its id.
 */
export async function reserve(
  tx: Tx,
  who: {
    readonly name: string;
    readonly project: string;
    readonly folder: string;
    readonly tree: string;
    readonly at: string;
    readonly untilS: number;
  },
): Promise<string> {
  const before = await peerByName(tx, who.name);
  if (before !== undefined) {
    const sql = "UPDATE peer SET lease_until_s = ? WHERE id = ? AND state = 'gone'";
    await tx.run(sql, who.untilS, before.id);
    return before.id;
  }
  const id = crypto.randomUUID().replaceAll("-", "").slice(0, 8);
  await tx.run(
    `INSERT INTO peer (id, name, role, pinned, project, folder, tree, kind, state, joined_at, seen_at,
       ended_at, end_reason, lease_until_s)
     VALUES (?, ?, 'worker', 1, ?, ?, ?, 'resident', 'gone', ?, ?, ?, 'not begun', ?)`,
    id,
    who.name,
    who.project,
    who.folder,
    who.tree,
    who.at,
    who.at,
    who.at,
    who.untilS,
  );
  return id;
}

/** Makes the human's peer where it has not acted yet: mail waits for it from the first. */
export async function makeHuman(tx: Tx, at: string): Promise<void> {
  await tx.run(
    `INSERT INTO peer (id, name, role, pinned, project, folder, tree, kind, state, joined_at, seen_at,
       ended_at, end_reason)
     VALUES (?, ?, 'operator', 1, '', '', '', 'leased', 'gone', ?, ?, ?, 'not begun')
     ON CONFLICT DO NOTHING`,
    OPERATOR,
    OPERATOR,
    at,
    at,
    at,
  );
}

/** Reserved names that are waited for no longer. */
export function overdue(tx: Tx, upS: number): Promise<{ id: string }[]> {
  return tx.all<{ id: string }>(
    `SELECT id FROM peer WHERE state = 'gone' AND lease_until_s IS NOT NULL AND lease_until_s <= ?
     LIMIT 100`,
    upS,
  );
}

/** Nobody waits for a reserved name any more. False if it has begun, or was given up before. */
export async function endReservation(tx: Tx, id: string): Promise<boolean> {
  const changed = await tx.run(
    `UPDATE peer SET lease_until_s = NULL
     WHERE id = ? AND state = 'gone' AND lease_until_s IS NOT NULL`,
    id,
  );
  return changed > 0;
}
