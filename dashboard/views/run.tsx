// One run, whole: its goal and plan, how far it is, who did what when, and how to go on with it.

import type { VNode } from "preact";
import { piecesOf } from "../data/lanes.ts";
import { isAnswered, type Touched, useRead } from "../data/reads.ts";
import { useTasks } from "../data/tasks.ts";
import { type Attempts, type RunWhole, stateOf, type Timeline } from "../data/types.ts";
import { createTask, endRun, updateRun } from "../acts/tasks.ts";
import { href } from "../router.ts";
import { StateBar } from "../ui/chart.tsx";
import { Glyph, STATE_LABELS } from "../ui/glyph.tsx";
import { Button, Given, Loading, Panel, PeerLink, TaskLink, View } from "../ui/parts.tsx";
import { Prose } from "../ui/prose.tsx";
import { Ago } from "../ui/time.tsx";
import { AttemptsPanel, DrivenPanel, useConduct } from "./driven.tsx";
import { Lanes } from "./lanes.tsx";

export function RunView({ id }: { id: string }): VNode {
  useTasks();
  const touched: Touched = (row) => row.subject.startsWith("task/") || row.subject === `run/${id}`;
  const answer = useRead<{ run: RunWhole }>("run", { action: "status", id }, touched);
  const run = answer.data?.run;
  return (
    <View
      title={run?.goal ?? id}
      sub={run === undefined ? id : <Sub run={run} />}
      actions={run === undefined || run.status !== "active" ? null : (
        <>
          <Button icon="plus" onClick={() => createTask({ run: id })}>Task</Button>
          <Button onClick={() => updateRun(run)}>Change</Button>
          <Button kind="danger" onClick={() => endRun(id)}>End</Button>
        </>
      )}
    >
      <Given answer={answer}>{({ run: whole }) => <Whole run={whole} touched={touched} />}</Given>
    </View>
  );
}

/** All of it at once: what came later would push a button away under the pointer. */
function Whole({ run, touched }: { run: RunWhole; touched: Touched }): VNode {
  const timeline = useRead<Timeline>("timeline", { run: run.id }, touched);
  const attempts = useRead<Attempts>("list_attempts", { run: run.id }, touched);
  const conduct = useConduct(run.id, touched);
  if (conduct === undefined || !isAnswered(timeline) || !isAnswered(attempts)) {
    return <Loading rows={8} />;
  }
  return (
    <>
      <Progress run={run} />
      {conduct !== null && <DrivenPanel run={run} conduct={conduct} touched={touched} />}
      <Panel title="Who did what when">
        <Given answer={timeline} rows={3}>
          {(acts) => (
            <>
              <Lanes pieces={piecesOf(acts, attempts.data?.attempts ?? [])} />
              {acts.truncated && <p class="dim">Older acts are left out.</p>}
            </>
          )}
        </Given>
      </Panel>
      <AttemptsPanel of={{ run: run.id }} touched={touched} />
      <Rest run={run} driven={conduct !== null} />
    </>
  );
}

function Sub({ run }: { run: RunWhole }): VNode {
  return (
    <span class="inline">
      <span class="id">{run.id}</span>
      <span class={run.status === "active" ? "tag run-active" : "tag"}>{run.status}</span>
      <span>
        started by <PeerLink name={run.created_by} /> <Ago at={run.created_at} />
      </span>
    </span>
  );
}

function Progress({ run }: { run: RunWhole }): VNode {
  const percent = run.total === 0 ? 0 : Math.floor((100 * run.done) / run.total);
  return (
    <section class="run-bar" aria-label="Progress">
      <p>
        <strong>{percent} %</strong>
        <span class="dim">{run.done} of {run.total} tasks</span>
        <a href={href(["tasks"], { run: run.id })}>Graph</a>
      </p>
      <StateBar counts={run.tasks} />
    </section>
  );
}

function Rest({ run, driven }: { run: RunWhole; driven: boolean }): VNode {
  return (
    <div class="columns-main">
      <div class="stack">
        {run.outcome !== undefined && (
          <Panel title="Outcome">
            <Prose text={run.outcome} />
          </Panel>
        )}
        <Panel title="Plan">
          {run.plan === ""
            ? <p class="dim">No plan is written down.</p>
            : <Prose text={run.plan} />}
        </Panel>
        <Panel title="Open">
          {run.open.length === 0 ? <p class="dim">Nothing is open.</p> : (
            <ul class="lines">
              {run.open.map((task) => (
                <li key={task.id}>
                  <Glyph of={stateOf(task)} label={STATE_LABELS[stateOf(task)]} />
                  <TaskLink id={task.id} title={task.title} />
                  {task.claimed_by !== null && <span class="dim">{task.claimed_by}</span>}
                </li>
              ))}
            </ul>
          )}
        </Panel>
        <Done run={run} />
      </div>
      <div class="stack aside-column">
        {run.status === "active" && <Resume id={run.id} driven={driven} />}
        <Remembered run={run} />
        <Said run={run} />
      </div>
    </div>
  );
}

function Done({ run }: { run: RunWhole }): VNode | null {
  if (run.completed.length === 0) return null;
  return (
    <Panel title="Done">
      <ul class="lines tall">
        {run.completed.map((task) => (
          <li key={task.id}>
            <Glyph of="completed" label="Done" />
            <div>
              <TaskLink id={task.id} title={task.title} />
              <Prose text={task.summary} clamp />
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Resume({ id, driven }: { id: string; driven: boolean }): VNode {
  if (driven) {
    return (
      <Panel title="Go on with it">
        <p>Takes the run over where it is, with workers of its own, from its repository:</p>
        <pre><code>skein run --resume {id}</code></pre>
      </Panel>
    );
  }
  return (
    <Panel title="Go on with it">
      <p>A new session takes it up whole, with plan, tasks and memory:</p>
      <pre><code>skein run resume {id}</code></pre>
      <p class="dim">In Claude Code: /skein:lead, or ask it to resume {id}.</p>
    </Panel>
  );
}

function Remembered({ run }: { run: RunWhole }): VNode | null {
  if (run.memory.length === 0) return null;
  return (
    <Panel title="Remembered">
      <ul class="lines tall">
        {run.memory.map((entry) => (
          <li key={entry.key}>
            <div>
              <a href={href(["memory", entry.key])}>{entry.key}</a>{" "}
              <span class={`tag mem-${entry.type}`}>{entry.type}</span>
              <Prose text={entry.value} clamp />
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Said({ run }: { run: RunWhole }): VNode | null {
  if (run.messages.length === 0) return null;
  return (
    <Panel title="Last words">
      <ul class="lines tall">
        {run.messages.map((message) => (
          <li key={message.id}>
            <div>
              <a href={href(["messages", message.id])}>{message.from}</a>
              <Prose text={message.content} clamp />
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
