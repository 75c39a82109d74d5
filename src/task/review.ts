// Reviews: somebody else's work is approved, which completes it, or given back with findings.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import { oneOf, text, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { WORKING } from "../core/policy.ts";
import { notify } from "../message/notice.ts";
import { resolveAbout } from "../message/table.ts";
import { architectOf, livePeers, peerById } from "../peer/table.ts";
import { insertNote } from "./notes.ts";
import { tellUnblocked } from "./unblocked.ts";
import * as table from "./table.ts";
import { nameOf, taskOr404, tell, viewerOf, wholeShape, wholeTask } from "./view.ts";

export const reviewTask = operation({
  name: "review_task",
  summary: "Review somebody's task: approve completes it, request_changes gives it back.",
  roles: WORKING,
  effect: "write",
  hints: {},
  risk: "medium",
  positionals: ["id", "verdict"],
  input: z.strictObject({
    id: word(),
    verdict: oneOf(["approve", "request_changes"]),
    findings: text(LIMITS.noteChars).optional(),
  }),
  output: z.lazy(() => z.object({ task: wholeShape, unblocked: z.array(z.string()).optional() })),
  async handle(ctx, input) {
    const row = await taskOr404(ctx, input.id);
    if (row.status !== "in_review") {
      throw new Refusal("TASK_STATE", `review_task: ${row.id} is ${row.status}, not in review`, {
        task: row.id,
        status: row.status,
      });
    }
    if (row.claimed_by === ctx.actor.id) {
      throw new Refusal("SELF_REVIEW", `review_task: you did ${row.id} yourself`, { task: row.id });
    }
    if (input.verdict === "request_changes" && input.findings === undefined) {
      throw new Refusal("INVALID_INPUT", "review_task: findings is required to request changes", {
        field: "findings",
      });
    }
    if (input.findings !== undefined) {
      await insertNote(ctx.tx, row.id, {
        author: ctx.actor.name,
        kind: "review",
        text: input.findings,
        at: ctx.at,
      });
    }
    await table.setReviewer(ctx.tx, row.id, ctx.actor.name);
    await resolveAbout(ctx.tx, row.id, ctx.at, false);
    const unblocked = input.verdict === "approve"
      ? await approve(ctx, row)
      : await requestChanges(ctx, row, input.findings ?? "");
    ctx.record({ subject: `task/${row.id}`, detail: { verdict: input.verdict } });
    const task = await wholeTask(ctx.tx, await taskOr404(ctx, row.id), { viewer: viewerOf(ctx) });
    return { task, ...(unblocked.length === 0 ? {} : { unblocked }) };
  },
});

async function approve(ctx: Context, row: table.TaskRow): Promise<string[]> {
  const author = await nameOf(ctx.tx, row.claimed_by) ?? "unknown";
  const summary = row.summary ?? row.progress;
  const artifacts = JSON.parse(row.artifacts ?? "{}");
  const unblocked = await table.complete(ctx.tx, row, author, summary, artifacts, ctx.at);
  if (row.claimed_by !== null) {
    await tell(ctx, row, [row.claimed_by], `${ctx.actor.name} approved ${row.id}.`);
  }
  await tellUnblocked(ctx, unblocked);
  return unblocked.slice(0, LIMITS.idsPerAnswer);
}

/** Back to its author, under a new epoch if it has a new life; to everybody if it is gone. */
async function requestChanges(
  ctx: Context,
  row: table.TaskRow,
  findings: string,
): Promise<string[]> {
  const author = row.claimed_by === null ? undefined : await peerById(ctx.tx, row.claimed_by);
  if (author === undefined || author.incarnation === null) {
    const unassign = author !== undefined && row.assigned_to === author.id;
    await table.setStatus(ctx.tx, row.id, "pending", ctx.at, { unassign });
    return [];
  }
  if (author.incarnation === row.claim_incarnation) {
    await table.moveTo(ctx.tx, row.id, "in_progress", ctx.at);
  } else {
    await table.handBack(ctx.tx, row.id, author.id, author.incarnation, ctx.at);
  }
  const text = `${ctx.actor.name} requests changes to ${row.id}: ${findings}`;
  await tell(ctx, row, [author.id], text);
  return [];
}

/** Hands a task in for review and asks the architect, or whoever else could review it. */
export async function requestReview(
  ctx: Context,
  row: table.TaskRow,
  note: string | undefined,
): Promise<void> {
  // The claim and its epoch go on: the work is still the author's.
  await table.moveTo(ctx.tx, row.id, "in_review", ctx.at);
  if (note !== undefined) await table.setSummary(ctx.tx, row.id, note);
  const architect = await architectOf(ctx.tx, row.project);
  const live = await livePeers(ctx.tx, row.project);
  const reviewers = architect !== undefined && architect.id !== ctx.actor.id
    ? [architect.id]
    : live.filter((peer) => peer.id !== ctx.actor.id && peer.role !== "observer")
      .map((peer) => peer.id);
  await notify(ctx, reviewers, {
    project: row.project,
    category: "review_request",
    content: `${ctx.actor.name} asks for a review of ${row.id} (${row.title})` +
      (note === undefined ? "." : `: ${note}`),
    task: row.id,
  });
}
