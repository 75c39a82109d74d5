// The end of a life, and what the same session gets back. There is one path out for leaving,
// dying, being superseded and running out of lease; it is idempotent, so whoever notices first
// may take it.

import type { Unit } from "../core/transaction.ts";
import { inTheWay } from "../lock/rules.ts";
import * as locks from "../lock/table.ts";
import { notify, SYSTEM } from "../message/notice.ts";
import { inheritEscalations } from "../message/table.ts";
import { insertNote } from "../task/notes.ts";
import { unassignPending } from "../task/status.ts";
import * as tasks from "../task/table.ts";
import { forgetLost, lostOf, rememberLost } from "./lost.ts";
import type { GitState } from "../core/git.ts";
import { endPeer, endReservation, overdue } from "./lives.ts";
import {
  allLivePeers,
  architectOf,
  nextArchitect,
  peerById,
  peerByIncarnation,
  type PeerRow,
  setRole,
} from "./table.ts";

/** Why a life ended. */
export type End = "left" | "died" | "superseded" | "lease expired" | "killed";

/** What a returning session got back and what not. */
export interface Returned {
  readonly given: string[];
  readonly lost: string[];
  /** New claim epochs by task. */
  readonly epochs: ReadonlyMap<string, number>;
}

/**
 * Ends an incarnation: frees its claims and locks, remembers them for its return, and tells the
 * architect. Returns whether this call did it.
 */
export async function endLife(unit: Unit, incarnation: string, how: End): Promise<boolean> {
  const { tx } = unit;
  const peer = await peerByIncarnation(tx, incarnation);
  if (peer === undefined || !await endPeer(tx, incarnation, unit.at, how)) return false;
  const claimed = await tasks.claimsOf(tx, peer.id, incarnation);
  for (const task of claimed) await freeTask(unit, peer, task, how);
  const held = await locks.locksOfIncarnation(tx, incarnation);
  for (const lock of held) {
    // What was taken for an editor ends with the editor.
    if (lock.tree !== null) continue;
    const { shown, mode, task, expires_s } = lock;
    const detail = { space: lock.space, path: lock.path, shown, mode, task, expires_s };
    await rememberLost(tx, peer.id, "lock", `${lock.space}\n${lock.path}`, detail);
  }
  await locks.deleteLocksOf(tx, incarnation);
  await locks.deleteWaits(tx, incarnation);
  await wakeWaiters(unit, new Set(held.map((lock) => lock.space)));
  unit.record({
    actor: how === "left" ? peer.name : SYSTEM,
    op: how === "left" ? "leave" : "reap",
    subject: `peer/${peer.name}`,
    detail: { how, tasks: claimed.map((task) => task.id), locks: held.map((lock) => lock.shown) },
  });
  if (peer.role === "architect") await passSeat(unit, peer.project);
  if (how !== "left" && how !== "superseded") await tellArchitect(unit, peer, how, claimed);
  return true;
}

/** What a death has set free, and what it was the last attempt of. */
async function tellArchitect(
  unit: Unit,
  peer: PeerRow,
  how: End,
  claimed: readonly tasks.TaskRow[],
): Promise<void> {
  const open = claimed.filter((task) => task.status === "in_progress");
  const architect = open.length === 0 ? undefined : await architectOf(unit.tx, peer.project);
  if (architect === undefined) return;
  const free = open.filter((task) => !isSpent(task, how)).map((task) => task.id);
  const failed = open.filter((task) => isSpent(task, how))
    .map(({ id, title, attempts }) => `${id} (${title}) failed after ${attempts} attempts.`);
  const parts = free.length === 0 ? failed : [`Free again: ${free.join(", ")}.`, ...failed];
  const [only, ...others] = open;
  await notify(unit, [architect.id], {
    project: peer.project,
    category: "alert",
    content: `${peer.name} ended (${how}). ${parts.join(" ")}`,
    task: others.length === 0 ? only?.id ?? null : null,
  });
}

/** Whether a task has no attempt left after this one, which its worker did not end itself. */
function isSpent(task: tasks.TaskRow, how: End): boolean {
  return how !== "left" && how !== "superseded" && task.attempts >= task.max_attempts;
}

/**
 * A dead worker's task is claimable at once, by anybody, also if it was assigned to the dead; what it had
 * done goes along as a note. Who left of itself, or is here again, keeps what is assigned to it.
 */
async function freeTask(
  unit: Unit,
  peer: PeerRow,
  task: tasks.TaskRow,
  how: End,
): Promise<void> {
  const { tx, at } = unit;
  // In review: the work is handed in and the claim is not in anybody's way.
  if (task.status !== "in_progress") {
    await tx.run("UPDATE task SET claim_incarnation = NULL WHERE id = ?", task.id);
    return;
  }
  const own = how === "left" || how === "superseded";
  const spent = isSpent(task, how);
  const unassign = !own && task.assigned_to === peer.id;
  await rememberLost(tx, peer.id, "task", task.id, {
    epoch: task.claim_epoch,
    attempts: task.attempts,
    assigned: unassign,
  });
  const why = `${peer.name} ${how === "left" ? "left" : `ended (${how})`}`;
  await tasks.setStatus(tx, task.id, spent ? "failed" : "pending", at, {
    failure: spent ? `${why} in attempt ${task.attempts} of ${task.max_attempts}` : null,
    attempts: own ? Math.max(0, task.attempts - 1) : task.attempts,
    unassign,
  });
  await insertNote(tx, task.id, {
    author: SYSTEM,
    kind: "handover",
    text: handover(why, peer, task),
    at,
  });
  unit.record({
    actor: SYSTEM,
    op: spent ? "fail_task" : "reassign",
    subject: `task/${task.id}`,
    detail: { from: peer.name, how, epoch: task.claim_epoch },
  });
}

function handover(why: string, peer: PeerRow, task: tasks.TaskRow): string {
  const parts = [`${why} while working on it since ${task.claimed_at}.`];
  if (task.progress !== "") parts.push(`Last progress: ${task.progress}.`);
  if (peer.git !== null) {
    const git = JSON.parse(peer.git) as GitState;
    parts.push(`It was on ${git.branch} at ${git.commit} in ${peer.tree}.`);
    if (git.dirty.length > 0) parts.push(`Uncommitted there: ${git.dirty.join(", ")}`);
  }
  return parts.join(" ");
}

/** Somebody who could not have the architect's seat gets it as soon as it is empty. */
export async function passSeat(unit: Unit, project: string): Promise<void> {
  const next = await nextArchitect(unit.tx, project);
  if (next === undefined || await architectOf(unit.tx, project) !== undefined) return;
  await setRole(unit.tx, next.id, "architect", null);
  await inheritEscalations(unit.tx, project, next.id);
  unit.record({ actor: SYSTEM, op: "seat", subject: `peer/${next.name}`, detail: { project } });
  await notify(unit, [next.id], {
    project,
    category: "status_update",
    content: "The architect's seat became empty: you are the architect of this project now.",
  });
}

/** Rings those who wait for locks in these spaces. */
export async function wakeWaiters(unit: Unit, spaces: ReadonlySet<string>): Promise<void> {
  for (const space of spaces) {
    for (const wait of await locks.waitsIn(unit.tx, space, unit.upS)) unit.wake(wait.peer);
  }
}

/**
 * Probes whoever stands behind a peer row: a dead resident is reaped on the spot, an expired lease
 * ends if no leader is there to do it. Returns whether the peer still lives.
 */
export async function stillAlive(unit: Unit, peerId: string): Promise<boolean> {
  const peer = await peerById(unit.tx, peerId);
  if (peer === undefined || peer.state === "gone" || peer.incarnation === null) return false;
  if (peer.kind === "resident") {
    if (await unit.tx.held(peer.incarnation) !== "free") return true;
    await endLife(unit, peer.incarnation, "died");
    return false;
  }
  if ((peer.lease_until_s ?? Infinity) > unit.upS || await leaderLives(unit)) return true;
  await endLife(unit, peer.incarnation, "lease expired");
  return false;
}

/** Leases end by the leader's duty, which knows whether the machine slept; without one, here. */
export async function leaderLives(unit: Pick<Unit, "tx">): Promise<boolean> {
  const row = await unit.tx.get<{ incarnation: string | null }>(
    "SELECT incarnation FROM leader WHERE one = 1",
  );
  if (row === undefined || row.incarnation === null) return false;
  return await unit.tx.held(row.incarnation) === "held";
}

/** Live peers without those whose end is only not written down yet; writes nothing itself. */
export async function stillHere(
  unit: Pick<Unit, "tx" | "upS">,
  rows: readonly PeerRow[],
): Promise<PeerRow[]> {
  const here: PeerRow[] = [];
  let led: boolean | null = null;
  for (const row of rows) {
    const over = row.kind === "leased" && (row.lease_until_s ?? Infinity) <= unit.upS;
    if (over && !(led ??= await leaderLives(unit))) continue;
    const dead = row.kind === "resident" && row.incarnation !== null &&
      await unit.tx.held(row.incarnation) === "free";
    if (!dead) here.push(row);
  }
  return here;
}

/**
 * Where nobody leads, whoever is held up does the leader's duty: ends the dead and those whose lease
 * is over. Returns whether anybody was ended.
 */
export async function reapWithoutLeader(unit: Unit): Promise<boolean> {
  if (await leaderLives(unit)) return false;
  let ended = false;
  for (const peer of await allLivePeers(unit.tx)) {
    if (!await stillAlive(unit, peer.id)) ended = true;
  }
  for (const { id } of await overdue(unit.tx, unit.upS)) {
    if (await giveUpOn(unit, id)) ended = true;
  }
  return ended;
}

/**
 * Nobody came for a reserved name in time: what was assigned to it is anybody's, and the architect is
 * told. Who comes all the same finds its name. Returns whether anything became free.
 */
export async function giveUpOn(unit: Unit, id: string): Promise<boolean> {
  const { tx, at } = unit;
  const peer = await peerById(tx, id);
  if (peer === undefined || !await endReservation(tx, id)) return false;
  const freed = await unassignPending(tx, peer.project, id, at);
  for (const task of freed) {
    const detail = { from: peer.name, how: "not begun" };
    unit.record({ actor: SYSTEM, op: "reassign", subject: `task/${task}`, detail });
  }
  const architect = freed.length === 0 ? undefined : await architectOf(tx, peer.project);
  if (architect !== undefined) {
    await notify(unit, [architect.id], {
      project: peer.project,
      category: "alert",
      content: `${peer.name} was to be started and has not come. Free again: ${freed.join(", ")}.`,
    });
  }
  return freed.length > 0;
}

/** Gives a returning session what nobody took meanwhile; the rest is listed until it was told. */
export async function giveBack(unit: Unit, peer: string, incarnation: string): Promise<Returned> {
  const { tx, at } = unit;
  const given: string[] = [];
  const lost: string[] = [];
  const epochs = new Map<string, number>();
  const self = await peerById(tx, peer);
  for (const row of await lostOf(tx, peer)) {
    if (row.kind === "told") {
      lost.push(row.ref);
      continue;
    }
    await forgetLost(tx, peer, row.kind, row.ref);
    if (row.kind === "task") {
      const epoch = await reclaim(unit, row.ref, JSON.parse(row.detail), peer, incarnation);
      if (epoch === null) lost.push(`task ${row.ref}: ${await taskNow(unit, row.ref)}`);
      else {
        given.push(`task ${row.ref}`);
        epochs.set(row.ref, epoch);
      }
    } else {
      const lock = JSON.parse(row.detail) as Omit<
        locks.LockRow,
        "id" | "peer" | "incarnation" | "tree"
      >;
      const others = await locks.locksIn(tx, lock.space);
      const taken = others.find((other) =>
        other.peer !== peer && inTheWay({ ...lock, tree: self?.tree ?? "" }, other)
      );
      if (taken !== undefined || lock.expires_s <= unit.upS) {
        const holder = taken === undefined ? undefined : await peerById(tx, taken.peer);
        lost.push(
          `lock ${lock.shown}: ${holder === undefined ? "expired" : `held by ${holder.name}`}`,
        );
      } else {
        await locks.putLock(tx, { ...lock, peer, incarnation, since: at, tree: null });
        given.push(`lock ${lock.shown}`);
      }
    }
  }
  for (const line of lost) await rememberLost(tx, peer, "told", line, {});
  return { given, lost, epochs };
}

async function reclaim(
  unit: Unit,
  id: string,
  had: { epoch: number; attempts: number; assigned?: boolean },
  peer: string,
  incarnation: string,
): Promise<number | null> {
  const task = await tasks.taskById(unit.tx, id);
  // Anybody who claimed it in between raised the epoch, also if it is pending again now.
  if (task?.status !== "pending" || task.claim_epoch !== had.epoch + 1) return null;
  // What it builds on was taken back.
  if (task.open_deps > 0) return null;
  const { claim_epoch: epoch } = await tasks.claim(unit.tx, task, peer, incarnation, unit.at);
  if (had.assigned === true) await tasks.setAssigned(unit.tx, id, peer, unit.at);
  await unit.tx.run("UPDATE task SET attempts = ? WHERE id = ?", had.attempts, id);
  unit.record({ actor: SYSTEM, op: "give_back", subject: `task/${id}`, detail: { epoch } });
  return epoch;
}

async function taskNow(unit: Unit, id: string): Promise<string> {
  const task = await tasks.taskById(unit.tx, id);
  if (task === undefined) return "removed";
  const holder = task.claimed_by === null ? undefined : await peerById(unit.tx, task.claimed_by);
  return holder === undefined ? task.status : `${task.status}, ${holder.name} has it`;
}
