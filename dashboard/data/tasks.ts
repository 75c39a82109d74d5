// All tasks of the project, read once and then only what events touched: single tasks by id.

import { useEffect } from "preact/hooks";
import { asRefused, call, type Refused } from "./api.ts";
import { Cell, useCell } from "./cell.ts";
import { flowing, onRows } from "./events.ts";
import { concerns } from "./reads.ts";
import type { JournalRow, TaskCard, TaskGraph } from "./types.ts";

/** A consistent picture; a new object after each change. */
export interface Tasks {
  readonly loaded: boolean;
  readonly truncated: boolean;
  readonly refused: Refused | undefined;
  readonly byId: ReadonlyMap<string, TaskCard>;
  /** What a task waits for. */
  readonly on: ReadonlyMap<string, readonly string[]>;
  /** Grows when tasks or dependencies come or go, not when a state changes. */
  readonly structure: number;
}

const EMPTY: Tasks = {
  loaded: false,
  truncated: false,
  refused: undefined,
  byId: new Map(),
  on: new Map(),
  structure: 0,
};
const cell = new Cell<Tasks>(EMPTY);

/** Ids in one call; past that all of it is read anew. */
const MOST_IDS = 400;
const PAUSE_MS = 100;
const SHARE = 12;

const waiting = new Set<string>();
let everything = true;
let users = 0;
let busy = false;
let notBefore = 0;
let timer: ReturnType<typeof setTimeout> | 0 = 0;

/** Begins anew, for another project. */
export function forgetTasks(): void {
  waiting.clear();
  everything = true;
  cell.set(EMPTY);
  if (users > 0) schedule();
}

function schedule(): void {
  if (busy || timer !== 0) return;
  const waitMs = Math.max(0, notBefore - performance.now());
  timer = setTimeout(() => {
    timer = 0;
    void read();
  }, waitMs);
}

async function read(): Promise<void> {
  busy = true;
  await flowing();
  const whole = everything || waiting.size > MOST_IDS;
  // In an order that other pages have too.
  const ids = [...waiting].sort();
  waiting.clear();
  everything = false;
  const before = cell.value;
  const beginMs = performance.now();
  try {
    const answer = await call<TaskGraph>("task_graph", whole ? { done: true } : { ids });
    // The project may have been changed meanwhile.
    if (cell.value === before) cell.set(whole ? anew(answer, before) : patched(before, answer));
  } catch (thrown) {
    if (whole) everything = true;
    else for (const id of ids) waiting.add(id);
    cell.set({ ...cell.value, refused: asRefused(thrown) });
    notBefore = performance.now() + 1_000;
  }
  const endMs = performance.now();
  const pauseMs = Math.max(PAUSE_MS, (endMs - beginMs) * SHARE);
  notBefore = Math.max(notBefore, endMs + pauseMs);
  busy = false;
  if (users > 0 && (everything || waiting.size > 0)) schedule();
}

function anew(answer: TaskGraph, before: Tasks): Tasks {
  const on = new Map<string, string[]>();
  for (const edge of answer.edges) {
    const list = on.get(edge.task);
    if (list === undefined) on.set(edge.task, [edge.on]);
    else list.push(edge.on);
  }
  return {
    loaded: true,
    truncated: answer.truncated,
    refused: undefined,
    byId: new Map(answer.tasks.map((task) => [task.id, task])),
    on,
    structure: before.structure + 1,
  };
}

function patched(before: Tasks, answer: TaskGraph): Tasks {
  const byId = new Map(before.byId);
  const edges = new Map<string, string[]>();
  for (const edge of answer.edges) {
    edges.set(edge.task, [...edges.get(edge.task) ?? [], edge.on]);
  }
  let structure = before.structure;
  let on = before.on as Map<string, readonly string[]>;
  for (const task of answer.tasks) {
    const known = byId.get(task.id);
    if (known === undefined || done(known) !== done(task)) structure = before.structure + 1;
    byId.set(task.id, task);
    const now = edges.get(task.id) ?? [];
    if (now.join() !== (on.get(task.id) ?? []).join()) {
      if (on === before.on) on = new Map(on);
      on.set(task.id, now);
      structure = before.structure + 1;
    }
  }
  return { ...before, refused: undefined, byId, on, structure };
}

function done(task: TaskCard): boolean {
  return task.status === "completed" || task.status === "cancelled";
}

/** What a row of the journal says may have changed. */
function touchedBy(row: JournalRow, dependents: (id: string) => readonly string[]): string[] {
  if (!row.subject.startsWith("task/")) return [];
  const id = row.subject.slice(5);
  const frees = row.op === "complete_task" || row.op === "review_task";
  return frees ? [id, ...dependents(id)] : [id];
}

onRows((rows, reset) => {
  const { on } = cell.value;
  const dependents = (id: string): string[] =>
    [...on].filter(([, list]) => list.includes(id)).map(([task]) => task);
  for (const row of rows.filter(concerns)) {
    for (const id of touchedBy(row, dependents)) waiting.add(id);
  }
  if (reset) everything = true;
  if (users > 0 && (everything || waiting.size > 0)) schedule();
});

/** The tasks, kept fresh as long as somebody looks at them. */
export function useTasks(): Tasks {
  useEffect(() => {
    users += 1;
    if (everything || waiting.size > 0) schedule();
    return () => {
      users -= 1;
    };
  }, []);
  return useCell(cell);
}

/** A task's title, if it is known. */
export function titleOf(id: string): string | undefined {
  return cell.value.byId.get(id)?.title;
}
