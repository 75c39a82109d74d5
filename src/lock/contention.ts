// What stands in the way of a lock: live locks of others, apart from those that give way; and what
// follows: a refusal that names the holders, or a wait that is no deadlock.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import { type Context, WAIT } from "../core/operation.ts";
import { leaderLives, stillAlive } from "../peer/life.ts";
import { mayTakeOver } from "../peer/rules.ts";
import { peerById } from "../peer/table.ts";
import type { LockPath } from "./paths.ts";
import { conflicts, inTheWay, type Mode, waitCycle } from "./rules.ts";
import { tellExpired } from "./expired.ts";
import * as table from "./table.ts";

const refusedShape = z.lazy(() =>
  z.object({
    path: z.string(),
    holder: z.string(),
    since: z.string(),
    task: z.string().nullable(),
    /** What the holder reserved, if it is not the path itself. */
    held: z.string().optional(),
    /** Taken for the holder's editor; it ends with its turn. */
    automatic: z.boolean().optional(),
  })
);

/** A lock in the way of a wanted path. */
export interface Blocking {
  readonly lock: table.LockRow;
  readonly wanted: LockPath;
}

/** Every live lock of others in the way; locks of the dead and of the long stalled give way. */
export async function blockers(
  ctx: Context,
  wanted: readonly LockPath[],
  mode: Mode,
): Promise<Blocking[]> {
  const found: Blocking[] = [];
  const gone = new Set<string>();
  for (const space of new Set(wanted.map((path) => path.space))) {
    for (const lock of await table.locksIn(ctx.tx, space)) {
      if (lock.peer === ctx.actor.id || gone.has(lock.peer)) continue;
      const hit = wanted.find((path) => inTheWay({ ...path, mode }, lock));
      if (hit === undefined || await expired(ctx, lock)) continue;
      if (!await stillAlive(ctx, lock.peer)) gone.add(lock.peer);
      else if (!await givesWay(ctx, lock)) found.push({ lock, wanted: hit });
    }
  }
  return found;
}

/** Leases end by the leader's duty; where nobody leads, whoever is held up by one ends it. */
async function expired(ctx: Context, lock: table.LockRow): Promise<boolean> {
  if (lock.expires_s > ctx.upS || await leaderLives(ctx)) return false;
  await table.deleteLock(ctx.tx, lock.id);
  await tellExpired(ctx, [lock]);
  return true;
}

async function givesWay(ctx: Context, lock: table.LockRow): Promise<boolean> {
  const holder = await peerById(ctx.tx, lock.peer);
  const stalled = mayTakeOver(
    holder?.stalled_since_s ?? null,
    ctx.upS,
    ctx.settings.stalledGraceS,
  );
  if (!stalled) return false;
  await table.deleteLock(ctx.tx, lock.id);
  ctx.record({
    op: "take_over",
    subject: `lock/${lock.path}`,
    detail: { from: holder?.name, stalled_since_s: holder?.stalled_since_s },
  });
  return true;
}

/**
 * Waits if there is time left for it, else refuses.
 * @throws Refusal `LOCK_HELD`, `DEADLOCK`
 */
export async function refuseOrWait(
  ctx: Context,
  wanted: readonly LockPath[],
  mode: Mode,
  blocking: readonly Blocking[],
): Promise<typeof WAIT> {
  if (ctx.waitMs > 0) {
    await refuseDeadlock(ctx, blocking);
    const untilS = ctx.upS + Math.ceil(ctx.waitMs / 1000) + 1;
    const { id, incarnation } = ctx.actor;
    for (const path of wanted) {
      await table.putWait(ctx.tx, { ...path, mode, peer: id, incarnation }, untilS);
    }
    return WAIT;
  }
  throw await heldBy(ctx, "lock_file", blocking);
}

/** The refusal that names who holds what. */
export async function heldBy(
  ctx: Context,
  operation: string,
  blocking: readonly Blocking[],
): Promise<Refusal> {
  const refused: z.input<typeof refusedShape>[] = [];
  for (const { lock, wanted: path } of blocking) {
    const holder = (await peerById(ctx.tx, lock.peer))?.name ?? lock.peer;
    refused.push({
      path: path.shown,
      holder,
      since: lock.since,
      task: lock.task,
      ...(lock.shown === path.shown ? {} : { held: lock.shown }),
      ...(lock.tree === null ? {} : { automatic: true }),
    });
  }
  const first = refused[0];
  const more = refused.length > 1 ? ` (and ${refused.length - 1} more)` : "";
  return new Refusal(
    "LOCK_HELD",
    `${operation}: ${first?.holder} holds ${
      first?.held ?? first?.path
    }${more}; nothing was granted`,
    { refused },
  );
}

/** Waiting for somebody who, in the end, waits for you would never end. */
async function refuseDeadlock(ctx: Context, blocking: readonly Blocking[]): Promise<void> {
  const waits = await table.allWaits(ctx.tx, ctx.upS);
  if (waits.length === 0) return;
  const waitsFor = new Map<string, string[]>();
  for (const space of new Set(waits.map((wait) => wait.space))) {
    const held = await table.locksIn(ctx.tx, space);
    for (const wait of waits.filter((one) => one.space === space && one.peer !== ctx.actor.id)) {
      const holders = held.filter((lock) => lock.peer !== wait.peer && conflicts(wait, lock));
      const known = waitsFor.get(wait.peer) ?? [];
      waitsFor.set(wait.peer, [...known, ...holders.map((lock) => lock.peer)]);
    }
  }
  const holders = blocking.map(({ lock }) => lock.peer);
  const cycle = waitCycle(ctx.actor.id, holders, waitsFor);
  if (cycle === null) return;
  const names: string[] = [];
  for (const id of cycle) names.push((await peerById(ctx.tx, id))?.name ?? id);
  throw new Refusal("DEADLOCK", `lock_file: waiting would close a cycle: ${names.join(" -> ")}`, {
    cycle: names,
  });
}
