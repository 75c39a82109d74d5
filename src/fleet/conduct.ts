// conduct_run: how a run is driven. Set by whoever starts it, read by every worker's process with
// each attempt; stopping is a word in it, so it reaches all of them whoever started them.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import {
  flag,
  integer,
  line,
  list,
  oneOf,
  optionalText,
  path,
  screenedAs,
  text,
  unlisted,
  word,
} from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { LEADING } from "../core/policy.ts";
import { runById } from "../run/table.ts";
import { setMeta } from "../store/meta.ts";
import { taskById } from "../task/table.ts";
import { definedOf } from "./attempts.ts";
import { LIMIT_KEY } from "./begin.ts";
import { accept, acceptPlanned, dropProposals } from "./planned.ts";
import type { Conduct, Spending } from "./rules.ts";
import * as driven from "./driven.ts";

const DAY_MS = 86_400_000;

const spending = z.strictObject({
  turns: integer(1, 1_000_000_000).nullable(),
  tokens: integer(1, 1_000_000_000_000).nullable(),
  cost_usd: z.number({ error: "must be a number above 0" }).positive().max(1e9).nullable(),
});

/** The modes of Claude Code in which a worker without a human can go on. */
export const PERMISSION_MODES = [
  "default",
  "acceptEdits",
  "plan",
  "dontAsk",
  "auto",
  "bypassPermissions",
] as const;

const NO_BOUND: Spending = { turns: null, tokens: null, cost_usd: null };

/** How a run is driven unless something else is said. */
export const DEFAULTS: Omit<Conduct, "repo" | "base" | "target" | "worktrees"> = {
  workers: 3,
  models: [],
  permission_mode: "acceptEdits",
  allowed_tools: [],
  skip_permissions: false,
  attempts: LIMITS.attempts,
  task_ms: 3_600_000,
  first_output_ms: 120_000,
  quiet_ms: 900_000,
  each: NO_BOUND,
  all: NO_BOUND,
  plan: null,
  plan_only: false,
  stopped: null,
  check: null,
  check_ms: LIMITS.checkMs,
  left: null,
};

export const conductRun = operation({
  name: "conduct_run",
  summary: "Set how a run is driven by worker processes, or stop it and let it go on.",
  roles: LEADING,
  effect: "write",
  hints: { idempotent: true },
  risk: "high",
  unlisted: true,
  positionals: ["id"],
  input: z.strictObject({
    id: word(),
    action: oneOf(["set", "stop", "resume"]).optional(),
    why: optionalText(LIMITS.noteChars).optional(),
    repo: path().optional(),
    worktrees: flag().optional(),
    base: line(LIMITS.nameChars).nullable().optional(),
    target: line(LIMITS.pathChars).nullable().optional(),
    workers: integer(1, LIMITS.workers).optional(),
    models: list(line(LIMITS.nameChars), 10).optional(),
    permission_mode: oneOf(PERMISSION_MODES).optional(),
    allowed_tools: list(line(LIMITS.keyChars), LIMITS.listItems).optional(),
    skip_permissions: flag().optional(),
    attempts: integer(1, 20).optional(),
    task_ms: integer(1, 30 * DAY_MS).optional(),
    first_output_ms: integer(1, DAY_MS).optional(),
    quiet_ms: integer(1, DAY_MS).optional(),
    each: spending.optional(),
    all: spending.optional(),
    plan: word().nullable().optional(),
    plan_only: flag().optional(),
    // Made harmless it would be another command.
    check: screenedAs("exact", text(LIMITS.checkCommandChars)).nullable().optional(),
    check_ms: integer(1, 30 * DAY_MS).optional(),
    left: optionalText(LIMITS.noteChars).nullable().optional(),
  }),
  readsOnly: ({ id: _id, ...rest }) => Object.values(rest).every((value) => value === undefined),
  output: z.lazy(() => z.object({ id: z.string(), conduct: z.unknown() })),
  async handle(ctx, input) {
    const run = await runById(ctx.tx, input.id);
    if (run?.project !== ctx.actor.project) {
      throw new Refusal("UNKNOWN_RUN", `conduct_run: run ${input.id} does not exist`, {
        field: "id",
      });
    }
    const { id, action, why, ...given } = input;
    const before = await driven.conductOf(ctx.tx, id);
    if ([action, why, ...Object.values(given)].every((one) => one === undefined)) {
      return { id, conduct: before };
    }
    if (before === null && action !== undefined && given.repo === undefined) {
      throw new Refusal("TASK_STATE", `conduct_run: no worker processes drive run ${id}`, {
        field: "id",
        hint: "Stop a task of it instead, or end the run: run, action end.",
      });
    }
    const repo = given.repo ?? before?.repo;
    if (repo === undefined) {
      throw new Refusal("INVALID_INPUT", "conduct_run: repo is required at first", {
        field: "repo",
      });
    }
    const stopped = action === "stop"
      ? `${ctx.actor.name}: ${why ?? "no reason given"}`
      : action === "resume"
      ? null
      : before?.stopped ?? null;
    const conduct: Conduct = {
      ...DEFAULTS,
      base: null,
      target: null,
      worktrees: true,
      ...before,
      ...(action === "resume" ? { left: null } : {}),
      ...definedOf(given),
      repo,
      stopped,
    };
    refuseCheck(conduct);
    await driven.setConduct(ctx.tx, id, conduct);
    const givenUp = conduct.plan === null ? before?.plan ?? null : null;
    if (givenUp !== null) await dropProposals(ctx, givenUp);
    if (action === "stop") await driven.stopAgents(ctx.tx, id, stopped ?? "");
    if (action === "resume") {
      await freeStopped(ctx, id);
      // The human knows better than what was told of a limit once; if it holds, the next agent says so.
      if (ctx.actor.role === "operator") await setMeta(ctx.tx, LIMIT_KEY, "0");
    }
    for (const peer of await driven.hostIds(ctx.tx, id)) ctx.wake(peer);
    ctx.record({ subject: `run/${id}`, detail: { action: action ?? "set", stopped } });
    return { id, conduct };
  },
});

/**
 * Without worktrees nothing is merged, so nothing stands between work and the user's folder.
 * @throws Refusal `INVALID_INPUT`
 */
export function refuseCheck(
  { check, worktrees }: { readonly check?: unknown; readonly worktrees: boolean },
): void {
  if (worktrees || !check) return;
  throw new Refusal(
    "INVALID_INPUT",
    "a run without worktrees merges nothing, so nothing is checked",
    {
      field: "check",
      hint: "Leave the check out, or begin the run in a git repository, each worker in a worktree.",
    },
  );
}

/** What waits for its next try only because of a delay need not wait for it. */
async function freeStopped(ctx: Context, run: string): Promise<void> {
  await ctx.tx.run(
    "UPDATE task SET not_before_s = 0 WHERE run = ? AND status = 'pending'",
    run,
  );
}

export const acceptPlan = operation({
  name: "accept_plan",
  summary: "Accept all proposed tasks of a run at once.",
  roles: LEADING,
  effect: "write",
  hints: {},
  risk: "medium",
  unlisted: true,
  positionals: ["run"],
  input: z.strictObject({
    run: word(),
    /** Only what the planner proposed, once, when its plan is made. */
    planned: unlisted(flag().optional()),
  }),
  output: z.lazy(() => z.object({ accepted: z.array(z.string()) })),
  async handle(ctx, input) {
    const run = await runById(ctx.tx, input.run);
    if (run?.project !== ctx.actor.project) {
      throw new Refusal("UNKNOWN_RUN", `accept_plan: run ${input.run} does not exist`, {
        field: "run",
      });
    }
    const conduct = await driven.conductOf(ctx.tx, run.id);
    const plan = conduct?.plan ?? null;
    const made = plan !== null && (await taskById(ctx.tx, plan))?.status === "completed";
    const accepted = input.planned !== true
      ? await acceptAll(ctx, run.id)
      : plan !== null && made
      ? await acceptPlanned(ctx, plan)
      : [];
    if (conduct !== null) {
      // The plan is taken: what anybody proposes from now on is none of it.
      await driven.setConduct(ctx.tx, run.id, {
        ...conduct,
        plan: made ? null : plan,
        plan_only: false,
      });
    }
    for (const peer of await driven.hostIds(ctx.tx, run.id)) ctx.wake(peer);
    ctx.record({ subject: `run/${run.id}`, detail: { accepted: accepted.length } });
    return { accepted };
  },
});

async function acceptAll(ctx: Context, run: string): Promise<string[]> {
  const rows = await ctx.tx.all<{ id: string }>(
    "SELECT id FROM task WHERE run = ? AND status = 'proposed' ORDER BY n",
    run,
  );
  for (const { id } of rows) await accept(ctx, id);
  return rows.map(({ id }) => id);
}
