// The goals of this project and how far each is.

import type { VNode } from "preact";
import { about, useRead } from "../data/reads.ts";
import type { RunSummary } from "../data/types.ts";
import { startRun } from "../acts/tasks.ts";
import { href } from "../router.ts";
import { Meter } from "../ui/chart.tsx";
import { Button, Empty, Given, View } from "../ui/parts.tsx";
import { Ago } from "../ui/time.tsx";

export function RunsView(): VNode {
  const answer = useRead<{ runs: RunSummary[] }>("run", { action: "list" }, about("run", "task"));
  const runs = answer.data?.runs ?? [];
  const active = runs.filter(({ status }) => status === "active").length;
  return (
    <View
      title="Runs"
      sub={answer.data === undefined ? "Looking" : `${active} active of ${runs.length}`}
      actions={<Button icon="plus" onClick={startRun}>Run</Button>}
    >
      <Given answer={answer} rows={4}>
        {() =>
          runs.length === 0
            ? (
              <Empty title="No runs yet.">
                A run is a goal with its plan, tasks and history; it outlives every session.{" "}
                <button type="button" class="link" onClick={startRun}>Start one</button>
              </Empty>
            )
            : (
              <ul class="list run-list">
                {runs.map((run) => <RunRow key={run.id} run={run} />)}
              </ul>
            )}
      </Given>
    </View>
  );
}

function RunRow({ run }: { run: RunSummary }): VNode {
  const label = `${run.done} of ${run.total} tasks done`;
  return (
    <li>
      <a class="run-row" href={href(["runs", run.id])} data-row>
        <span class="id">{run.id}</span>
        <span class="run-goal">{run.goal}</span>
        <span class={run.status === "active" ? "tag run-active" : "tag"}>{run.status}</span>
        <span class="run-progress">
          <Meter value={run.done} most={Math.max(1, run.total)} label={label} />
          <span class="dim">{run.done} / {run.total}</span>
        </span>
        <span class="dim">
          by {run.created_by}, <Ago at={run.created_at} />
        </span>
      </a>
    </li>
  );
}
