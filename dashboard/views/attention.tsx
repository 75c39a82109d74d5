// The first view: what needs somebody, each with what can be done about it; beside it how the flock
// stands and what happens right now.

import type { VNode } from "preact";
import { useCell } from "../data/cell.ts";
import { connection, recent, recentHere } from "../data/events.ts";
import { needsOf } from "../data/needs.ts";
import { everywhere, useProjects } from "../data/projects.ts";
import { about, useRead } from "../data/reads.ts";
import type { AttentionItem, FlockState, StatusAnswer } from "../data/types.ts";
import { useTasks } from "../data/tasks.ts";
import { href } from "../router.ts";
import { useStatus } from "../shell.tsx";
import { Feed, tells } from "../ui/act.tsx";
import { Spark, StateBar } from "../ui/chart.tsx";
import { Glyph, STATE_LABELS, STATE_ORDER } from "../ui/glyph.tsx";
import { Empty, Given, Panel, Select, View } from "../ui/parts.tsx";
import { Ago } from "../ui/time.tsx";
import { Need } from "./need.tsx";

export function AttentionView(): VNode {
  const answer = useStatus();
  const status = answer.data;
  // Titles of tasks in the feed.
  useTasks();
  const count = needsOf(status).length;
  return (
    <View
      title="Attention"
      sub={status === undefined
        ? "Looking"
        : count === 0
        ? "Nothing needs you"
        : `${count} ${count === 1 ? "thing needs" : "things need"} somebody`}
    >
      <div class="columns-main">
        <div class="stack">
          <Given answer={answer} rows={5}>{(now) => <Needs items={needsOf(now)} />}</Given>
        </div>
        <div class="stack aside-column">
          <Standing status={status} />
          <Now />
        </div>
      </div>
    </View>
  );
}

function Needs({ items }: { items: readonly AttentionItem[] }): VNode {
  if (items.length === 0) {
    return (
      <Empty title="Nobody needs you right now.">
        Blockers, reviews, failed tasks and stalled peers come here by themselves, the title of this
        tab counts them. Meanwhile: <a href={href(["tasks"])}>what is being done</a>, or{" "}
        <a href={href(["peers"])}>who does it</a>.
      </Empty>
    );
  }
  return (
    <ol class="needs">
      {items.map((item) => <Need key={`${item.kind}/${item.subject}`} item={item} />)}
    </ol>
  );
}

/** The figures of a minute are not told by events. */
const TREND_MS = 20_000;

/** Who is here, how far the work is, who leads. */
function Standing({ status }: { status: StatusAnswer | undefined }): VNode {
  const { hello } = useCell(connection);
  const { data: flock } = useRead<FlockState>("flock_state", {}, about("home"), TREND_MS);
  const peers = (status?.peers ?? []).filter(({ role }) => role !== "operator");
  const stalled = peers.filter(({ state }) => state === "stalled").length;
  const paused = peers.filter(({ paused: why }) => why !== undefined).length;
  return (
    <Panel title="The flock">
      <dl class="facts">
        <div>
          <dt>Peers</dt>
          <dd>
            {status === undefined ? "-" : <a href={href(["peers"])}>{peers.length} here</a>}
            {stalled > 0 && <span class="warn">{stalled} stalled</span>}
            {paused > 0 && <span class="warn">{paused} paused</span>}
          </dd>
        </div>
        <div>
          <dt>Leader</dt>
          <dd>
            {hello === null ? "-" : <a href={href(["flock"])}>{hello.leader.name}</a>}
            {hello !== null && <span class="dim">epoch {hello.leader.epoch}</span>}
          </dd>
        </div>
        <div>
          <dt>Tasks</dt>
          <dd>
            <span>{status === undefined ? "-" : `${status.progress_percent} % done`}</span>
          </dd>
        </div>
      </dl>
      {status !== undefined && (
        <>
          <StateBar counts={status.tasks} />
          <Legend counts={status.tasks} />
        </>
      )}
      <div class="trend">
        <span>Acts a minute</span>
        <Spark values={flock?.series.acts ?? []} label="Acts" />
      </div>
    </Panel>
  );
}

function Legend({ counts }: { counts: Readonly<Record<string, number>> }): VNode {
  const some = STATE_ORDER.filter((state) => (counts[state] ?? 0) > 0);
  if (some.length === 0) {
    return <p class="dim">No tasks yet. Press c to create the first, or let the architect plan.</p>;
  }
  return (
    <ul class="legend">
      {some.map((state) => (
        <li key={state}>
          <a href={href(["tasks"], { view: "table", state })}>
            <Glyph of={state} />
            {STATE_LABELS[state]}
            <span class="number">{counts[state]}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

const FEED_ROWS = 14;

function Now(): VNode {
  const several = useProjects().length > 1;
  const all = useCell(everywhere) && several;
  const rows = useCell(all ? recent : recentHere).filter(tells);
  const last = rows.at(-1);
  return (
    <Panel
      title="Happening now"
      aside={
        <>
          {several && (
            <Select
              label="Acts of"
              value={all ? "all" : ""}
              options={[["", "This project"], ["all", "All projects"]]}
              onPick={(next) => everywhere.set(next === "all")}
            />
          )}
          {last !== undefined && (
            <a href={href(["journal"], { all: all ? "1" : undefined })}>Journal</a>
          )}
        </>
      }
    >
      {rows.length === 0
        ? <p class="dim">Nothing has happened here yet.</p>
        : <Feed rows={rows} most={FEED_ROWS} />}
      {last !== undefined && (
        <p class="sr">
          Last act <Ago at={last.at} />
        </p>
      )}
    </Panel>
  );
}
