// One task: what is asked, where it stands, what it waits for, what was made, said and done.

import type { VNode } from "preact";
import { exactly, useRead } from "../data/reads.ts";
import { titleOf, useTasks } from "../data/tasks.ts";
import { type JournalRow, type Message, stateOf, type WholeTask } from "../data/types.ts";
import * as acts from "../acts/tasks.ts";
import { spawnWorker } from "../acts/peers.ts";
import { sendMessage } from "../acts/words.ts";
import { href } from "../router.ts";
import { verbAlone } from "../ui/act.tsx";
import { Glyph, Priority, priorityName, StateMark } from "../ui/glyph.tsx";
import { Button, Given, Panel, PeerLink, Select, TaskLink, View } from "../ui/parts.tsx";
import { Prose } from "../ui/prose.tsx";
import { Ago } from "../ui/time.tsx";
import { AttemptsPanel } from "./driven.tsx";
import { MessageLine } from "./message.tsx";

export function TaskView({ id }: { id: string }): VNode {
  const tasks = useTasks();
  const near = tasks.on.get(id) ?? [];
  const touched = (row: JournalRow): boolean =>
    row.subject === `task/${id}` || near.some((on) => row.subject === `task/${on}`);
  const answer = useRead<{ task: WholeTask }>("get_task", { id }, touched);
  const task = answer.data?.task;
  return (
    <View
      title={task?.title ?? titleOf(id) ?? id}
      sub={task === undefined ? id : <Sub task={task} />}
      actions={task === undefined ? null : <Acts task={task} />}
    >
      <Given answer={answer}>
        {({ task: whole }) => <Whole task={whole} />}
      </Given>
    </View>
  );
}

function Sub({ task }: { task: WholeTask }): VNode {
  return (
    <span class="inline">
      <span class="id">{task.id}</span>
      <StateMark state={stateOf(task)} />
      {task.claimed_by !== null && <PeerLink name={task.claimed_by} />}
      {task.claimed_by === null && task.assigned_to !== undefined && task.assigned_to !== null && (
        <span>
          for <PeerLink name={task.assigned_to} />
        </span>
      )}
      {task.run !== undefined && task.run !== null && (
        <a href={href(["runs", task.run])}>{task.run}</a>
      )}
    </span>
  );
}

function Acts({ task }: { task: WholeTask }): VNode {
  const { id, status } = task;
  const open = status !== "completed" && status !== "cancelled";
  const held = status === "in_progress" || status === "in_review";
  return (
    <>
      {status === "proposed" && (
        <Button kind="primary" onClick={() => acts.accept(id)}>Accept</Button>
      )}
      {status === "in_review" && (
        <>
          <Button kind="primary" onClick={() => acts.approve(id)}>Approve</Button>
          <Button onClick={() => acts.requestChanges(id)}>Request changes</Button>
        </>
      )}
      {(status === "failed" || status === "cancelled") && (
        <Button
          kind="primary"
          onClick={() => acts.retry(id)}
        >
          Retry
        </Button>
      )}
      {open && status !== "failed" && (
        <Button onClick={() => acts.assign(task)}>{held ? "Reassign" : "Assign"}</Button>
      )}
      {held && (
        <Button onClick={() => acts.release(id, task.claimed_by ?? "its holder")}>Release</Button>
      )}
      {status === "pending" && task.ready && (
        <Button onClick={() => spawnWorker(id)}>Start a worker</Button>
      )}
      <Button onClick={() => acts.note(id)}>Note</Button>
      <Button onClick={() => sendMessage(task.claimed_by ?? "", id)}>Message</Button>
      {open && <Button kind="danger" onClick={() => acts.cancel(id)}>Cancel</Button>}
    </>
  );
}

function Whole({ task }: { task: WholeTask }): VNode {
  return (
    <div class="columns-main">
      <div class="stack">
        {task.failure !== undefined && (
          <div class="refusal">
            <strong>{task.status === "failed" ? "It failed" : "Last failure"}</strong>
            <Prose text={task.failure} />
          </div>
        )}
        <Panel title="What is asked">
          {task.description === undefined && task.accept === undefined
            ? <p class="dim">The title says it all.</p>
            : null}
          {task.description !== undefined && <Prose text={task.description} />}
          {task.accept !== undefined && (
            <>
              <h3>Accepted when</h3>
              <Prose text={task.accept} />
            </>
          )}
          {task.files !== undefined && <Paths title="Files" paths={task.files} />}
          {task.progress && (
            <>
              <h3>Progress</h3>
              <Prose text={task.progress} />
            </>
          )}
        </Panel>
        <Result task={task} />
        <AttemptsPanel of={{ task: task.id }} touched={exactly(`task/${task.id}`)} />
        <Notes task={task} />
        <TaskMessages id={task.id} />
      </div>
      <div class="stack aside-column">
        <Facts task={task} />
        <Neighbours title="Waits for" tasks={task.depends_on ?? []} none="For nothing." />
        <Neighbours title="Waiting for it" tasks={task.blocks ?? []} none="Nothing." />
        <History task={task} />
      </div>
    </div>
  );
}

function Paths({ title, paths }: { title: string; paths: readonly string[] }): VNode {
  return (
    <>
      <h3>{title}</h3>
      <ul class="paths">
        {paths.map((path) => <li key={path} class="path">{path}</li>)}
      </ul>
    </>
  );
}

/** What was made: artifacts come as the worker gave them. */
function Result({ task }: { task: WholeTask }): VNode | null {
  const parts = artifactsOf(task.artifacts);
  if (task.summary === undefined && parts.length === 0) return null;
  return (
    <Panel
      title={task.status === "completed" ? "What was done" : "Handed in"}
      aside={task.completed_by === undefined ? null : (
        <>
          by <PeerLink name={task.completed_by} />
        </>
      )}
    >
      {task.summary !== undefined && <Prose text={task.summary} />}
      {parts.map(([name, value]) =>
        Array.isArray(value)
          ? <Paths key={name} title={name} paths={value.map(String)} />
          : (
            <div key={name}>
              <h3>{name}</h3>
              <Prose text={typeof value === "string" ? value : JSON.stringify(value, null, 2)} />
            </div>
          )
      )}
    </Panel>
  );
}

function artifactsOf(artifacts: unknown): [string, unknown][] {
  if (typeof artifacts !== "object" || artifacts === null) return [];
  return Object.entries(artifacts).filter(([name, value]) =>
    name !== "summary" && value !== "" && !(Array.isArray(value) && value.length === 0)
  ).map((
    [name, value],
  ) => [name.charAt(0).toUpperCase() + name.slice(1).replaceAll("_", " "), value]);
}

function Notes({ task }: { task: WholeTask }): VNode | null {
  if (task.notes === undefined || task.notes.length === 0) return null;
  return (
    <Panel title="Notes">
      <ol class="notes-list">
        {task.notes.map((note, i) => (
          <li key={i}>
            <p class="note-head">
              <strong>{note.author}</strong>
              <span class="tag">{note.kind}</span>
              <Ago at={note.at} />
            </p>
            <Prose text={note.text} />
          </li>
        ))}
      </ol>
    </Panel>
  );
}

const PRIORITIES = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]
  .map((value) => [value, `${value} ${priorityName(Number(value))}`] as const);

function Facts({ task }: { task: WholeTask }): VNode {
  const open = task.status !== "completed" && task.status !== "cancelled";
  return (
    <Panel title="Facts">
      <dl class="facts wide">
        <div>
          <dt>Priority</dt>
          <dd>
            <Priority value={task.priority} />
            {open
              ? (
                <Select
                  label="Change the priority"
                  value={String(task.priority)}
                  options={PRIORITIES}
                  onPick={(value) => acts.setPriority(task.id, Number(value))}
                />
              )
              : priorityName(task.priority)}
          </dd>
        </div>
        <div>
          <dt>Created</dt>
          <dd>
            <Ago at={task.created_at} /> by <PeerLink name={task.created_by} />
          </dd>
        </div>
        {task.claimed_at !== undefined && (
          <div>
            <dt>Claimed</dt>
            <dd>
              <Ago at={task.claimed_at} />
            </dd>
          </div>
        )}
        <div>
          <dt>Attempts</dt>
          <dd>
            {task.attempts}
            <span class="dim">claim epoch {task.epoch}</span>
          </dd>
        </div>
      </dl>
    </Panel>
  );
}

function Neighbours({ title, tasks, none }: {
  title: string;
  tasks: NonNullable<WholeTask["depends_on"]>;
  none: string;
}): VNode {
  const { byId } = useTasks();
  return (
    <Panel title={title}>
      {tasks.length === 0 ? <p class="dim">{none}</p> : (
        <ul class="lines">
          {tasks.map((task) => {
            const state = stateOf(byId.get(task.id) ?? { status: task.status, ready: false });
            return (
              <li key={task.id}>
                <Glyph of={state} label={state} />
                <TaskLink id={task.id} title={task.title} />
              </li>
            );
          })}
        </ul>
      )}
    </Panel>
  );
}

function History({ task }: { task: WholeTask }): VNode {
  return (
    <Panel title="History" aside={<a href={href(["journal"], { why: task.id })}>Why?</a>}>
      <ol class="feed">
        {[...task.history ?? []].reverse().map((row, i) => (
          <li key={i}>
            <span class="act">
              <span class="who">{row.actor}</span> <span class="verb">{verbAlone(row)}</span>
            </span>
            <Ago at={row.at} bare />
          </li>
        ))}
      </ol>
    </Panel>
  );
}

function TaskMessages({ id }: { id: string }): VNode | null {
  const { data } = useRead<{ messages: Message[] }>(
    "list_messages",
    { task: id, limit: 20 },
    (row) => row.subject.startsWith("message/"),
  );
  const messages = data?.messages ?? [];
  if (messages.length === 0) return null;
  return (
    <Panel title="Messages">
      <ul class="message-lines">
        {messages.map((message) => <MessageLine key={message.id} message={message} />)}
      </ul>
    </Panel>
  );
}
