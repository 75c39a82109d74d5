// Who is here, what each does, and whether it can go on.

import type { VNode } from "preact";
import { useCell } from "../data/cell.ts";
import { recentHere } from "../data/events.ts";
import { useRead } from "../data/reads.ts";
import { titleOf, useTasks } from "../data/tasks.ts";
import type { JournalRow, Peer } from "../data/types.ts";
import { pause, ping, resume, spawnWorker } from "../acts/peers.ts";
import { sendMessage } from "../acts/words.ts";
import { href, refine, usePlace } from "../router.ts";
import { ActText, tells } from "../ui/act.tsx";
import { Meter } from "../ui/chart.tsx";
import { Glyph } from "../ui/glyph.tsx";
import { Icon } from "../ui/icon.tsx";
import { Button, Empty, Given, View } from "../ui/parts.tsx";
import { Filter, Rows } from "../ui/lists.tsx";
import { Ago } from "../ui/time.tsx";

/** Rows after which the list of peers may look different. */
function touchesPeers(row: JournalRow): boolean {
  return row.subject.startsWith("peer/") ||
    /^(claim_task|complete_task|reassign|review_task|give_back)$/
      .test(row.op);
}

const EVERYBODY = { action: "ping", peer: "*" };

export function PeersView(): VNode {
  const answer = useRead<{ peers: Peer[] }>("control", EVERYBODY, touchesPeers);
  const { query } = usePlace();
  useTasks();
  const wanted = (query["q"] ?? "").toLowerCase();
  const peers = [...answer.data?.peers ?? []].sort(byRank).filter((peer) =>
    `${peer.name} ${peer.role} ${peer.summary} ${peer.git?.branch ?? ""}`.toLowerCase()
      .includes(wanted)
  );
  const all = answer.data?.peers ?? [];
  const anyPaused = all.some(({ paused }) => paused !== undefined);
  return (
    <View
      title="Peers"
      sub={answer.data === undefined ? "Looking" : `${all.length} in this project`}
      actions={
        <>
          <Button icon="plus" onClick={() => spawnWorker()}>Worker</Button>
          <Button onClick={() => sendMessage("*")}>Tell everybody</Button>
          <Button onClick={() => void ping("*")}>Ping all</Button>
          {anyPaused && <Button icon="play" onClick={() => resume("*")}>Resume all</Button>}
          <Button icon="pause" onClick={() => pause("*")}>Pause all</Button>
        </>
      }
    >
      <div class="bar">
        <Filter
          label="Filter by name, role, branch"
          value={query["q"] ?? ""}
          onInput={(q) => refine({ q })}
        />
      </div>
      <Given answer={answer} rows={5}>
        {() => peers.length === 0 ? <NoPeers some={all.length > 0} /> : <PeerRows peers={peers} />}
      </Given>
    </View>
  );
}

const RANKS = ["architect", "worker", "observer"];

function byRank(a: Peer, b: Peer): number {
  return RANKS.indexOf(a.role) - RANKS.indexOf(b.role) || a.name.localeCompare(b.name);
}

function NoPeers({ some }: { some: boolean }): VNode {
  if (some) return <Empty title="Nobody fits this filter." />;
  return (
    <Empty title="Nobody is here.">
      Open Claude Code in this project: each session joins by itself. Or{" "}
      <button type="button" class="link" onClick={() => spawnWorker()}>start a worker</button>. For
      a flock to look at: <code>deno task demo --keep</code>
    </Empty>
  );
}

const ROW_PX = 76;

function PeerRows({ peers }: { peers: readonly Peer[] }): VNode {
  const rows = useCell(recentHere);
  const last = new Map<string, JournalRow>();
  for (const row of rows) if (tells(row)) last.set(row.actor, row);
  return (
    <div class="list">
      <Rows items={peers} height={ROW_PX} keyOf={(peer) => peer.name}>
        {(peer) => <PeerRow peer={peer} last={last.get(peer.name)} />}
      </Rows>
    </div>
  );
}

/** What a peer's state is called, and how it is marked. */
export function standingOf(peer: Peer): string {
  if (peer.state === "killed" || peer.state === "gone") return peer.state;
  if (peer.paused !== undefined) return "paused";
  return peer.waits === undefined || peer.state === "stalled" ? peer.state : "waits";
}

function PeerRow({ peer, last }: { peer: Peer; last: JournalRow | undefined }): VNode {
  const standing = standingOf(peer);
  return (
    <article class="peer-row" data-row>
      <div class="peer-who">
        <span class={`badge g-${standing}`}>
          <Glyph of={standing} />
          {standing}
        </span>
        <a class="peer-name" href={href(["peers", peer.name])}>{peer.name}</a>
        <span class="role">
          <Glyph of={peer.role} />
          {peer.role}
        </span>
      </div>
      <div class="peer-does">
        <p class="one-line">
          {peer.task === undefined
            ? <span class="dim">No task</span>
            : (
              <a class="task-link" href={href(["tasks", peer.task])}>
                <Glyph of="in_progress" label="In progress" />
                <span class="id">{peer.task}</span>
                <span class="title">{titleOf(peer.task)}</span>
              </a>
            )}
        </p>
        <p class="one-line dim">
          {peer.summary === "" ? "Has not said what it does" : peer.summary}
        </p>
      </div>
      <div class="peer-git">
        <GitMark peer={peer} />
        <BudgetMark peer={peer} />
      </div>
      <div class="peer-last">
        <p class="one-line">{last === undefined ? null : <ActText row={last} />}</p>
        <p class="dim">
          <Ago at={last?.at ?? peer.seen_at} />
        </p>
      </div>
    </article>
  );
}

export function GitMark({ peer }: { peer: Peer }): VNode | null {
  const { git } = peer;
  if (git === undefined) return null;
  const files = `${git.dirty_count} changed ${git.dirty_count === 1 ? "file" : "files"}`;
  return (
    <span class="git" title={`${git.commit}\n${git.dirty.join("\n")}`}>
      <Icon name="branch" />
      <span class="branch">{git.branch}</span>
      {git.dirty_count > 0 && <span class="dirty" aria-label={files}>+{git.dirty_count}</span>}
    </span>
  );
}

export function BudgetMark({ peer }: { peer: Peer }): VNode | null {
  const { budget, used } = peer;
  if (budget === undefined || used === undefined) return null;
  const shares = Object.entries(budget).map(([kind, most]) => ({
    kind,
    most: Number(most),
    now: used[kind as keyof typeof used] ?? 0,
  })).sort((a, b) => b.now / b.most - a.now / a.most);
  const [first] = shares;
  if (first === undefined) return null;
  const label = `${first.now.toLocaleString()} of ${first.most.toLocaleString()} ` +
    first.kind.replace("_", " ");
  return (
    <span class="budget">
      <Meter value={first.now} most={first.most} label={label} />
      <span class="dim">
        {first.now.toLocaleString()} / {first.most.toLocaleString()}{" "}
        {{ tool_calls: "calls", cost_usd: "USD" }[first.kind] ?? first.kind}
      </span>
    </span>
  );
}
