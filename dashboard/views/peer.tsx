// One peer: what it is, what it holds, what it said and did; and everything that can be done to it.

import type { VNode } from "preact";
import { exactly, useRead } from "../data/reads.ts";
import { titleOf, useTasks } from "../data/tasks.ts";
import { type JournalRow, type Lock, type Message, type Peer, stateOf } from "../data/types.ts";
import { budget, kill, pause, ping, resume } from "../acts/peers.ts";
import { sendMessage } from "../acts/words.ts";
import { href } from "../router.ts";
import { ActText } from "../ui/act.tsx";
import { Glyph } from "../ui/glyph.tsx";
import { Button, Given, Panel, TaskLink, View } from "../ui/parts.tsx";
import { Prose } from "../ui/prose.tsx";
import { Ago } from "../ui/time.tsx";
import { MessageLine } from "./message.tsx";
import { BudgetMark, GitMark, standingOf } from "./peers.tsx";

export function PeerView({ name }: { name: string }): VNode {
  const mine = (row: JournalRow): boolean => row.actor === name || row.subject === `peer/${name}`;
  const answer = useRead<{ peers: Peer[] }>("control", { action: "ping", peer: name }, mine);
  useTasks();
  const peer = answer.data?.peers[0];
  return (
    <View
      title={name}
      sub={peer === undefined ? "A peer" : <Sub peer={peer} />}
      actions={peer === undefined ? null : <PeerActs peer={peer} />}
    >
      <Given answer={answer}>
        {() => peer === undefined ? null : <Whole peer={peer} mine={mine} />}
      </Given>
    </View>
  );
}

function Sub({ peer }: { peer: Peer }): VNode {
  const standing = standingOf(peer);
  return (
    <span class="inline">
      <span class={`badge g-${standing}`}>
        <Glyph of={standing} />
        {standing}
      </span>
      <span class="role">
        <Glyph of={peer.role} />
        {peer.role}
      </span>
      <span>
        joined <Ago at={peer.since} />
      </span>
    </span>
  );
}

function PeerActs({ peer }: { peer: Peer }): VNode {
  const stopped = peer.paused !== undefined || peer.state === "killed";
  return (
    <>
      <Button kind="primary" onClick={() => sendMessage(peer.name)}>Message</Button>
      {stopped
        ? <Button icon="play" onClick={() => resume(peer.name)}>Resume</Button>
        : <Button icon="pause" onClick={() => pause(peer.name)}>Pause</Button>}
      <Button onClick={() => void ping(peer.name)}>Ping</Button>
      <Button onClick={() => budget(peer.name, peer.budget)}>Budget</Button>
      <Button kind="danger" onClick={() => kill(peer.name)}>Kill</Button>
    </>
  );
}

function Whole({ peer, mine }: { peer: Peer; mine: (row: JournalRow) => boolean }): VNode {
  return (
    <div class="columns-main">
      <div class="stack">
        <Panel title="What it does">
          {peer.paused !== undefined && <p class="refusal">Paused by {peer.paused}</p>}
          {peer.waits !== undefined && <p class="refusal">It {peer.waits}</p>}
          <Prose text={peer.summary === "" ? "It has not said what it does." : peer.summary} />
          <PeerTasks name={peer.name} />
        </Panel>
        <PeerMessages name={peer.name} />
        <Conversation name={peer.name} />
      </div>
      <div class="stack aside-column">
        <Facts peer={peer} />
        <PeerLocks name={peer.name} />
        <Acts name={peer.name} mine={mine} />
      </div>
    </div>
  );
}

function PeerTasks({ name }: { name: string }): VNode | null {
  const { byId } = useTasks();
  const held = [...byId.values()].filter((task) =>
    task.claimed_by === name && (task.status === "in_progress" || task.status === "in_review") ||
    task.assigned_to === name && task.status === "pending"
  );
  if (held.length === 0) return <p class="dim">It has no task.</p>;
  return (
    <ul class="lines">
      {held.slice(0, 20).map((task) => (
        <li key={task.id}>
          <Glyph of={stateOf(task)} label={stateOf(task)} />
          <TaskLink id={task.id} title={task.title} />
          {task.progress !== undefined && <span class="dim">{task.progress}</span>}
        </li>
      ))}
    </ul>
  );
}

function Facts({ peer }: { peer: Peer }): VNode {
  const { used } = peer;
  return (
    <Panel title="Facts">
      <dl class="facts wide">
        <div>
          <dt>Seen</dt>
          <dd>
            <Ago at={peer.seen_at} />
          </dd>
        </div>
        <div>
          <dt>Folder</dt>
          <dd class="path">{peer.folder}</dd>
        </div>
        {peer.git !== undefined && (
          <div>
            <dt>Git</dt>
            <dd>
              <GitMark peer={peer} />
            </dd>
          </div>
        )}
        {used !== undefined && (
          <div>
            <dt>Used</dt>
            <dd>
              {used.tool_calls.toLocaleString()} calls, {used.tokens.toLocaleString()} tokens,{" "}
              {used.turns.toLocaleString()} turns, ${used.cost_usd.toFixed(2)}
            </dd>
          </div>
        )}
        <div>
          <dt>Budget</dt>
          <dd>{peer.budget === undefined ? "No limit" : <BudgetMark peer={peer} />}</dd>
        </div>
      </dl>
      {peer.git !== undefined && peer.git.dirty.length > 0 && (
        <ul class="paths">
          {peer.git.dirty.map((path) => <li key={path} class="path">{path}</li>)}
          {peer.git.dirty_count > peer.git.dirty.length && (
            <li class="dim">and {peer.git.dirty_count - peer.git.dirty.length} more</li>
          )}
        </ul>
      )}
    </Panel>
  );
}

function PeerLocks({ name }: { name: string }): VNode | null {
  const { data } = useRead<{ locks: Lock[] }>(
    "list_locks",
    {},
    (row) => row.subject.startsWith("lock/"),
  );
  const locks = (data?.locks ?? []).filter(({ holder }) => holder === name);
  if (locks.length === 0) return null;
  return (
    <Panel title="Holds" aside={<a href={href(["locks"])}>All locks</a>}>
      <ul class="paths">
        {locks.slice(0, 30).map((lock) => (
          <li key={lock.path} class="path">
            <Glyph of={lock.mode === "shared" ? "shared" : "lock"} label={lock.mode} />
            {lock.path}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function PeerMessages({ name }: { name: string }): VNode {
  const answer = useRead<{ messages: Message[] }>(
    "list_messages",
    { peer: name, limit: 15 },
    (row) => row.subject.startsWith("message/"),
  );
  return (
    <Panel title="Messages" aside={<a href={href(["messages"], { peer: name })}>All</a>}>
      <Given answer={answer} rows={3}>
        {({ messages }) =>
          messages.length === 0
            ? <p class="dim">Nothing to it or from it.</p>
            : (
              <ul class="message-lines">
                {messages.map((message) => <MessageLine key={message.id} message={message} />)}
              </ul>
            )}
      </Given>
    </Panel>
  );
}

interface Turn {
  readonly turn: string;
  readonly content: string;
  readonly at: string;
}

function Conversation({ name }: { name: string }): VNode | null {
  const { data } = useRead<{ turns?: Turn[] }>(
    "get_conversation",
    { peer: name, last: 10 },
    (row) => row.actor === name && row.op === "log_conversation",
  );
  const turns = data?.turns ?? [];
  if (turns.length === 0) return null;
  return (
    <Panel title="Conversation">
      <ol class="turns">
        {turns.map((turn, i) => (
          <li key={i}>
            <span class="turn">{turn.turn.replace("_", " ")}</span>
            <Prose text={turn.content} clamp />
            <Ago at={turn.at} bare />
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function Acts({ name, mine }: { name: string; mine: (row: JournalRow) => boolean }): VNode {
  const answer = useRead<{ rows: JournalRow[] }>(
    "list_audit",
    { actor: name, limit: 20 },
    (row) => mine(row) || exactly(`peer/${name}`)(row),
  );
  return (
    <Panel title="Last acts" aside={<a href={href(["journal"], { actor: name })}>All</a>}>
      <Given answer={answer} rows={4}>
        {({ rows }) => (
          <ol class="feed">
            {rows.map((row) => (
              <li key={row.seq} title={titleOf(row.subject.slice(5))}>
                <ActText row={row} />
                <Ago at={row.at} bare />
              </li>
            ))}
          </ol>
        )}
      </Given>
    </Panel>
  );
}
