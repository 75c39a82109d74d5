// Taking over what stands in a `.coordination/`: the whole of one at once, in one transaction, or
// what somebody has added to the findings. Doing it again changes nothing.

import * as z from "zod";
import { iso } from "../core/clock.ts";
import { sha256 } from "../core/digest.ts";
import { Refusal } from "../core/errors.ts";
import { integer, line, list, oneOf, optionalText, path, text, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { LEADING, WORKING } from "../core/policy.ts";
import { countKeys, currentEntry, putEntry, versions } from "../memory/table.ts";
import { stillAlive } from "../peer/life.ts";
import { peerByName, setRun } from "../peer/table.ts";
import { insertRun, runsOf } from "../run/table.ts";
import { insertNote } from "../task/notes.ts";
import { findCycle, firstDuplicate, STATUSES } from "../task/rules.ts";
import { insertDependency, takeNumbers, taskById } from "../task/table.ts";
import { insertTaken } from "./table.ts";

/** The author of what was written into the file by hand. */
const BY_HAND = "discoveries.md";

const paths = list(path(), LIMITS.listItems);
/** What was added by hand says itself who wrote it, if it does: nobody writes in another's name. */
const added = z.strictObject({ key: word().optional(), value: text(LIMITS.valueChars) });
const finding = added.extend({
  author: word(LIMITS.nameChars).optional(),
  at: word(40).optional(),
});
type Found = z.output<typeof finding>;

export const takeDiscoveries = operation({
  name: "take_findings",
  summary: "Take in findings that were added to a mirror by hand; each once.",
  // As for set_memory: it is the same thing to do.
  roles: { strict: WORKING, open: WORKING, lite: LEADING },
  effect: "write",
  hints: { idempotent: true },
  risk: "low",
  unlisted: true,
  input: z.strictObject({
    discoveries: z.array(added).min(1).max(LIMITS.importDiscoveries),
  }),
  output: z.lazy(() => z.object({ taken: z.number() })),
  async handle(ctx, input) {
    return { taken: await takeFindings(ctx, input.discoveries, ctx.actor.run) };
  },
});

/** A finding is kept by its words, unless it brings a key along: the same one is taken once. */
async function takeFindings(
  ctx: Context,
  found: readonly Found[],
  run: string | null,
): Promise<number> {
  const { tx, actor: { project } } = ctx;
  let taken = 0;
  const nowMs = Date.parse(ctx.at);
  const before = await countKeys(tx, project, LIMITS.memoryKeys);
  for (const [index, { key, author, at, value }] of found.entries()) {
    const named = await newKey(ctx, key, value);
    if (named === null) continue;
    if (before + taken >= LIMITS.memoryKeys) {
      throw new Refusal("LIMIT_REACHED", `this project has ${LIMITS.memoryKeys} keys of memory`);
    }
    await putEntry(tx, {
      project,
      key: named,
      version: 1,
      value,
      type: "discovery",
      confidence: "high",
      author: author ?? BY_HAND,
      run,
      supersedes: null,
      at: timeOf(at, nowMs, found.length - index),
    }, LIMITS.memoryVersions);
    ctx.record({
      subject: `memory/${named}`,
      detail: { project, version: 1, type: "discovery", characters: value.length },
    });
    taken++;
  }
  return taken;
}

/**
 * When something was found: as it says, if that is a time that has been; else just now, the earlier the
 * more follow it, so that they keep their order.
 */
function timeOf(said: string | undefined, nowMs: number, following: number): string {
  const saidMs = said === undefined ? NaN : Date.parse(said);
  return iso(saidMs <= nowMs ? saidMs : nowMs - following);
}

/** The key for a finding; null if it is here. A key that stands for something else is not taken. */
async function newKey(
  ctx: Context,
  key: string | undefined,
  value: string,
): Promise<string | null> {
  const { tx, actor: { project } } = ctx;
  if (key !== undefined) {
    const known = await versions(tx, project, key, LIMITS.memoryVersions);
    if (known.length === 0) return key;
    if (known.some((row) => row.value.trim() === value.trim())) return null;
  }
  const own = `discovery/${sha256(value).slice(0, 10)}`;
  return await currentEntry(tx, project, own) === undefined ? own : null;
}

const foreignTask = z.strictObject({
  id: word(128).regex(/^[A-Za-z0-9][\w.-]*$/, {
    error: "has to be letters, digits, '_', '-' and '.'",
  }),
  title: line(LIMITS.titleChars),
  description: optionalText(LIMITS.descriptionChars + LIMITS.hintsChars),
  status: oneOf(STATUSES),
  priority: integer(1, 10),
  depends_on: list(word(), LIMITS.dependenciesPerTask),
  files: paths,
  claimed_by: optionalText(LIMITS.nameChars).nullable(),
  started: z.boolean(),
  summary: optionalText(LIMITS.noteChars).nullable(),
  files_modified: paths,
  files_created: paths,
  failure: optionalText(LIMITS.noteChars).nullable(),
  created_at: word(40).nullable(),
  completed_at: word(40).nullable(),
});
type Foreign = z.output<typeof foreignTask>;

export const importProject = operation({
  name: "import_project",
  summary: "Take over the goal, tasks and findings of a .coordination folder; all or nothing.",
  roles: LEADING,
  effect: "write",
  hints: { idempotent: true },
  risk: "medium",
  unlisted: true,
  input: z.strictObject({
    goal: text(LIMITS.goalChars).nullable(),
    plan: optionalText(LIMITS.planChars),
    tasks: z.array(foreignTask).max(LIMITS.importTasks),
    discoveries: z.array(finding).max(LIMITS.importDiscoveries),
  }),
  output: z.lazy(() =>
    z.object({
      run: z.string().nullable(),
      tasks: z.number(),
      known: z.number(),
      discoveries: z.number(),
      released: z.array(z.string()),
      renamed: z.record(z.string(), z.string()),
    })
  ),
  async handle(ctx, input) {
    const run = input.goal === null ? null : await runFor(ctx, input.goal, input.plan);
    const ids = await idsOf(ctx, input.tasks);
    refuseBadEdges(input.tasks);
    const released: string[] = [];
    const known = new Set<string>();
    let tasks = 0;
    for (const task of input.tasks) {
      if ((await taskById(ctx.tx, ids.get(task.id) ?? "")) !== undefined) known.add(task.id);
    }
    const states = new Map(input.tasks.map((task) => [task.id, task.status]));
    const numbers = await numbersFor(ctx, input.tasks.map((task) => ids.get(task.id) ?? task.id));
    for (const [index, task] of input.tasks.entries()) {
      if (known.has(task.id)) continue;
      if (!await take(ctx, task, ids, states, numbers[index] ?? 0, run)) {
        released.push(ids.get(task.id) ?? task.id);
      }
      tasks++;
    }
    const discoveries = await takeFindings(ctx, input.discoveries, run);
    const renamed = Object.fromEntries([...ids].filter(([from, to]) => from !== to));
    ctx.record({ subject: `run/${run ?? "none"}`, detail: { tasks, discoveries } });
    return { run, tasks, known: known.size, discoveries, released, renamed };
  },
});

/** The run with this goal, or a new one. */
async function runFor(ctx: Context, goal: string, plan: string): Promise<string> {
  const { tx, actor } = ctx;
  const rows = await runsOf(tx, actor.project, LIMITS.pageRows);
  const same = rows.find((row) => row.goal === goal);
  if (same !== undefined) return same.id;
  const id = `r${await takeNumbers(tx, "run", 1)}`;
  const created = { created_by: actor.name, created_at: ctx.at };
  await insertRun(tx, { id, project: actor.project, goal, plan, ...created });
  await setRun(tx, actor.id, id);
  ctx.record({ op: "start_run", subject: `run/${id}`, detail: { characters: goal.length } });
  return id;
}

/** Ids are kept; where another project of this home has one, it gets a mark that stays the same. */
async function idsOf(ctx: Context, tasks: readonly Foreign[]): Promise<Map<string, string>> {
  const twice = firstDuplicate(tasks.map((task) => task.id));
  if (twice !== null) {
    throw new Refusal("DUPLICATE_KEY", `two tasks have the id ${twice}`, { field: "id" });
  }
  const { project } = ctx.actor;
  const ids = new Map<string, string>();
  for (const { id, title } of tasks) {
    const there = await taskById(ctx.tx, id);
    const other = there === undefined
      ? await numberTaken(ctx, id)
      : there.project !== project || there.title !== title;
    ids.set(id, other ? `${id}.${sha256(project).slice(0, 6)}` : id);
  }
  return ids;
}

const OWN_ID = /^t(\d{1,15})$/;

/** Ids like t12 are skein's own: they go with the number 12. */
async function numberTaken(ctx: Context, id: string): Promise<boolean> {
  const n = OWN_ID.exec(id)?.[1];
  if (n === undefined) return false;
  return await ctx.tx.get("SELECT 1 AS x FROM task WHERE n = ?", Number(n)) !== undefined;
}

/** A number for each task: that of its id, or one that no task has. */
async function numbersFor(ctx: Context, ids: readonly string[]): Promise<number[]> {
  const own = ids.map((id) => OWN_ID.exec(id)?.[1]).map((n) => n === undefined ? null : Number(n));
  const wanted = new Set(own);
  const numbers: number[] = [];
  for (const n of own) {
    let number = n ?? await takeNumbers(ctx.tx, "task", 1);
    while (n === null && (wanted.has(number) || await numberTaken(ctx, `t${number}`))) {
      number = await takeNumbers(ctx.tx, "task", 1);
    }
    numbers.push(number);
  }
  return numbers;
}

function refuseBadEdges(tasks: readonly Foreign[]): void {
  const cycle = findCycle(new Map(tasks.map((task) => [task.id, task.depends_on])));
  if (cycle === null) return;
  throw new Refusal("CYCLE", `dependencies close a cycle: ${cycle.join(" -> ")}`, {
    field: "dependencies",
    cycle: cycle.slice(0, 20),
  });
}

/** Stores one task; false if it was claimed by somebody who is not here. */
async function take(
  ctx: Context,
  task: Foreign,
  ids: ReadonlyMap<string, string>,
  states: ReadonlyMap<string, string>,
  n: number,
  run: string | null,
): Promise<boolean> {
  const { tx, actor } = ctx;
  const claimed = task.status === "in_progress" || task.status === "in_review";
  const holder = claimed ? await liveHolder(ctx, task.claimed_by) : null;
  const id = ids.get(task.id) ?? task.id;
  const on: string[] = [];
  let openDeps = 0;
  for (const name of new Set(task.depends_on)) {
    const inside = ids.get(name);
    const there = await taskById(tx, inside ?? name);
    if (inside === undefined && there?.project !== actor.project) {
      throw new Refusal("UNKNOWN_TASK", `${task.id} depends on ${name}, which is no task`, {
        field: "dependencies",
        unknown: name,
        task: task.id,
      });
    }
    on.push(inside ?? name);
    const status = there?.status ?? states.get(name);
    if (status !== "completed") openDeps++;
  }
  const done = task.status === "completed";
  const files = [...new Set([...task.files_modified, ...task.files_created])];
  await insertTaken(tx, n, {
    project: actor.project,
    run,
    by: actor.name,
    creator: actor.id,
    maxAttempts: LIMITS.attempts,
    at: ctx.at,
  }, {
    id,
    title: task.title,
    description: task.description,
    status: claimed ? (holder === null ? "pending" : "in_progress") : task.status,
    priority: task.priority,
    openDeps,
    files: task.files,
    claimedBy: holder?.id ?? null,
    incarnation: holder?.incarnation ?? null,
    summary: done ? task.summary ?? "" : null,
    artifacts: done
      ? JSON.stringify({ files, created: task.files_created, tests: "", risks: "" })
      : null,
    failure: done ? null : task.failure,
    completedBy: done ? task.claimed_by : null,
    createdAt: task.created_at ?? ctx.at,
    updatedAt: task.completed_at ?? ctx.at,
    progress: holder !== null && task.started ? "started" : "",
  });
  for (const one of on) await insertDependency(tx, id, one);
  const lost = claimed && holder === null;
  if (lost) {
    const note = `claimed by ${task.claimed_by || "somebody"} when it was taken over`;
    await insertNote(tx, id, { author: actor.name, kind: "handover", text: note, at: ctx.at });
  }
  ctx.record({ subject: `task/${id}`, detail: { title: task.title, priority: task.priority } });
  return !lost;
}

/** Who has a claim, if it is a peer of this project that lives. */
async function liveHolder(
  ctx: Context,
  name: string | null,
): Promise<{ id: string; incarnation: string } | null> {
  if (name === null || name === "") return null;
  const peer = await peerByName(ctx.tx, name);
  if (peer === undefined || peer.project !== ctx.actor.project || peer.state !== "live") {
    return null;
  }
  if (peer.incarnation === null || !await stillAlive(ctx, peer.id)) return null;
  return { id: peer.id, incarnation: peer.incarnation };
}
