// Locks and who waits for them.

import type { Tx } from "../core/transaction.ts";
import type { Mode } from "./rules.ts";

/** A row of `lock`. */
export interface LockRow {
  readonly id: number;
  readonly space: string;
  readonly path: string;
  /** What the holder called it. */
  readonly shown: string;
  readonly mode: Mode;
  readonly peer: string;
  readonly incarnation: string;
  readonly task: string | null;
  readonly since: string;
  readonly expires_s: number;
  /** The working tree, if it was taken for an editor: it is in nobody's way in another one. */
  readonly tree: string | null;
}

export interface WaitRow {
  readonly peer: string;
  readonly incarnation: string;
  readonly space: string;
  readonly path: string;
  readonly mode: Mode;
}

const COLUMNS = "id, space, path, shown, mode, peer, incarnation, task, since, expires_s, tree";

export function locksIn(tx: Tx, space: string): Promise<LockRow[]> {
  return tx.all<LockRow>(`SELECT ${COLUMNS} FROM lock WHERE space = ? ORDER BY path`, space);
}

export function locksOf(tx: Tx, peer: string): Promise<LockRow[]> {
  return tx.all<LockRow>(`SELECT ${COLUMNS} FROM lock WHERE peer = ? ORDER BY space, path`, peer);
}

export function locksOfIncarnation(tx: Tx, incarnation: string): Promise<LockRow[]> {
  return tx.all<LockRow>(`SELECT ${COLUMNS} FROM lock WHERE incarnation = ?`, incarnation);
}

/** Takes or renews a lock; renewing keeps `since`. */
export function putLock(tx: Tx, lock: Omit<LockRow, "id">): Promise<number> {
  return tx.run(
    `INSERT INTO lock (space, path, shown, mode, peer, incarnation, task, since, expires_s, tree)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (space, path, peer) DO UPDATE SET shown = excluded.shown, mode = excluded.mode,
       incarnation = excluded.incarnation, task = coalesce(excluded.task, task),
       expires_s = excluded.expires_s, tree = excluded.tree`,
    lock.space,
    lock.path,
    lock.shown,
    lock.mode,
    lock.peer,
    lock.incarnation,
    lock.task,
    lock.since,
    lock.expires_s,
    lock.tree,
  );
}

/** Locks that were taken for a peer's editor. */
export function automaticLocksOf(tx: Tx, peer: string): Promise<LockRow[]> {
  return tx.all<LockRow>(
    `SELECT ${COLUMNS} FROM lock WHERE peer = ? AND tree IS NOT NULL ORDER BY path`,
    peer,
  );
}

export function deleteLock(tx: Tx, id: number): Promise<number> {
  return tx.run("DELETE FROM lock WHERE id = ?", id);
}

export function deleteLocksOf(tx: Tx, incarnation: string): Promise<number> {
  return tx.run("DELETE FROM lock WHERE incarnation = ?", incarnation);
}

/** Locks whose lease is over. */
export function expiredLocks(tx: Tx, upS: number): Promise<LockRow[]> {
  return tx.all<LockRow>(`SELECT ${COLUMNS} FROM lock WHERE expires_s <= ? LIMIT 200`, upS);
}

export function putWait(tx: Tx, wait: WaitRow, untilS: number): Promise<number> {
  return tx.run(
    `INSERT INTO lock_wait (peer, incarnation, space, path, mode, until_s) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (incarnation, space, path) DO UPDATE SET mode = excluded.mode,
       until_s = excluded.until_s`,
    wait.peer,
    wait.incarnation,
    wait.space,
    wait.path,
    wait.mode,
    untilS,
  );
}

export function deleteWaits(tx: Tx, incarnation: string): Promise<number> {
  return tx.run("DELETE FROM lock_wait WHERE incarnation = ?", incarnation);
}

/** Who waits in a space, apart from those whose time is over. */
export function waitsIn(tx: Tx, space: string, upS: number): Promise<WaitRow[]> {
  return tx.all<WaitRow>(
    "SELECT peer, incarnation, space, path, mode FROM lock_wait WHERE space = ? AND until_s >= ?",
    space,
    upS,
  );
}

export function allWaits(tx: Tx, upS: number): Promise<WaitRow[]> {
  return tx.all<WaitRow>(
    "SELECT peer, incarnation, space, path, mode FROM lock_wait WHERE until_s >= ?",
    upS,
  );
}
