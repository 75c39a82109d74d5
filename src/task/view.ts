// Tasks as they leave skein, and the questions that several task operations ask of a row.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import type { Context } from "../core/operation.ts";
import type { Tx } from "../core/transaction.ts";
import { notify } from "../message/notice.ts";
import { rowsOf } from "../store/journal.ts";
import { isReady, STATUSES, type Viewer } from "./rules.ts";
import { type NoteRow, notesOf } from "./notes.ts";
import { dependenciesOf, dependentsOf, taskById, type TaskRow } from "./table.ts";

export const taskShape = z.lazy(() =>
  z.object({
    id: z.string(),
    title: z.string(),
    status: z.enum(STATUSES),
    ready: z.boolean(),
    priority: z.number(),
    claimed_by: z.string().nullable(),
    blocked_by: z.array(z.string()),
    assigned_to: z.string().optional(),
    run: z.string().optional(),
    progress: z.string().optional(),
  })
);

export const wholeShape = z.lazy(() =>
  taskShape.unwrap().extend({
    description: z.string().optional(),
    accept: z.string().optional(),
    files: z.array(z.string()).optional(),
    attempts: z.number(),
    epoch: z.number(),
    created_by: z.string(),
    created_at: z.string(),
    claimed_at: z.string().optional(),
    completed_by: z.string().optional(),
    summary: z.string().optional(),
    artifacts: z.unknown().optional(),
    failure: z.string().optional(),
    depends_on: z.array(z.object({ id: z.string(), title: z.string(), status: z.string() }))
      .optional(),
    blocks: z.array(z.object({ id: z.string(), title: z.string(), status: z.string() })).optional(),
    notes: z.array(
      z.object({ author: z.string(), kind: z.string(), text: z.string(), at: z.string() }),
    ).optional(),
    history: z.array(
      z.object({ at: z.string(), actor: z.string(), op: z.string(), detail: z.unknown() }),
    ).optional(),
  })
);

/** Most notes, dependents and journal rows that one answer shows. */
const SHOWN = 50;

export async function nameOf(tx: Tx, peer: string | null): Promise<string | null> {
  if (peer === null || peer === "") return null;
  const row = await tx.get<{ name: string }>("SELECT name FROM peer WHERE id = ?", peer);
  return row?.name ?? peer;
}

/** Who looks: to the human everything is ready that is ready for somebody. */
export function viewerOf({ actor, upS }: Pick<Context, "actor" | "upS">): Viewer {
  return { upS, peer: actor.role === "operator" ? null : actor.id };
}

export async function shownTask(
  tx: Tx,
  row: TaskRow,
  blockedBy: readonly string[],
  viewer: Viewer,
  claimer?: string,
): Promise<z.input<typeof taskShape>> {
  const assigned = await nameOf(tx, row.assigned_to);
  return {
    id: row.id,
    title: row.title,
    status: row.status,
    ready: isReady(row, viewer),
    priority: row.priority,
    claimed_by: claimer ?? await nameOf(tx, row.claimed_by),
    blocked_by: [...blockedBy],
    ...(assigned === null ? {} : { assigned_to: assigned }),
    ...(row.run === null ? {} : { run: row.run }),
    ...(row.progress === "" ? {} : { progress: row.progress }),
  };
}

/** What stands around a task: what it builds on, what waits for it, what was noted, oldest first. */
export interface Around {
  readonly dependencies: Awaited<ReturnType<typeof dependenciesOf>>;
  readonly blocks: Awaited<ReturnType<typeof dependentsOf>>;
  readonly notes: readonly NoteRow[];
}

export async function aroundTask(tx: Tx, id: string): Promise<Around> {
  return {
    dependencies: await dependenciesOf(tx, id),
    blocks: await dependentsOf(tx, id, SHOWN),
    notes: await notesOf(tx, id, SHOWN),
  };
}

/** A task with everything around it; empty parts are left out. `claimer`: its name, where it is known. */
export async function wholeTask(
  tx: Tx,
  row: TaskRow,
  options: { history?: boolean; around?: Around; viewer?: Viewer; claimer?: string } = {},
): Promise<z.input<typeof wholeShape>> {
  const { dependencies, blocks, notes } = options.around ?? await aroundTask(tx, row.id);
  const open = dependencies.filter((task) => task.status !== "completed").map((task) => task.id);
  const files = JSON.parse(row.files) as string[];
  // Without one, it is a task that somebody has: ready for nobody.
  const viewer = options.viewer ?? { upS: 0, peer: "" };
  const whole: z.input<typeof wholeShape> = {
    ...await shownTask(tx, row, open, viewer, options.claimer),
    attempts: row.attempts,
    epoch: row.claim_epoch,
    created_by: row.created_by,
    created_at: row.created_at,
  };
  if (row.description !== "") whole.description = row.description;
  if (row.accept !== "") whole.accept = row.accept;
  if (files.length > 0) whole.files = files;
  if (row.claimed_at !== null) whole.claimed_at = row.claimed_at;
  if (row.completed_by !== null) whole.completed_by = row.completed_by;
  if (row.summary !== null) whole.summary = row.summary;
  if (row.artifacts !== null) whole.artifacts = JSON.parse(row.artifacts);
  if (row.failure !== null) whole.failure = row.failure;
  if (dependencies.length > 0) {
    whole.depends_on = dependencies.map(({ id, title, status }) => ({ id, title, status }));
  }
  if (blocks.length > 0) whole.blocks = blocks;
  if (notes.length > 0) whole.notes = [...notes];
  if (options.history === true) {
    whole.history = (await rowsOf(tx, `task/${row.id}`, SHOWN)).map((act) => ({
      at: act.at,
      actor: act.actor,
      op: act.op,
      detail: JSON.parse(act.detail.startsWith("{") ? act.detail : "{}"),
    }));
  }
  return whole;
}

/**
 * A task of the actor's project.
 * @throws Refusal `UNKNOWN_TASK`
 */
export async function taskOr404(ctx: Context, id: string): Promise<TaskRow> {
  const row = await taskById(ctx.tx, id);
  if (row !== undefined && row.project === ctx.actor.project) return row;
  throw new Refusal("UNKNOWN_TASK", `task ${id} does not exist in this project`, { field: "id" });
}

/**
 * Checks that the actor's claim on a task is the current one. The epoch comes from the call, else
 * from the memory of the caller's node, which is what fences a session that slept.
 * @throws Refusal `NOT_YOUR_CLAIM`, `STALE_EPOCH`
 */
export async function ownClaim(
  ctx: Context,
  row: TaskRow,
  epoch: number | undefined,
  op: string,
): Promise<void> {
  const mine = row.claimed_by === ctx.actor.id && row.claim_incarnation === ctx.actor.incarnation;
  const known = epoch ?? ctx.heldEpoch(row.id);
  if (known !== undefined) await refuseStale(ctx, row, known, op);
  if (mine) return;
  const holder = await nameOf(ctx.tx, row.claimed_by);
  throw new Refusal(
    "NOT_YOUR_CLAIM",
    holder === null
      ? `${op}: nobody has claimed ${row.id}; it is ${row.status}`
      : `${op}: ${holder} has ${row.id}, not you`,
    { task: row.id, status: row.status, claimed_by: holder, ...claimHint(row, holder) },
  );
}

/** Claiming first helps only where that can be. */
function claimHint(row: TaskRow, holder: string | null): { readonly hint?: string } {
  if (holder !== null) {
    const free = "the architect or the operator frees it: update_task with action release.";
    return { hint: `Leave it to ${holder}, or ask; ${free}` };
  }
  return row.status === "pending" ? {} : { hint: "get_task shows its state and history." };
}

/** Tells peers about a task. */
export async function tell(
  ctx: Context,
  row: TaskRow,
  peers: readonly string[],
  text: string,
): Promise<void> {
  await notify(ctx, peers, {
    project: row.project,
    category: "status_update",
    content: text,
    task: row.id,
  });
}

/**
 * Refuses whoever was overtaken: the claim it speaks of is over.
 * @throws Refusal `STALE_EPOCH`
 */
export async function refuseStale(
  ctx: Context,
  row: TaskRow,
  epoch: number,
  op: string,
): Promise<void> {
  if (epoch === row.claim_epoch) return;
  const holder = await nameOf(ctx.tx, row.claimed_by);
  throw new Refusal(
    "STALE_EPOCH",
    `${op}: your claim on ${row.id} had epoch ${epoch}; it is ${row.claim_epoch} now` +
      (holder === null ? "" : ` and ${holder} has it`),
    { task: row.id, status: row.status, claimed_by: holder },
  );
}
