// Reserving paths: all of a request or none of it, with a lease, and with a wait that never
// becomes a deadlock.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import { integer, list, oneOf, path, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Actor, type Context, operation } from "../core/operation.ts";
import { EVERYONE, WORKING } from "../core/policy.ts";
import type { Unit } from "../core/transaction.ts";
import { wakeWaiters } from "../peer/life.ts";
import { notify } from "../message/notice.ts";
import { peerIn } from "../peer/names.ts";
import { peerById, type PeerRow } from "../peer/table.ts";
import { taskById } from "../task/table.ts";
import { blockers, refuseOrWait } from "./contention.ts";
import type { LockPath } from "./paths.ts";
import { conflicts, overlaps } from "./rules.ts";
import * as table from "./table.ts";

const paths = list(path(), LIMITS.pathsPerLock, 1);

/** Resolves paths; what that needs is loaded at the first lock, not with the session. */
async function resolved(
  typed: readonly string[],
  folder: string,
  field = "paths",
): Promise<LockPath[]> {
  const { lockPaths } = await import("./paths.ts");
  return typed.flatMap((path) => lockPaths(path, folder, field));
}

export const lockFile = operation({
  name: "lock_file",
  summary: "Reserve files, folders (dir/) or globs before editing; all or none. wait_ms waits.",
  roles: WORKING,
  effect: "write",
  hints: { idempotent: true },
  risk: "medium",
  positionals: ["paths"],
  input: z.strictObject({
    paths,
    mode: oneOf(["exclusive", "shared"]).optional(),
    ttl_s: integer(1, LIMITS.lockTtlMaxS).optional(),
    task: word().optional(),
    wait_ms: integer(0, LIMITS.waitMs).optional(),
  }),
  output: z.lazy(() => z.object({ granted: z.array(z.string()), expires_in_s: z.number() })),
  waitMs: (input) => input.wait_ms ?? 0,
  prepare: (input, folder) => resolved(input.paths, folder),
  async handle(ctx, input, wanted) {
    if (input.task !== undefined) await refuseForeignTask(ctx, input.task);
    const mode = input.mode ?? "exclusive";
    const blocking = await blockers(ctx, wanted, mode);
    if (blocking.length > 0) return await refuseOrWait(ctx, wanted, mode, blocking);
    const ttlS = input.ttl_s ?? LIMITS.lockTtlS;
    await refuseTooMany(ctx, wanted.length);
    for (const path of wanted) {
      await table.putLock(ctx.tx, {
        ...path,
        mode,
        peer: ctx.actor.id,
        incarnation: ctx.actor.incarnation,
        task: input.task ?? null,
        since: ctx.at,
        expires_s: ctx.upS + ttlS,
        tree: null,
      });
      ctx.record({
        subject: `lock/${path.path}`,
        detail: { space: path.space, mode, ttl_s: ttlS },
      });
    }
    await table.deleteWaits(ctx.tx, ctx.actor.incarnation);
    return { granted: [...new Set(input.paths)], expires_in_s: ttlS };
  },
  async unwait(unit: Unit, actor: Actor) {
    await table.deleteWaits(unit.tx, actor.incarnation);
  },
});

async function refuseForeignTask(ctx: Context, id: string): Promise<void> {
  if ((await taskById(ctx.tx, id))?.project === ctx.actor.project) return;
  throw new Refusal("UNKNOWN_TASK", `lock_file: task ${id} does not exist in this project`, {
    field: "task",
  });
}

async function refuseTooMany(ctx: Context, more: number): Promise<void> {
  const held = await table.locksOf(ctx.tx, ctx.actor.id);
  if (held.length + more <= LIMITS.locksPerPeer) return;
  throw new Refusal(
    "TOO_LARGE",
    `lock_file: you hold ${held.length} locks; at most ${LIMITS.locksPerPeer} for each peer`,
    { hint: "Reserve a folder or a glob instead of single files." },
  );
}

export const unlockFile = operation({
  name: "unlock_file",
  summary: "Release your locks; without paths all. holder: another's (architect, operator).",
  roles: WORKING,
  effect: "write",
  hints: { idempotent: true },
  risk: "medium",
  positionals: ["paths"],
  input: z.strictObject({ paths: paths.optional(), holder: word(LIMITS.nameChars).optional() }),
  output: z.lazy(() => z.object({ released: z.array(z.string()) })),
  prepare: async (input, folder) =>
    input.paths === undefined ? null : await resolved(input.paths, folder),
  async handle(ctx, input, wanted) {
    const holder = input.holder === undefined ? null : await holderOf(ctx, input.holder);
    const held = await table.locksOf(ctx.tx, holder?.id ?? ctx.actor.id);
    const ending = wanted === null
      ? held
      : holder === null
      ? await matching(ctx, held, wanted)
      : held.filter((lock) => isNamed(lock, input.paths ?? [], wanted));
    for (const lock of ending) {
      await table.deleteLock(ctx.tx, lock.id);
      const whose = holder === null ? {} : { holder: holder.name };
      ctx.record({ subject: `lock/${lock.path}`, detail: { space: lock.space, ...whose } });
    }
    if (holder !== null && ending.length > 0) await tellReleased(ctx, holder, ending);
    await wakeWaiters(ctx, new Set(ending.map((lock) => lock.space)));
    return { released: ending.map((lock) => lock.shown) };
  },
});

/** Whose locks are to be released; only who leads takes away what another holds. */
async function holderOf(ctx: Context, name: string): Promise<PeerRow | null> {
  if (name === ctx.actor.name) return null;
  const holder = await peerIn(ctx.tx, name, ctx.actor.project);
  if (!ctx.may("break_locks")) {
    throw new Refusal("NOT_ALLOWED", `unlock_file: only ${name} itself releases what it holds`, {
      role: ctx.actor.role,
      hint: "Ask the holder, the architect or the operator.",
    });
  }
  const own = holder?.project === ctx.actor.project || ctx.actor.role === "operator";
  if (holder !== undefined && own) return holder;
  throw new Refusal("UNKNOWN_PEER", `unlock_file: nobody in this project is called ${name}`, {
    field: "holder",
  });
}

/** By its path, or as list_locks shows it: the holder may have named it from another folder. */
function isNamed(
  lock: table.LockRow,
  typed: readonly string[],
  wanted: readonly LockPath[],
): boolean {
  return typed.includes(lock.shown) ||
    wanted.some((path) => path.space === lock.space && path.path === lock.path);
}

async function tellReleased(
  ctx: Context,
  holder: PeerRow,
  ended: readonly table.LockRow[],
): Promise<void> {
  const names = ended.slice(0, 10).map((lock) => lock.shown).join(", ");
  const rest = ended.length > 10 ? ` and ${ended.length - 10} more` : "";
  await notify(ctx, [holder.id], {
    project: holder.project,
    category: "alert",
    content: `${ctx.actor.name} released your lock on ${names}${rest}: lock again before you edit.`,
  });
}

/** The actor's locks on exactly these paths; a path that only somebody else holds is refused. */
async function matching(
  ctx: Context,
  held: readonly table.LockRow[],
  wanted: readonly LockPath[],
): Promise<table.LockRow[]> {
  const found: table.LockRow[] = [];
  for (const path of wanted) {
    const mine = held.find((lock) => lock.space === path.space && lock.path === path.path);
    if (mine !== undefined) {
      found.push(mine);
      continue;
    }
    const others = await table.locksIn(ctx.tx, path.space);
    const other = others.find((lock) => lock.path === path.path && lock.peer !== ctx.actor.id);
    if (other === undefined) continue;
    const holder = (await peerById(ctx.tx, other.peer))?.name ?? other.peer;
    throw new Refusal("LOCK_NOT_YOURS", `unlock_file: ${holder} holds ${path.shown}, not you`, {
      path: path.shown,
      holder,
    });
  }
  return found;
}

export const listLocks = operation({
  name: "list_locks",
  summary: "Locks with holder and age; path: those in its way.",
  roles: EVERYONE,
  effect: "read",
  hints: {},
  risk: "low",
  positionals: ["path"],
  input: z.strictObject({ path: path().optional() }),
  output: z.lazy(() =>
    z.object({
      locks: z.array(z.object({
        path: z.string(),
        mode: z.string(),
        holder: z.string(),
        /** Taken for an editor; it ends with the holder's turn. */
        automatic: z.boolean().optional(),
        since: z.string(),
        age_s: z.number(),
        expires_in_s: z.number(),
        task: z.string().nullable(),
        waiting: z.array(z.string()).optional(),
      })),
    })
  ),
  prepare: async (input, folder) => {
    const { spaceOf } = await import("./paths.ts");
    const wanted = input.path === undefined ? null : await resolved([input.path], folder, "path");
    return { wanted, space: spaceOf(folder) };
  },
  async handle(ctx, _input, { wanted, space }) {
    const spaces = wanted === null ? new Set([space]) : new Set(wanted.map((path) => path.space));
    const locks = [];
    for (const one of spaces) {
      const waits = await table.waitsIn(ctx.tx, one, ctx.upS);
      for (const lock of await table.locksIn(ctx.tx, one)) {
        const holder = await peerById(ctx.tx, lock.peer);
        if (wanted === null ? foreign(ctx, lock, holder?.project) : !touches(wanted, lock)) {
          continue;
        }
        const waiting = [];
        for (const wait of waits) {
          if (!conflicts(wait, lock) || wait.peer === lock.peer) continue;
          waiting.push((await peerById(ctx.tx, wait.peer))?.name ?? wait.peer);
        }
        locks.push({
          path: lock.shown,
          mode: lock.mode,
          holder: holder?.name ?? lock.peer,
          ...(lock.tree === null ? {} : { automatic: true }),
          since: lock.since,
          age_s: Math.max(0, Math.round((Date.parse(ctx.at) - Date.parse(lock.since)) / 1000)),
          expires_in_s: Math.max(0, lock.expires_s - ctx.upS),
          task: lock.task,
          ...(waiting.length === 0 ? {} : { waiting: [...new Set(waiting)] }),
        });
      }
    }
    return { locks };
  },
});

function touches(wanted: readonly LockPath[], lock: table.LockRow): boolean {
  return wanted.some((path) => path.space === lock.space && overlaps(path.path, lock.path));
}

/** Outside of repositories all projects share one space; only this project's are listed. */
function foreign(ctx: Context, lock: table.LockRow, project: string | undefined): boolean {
  return lock.space === "/" && project !== ctx.actor.project;
}
