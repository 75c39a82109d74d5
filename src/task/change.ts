// update_task: everything that happens to a task besides claiming, completing and reviewing.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import { integer, line, oneOf, optionalText, screenedAs, text, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { WORKING } from "../core/policy.ts";
import { notify } from "../message/notice.ts";
import { peerIn } from "../peer/names.ts";
import { architectOf } from "../peer/table.ts";
import { type Action, ACTIONS, priorityOf, retryDelayS, transitionFault } from "./rules.ts";
import { createdStatus } from "./created.ts";
import { countNotes, insertNote } from "./notes.ts";
import { requestReview } from "./review.ts";
import * as table from "./table.ts";
import {
  nameOf,
  ownClaim,
  refuseStale,
  taskOr404,
  tell,
  viewerOf,
  wholeShape,
  wholeTask,
} from "./view.ts";

export const updateTask = operation({
  name: "update_task",
  summary: "Note progress on a task, or release, fail, cancel, retry, assign, accept it, or " +
    "request its review.",
  roles: WORKING,
  effect: "write",
  hints: {},
  risk: "medium",
  positionals: ["id"],
  input: z.strictObject({
    id: word(),
    note: text(LIMITS.noteChars).optional(),
    progress: line(LIMITS.summaryChars).optional(),
    priority: z.preprocess(priorityOf, integer(1, 10)).optional(),
    action: oneOf(ACTIONS).optional(),
    assign_to: screenedAs("exact", optionalText(LIMITS.nameChars)).optional(),
    epoch: integer(0, Number.MAX_SAFE_INTEGER).optional(),
  }),
  output: z.lazy(() => z.object({ task: wholeShape })),
  async handle(ctx, input) {
    const { id: _id, epoch: _epoch, ...changes } = input;
    if (Object.values(changes).every((change) => change === undefined)) {
      throw new Refusal(
        "INVALID_INPUT",
        "update_task: note, progress, priority or action is required",
        {
          field: "action",
        },
      );
    }
    const row = await taskOr404(ctx, input.id);
    if (input.epoch !== undefined) await refuseStale(ctx, row, input.epoch, "update_task");
    const action = input.action ?? (input.assign_to === undefined ? undefined : "assign");
    if (input.progress !== undefined) {
      await ownClaim(ctx, row, input.epoch, "update_task");
      await table.setProgress(ctx.tx, row.id, input.progress, ctx.at);
    }
    if (input.priority !== undefined) {
      await mayManage(ctx, row, "change its priority");
      await table.setPriority(ctx.tx, row.id, input.priority, ctx.at);
    }
    if (input.note !== undefined) {
      await refuseFull(ctx, row.id);
      await insertNote(ctx.tx, row.id, {
        author: ctx.actor.name,
        kind: action === "fail" ? "failure" : "note",
        text: input.note,
        at: ctx.at,
      });
    }
    if (action !== undefined) await act(ctx, row, action, input);
    ctx.record({
      subject: `task/${row.id}`,
      detail: {
        ...(action === undefined ? {} : { action }),
        ...(input.progress === undefined ? {} : { progress: input.progress }),
        ...(input.priority === undefined ? {} : { priority: input.priority }),
        ...(input.note === undefined ? {} : { note: input.note.length }),
      },
    });
    return {
      task: await wholeTask(ctx.tx, await taskOr404(ctx, row.id), { viewer: viewerOf(ctx) }),
    };
  },
});

async function refuseFull(ctx: Context, task: string): Promise<void> {
  if (await countNotes(ctx.tx, task) < LIMITS.notesPerTask) return;
  throw new Refusal("LIMIT_REACHED", `update_task: ${task} has ${LIMITS.notesPerTask} notes`, {
    field: "note",
    hint: "Complete it and make another task of what is left.",
  });
}

interface Change {
  readonly note?: string | undefined;
  readonly assign_to?: string | undefined;
  readonly epoch?: number | undefined;
}

async function act(
  ctx: Context,
  row: table.TaskRow,
  action: Action,
  change: Change,
): Promise<void> {
  const fault = transitionFault(action, row.status);
  if (fault !== null) {
    throw new Refusal("TASK_STATE", `update_task: ${row.id}: ${fault}`, {
      task: row.id,
      status: row.status,
    });
  }
  const { tx, at } = ctx;
  switch (action) {
    case "release":
      await ownOrManage(ctx, row, change.epoch, "release it");
      await table.setStatus(tx, row.id, "pending", at, { attempts: Math.max(0, row.attempts - 1) });
      return await tellHolder(ctx, row, "released");
    case "fail":
      await ownOrManage(ctx, row, change.epoch, "fail it");
      await fail(ctx, row, change.note);
      return await tellHolder(ctx, row, "failed");
    case "cancel":
      await mayManage(ctx, row, "cancel it");
      await table.setStatus(tx, row.id, "cancelled", at, { keepAuthor: true });
      return await tellHolder(ctx, row, "cancelled");
    case "retry":
      await mayManage(ctx, row, "retry it");
      await table.setStatus(tx, row.id, createdStatus(ctx), at, { attempts: 0 });
      return;
    case "request_review":
      await ownClaim(ctx, row, change.epoch, "update_task");
      return await requestReview(ctx, row, change.note);
    case "assign":
      await mayManage(ctx, row, "assign it");
      return await assign(ctx, row, change.assign_to);
    case "accept":
      if (!ctx.may("accept")) {
        throw new Refusal("NOT_ALLOWED", "update_task: the architect or the operator accepts", {
          role: ctx.actor.role,
        });
      }
      await table.setStatus(tx, row.id, "pending", at);
      return;
  }
}

/** Whoever works on a task that somebody else took away has to stop. */
async function tellHolder(ctx: Context, row: table.TaskRow, what: string): Promise<void> {
  if (row.claimed_by === null || row.claimed_by === ctx.actor.id) return;
  await tell(
    ctx,
    row,
    [row.claimed_by],
    `${ctx.actor.name} ${what} ${row.id}: stop working on it.`,
  );
}

/** A failed task is tried again after a delay, until its attempts are spent. */
async function fail(ctx: Context, row: table.TaskRow, note: string | undefined): Promise<void> {
  const why = note ?? "no reason given";
  const spent = row.attempts >= row.max_attempts;
  await table.setStatus(ctx.tx, row.id, spent ? "failed" : "pending", ctx.at, {
    failure: `${ctx.actor.name}, attempt ${row.attempts} of ${row.max_attempts}: ${why}`,
    notBeforeS: spent ? 0 : ctx.upS + retryDelayS(row.attempts),
  });
  if (!spent) return;
  const architect = await architectOf(ctx.tx, row.project);
  if (architect === undefined || architect.id === ctx.actor.id) return;
  const text = `${row.id} (${row.title}) failed after ${row.attempts} attempts: ${why}`;
  await notify(ctx, [architect.id], {
    project: row.project,
    category: "alert",
    content: text,
    task: row.id,
  });
}

/** Assigns a task; one that somebody works on is taken from it, and free for whom it is meant. */
async function assign(ctx: Context, row: table.TaskRow, name: string | undefined): Promise<void> {
  if (name === undefined) {
    throw new Refusal("INVALID_INPUT", "update_task: assign_to is required to assign", {
      field: "assign_to",
      hint: "Name a peer, or give an empty string to let anybody claim it.",
    });
  }
  const peer = name === "" ? null : await peerIn(ctx.tx, name, ctx.actor.project);
  if (peer !== null && peer?.project !== ctx.actor.project) {
    throw new Refusal("UNKNOWN_PEER", `update_task: nobody in this project is called ${name}`, {
      field: "assign_to",
    });
  }
  const taken = (row.status === "in_progress" || row.status === "in_review") &&
    row.claimed_by !== peer?.id;
  if (taken) {
    const attempts = Math.max(0, row.attempts - 1);
    await table.setStatus(ctx.tx, row.id, "pending", ctx.at, { attempts });
    await tellHolder(ctx, row, "reassigned");
  }
  await table.setAssigned(ctx.tx, row.id, peer?.id ?? "", ctx.at);
  if (peer !== null && peer.id !== ctx.actor.id) {
    await tell(ctx, row, [peer.id], `${row.id} (${row.title}) is assigned to you.`);
  }
}

/** The claimer acts on its claim; the architect and the operator on any. */
async function ownOrManage(
  ctx: Context,
  row: table.TaskRow,
  epoch: number | undefined,
  what: string,
): Promise<void> {
  if (ctx.may("manage") && row.claimed_by !== ctx.actor.id) return await mayManage(ctx, row, what);
  await ownClaim(ctx, row, epoch, "update_task");
}

/** Who made a task, the architect and the operator may manage it; who has claimed it does it, or not. */
async function mayManage(ctx: Context, row: table.TaskRow, what: string): Promise<void> {
  const { actor } = ctx;
  if (ctx.may("manage") || row.creator === actor.id) return;
  const own = row.claimed_by === actor.id && row.claim_incarnation !== null;
  throw new Refusal(
    "NOT_ALLOWED",
    `update_task: ${row.id} was made by ${row.created_by}; a worker cannot ${what}`,
    {
      task: row.id,
      claimed_by: await nameOf(ctx.tx, row.claimed_by),
      ...(own ? { hint: "Release it or fail it with a note, and tell the architect why." } : {}),
    },
  );
}
