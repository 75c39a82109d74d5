// What a worker's process tells of an attempt while it goes on, and what others see of it.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import { flag, integer, line, optionalText, path, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { EVERYONE, WORKING } from "../core/policy.ts";
import { addUsage } from "../peer/standing.ts";
import { runById } from "../run/table.ts";
import * as driven from "./driven.ts";
import * as table from "./table.ts";
import { attemptShape, type ShownAttempt, shownAttempt } from "./view.ts";

/** What is known of an agent's process: enough to end its group, and never a stranger's. */
export const processShape = z.strictObject({
  pid: integer(0, 2 ** 31),
  pgid: integer(0, 2 ** 31),
  boot: optionalText(LIMITS.nameChars),
  startTime: optionalText(LIMITS.nameChars),
  /** What all its processes carry in their environment. */
  mark: optionalText(LIMITS.nameChars),
});

const cost = z.number({ error: "must be a number of at least 0" }).min(0).max(1e9);

/** What an attempt has used so far: totals, not what was added. */
export const usageFields = {
  turns: integer(0, 1_000_000_000).optional(),
  tokens: integer(0, 1_000_000_000_000).optional(),
  cost_usd: cost.optional(),
};

export const noteAttempt = operation({
  name: "note_attempt",
  summary: "Tell where an attempt works, by which process, and what it has used so far.",
  roles: WORKING,
  effect: "write",
  hints: { idempotent: true },
  risk: "low",
  unlisted: true,
  whilePaused: true,
  input: z.strictObject({
    attempt: integer(1, Number.MAX_SAFE_INTEGER),
    folder: path().optional(),
    branch: line(LIMITS.pathChars).optional(),
    base: line(LIMITS.nameChars).optional(),
    process: processShape.optional(),
    session: line(LIMITS.keyChars).optional(),
    log: path().optional(),
    output: flag().optional(),
    ...usageFields,
  }),
  output: z.lazy(() => z.object({ stop: z.string().nullable() })),
  async handle(ctx, input) {
    const row = await ownAttempt(ctx, input.attempt);
    const { attempt: _attempt, process, output, ...change } = input;
    await table.changeAttempt(ctx.tx, row.id, {
      ...definedOf(change),
      ...(process === undefined ? {} : { process: JSON.stringify(process) }),
      ...(output === true && row.first_output_at === null ? { first_output_at: ctx.at } : {}),
    });
    await addDifference(ctx, row, input);
    ctx.record({ subject: `task/${row.task}`, detail: { attempt: row.id, ...definedOf(change) } });
    return { stop: row.stop };
  },
});

/** Without what was left out. */
export function definedOf<T extends object>(
  fields: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as { [K in keyof T]: Exclude<T[K], undefined> };
}

/** What came since the last time counts for the worker, too. */
export async function addDifference(
  ctx: Context,
  row: table.AttemptRow,
  now: {
    turns?: number | undefined;
    tokens?: number | undefined;
    cost_usd?: number | undefined;
  },
): Promise<void> {
  const more = {
    turns: Math.max(0, (now.turns ?? row.turns) - row.turns),
    tokens: Math.max(0, (now.tokens ?? row.tokens) - row.tokens),
    cost_usd: Math.max(0, (now.cost_usd ?? row.cost_usd) - row.cost_usd),
  };
  if (more.turns + more.tokens + more.cost_usd > 0) await addUsage(ctx.tx, row.peer, more);
}

/**
 * What an attempt comes to its worker's process says, and not the agent that has only a token of it.
 * @throws Refusal `NOT_ALLOWED`
 */
export function refuseToken(ctx: Context, what: string): void {
  if (ctx.actor.proofEndsS === null) return;
  throw new Refusal("NOT_ALLOWED", `${what}: the process of ${ctx.actor.name} does that`, {
    hint: "Hand the task in with complete_task, or give it back with update_task.",
  });
}

/**
 * An attempt that goes on, of the actor's own life.
 * @throws Refusal `UNKNOWN_TASK`, `NOT_YOUR_CLAIM`, `NOT_ALLOWED`, `TASK_STATE`
 */
export async function ownAttempt(ctx: Context, id: number): Promise<table.AttemptRow> {
  const row = await projectAttempt(ctx, id);
  if (row.incarnation !== ctx.actor.incarnation) {
    throw new Refusal("NOT_YOUR_CLAIM", `attempt ${id} is ${row.worker}'s`, { field: "attempt" });
  }
  refuseToken(ctx, "note_attempt");
  if (row.state === "running") return row;
  throw new Refusal("TASK_STATE", `attempt ${id} has ended: ${row.state}`, { field: "attempt" });
}

/** @throws Refusal `UNKNOWN_TASK` */
export async function projectAttempt(ctx: Context, id: number): Promise<table.AttemptRow> {
  const row = await table.attemptById(ctx.tx, id);
  const run = row === undefined ? undefined : await runById(ctx.tx, row.run);
  if (row !== undefined && run?.project === ctx.actor.project) return row;
  throw new Refusal("UNKNOWN_TASK", `there is no attempt ${id} in this project`, {
    field: "attempt",
  });
}

export const listAttempts = operation({
  name: "list_attempts",
  summary: "Attempts of worker processes: who tries what, where, at what cost, with what result.",
  roles: EVERYONE,
  effect: "read",
  hints: {},
  risk: "low",
  unlisted: true,
  positionals: ["run"],
  input: z.strictObject({
    run: word().optional(),
    task: word().optional(),
    open: flag().optional(),
    after: integer(0, Number.MAX_SAFE_INTEGER).optional(),
  }),
  output: z.lazy(() =>
    z.object({
      attempts: z.array(attemptShape),
      hosts: z.array(z.string()),
      next: z.number().nullable(),
    })
  ),
  async handle(ctx, input) {
    const { tx, actor } = ctx;
    const rows = await table.attemptsOf(tx, actor.project, input, LIMITS.attemptRows);
    const page = rows.slice(0, LIMITS.attemptRows);
    const attempts: ShownAttempt[] = [];
    for (const row of page) {
      const gone = row.state === "running" && await table.isOver(tx, row.incarnation);
      const lost = gone && !await table.isCurrent(tx, row) ||
        row.state === "waiting" && !await table.isHeld(tx, row);
      attempts.push({
        ...shownAttempt(row),
        ...(gone ? { orphaned: true } : {}),
        ...(lost ? { lost: true } : {}),
      });
    }
    return {
      attempts,
      hosts: input.run === undefined ? [] : await driven.hostsOf(tx, input.run),
      next: rows.length > page.length ? page.at(-1)?.id ?? null : null,
    };
  },
});
