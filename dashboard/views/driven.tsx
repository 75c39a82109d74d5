// A run that worker processes drive: their attempts, what they cost, and how to stop them. Nothing of
// it is shown for a run that nobody drives.

import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { isAnswered, type Touched, useRead } from "../data/reads.ts";
import { titleOf } from "../data/tasks.ts";
import { isRunning, outcomeOf } from "../data/lanes.ts";
import type { Attempt, Attempts, RunWhole } from "../data/types.ts";
import { driveOn, stopAttempt, stopDriving } from "../acts/driven.ts";
import { acceptPlan } from "../acts/tasks.ts";
import { Glyph } from "../ui/glyph.tsx";
import { Button, Panel, PeerLink, TaskLink } from "../ui/parts.tsx";
import { Ago, tookText, useNow } from "../ui/time.tsx";

const SHOWN = 10;

/** The attempts of a run or of a task; nothing where there are none. */
export function AttemptsPanel({ of, touched }: {
  of: { readonly run: string } | { readonly task: string };
  touched: Touched;
}): VNode | null {
  const { data } = useRead<Attempts>("list_attempts", of, touched);
  const [all, setAll] = useState(false);
  const attempts = [...data?.attempts ?? []].sort((a, b) => b.id - a.id);
  if (attempts.length === 0) return null;
  const sum = (value: (one: Attempt) => number): number =>
    attempts.reduce((total, one) => total + value(one), 0);
  const total = `${sum(({ tokens }) => tokens).toLocaleString()} tokens, $` +
    sum(({ cost_usd }) => cost_usd).toFixed(2);
  const shown = all ? attempts : attempts.slice(0, SHOWN);
  return (
    <Panel title="Attempts" aside={<span class="dim">{total}</span>} flush>
      <div class="scroll-x" tabIndex={0} role="region" aria-label="Attempts of worker processes">
        <table class="attempts">
          <thead>
            <tr>
              <th scope="col">State</th>
              <th scope="col">{"run" in of ? "Task" : "Try"}</th>
              <th scope="col">Worker</th>
              <th scope="col">Began</th>
              <th scope="col" class="num">Took</th>
              <th scope="col" class="num">Tokens</th>
              <th scope="col" class="num">Cost</th>
              <th scope="col">Result</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((one) => <Row key={one.id} attempt={one} withTask={"run" in of} />)}
          </tbody>
        </table>
      </div>
      {attempts.length > shown.length && (
        <Button kind="ghost" onClick={() => setAll(true)}>
          All {attempts.length.toLocaleString()} attempts
        </Button>
      )}
      {data?.next !== null && <p class="dim">These are the first 1,000; there are more.</p>}
    </Panel>
  );
}

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

function Row({ attempt, withTask }: { attempt: Attempt; withTask: boolean }): VNode {
  const { task, kind, number, worker, model, ended_at, turns, tokens } = attempt;
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
      <td class={withTask ? "cut" : ""}>
        <div class="try">
          <span class="dim">#{number}</span>
          {kind !== "work" && <span class="tag">{kind}</span>}
          {withTask && <TaskLink id={task} title={titleOf(task)} />}
        </div>
      </td>
      <td title={model ?? ""}>
        <PeerLink name={worker} />
      </td>
      <td>
        <Ago at={attempt.started_at} bare />
      </td>
      <td class="num">{tookText((endMs - Date.parse(attempt.started_at)) / 1_000)}</td>
      <td class="num" title={`${tokens.toLocaleString()} tokens in ${turns} turns`}>
        {compact.format(tokens)}
      </td>
      <td class="num">${attempt.cost_usd.toFixed(2)}</td>
      <td class="result">
        {running
          ? <Button small onClick={() => stopAttempt(task)}>Stop</Button>
          : attempt.reason ?? attempt.report?.summary}
      </td>
    </tr>
  );
}

export interface Conduct {
  readonly workers?: number;
  readonly models?: readonly string[];
  readonly plan_only?: boolean;
  readonly stopped?: string | null;
  readonly target?: string | null;
  readonly check?: string | null;
}

/** Workers come and go without an act on the run. */
const HOSTS_MS = 5_000;

/** How worker processes drive a run; null if they do not, undefined until that is known. */
export function useConduct(run: string, touched: Touched): Conduct | null | undefined {
  const answer = useRead<{ conduct: Conduct | null }>("conduct_run", { id: run }, touched);
  if (!isAnswered(answer)) return undefined;
  return typeof answer.data?.conduct?.workers === "number" ? answer.data.conduct : null;
}

/** How the run is driven, by whom just now, and the words that stop it or let it go on. */
export function DrivenPanel({ run, conduct, touched }: {
  run: RunWhole;
  conduct: Conduct;
  touched: Touched;
}): VNode {
  const hosts = useRead<Attempts>("list_attempts", { run: run.id }, touched, HOSTS_MS).data?.hosts;
  const stopped = conduct.stopped ?? null;
  const proposed = run.tasks["proposed"] ?? 0;
  const acts = (
    <>
      {proposed > 0 && (
        <Button kind="primary" onClick={() => acceptPlan(run.id, proposed)}>
          Accept the plan
        </Button>
      )}
      {stopped === null
        ? <Button kind="danger" onClick={() => stopDriving(run.id)}>Stop</Button>
        : <Button icon="play" onClick={() => driveOn(run.id)}>Let it go on</Button>}
    </>
  );
  return (
    <Panel title="Driven by workers" aside={run.status === "active" && acts}>
      <dl class="facts row">
        <div>
          <dt>Workers</dt>
          <dd>{hosts === undefined ? "" : `${hosts.length} here, `}up to {conduct.workers}</dd>
        </div>
        {(conduct.models?.length ?? 0) > 0 && (
          <div>
            <dt>Models</dt>
            <dd>{conduct.models?.join(", ")}</dd>
          </div>
        )}
        {conduct.check && (
          <div>
            <dt>Check</dt>
            <dd class="path">{conduct.check}</dd>
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
          <dd>
            <Going run={run} stopped={stopped} hosts={hosts} />
          </dd>
        </div>
      </dl>
    </Panel>
  );
}

/** Whether anything happens: workers may have ended without the run having been stopped. */
function Going({ run, stopped, hosts }: {
  run: RunWhole;
  stopped: string | null;
  hosts: readonly string[] | undefined;
}): VNode {
  if (run.status !== "active") return <span>{run.status}</span>;
  if (stopped !== null) return <span class="warn">stopped by {stopped}</span>;
  if (hosts === undefined) return <span class="dim">looking</span>;
  return hosts.length > 0 ? <span>goes on</span> : <span class="warn">no worker is here</span>;
}
