// The tasks as a board: one column for each state, what comes first on top.

import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { type State, stateOf, type TaskCard } from "../data/types.ts";
import { memo } from "../ui/memo.ts";
import { href } from "../router.ts";
import { Glyph, Priority, STATE_LABELS } from "../ui/glyph.tsx";
import { Button } from "../ui/parts.tsx";
import { Ago } from "../ui/time.tsx";

const PAGE = 30;
/** What failed stands before what is done: that column may be beyond the edge. */
const ORDER: readonly State[] = [
  "proposed",
  "blocked",
  "ready",
  "in_progress",
  "in_review",
  "failed",
  "completed",
  "cancelled",
];
/** Columns that are there also when empty: the way of every task. */
const ALWAYS: readonly State[] = ["blocked", "ready", "in_progress", "in_review", "completed"];

export function Board({ tasks }: { tasks: readonly TaskCard[] }): VNode {
  const columns = useMemo(() => byState(tasks), [tasks]);
  return (
    <div class="board">
      {ORDER.filter((state) => ALWAYS.includes(state) || columns.has(state)).map((state) => (
        <Column key={state} state={state} tasks={columns.get(state) ?? []} />
      ))}
    </div>
  );
}

function byState(tasks: readonly TaskCard[]): Map<State, TaskCard[]> {
  const columns = new Map<State, TaskCard[]>();
  for (const task of tasks) {
    const state = stateOf(task);
    const column = columns.get(state);
    if (column === undefined) columns.set(state, [task]);
    else column.push(task);
  }
  for (const [state, column] of columns) {
    const ended = state === "completed" || state === "cancelled";
    column.sort((a, b) =>
      ended
        ? b.updated_at.localeCompare(a.updated_at)
        : a.priority - b.priority || a.updated_at.localeCompare(b.updated_at)
    );
  }
  return columns;
}

function Column({ state, tasks }: { state: State; tasks: readonly TaskCard[] }): VNode {
  const [most, setMost] = useState(PAGE);
  return (
    <section class={`column c-${state}`} aria-label={STATE_LABELS[state]}>
      <h2>
        <Glyph of={state} />
        {STATE_LABELS[state]}
        <span class="number">{tasks.length.toLocaleString()}</span>
      </h2>
      <ul>
        {tasks.slice(0, most).map((task) => <Card key={task.id} task={task} />)}
      </ul>
      {tasks.length === 0 && <p class="none">Nothing {STATE_LABELS[state].toLowerCase()}</p>}
      {tasks.length > most && (
        <Button kind="ghost" onClick={() => setMost(most + PAGE)}>
          {Math.min(PAGE, tasks.length - most)} more
        </Button>
      )}
    </section>
  );
}

const Card = memo(function Card({ task }: { task: TaskCard }): VNode {
  const who = task.claimed_by ?? task.assigned_to ?? null;
  return (
    <li>
      <a class="card" href={href(["tasks", task.id])} data-row>
        <span class="card-head">
          <span class="id">{task.id}</span>
          {task.run !== undefined && task.run !== null && <span class="dim">{task.run}</span>}
          <Priority value={task.priority} />
        </span>
        <span class="card-title">{task.title}</span>
        {task.progress !== undefined && task.progress !== null && task.progress !== "" && (
          <span class="card-progress">{task.progress}</span>
        )}
        <span class="card-foot">
          {who === null ? <span /> : (
            <span class={task.claimed_by === null ? "dim" : ""}>
              {task.claimed_by === null ? `for ${who}` : who}
            </span>
          )}
          <Ago at={task.updated_at} bare />
        </span>
      </a>
    </li>
  );
});
