// The tasks as a table: every one of them, filtered and sorted; only the rows in sight are drawn.

import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { stateOf, type TaskCard } from "../data/types.ts";
import type { Tasks } from "../data/tasks.ts";
import { memo } from "../ui/memo.ts";
import { href, refine } from "../router.ts";
import { Glyph, Priority, STATE_LABELS, STATE_ORDER } from "../ui/glyph.tsx";
import { Empty, Select } from "../ui/parts.tsx";
import { Rows } from "../ui/lists.tsx";
import { Ago } from "../ui/time.tsx";

const ROW_PX = 40;

const SORTS: Readonly<Record<string, (a: TaskCard, b: TaskCard) => number>> = {
  priority: (a, b) => a.priority - b.priority || number(a) - number(b),
  newest: (a, b) => number(b) - number(a),
  changed: (a, b) => b.updated_at.localeCompare(a.updated_at),
  state: (a, b) =>
    STATE_ORDER.indexOf(stateOf(a)) - STATE_ORDER.indexOf(stateOf(b)) || a.priority - b.priority,
};

function number(task: TaskCard): number {
  return Number(task.id.slice(1));
}

export function TaskTable({ tasks, all, query }: {
  tasks: readonly TaskCard[];
  all: Tasks;
  query: Readonly<Record<string, string>>;
}): VNode {
  const state = query["state"] ?? "";
  const sort = query["sort"] ?? "changed";
  const rows = useMemo(() => {
    const wanted = state === ""
      ? tasks
      : state === "open"
      ? tasks.filter(({ status }) => status !== "completed" && status !== "cancelled")
      : tasks.filter((task) => stateOf(task) === state);
    return [...wanted].sort(SORTS[sort] ?? SORTS["changed"]);
  }, [tasks, state, sort]);
  return (
    <>
      <div class="bar">
        <Select
          label="State"
          value={state}
          options={[
            ["", "All states"],
            ["open", "Open"],
            ...STATE_ORDER.map((one) => [one, STATE_LABELS[one]] as const),
          ]}
          onPick={(next) => refine({ state: next })}
        />
        <Select
          label="Order"
          value={sort}
          options={[
            ["changed", "Last changed"],
            ["priority", "Priority"],
            ["state", "State"],
            ["newest", "Newest"],
          ]}
          onPick={(next) => refine({ sort: next })}
        />
        <span class="dim" role="status">{rows.length.toLocaleString()} tasks</span>
      </div>
      {rows.length === 0
        ? <Empty title={tasks.length === 0 ? "No tasks." : "No task fits this filter."} />
        : (
          <div class="list task-table">
            <Rows items={rows} height={ROW_PX} keyOf={(task) => task.id}>
              {(task) => <Row task={task} waits={waitsOf(task, all)} />}
            </Rows>
          </div>
        )}
    </>
  );
}

/** Ids of what it waits for still; the graph's edges, for whoever reads them. */
function waitsOf({ id, status }: TaskCard, { on, byId }: Tasks): string {
  if (status === "completed" || status === "cancelled") return "";
  return (on.get(id) ?? []).filter((other) => {
    const status = byId.get(other)?.status;
    return status !== "completed" && status !== "cancelled";
  }).join(", ");
}

const Row = memo(function Row({ task, waits }: { task: TaskCard; waits: string }): VNode {
  const state = stateOf(task);
  const who = task.claimed_by ?? (task.assigned_to ? `for ${task.assigned_to}` : "");
  return (
    <a class="task-row" href={href(["tasks", task.id])} data-row>
      <span class={`state g-${state}`}>
        <Glyph of={state} />
        <span class="label">{STATE_LABELS[state]}</span>
      </span>
      <span class="id">{task.id}</span>
      <span class="title">
        {task.title}
        {task.progress && <span class="dim">{task.progress}</span>}
        {waits !== "" && <span class="dim">waits for {waits}</span>}
      </span>
      <Priority value={task.priority} />
      <span class="who">{who}</span>
      <span class="run dim">{task.run}</span>
      <Ago at={task.updated_at} bare />
    </a>
  );
});
