// A project as a whole: read page by page, for mirrors and exports. For programs: no model is shown
// these. Taking in is in taking.ts.

import * as z from "zod";
import { hmacSha256 } from "../core/digest.ts";
import { Refusal } from "../core/errors.ts";
import { integer, oneOf, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { EVERYONE } from "../core/policy.ts";
import { entries } from "../memory/table.ts";
import { runById, runsOf } from "../run/table.ts";
import { headSeq } from "../store/journal.ts";
import { countTasks, listTasks } from "../task/list.ts";
import { type Status, STATUSES } from "../task/rules.ts";
import { nameOf } from "../task/view.ts";
import {
  actsAfter,
  exported,
  logsFrom,
  memoryRows,
  messageRows,
  plainRows,
  turnRows,
} from "./table.ts";

/** What can be asked for. */
export const PARTS = [
  "overview",
  "runs",
  "open",
  "closed",
  "notes",
  "discoveries",
  "memory",
  "messages",
  "conversation",
  "peers",
  "locks",
  "acts",
] as const;

const OPEN: readonly Status[] = ["proposed", "pending", "in_progress", "in_review"];

interface Page {
  readonly items: unknown[];
  readonly next: string | null;
}

export const exportProject = operation({
  name: "export_project",
  summary: "Everything of the project, part by part, for mirrors and exports.",
  roles: EVERYONE,
  effect: "read",
  hints: {},
  risk: "low",
  unlisted: true,
  positionals: ["part"],
  input: z.strictObject({
    part: oneOf(PARTS),
    after: word(LIMITS.cursorChars).optional(),
    run: word().optional(),
    limit: integer(1, LIMITS.exportRows).optional(),
  }),
  output: z.lazy(() => z.object({ items: z.array(z.unknown()), next: z.string().nullable() })),
  // Which store this is: a mirror of another one is not overwritten.
  survey: (_input, view) => Promise.resolve(hmacSha256(view.secret, "mirror").slice(0, 16)),
  async handle(ctx, input, store: string) {
    const limit = input.limit ?? LIMITS.exportRows;
    const { run } = input;
    if (run !== undefined && (await runById(ctx.tx, run))?.project !== ctx.actor.project) {
      throw new Refusal("UNKNOWN_RUN", `export_project: run ${run} does not exist`, {
        field: "run",
      });
    }
    if (input.part === "overview") return whole([await overview(ctx, store, run)]);
    return await page(ctx, input.part, input.after, run, limit);
  },
});

async function page(
  ctx: Context,
  part: Exclude<typeof PARTS[number], "overview">,
  after: string | undefined,
  run: string | undefined,
  limit: number,
): Promise<Page> {
  const { tx, actor: { project } } = ctx;
  switch (part) {
    case "runs":
      return whole(await runsOf(tx, project, limit));
    case "open":
    case "closed":
      return await tasksPage(ctx, part, after, run, limit);
    case "discoveries": {
      const rows = await entries(tx, project, "discovery", LIMITS.mirrorDiscoveries);
      const found = rows.filter((row) => run === undefined || row.run === run).reverse();
      return whole(found.map(({ key, author, at, value }) => ({ key, author, at, value })));
    }
    case "memory": {
      const [version = "0", key = ""] = (after ?? "0:").split(/:(.*)/s);
      const rows = (await memoryRows(tx, project, { key, version: numberOf(version) }, limit))
        .slice(0, limit);
      const last = rows.at(-1);
      const more = rows.length === limit && last !== undefined;
      return { items: rows, next: more ? `${last.version}:${last.key}` : null };
    }
    case "acts": {
      const from = after === undefined ? await logsFrom(tx, LIMITS.mirrorActs) : numberOf(after);
      const { acts, next } = await actsAfter(tx, project, from, limit);
      return { items: acts, next: next === null ? null : String(next) };
    }
    default: {
      const from = numberOf(after ?? "0");
      const reader = { id: ctx.actor.id, all: ctx.may("read_all") };
      const { rows, next } = part === "messages"
        ? await messageRows(tx, project, from, limit, reader)
        : part === "conversation"
        ? await turnRows(tx, project, from, limit, reader)
        : await plainRows(tx, part, project, from, limit);
      const items = rows.map(({ cursor: _cursor, ...row }) => row);
      return { items, next: next === null ? null : String(next) };
    }
  }
}

function whole(items: unknown[]): Page {
  return { items, next: null };
}

function numberOf(after: string): number {
  if (/^\d{1,15}$/.test(after)) return Number(after);
  throw new Refusal("INVALID_INPUT", `export_project: after ${after} was not given by it`, {
    field: "after",
  });
}

/** Tasks by state and priority, as their index has them. */
async function tasksPage(
  ctx: Context,
  part: "open" | "closed",
  after: string | undefined,
  run: string | undefined,
  limit: number,
): Promise<Page> {
  const [priority, n] = (after ?? "0.0").split(".").map(numberOf);
  const rows = await listTasks(ctx.tx, {
    project: ctx.actor.project,
    statuses: part === "open" ? OPEN : STATUSES.filter((status) => !OPEN.includes(status)),
    pending: "all",
    run,
    after: after === undefined ? undefined : { priority: priority ?? 0, n: n ?? 0 },
    limit,
  });
  const items = [];
  for (const row of rows) items.push(await exported(ctx.tx, row));
  const last = rows.at(-1);
  const more = rows.length === limit && last !== undefined;
  return { items, next: more ? `${last.priority}.${last.n}` : null };
}

/** What a mirror has to know before anything else. */
async function overview(ctx: Context, store: string, run: string | undefined): Promise<unknown> {
  const { tx, actor } = ctx;
  const rows = await runsOf(tx, actor.project, LIMITS.pageRowsDefault);
  const active = rows.find((row) => row.status === "active") ?? rows[0];
  const wanted = run === undefined ? active : await runById(tx, run);
  return {
    store,
    project: actor.project,
    you: await nameOf(tx, actor.id),
    seq: await headSeq(tx),
    run: wanted ?? null,
    mine: actor.run,
    tasks: await countTasks(tx, actor.project, run),
  };
}
