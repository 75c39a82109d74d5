// Which tasks the graph shows: what is open, done work folded into marks on what it led to; beyond
// some hundred, what is near to being worked on. Pure.

import type { Tasks } from "../data/tasks.ts";
import { stateOf, type TaskCard } from "../data/types.ts";

export interface Folded {
  readonly shown: readonly TaskCard[];
  readonly edges: readonly (readonly [from: string, to: string])[];
  /** Done tasks, and later ones, that are folded away; by the node that stands for them. */
  readonly before: ReadonlyMap<string, number>;
  readonly after: ReadonlyMap<string, number>;
  readonly doneFolded: number;
  readonly laterFolded: number;
}

/** More nodes than this nobody reads, and a layout takes too long. */
export const MOST_NODES = 220;

/** What is nearer to being worked on comes first. */
const RANK: Readonly<Record<string, number>> = {
  in_progress: 0,
  in_review: 1,
  failed: 2,
  ready: 3,
  proposed: 4,
  blocked: 5,
  completed: 6,
  cancelled: 7,
};

function isDone(task: TaskCard): boolean {
  return task.status === "completed" || task.status === "cancelled";
}

/**
 * @param run only tasks of this run; empty: of all
 * @param withDone done tasks are nodes, too
 */
export function fold(tasks: Tasks, run: string, withDone: boolean): Folded {
  const wanted = [...tasks.byId.values()].filter((task) => run === "" || task.run === run);
  const candidates = withDone ? wanted : wanted.filter((task) => !isDone(task));
  const shown = candidates.length <= MOST_NODES ? candidates : nearest(candidates, tasks);
  const ids = new Set(shown.map(({ id }) => id));
  const inScope = new Map(wanted.map((task) => [task.id, task]));
  const edges: [string, string][] = [];
  const before = new Map<string, number>();
  const after = new Map<string, number>();
  for (const task of wanted) {
    for (const on of tasks.on.get(task.id) ?? []) {
      const other = inScope.get(on);
      if (other === undefined) continue;
      if (ids.has(task.id) && ids.has(on)) edges.push([on, task.id]);
      else if (ids.has(task.id) && isDone(other)) count(before, task.id);
      else if (ids.has(on) && !isDone(task)) count(after, on);
    }
  }
  const hidden = wanted.filter(({ id }) => !ids.has(id));
  const doneFolded = hidden.filter(isDone).length;
  return { shown, edges, before, after, doneFolded, laterFolded: hidden.length - doneFolded };
}

function count(map: Map<string, number>, id: string): void {
  map.set(id, (map.get(id) ?? 0) + 1);
}

/** What is worked on and can be, then what waits only for that. */
function nearest(candidates: readonly TaskCard[], tasks: Tasks): TaskCard[] {
  const rank = (task: TaskCard): number => RANK[stateOf(task)] ?? 9;
  const sorted = [...candidates].sort((a, b) =>
    rank(a) - rank(b) || openBefore(a, tasks) - openBefore(b, tasks) || a.priority - b.priority
  );
  return sorted.slice(0, MOST_NODES);
}

function openBefore(task: TaskCard, tasks: Tasks): number {
  return (tasks.on.get(task.id) ?? []).filter((id) => {
    const other = tasks.byId.get(id);
    return other !== undefined && !isDone(other);
  }).length;
}
