// Peers and the leader as they leave skein.

import * as z from "zod";
import type { Context } from "../core/operation.ts";
import type { GitState } from "../core/git.ts";
import { stillHere } from "./life.ts";
import { peerByIncarnation, type PeerRow } from "./table.ts";
import { leaderRow } from "./leader.ts";
import { usageOf } from "./standing.ts";
import { waitsOf } from "./waits.ts";

export const gitShape = z.lazy(() =>
  z.object({
    branch: z.string(),
    commit: z.string(),
    dirty: z.array(z.string()),
    dirty_count: z.number(),
    at: z.string(),
  })
);

export const peerShape = z.lazy(() =>
  z.object({
    name: z.string(),
    role: z.string(),
    summary: z.string(),
    /** live, stalled, or leased: a peer without a process. */
    state: z.enum(["live", "stalled", "leased"]),
    folder: z.string().optional(),
    project: z.string().optional(),
    git: gitShape.optional(),
    task: z.string().optional(),
    since: z.string().optional(),
    /** By whom and why it was paused; not there while it may act. */
    paused: z.string().optional(),
    /** What its session waits for at its terminal. */
    waits: z.string().optional(),
  })
);

/** What was used, or may be. */
export const usageShape = z.lazy(() =>
  z.object({
    tokens: z.number(),
    tool_calls: z.number(),
    cost_usd: z.number(),
    turns: z.number(),
  })
);

/** A peer as control sees it. */
export const controlledShape = z.lazy(() =>
  peerShape.unwrap().extend({
    state: z.enum(["live", "stalled", "leased", "gone", "killed"]),
    used: usageShape,
    budget: usageShape.unwrap().partial().optional(),
    seen_at: z.string(),
  })
);

export const leaderShape = z.lazy(() => z.object({ name: z.string(), url: z.string().nullable() }));

/** How many dirty files of each peer an answer names. */
const DIRTY_SHOWN = 10;

/** Who is here, without those whose death is only not written down yet. */
export async function shownPeers(
  ctx: Context,
  rows: readonly PeerRow[],
  options: { whole?: boolean } = {},
): Promise<z.input<typeof peerShape>[]> {
  const shown: z.input<typeof peerShape>[] = [];
  const tasks = options.whole === true ? await tasksOf(ctx, rows) : NO_TASKS;
  for (const row of await stillHere(ctx, rows)) {
    shown.push({
      name: row.name,
      role: row.role,
      summary: row.summary,
      state: stateOf(row),
      ...pausedOf(row),
      ...waitingOf(row),
      ...(options.whole === true ? details(ctx, row, tasks.get(row.id)) : {}),
    });
  }
  return shown;
}

function stateOf(row: PeerRow): "live" | "stalled" | "leased" {
  if (row.kind === "leased") return "leased";
  return row.stalled_since_s === null ? "live" : "stalled";
}

function pausedOf(row: PeerRow): { paused?: string } {
  return row.paused_at === null ? {} : { paused: `${row.paused_by}: ${row.paused_why}` };
}

function waitingOf(row: PeerRow): { waits?: string } {
  const waits = waitsOf(row);
  return waits === null ? {} : { waits: waits.text };
}

/** Peers with everything control knows of them; their presence is probed now. */
export async function shownControlled(
  ctx: Context,
  rows: readonly PeerRow[],
): Promise<z.input<typeof controlledShape>[]> {
  const tasks = await tasksOf(ctx, rows);
  const shown: z.input<typeof controlledShape>[] = [];
  for (const row of rows) shown.push(await controlled(ctx, row, tasks.get(row.id)));
  return shown;
}

async function controlled(
  ctx: Context,
  row: PeerRow,
  task: string | undefined,
): Promise<z.input<typeof controlledShape>> {
  const { used, budget } = usageOf(row);
  const dead = row.kind === "resident" && row.incarnation !== null &&
    await ctx.held(row.incarnation) === "free";
  const gone = row.state === "gone" || dead;
  return {
    name: row.name,
    role: row.role,
    summary: row.summary,
    ...details(ctx, row, task),
    state: row.killed_at !== null ? "killed" : gone ? "gone" : stateOf(row),
    ...pausedOf(row),
    ...(gone ? {} : waitingOf(row)),
    used,
    ...(budget === null ? {} : { budget }),
    seen_at: row.seen_at,
  };
}

const NO_TASKS: ReadonlyMap<string, string> = new Map();

/** What each peer works on, in one query for all of them. */
async function tasksOf(
  ctx: Context,
  rows: readonly PeerRow[],
): Promise<ReadonlyMap<string, string>> {
  const found = await ctx.tx.all<{ peer: string; task: string | null }>(
    `SELECT w.value AS peer, (SELECT id FROM task WHERE claimed_by = w.value
       AND status = 'in_progress' ORDER BY priority, n LIMIT 1) AS task FROM json_each(?) w`,
    JSON.stringify(rows.map(({ id }) => id)),
  );
  return new Map(found.flatMap(({ peer, task }) => task === null ? [] : [[peer, task]]));
}

function details(
  ctx: Context,
  row: PeerRow,
  task: string | undefined,
): Partial<z.input<typeof peerShape>> {
  const git = row.git === null ? null : JSON.parse(row.git) as GitState;
  return {
    folder: row.folder,
    since: row.joined_at,
    ...(row.project === ctx.actor.project ? {} : { project: row.project }),
    ...(task === undefined ? {} : { task }),
    ...(git === null ? {} : {
      git: {
        branch: git.branch,
        commit: git.commit,
        dirty: git.dirty.slice(0, DIRTY_SHOWN),
        dirty_count: git.dirtyCount,
        at: row.git_at ?? ctx.at,
      },
    }),
  };
}

/** The leader, if it is alive. */
export async function shownLeader(ctx: Context): Promise<z.input<typeof leaderShape> | null> {
  const row = await leaderRow(ctx.tx);
  if (row.incarnation === null || await ctx.held(row.incarnation) !== "held") return null;
  const peer = await peerByIncarnation(ctx.tx, row.incarnation);
  return peer === undefined ? null : { name: peer.name, url: row.url };
}
