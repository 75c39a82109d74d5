// A run that worker processes drive: their attempts, what they cost, and how to stop them. Nothing of
// it is shown for a run that nobody drives.

import type { VNode } from "preact";
import { type Touched, useRead } from "../data/reads.ts";
import { titleOf } from "../data/tasks.ts";
import { isRunning, outcomeOf } from "../data/lanes.ts";
import type { Attempt, Attempts, RunWhole } from "../data/types.ts";
import { acceptPlan, driveOn, stopAttempt, stopDriving } from "../acts/driven.ts";
import { Glyph } from "../ui/glyph.tsx";
import { Button, Panel, PeerLink, TaskLink } from "../ui/parts.tsx";
import { Ago, tookText, useNow } from "../ui/time.tsx";

/** The attempts of a run or of a task; nothing where there are none. */
export function AttemptsPanel({ of, touched }: {
  of: { readonly run: string } | { readonly task: string };
  touched: Touched;
}): VNode | null {
  const { data } = useRead<Attempts>("list_attempts", of, touched);
  const attempts = data?.attempts ?? [];
  if (attempts.length === 0) return null;
  const sum = (value: (one: Attempt) => number): number =>
    attempts.reduce((total, one) => total + value(one), 0);
  const total = `${sum(({ tokens }) => tokens).toLocaleString()} tokens, $` +
    sum(({ cost_usd }) => cost_usd).toFixed(2);
  return (
    <Panel title="Attempts" aside={<span class="dim">{total}</span>} flush>
      <div class="scroll-x" tabIndex={0} role="region" aria-label="Attempts of worker processes">
        <table>
          <thead>
            <tr>
              <th scope="col">State</th>
              {"run" in of && <th scope="col">Task</th>}
              <th scope="col">Try</th>
              <th scope="col">Worker</th>
              <th scope="col">Began</th>
              <th scope="col" class="num">Took</th>
              <th scope="col" class="num">Turns</th>
              <th scope="col" class="num">Tokens</th>
              <th scope="col" class="num">Cost</th>
              <th scope="col">Result</th>
            </tr>
          </thead>
          <tbody>
            {[...attempts].sort((a, b) => b.id - a.id).map((one) => (
              <Row key={one.id} attempt={one} withTask={"run" in of} />
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function Row({ attempt, withTask }: { attempt: Attempt; withTask: boolean }): VNode {
  const { task, kind, worker, model, ended_at } = attempt;
  const running = isRunning(attempt);
  const { glyph, word } = outcomeOf(attempt);
  const nowMs = useNow();
  const endMs = ended_at === null ? nowMs : Date.parse(ended_at);
  return (
    <tr data-row>
      <th scope="row">
        <span class={`state g-${glyph}`}>
          <Glyph of={glyph} />
          {word}
        </span>
      </th>
      {withTask && (
        <td class="cut">
          <TaskLink id={task} title={titleOf(task)} />
        </td>
      )}
      <td>
        {attempt.number}
        {kind !== "work" && <span class="tag">{kind}</span>}
      </td>
      <td title={model ?? ""}>
        <PeerLink name={worker} />
      </td>
      <td>
        <Ago at={attempt.started_at} />
      </td>
      <td class="num">{tookText((endMs - Date.parse(attempt.started_at)) / 1_000)}</td>
      <td class="num">{attempt.turns}</td>
      <td class="num">{attempt.tokens.toLocaleString()}</td>
      <td class="num">${attempt.cost_usd.toFixed(2)}</td>
      <td class="cut">
        {running
          ? <Button small onClick={() => stopAttempt(task)}>Stop</Button>
          : (
            <span title={attempt.reason ?? attempt.report?.summary ?? ""}>
              {attempt.reason ?? attempt.report?.summary}
            </span>
          )}
      </td>
    </tr>
  );
}

interface Conduct {
  readonly workers?: number;
  readonly models?: readonly string[];
  readonly plan_only?: boolean;
  readonly stopped?: string | null;
  readonly target?: string | null;
}

/** How the run is driven, and the words that stop it or let it go on. */
export function DrivenPanel({ run, touched }: { run: RunWhole; touched: Touched }): VNode | null {
  const { data } = useRead<{ conduct: Conduct | null }>("conduct_run", { id: run.id }, touched);
  const conduct = data?.conduct;
  if (conduct === undefined || conduct === null || typeof conduct.workers !== "number") return null;
  const stopped = conduct.stopped ?? null;
  const proposed = run.tasks["proposed"] ?? 0;
  return (
    <Panel title="Driven by workers">
      <dl class="facts wide">
        <div>
          <dt>Workers</dt>
          <dd>up to {conduct.workers}</dd>
        </div>
        {(conduct.models?.length ?? 0) > 0 && (
          <div>
            <dt>Models</dt>
            <dd>{conduct.models?.join(", ")}</dd>
          </div>
        )}
        {conduct.target && (
          <div>
            <dt>Into</dt>
            <dd class="path">{conduct.target}</dd>
          </div>
        )}
        <div>
          <dt>State</dt>
          <dd>{stopped === null ? "goes on" : <span class="warn">stopped by {stopped}</span>}</dd>
        </div>
      </dl>
      {run.status === "active" && (
        <div class="need-acts">
          {proposed > 0 && (
            <Button kind="primary" onClick={() => acceptPlan(run.id, proposed)}>
              Accept the plan
            </Button>
          )}
          {stopped === null
            ? <Button kind="danger" onClick={() => stopDriving(run.id)}>Stop</Button>
            : <Button icon="play" onClick={() => driveOn(run.id)}>Let it go on</Button>}
        </div>
      )}
    </Panel>
  );
}
