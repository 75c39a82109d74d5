// From the tasks of one call to rows: ids, resolved dependencies, and every refusal that a plan
// can earn before anything of it is stored.

import { Refusal } from "../core/errors.ts";
import type { Context } from "../core/operation.ts";
import { peerIn } from "../peer/names.ts";

import { findCycle, firstDuplicate, withHints } from "./rules.ts";
import { takeNumbers, taskById } from "./table.ts";

/** A task as a call describes it. */
export interface Wanted {
  readonly key?: string | undefined;
  readonly title: string;
  readonly description?: string | undefined;
  readonly priority?: number | undefined;
  readonly blocked_by?: readonly string[] | undefined;
  readonly files?: readonly string[] | undefined;
  readonly hints?: string | undefined;
  readonly accept?: string | undefined;
  readonly assign_to?: string | undefined;
}

/** A task as it will be stored. */
export interface Planned {
  readonly key: string;
  readonly n: number;
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly priority: number;
  readonly files: readonly string[];
  readonly accept: string;
  readonly assignedTo: string;
  readonly dependsOn: readonly string[];
  readonly openDeps: number;
}

const PRIORITY_DEFAULT = 5;

/**
 * Reads the tasks of one call. Dependencies are keys of the same call first, then ids.
 * @throws Refusal `DUPLICATE_KEY`, `INVALID_INPUT`, `UNKNOWN_TASK`, `UNKNOWN_PEER`, `CYCLE`
 */
export async function readPlan(
  ctx: Context,
  wanted: readonly Wanted[],
): Promise<{ tasks: Planned[]; assigned: Set<string> }> {
  const keys = wanted.map((task, index) => task.key ?? String(index + 1));
  const twice = firstDuplicate(keys);
  if (twice !== null) {
    throw new Refusal("DUPLICATE_KEY", `create_task: two tasks have the key ${twice}`, {
      field: "tasks",
    });
  }
  const first = await freeNumbers(ctx, wanted.length);
  const idOf = new Map(keys.map((key, index) => [key, `t${first + index}`]));
  if (isBatch(wanted)) refuseCycle(wanted, keys);
  const assigned = new Set<string>();
  const tasks: Planned[] = [];
  for (const [index, task] of wanted.entries()) {
    const key = keys[index] ?? "";
    const assignedTo = await assigneeOf(ctx, task.assign_to);
    if (assignedTo !== "") assigned.add(assignedTo);
    const known = isBatch(wanted) ? idOf : new Map<string, string>();
    const { dependsOn, openDeps } = await resolveDependencies(ctx, task, key, known);
    tasks.push({
      key,
      n: first + index,
      id: idOf.get(key) ?? "",
      title: task.title,
      description: withHints(task.description ?? "", task.hints ?? ""),
      priority: task.priority ?? PRIORITY_DEFAULT,
      files: task.files ?? [],
      accept: task.accept ?? "",
      assignedTo,
      dependsOn,
      openDeps,
    });
  }
  return { tasks, assigned };
}

/** A lone task without a key can be named by nobody: nothing in its call refers to it. */
function isBatch(wanted: readonly Wanted[]): boolean {
  return wanted.length > 1 || wanted[0]?.key !== undefined;
}

/** Consecutive numbers whose ids nobody brought along from elsewhere. */
async function freeNumbers(ctx: Context, count: number): Promise<number> {
  for (;;) {
    const first = await takeNumbers(ctx.tx, "task", count);
    const taken = await ctx.tx.get(
      "SELECT 1 AS x FROM task WHERE n >= ? AND n < ? LIMIT 1",
      first,
      first + count,
    );
    if (taken === undefined) return first;
  }
}

function refuseCycle(wanted: readonly Wanted[], keys: readonly string[]): void {
  const edges = new Map(wanted.map((task, i) => [keys[i] ?? "", task.blocked_by ?? []]));
  const cycle = findCycle(edges);
  if (cycle === null) return;
  throw new Refusal("CYCLE", `create_task: blocked_by closes a cycle: ${cycle.join(" -> ")}`, {
    field: "blocked_by",
    cycle: cycle.slice(0, 20),
  });
}

async function resolveDependencies(
  ctx: Context,
  task: Wanted,
  key: string,
  idOf: ReadonlyMap<string, string>,
): Promise<Pick<Planned, "dependsOn" | "openDeps">> {
  const names = task.blocked_by ?? [];
  const twice = firstDuplicate(names);
  if (twice !== null) {
    throw new Refusal("INVALID_INPUT", `create_task: blocked_by names ${twice} twice`, {
      field: "blocked_by",
    });
  }
  const dependsOn: string[] = [];
  let openDeps = 0;
  for (const name of names) {
    const inBatch = idOf.get(name);
    if (inBatch !== undefined) {
      dependsOn.push(inBatch);
      openDeps += 1;
      continue;
    }
    const existing = await taskById(ctx.tx, name);
    if (existing === undefined || existing.project !== ctx.actor.project) {
      throw new Refusal(
        "UNKNOWN_TASK",
        `create_task: blocked_by of ${task.key ?? key} names ${name}, which is no task`,
        { field: "blocked_by", unknown: name },
      );
    }
    dependsOn.push(existing.id);
    if (existing.status !== "completed") openDeps += 1;
  }
  const same = firstDuplicate(dependsOn);
  if (same === null) return { dependsOn, openDeps };
  throw new Refusal("INVALID_INPUT", `create_task: blocked_by names ${same} twice`, {
    field: "blocked_by",
  });
}

async function assigneeOf(ctx: Context, name: string | undefined): Promise<string> {
  if (name === undefined) return "";
  const peer = await peerIn(ctx.tx, name, ctx.actor.project);
  if (peer?.project === ctx.actor.project) return peer.id;
  throw new Refusal(
    "UNKNOWN_PEER",
    `create_task: assign_to: nobody in this project is called ${name}`,
    { field: "assign_to" },
  );
}
