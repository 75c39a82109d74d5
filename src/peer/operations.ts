// join and list_peers. A session is part of the flock before it calls anything (the node enters
// for it); join gives it a name, a role, a summary, and shows who is here.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import { line, oneOf, optionalText, screenedAs, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { EVERYONE } from "../core/policy.ts";
import { countUnread } from "../message/deliveries.ts";
import { inheritEscalations } from "../message/table.ts";
import { openRun } from "../run/table.ts";
import { countTasks } from "../task/list.ts";
import { viewerOf } from "../task/view.ts";
import { roleFor } from "./entry.ts";
import { giveBack, passSeat, stillAlive } from "./life.ts";
import { forgetLost, lostOf, moveLost } from "./lost.ts";
import { mergePeer } from "./merge.ts";
import { nameFault, rankOf } from "./rules.ts";
import * as table from "./table.ts";
import { leaderShape, peerShape, shownLeader, shownPeers } from "./view.ts";

export const join = operation({
  name: "join",
  summary: "Say who you are; shows who is here and what there is to do. Optional: any tool joins.",
  roles: EVERYONE,
  effect: "write",
  hints: { idempotent: true },
  risk: "low",
  positionals: ["name"],
  input: z.strictObject({
    name: screenedAs(
      "exact",
      line(LIMITS.nameChars).superRefine((name, context) => {
        const fault = nameFault(name);
        if (fault !== null) context.addIssue({ code: "custom", message: `is refused: ${fault}` });
      }),
    ).optional(),
    role: oneOf(["architect", "worker", "observer", "operator"]).optional(),
    summary: screenedAs("refuse", optionalText(LIMITS.summaryChars)).optional(),
    run: word().optional(),
  }),
  output: z.lazy(() =>
    z.object({
      you: z.object({ id: z.string(), name: z.string(), role: z.string(), project: z.string() }),
      leader: leaderShape.nullable(),
      peers: z.array(peerShape),
      unread: z.number(),
      lost: z.array(z.string()),
      tasks: z.object({
        ready: z.number(),
        in_progress: z.number(),
        blocked: z.number(),
        completed: z.number(),
      }),
      run: z.string().optional(),
    })
  ),
  async handle(ctx, input) {
    const { tx, actor } = ctx;
    const before = await table.peerById(tx, actor.id);
    if (before === undefined) throw new Refusal("NOT_JOINED", "join: your session has ended");
    if (input.name !== undefined && input.name !== before.name) await rename(ctx, input.name);
    if (input.role !== undefined) await changeRole(ctx, before, input.role);
    if (input.summary !== undefined) await table.setSummary(tx, actor.id, input.summary);
    if (input.run !== undefined) await joinRun(ctx, input.run);
    const you = await table.peerById(tx, actor.id) ?? before;
    const { ready, in_progress, blocked, completed } = await countTasks(
      tx,
      actor.project,
      undefined,
      viewerOf(ctx),
    );
    const others = (await table.livePeers(tx, actor.project)).filter((row) => row.id !== actor.id);
    const changed = you.name !== before.name || you.role !== before.role ||
      you.summary !== before.summary || you.run !== before.run;
    if (changed) {
      ctx.record({
        actor: you.name,
        subject: `peer/${you.name}`,
        detail: { was: before.name, role: you.role, summary: you.summary, run: you.run },
      });
    }
    return {
      you: { id: you.id, name: you.name, role: you.role, project: actor.project },
      leader: await shownLeader(ctx),
      peers: await shownPeers(ctx, others),
      unread: await countUnread(tx, you.id, actor.incarnation, 1_000, ctx.shown),
      lost: await tellLost(ctx),
      tasks: { ready, in_progress, blocked, completed },
      ...(you.run === null ? {} : { run: you.run }),
    };
  },
});

/** What did not come back with the session, told once. */
async function tellLost(ctx: Context): Promise<string[]> {
  const rows = (await lostOf(ctx.tx, ctx.actor.id)).filter((row) => row.kind === "told");
  for (const row of rows) await forgetLost(ctx.tx, ctx.actor.id, "told", row.ref);
  return rows.map((row) => row.ref);
}

/** A free name is taken; that of a peer of this project that is gone comes with its mail. */
async function rename(ctx: Context, name: string): Promise<void> {
  if (ctx.actor.role === "operator") {
    throw new Refusal("NOT_ALLOWED", "join: the operator keeps its name", { field: "name" });
  }
  const holder = await table.peerByName(ctx.tx, name);
  if (holder !== undefined) {
    if (await stillAlive(ctx, holder.id)) {
      throw new Refusal("NAME_TAKEN", `join: ${name} is here already`, { field: "name" });
    }
    refuseInheritance(ctx, holder);
    if (holder.project === ctx.actor.project) {
      await moveLost(ctx.tx, holder.id, ctx.actor.id);
      await mergePeer(ctx.tx, holder.id, ctx.actor.id);
      await giveBack(ctx, ctx.actor.id, ctx.actor.incarnation);
    } else await table.setName(ctx.tx, holder.id, `${name}.${holder.id}`);
  }
  await table.setName(ctx.tx, ctx.actor.id, name);
}

/** A name comes with mail, tasks and standing: not for who would rise by it or shed what control did. */
function refuseInheritance(ctx: Context, holder: table.PeerRow): void {
  const controlled = holder.killed_at ?? holder.paused_at ?? holder.budget;
  const rises = rankOf(holder.role) > rankOf(ctx.actor.role) || ctx.actor.pinned;
  if (controlled === null && !rises) return;
  const why = controlled === null ? `it was ${holder.role}` : "control has stopped or limited it";
  throw new Refusal("NAME_TAKEN", `join: the name ${holder.name} cannot be taken over: ${why}`, {
    field: "name",
  });
}

async function changeRole(
  ctx: Context,
  before: table.PeerRow,
  asked: "architect" | "worker" | "observer" | "operator",
): Promise<void> {
  const decision = await roleFor(ctx, {
    id: ctx.actor.id,
    project: ctx.actor.project,
    asked,
    pinning: false,
    present: before.role,
    pinned: before.pinned === 1,
    takesSeat: false,
  });
  if (decision.role !== before.role) {
    await table.setRole(ctx.tx, ctx.actor.id, decision.role, decision.wanted);
    if (decision.role === "architect") {
      await inheritEscalations(ctx.tx, ctx.actor.project, ctx.actor.id);
    }
    if (before.role === "architect") {
      await passSeat(ctx, ctx.actor.project);
    }
  }
}

async function joinRun(ctx: Context, id: string): Promise<void> {
  await openRun(ctx.tx, ctx.actor.project, id, "join");
  await table.setRun(ctx.tx, ctx.actor.id, id);
}

export const listPeers = operation({
  name: "list_peers",
  summary: "Who is here: role, summary, git state, task, liveness.",
  roles: EVERYONE,
  effect: "read",
  hints: {},
  risk: "low",
  positionals: ["scope"],
  input: z.strictObject({ scope: oneOf(["folder", "project", "machine"]).optional() }),
  output: z.lazy(() => z.object({ peers: z.array(peerShape), dashboard: z.string().optional() })),
  async handle(ctx, input) {
    const scope = input.scope ?? "project";
    const rows = scope === "machine"
      ? await table.allLivePeers(ctx.tx)
      : await table.livePeers(ctx.tx, ctx.actor.project);
    const near = scope === "folder" ? rows.filter((row) => row.folder === ctx.actor.folder) : rows;
    const url = (await shownLeader(ctx))?.url ?? null;
    return {
      peers: await shownPeers(ctx, near, { whole: true }),
      ...(url === null ? {} : { dashboard: url }),
    };
  },
});
