// Control: the architect and the operator stop, resume, end and limit peers. What it does stands in
// the store and is enforced there, in the transaction of every later call: no peer's good will is
// needed, and no peer undoes it for itself.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import { integer, line, oneOf, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { LEADING, WORKING } from "../core/policy.ts";
import { notify } from "../message/notice.ts";
import { automaticLocksOf, deleteLock } from "../lock/table.ts";
import { endLife, wakeWaiters } from "./life.ts";
import { budgetSpent, readBudget, type Usage } from "./rules.ts";
import * as standing from "./standing.ts";
import { peerIn } from "./names.ts";
import { architectOf, livePeers, peerById, type PeerRow } from "./table.ts";
import { controlledShape, shownControlled, usageShape } from "./view.ts";

const ACTIONS = ["pause", "resume", "ping", "kill", "budget"] as const;
type Action = typeof ACTIONS[number];

/** A budget as models write it: a number, an object, or text. */
function budgetText(value: unknown): unknown {
  if (Number.isInteger(value)) return String(value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const parts = Object.entries(value);
  if (parts.some(([, limit]) => typeof limit !== "number" && typeof limit !== "string")) {
    return value;
  }
  return parts.map(([kind, limit]) => `${kind}=${limit}`).join(",");
}

export const control = operation({
  name: "control",
  summary: "Pause, resume, ping, kill a peer (* all), or set its budget: value tokens=N, " +
    "tool_calls=N, cost_usd=N or none.",
  roles: LEADING,
  effect: "write",
  hints: { destructive: true },
  risk: "high",
  positionals: ["action", "peer", "value"],
  allField: "peer",
  input: z.strictObject({
    action: oneOf(ACTIONS),
    peer: word(LIMITS.nameChars),
    value: z.preprocess(budgetText, line(LIMITS.summaryChars)).optional(),
  }),
  readsOnly: (input) => input.action === "ping",
  output: z.lazy(() => z.object({ peers: z.array(controlledShape) })),
  async handle(ctx, input) {
    const { action, value } = input;
    const budget = action === "budget" ? budgetOf(value) : null;
    const rows = await targets(ctx, input.peer, action);
    for (const row of rows) {
      const word = humansWord(ctx, row, action);
      if (word === null) await apply(ctx, row, action, value, budget);
      else if (input.peer !== "*") {
        throw new Refusal("NOT_ALLOWED", `control: ${word}`, {
          field: "peer",
          hint: "Ask the operator: skein control.",
        });
      }
    }
    if (action === "ping") return { peers: await shownControlled(ctx, rows) };
    const now = [];
    for (const { id } of rows) now.push(await peerById(ctx.tx, id));
    return { peers: await shownControlled(ctx, now.filter((row) => row !== undefined)) };
  },
});

function budgetOf(value: string | undefined): ReturnType<typeof readBudget> & (object | null) {
  const budget = value === undefined ? undefined : readBudget(value);
  if (budget !== undefined) return budget;
  throw new Refusal("INVALID_INPUT", "control: value is no budget", {
    field: "value",
    hint: "Give tokens=50000, tool_calls=200, cost_usd=2.5 (several with commas), or none.",
  });
}

/** Whom it is about; `*` spares whoever has to undo it. */
async function targets(ctx: Context, name: string, action: Action): Promise<PeerRow[]> {
  const { actor } = ctx;
  if (name === "*") {
    const live = await livePeers(ctx.tx, actor.project);
    return live.filter((row) => row.id !== actor.id && row.role !== "operator");
  }
  const row = await peerIn(ctx.tx, name, ctx.actor.project);
  if (row === undefined || (actor.role !== "operator" && row.project !== actor.project)) {
    const live = await livePeers(ctx.tx, actor.project);
    throw new Refusal("UNKNOWN_PEER", `control: nobody in this project is called ${name}`, {
      field: "peer",
      peers: live.filter((one) => one.id !== actor.id).map((one) => one.name).slice(0, 20),
    });
  }
  if (row.role === "operator") {
    throw new Refusal("NOT_ALLOWED", "control: the operator is the human", { field: "peer" });
  }
  if (row.id === actor.id && action !== "ping") {
    throw new Refusal("NOT_ALLOWED", `control: nobody can ${action} itself`, { field: "peer" });
  }
  return [row];
}

/** What the human has done, no agent changes; null where the actor may. */
function humansWord(ctx: Context, row: PeerRow, action: Action): string | null {
  if (action === "ping" || ctx.actor.role === "operator") return null;
  const by = action === "budget" ? [row.budget_by] : [row.paused_by, row.killed_by];
  if (!by.includes("operator")) return null;
  return action === "budget"
    ? `the operator set the budget of ${row.name}; only it changes it`
    : `the operator stopped ${row.name}; only it changes that`;
}

async function apply(
  ctx: Context,
  row: PeerRow,
  action: Action,
  value: string | undefined,
  budget: ReturnType<typeof budgetOf>,
): Promise<void> {
  const { tx, actor, at } = ctx;
  const why = value ?? "no reason given";
  if (action === "ping") return;
  if (action === "pause") {
    if (await standing.pause(tx, row.id, { at, by: actor.name, why }) > 0) {
      await releaseAutomatic(ctx, row);
      await tell(ctx, row, `${actor.name} paused you: ${why}. You may read, not change anything.`);
    }
  } else if (action === "resume") {
    if (await standing.resume(tx, row.id) > 0) {
      await tell(ctx, row, `${actor.name} resumed you: go on.`);
    }
  } else if (action === "kill") {
    await standing.setKilled(tx, row.id, at, actor.name);
    if (row.incarnation !== null) await endLife(ctx, row.incarnation, "killed");
    ctx.wake(row.id);
  } else {
    await standing.setBudget(tx, row.id, budget, actor.name);
  }
  ctx.record({
    subject: `peer/${row.name}`,
    detail: { action, ...(action === "budget" ? { budget } : { why }) },
  });
}

/** A paused peer edits nothing: what was taken for its editor is free. */
async function releaseAutomatic(ctx: Context, row: PeerRow): Promise<void> {
  const held = await automaticLocksOf(ctx.tx, row.id);
  for (const lock of held) await deleteLock(ctx.tx, lock.id);
  await wakeWaiters(ctx, new Set(held.map((lock) => lock.space)));
}

async function tell(ctx: Context, row: PeerRow, content: string): Promise<void> {
  if (row.state !== "live") return;
  await notify(ctx, [row.id], { project: row.project, category: "alert", content });
}

const amount = (): z.ZodType<number> =>
  z.number({ error: "must be a number of at least 0" }).min(0).max(1e9);

export const reportUsage = operation({
  name: "report_usage",
  summary:
    "Add what was used since the last report; feeds the budget. Tool calls are counted anyway.",
  roles: WORKING,
  effect: "write",
  hints: {},
  risk: "low",
  unlisted: true,
  whilePaused: true,
  input: z.strictObject({
    tokens: integer(0, 1_000_000_000).optional(),
    turns: integer(0, 1_000_000_000).optional(),
    cost_usd: z.preprocess(
      (value) => typeof value === "string" && value.trim() !== "" ? Number(value) : value,
      amount(),
    ).optional(),
  }),
  output: z.lazy(() =>
    z.object({
      used: usageShape,
      budget: usageShape.unwrap().partial().nullable(),
      spent: z.string().nullable(),
    })
  ),
  async handle(ctx, input) {
    const { tx, actor } = ctx;
    const before = await peerById(tx, actor.id);
    const more = Object.fromEntries(
      Object.entries(input).filter(([, value]) => value !== undefined),
    ) as Partial<Usage>;
    await standing.addUsage(tx, actor.id, more);
    const after = await peerById(tx, actor.id);
    if (before === undefined || after === undefined) {
      throw new Refusal("NOT_JOINED", "report_usage: your session has ended");
    }
    const { used, budget } = standing.usageOf(after);
    const spent = budgetSpent(used, budget);
    ctx.record({ subject: `peer/${actor.name}`, detail: more });
    if (spent !== null && budgetSpent(standing.usageOf(before).used, budget) === null) {
      await tellSpent(ctx, spent);
    }
    return { used, budget, spent };
  },
});

/** Once, when it happens: the peer finishes what it has, somebody decides what follows. */
async function tellSpent(ctx: Context, spent: string): Promise<void> {
  const { actor } = ctx;
  const architect = await architectOf(ctx.tx, actor.project);
  if (architect === undefined || architect.id === actor.id) return;
  await notify(ctx, [architect.id], {
    project: actor.project,
    category: "alert",
    content: `The budget of ${actor.name} is spent (${spent}): it claims no more tasks.`,
  });
}
