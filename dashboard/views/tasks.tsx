// The tasks, as a graph, a board or a table; one filter for all three.

import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { about, useRead } from "../data/reads.ts";
import { type Tasks, useTasks } from "../data/tasks.ts";
import type { RunSummary, TaskCard } from "../data/types.ts";
import { createTask } from "../acts/tasks.ts";
import { refine, usePlace } from "../router.ts";
import { Refusal } from "../ui/form.tsx";
import { Button, Loading, Select, View } from "../ui/parts.tsx";
import { Filter, Tabs } from "../ui/lists.tsx";
import { Board } from "./board.tsx";
import { GraphView } from "./graph.tsx";
import { TaskTable } from "./tasktable.tsx";

const VIEWS = [["graph", "Graph"], ["board", "Board"], ["table", "Table"]] as const;

export function TasksView(): VNode {
  const tasks = useTasks();
  const { query } = usePlace();
  const view = query["view"] ?? "graph";
  const run = query["run"] ?? "";
  const filtered = useFiltered(tasks, run, query["q"] ?? "", query["who"] ?? "");
  const open = [...tasks.byId.values()]
    .filter(({ status }) => status !== "completed" && status !== "cancelled").length;
  return (
    <View
      wide
      title="Tasks"
      sub={tasks.loaded
        ? `${open.toLocaleString()} open of ${tasks.byId.size.toLocaleString()}` +
          (tasks.truncated ? " (the newest; there are more)" : "")
        : "Looking"}
      actions={<Button icon="plus" onClick={() => createTask({ run })}>Task</Button>}
    >
      <div class="bar">
        <Tabs label="View" tabs={VIEWS} at={view} onPick={(key) => refine({ view: key })} />
        <RunSelect run={run} />
        {view !== "graph" && (
          <Filter
            label="Filter by title or id"
            value={query["q"] ?? ""}
            onInput={(q) => refine({ q })}
          />
        )}
        {view !== "graph" && <WhoSelect tasks={tasks} who={query["who"] ?? ""} />}
      </div>
      {tasks.refused !== undefined && !tasks.loaded && <Refusal refused={tasks.refused} />}
      {!tasks.loaded
        ? tasks.refused === undefined && <Loading rows={8} />
        : view === "table"
        ? <TaskTable tasks={filtered} all={tasks} query={query} />
        : view === "board"
        ? <Board tasks={filtered} />
        : <GraphView tasks={tasks} run={run} withDone={query["done"] === "1"} />}
    </View>
  );
}

function useFiltered(tasks: Tasks, run: string, q: string, who: string): readonly TaskCard[] {
  return useMemo(() => {
    const wanted = q.trim().toLowerCase();
    return [...tasks.byId.values()].filter((task) =>
      (run === "" || task.run === run) &&
      (who === "" || task.claimed_by === who || task.assigned_to === who) &&
      (wanted === "" || task.id === wanted || task.title.toLowerCase().includes(wanted))
    );
  }, [tasks, run, q, who]);
}

function RunSelect({ run }: { run: string }): VNode | null {
  const { data } = useRead<{ runs: RunSummary[] }>("run", { action: "list" }, about("run"));
  const runs = data?.runs ?? [];
  if (runs.length === 0) return null;
  const short = (goal: string): string => goal.length > 40 ? `${goal.slice(0, 38)}...` : goal;
  return (
    <Select
      label="Run"
      value={run}
      options={[
        ["", "All runs"],
        ...runs.map(({ id, goal }) => [id, `${id} ${short(goal)}`] as const),
      ]}
      onPick={(next) => refine({ run: next })}
    />
  );
}

function WhoSelect({ tasks, who }: { tasks: Tasks; who: string }): VNode {
  const names = useMemo(() => {
    const found = new Set<string>();
    for (const { claimed_by, assigned_to } of tasks.byId.values()) {
      if (claimed_by !== null) found.add(claimed_by);
      if (assigned_to !== undefined && assigned_to !== null) found.add(assigned_to);
    }
    return [...found].sort();
  }, [tasks]);
  return (
    <Select
      label="Who"
      value={who}
      options={[["", "Anybody"], ...names.map((name) => [name, name] as const)]}
      onPick={(next) => refine({ who: next })}
    />
  );
}
