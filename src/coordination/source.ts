// A project read through its operations, whoever calls them: page after page, in the caller's name.

import { operationNamed } from "../catalogue.ts";
import { invariant } from "../core/invariant.ts";
import type { Exported, Finding, Plan } from "../mirror/rules.ts";
import type { Answer } from "../perform.ts";

/** Calls an operation by its name. */
export type Call = (operation: string, input: unknown) => Promise<Answer>;

/** What a mirror has to know before anything else. */
export interface Overview {
  readonly store: string;
  readonly project: string;
  readonly you: string;
  readonly seq: number;
  readonly run: Plan & { readonly id: string; readonly ended_at: string | null } | null;
  /** The run that the caller is in. */
  readonly mine: string | null;
  readonly tasks: Readonly<Record<string, number>>;
}

/** The overview of the project, or of one run of it. */
export async function overviewOf(call: Call, run?: string): Promise<Overview> {
  const [first] = await partOf<Overview>(call, "overview", run);
  invariant(first !== undefined, "export_project gives one overview");
  return first;
}

/** Everything of a part, a page at a time. */
export async function partOf<T>(
  call: Call,
  part: string,
  run?: string,
  after?: string,
): Promise<T[]> {
  invariant(operationNamed("export_project") !== undefined, "export_project is in the catalogue");
  const items: T[] = [];
  let next: unknown = after;
  do {
    const answer = await call("export_project", {
      part,
      ...(run === undefined ? {} : { run }),
      ...(typeof next === "string" ? { after: next } : {}),
    });
    items.push(...answer["items"] as T[]);
    next = answer["next"];
  } while (typeof next === "string");
  return items;
}

/** The tasks of a project or run, oldest first; of the finished ones the newest, if they are many. */
export async function tasksOf(
  call: Call,
  most: number,
  run?: string,
): Promise<{ tasks: Exported[]; omitted: number }> {
  const open = await partOf<Exported>(call, "open", run);
  const closed = (await partOf<Exported>(call, "closed", run)).sort((a, b) => b.n - a.n);
  // A task that moved on between the two pages stands in both: the later look counts.
  const seen = new Set(closed.map((task) => task.id));
  const tasks = [...open.filter((task) => !seen.has(task.id)), ...closed.slice(0, most)];
  return {
    tasks: tasks.sort((a, b) => a.n - b.n),
    omitted: Math.max(0, closed.length - most),
  };
}

/** The findings of a project or run, oldest first. */
export function findingsOf(call: Call, run?: string): Promise<Finding[]> {
  return partOf<Finding>(call, "discoveries", run);
}
