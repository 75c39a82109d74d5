// All messages of the project by thread, with the state of every delivery; a thread is answered where
// it stands.

import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { act, asRefused, call, type Refused } from "../data/api.ts";
import { about, useRead } from "../data/reads.ts";
import type { Message } from "../data/types.ts";
import { CATEGORIES, sendMessage } from "../acts/words.ts";
import { go, href, refine, usePlace } from "../router.ts";
import { Refusal } from "../ui/form.tsx";
import { Icon } from "../ui/icon.tsx";
import { Button, Empty, Given, Select, View } from "../ui/parts.tsx";
import { Filter } from "../ui/lists.tsx";
import { Ago } from "../ui/time.tsx";
import { say, sayRefused } from "../ui/toast.tsx";
import { CategoryTag, Deliveries, toText, WholeMessage } from "./message.tsx";

/** Deliveries become seen without a row of the journal: they are looked at anew this often. */
const LOOK_MS = 2_000;
const PAGE = 60;

interface Page {
  readonly messages: readonly Message[];
  readonly next: string | null;
}

interface Thread {
  readonly id: string;
  readonly newest: Message;
  readonly count: number;
}

function threadsOf(messages: readonly Message[]): Thread[] {
  const threads = new Map<string, Thread>();
  for (const message of messages) {
    const known = threads.get(message.thread);
    if (known === undefined) {
      threads.set(message.thread, { id: message.thread, newest: message, count: 1 });
    } else threads.set(message.thread, { ...known, count: known.count + 1 });
  }
  return [...threads.values()];
}

export function MessagesView({ chosen }: { chosen: string | undefined }): VNode {
  const { query } = usePlace();
  const filter = Object.fromEntries(
    ["peer", "category", "query"].map((name) => [name, query[name]]).filter(([, value]) => !!value),
  );
  const answer = useRead<Page>(
    "list_messages",
    { ...filter, limit: PAGE },
    about("message"),
    LOOK_MS,
  );
  const [older, setOlder] = useState<Page | null>(null);
  const key = JSON.stringify(filter);
  const [olderFor, setOlderFor] = useState("");
  const kept = olderFor === key ? older : null;
  const newest = answer.data?.messages ?? [];
  const all = [
    ...newest,
    ...kept?.messages.filter(({ id }) => !newest.some((m) => m.id === id)) ?? [],
  ];
  const next = kept === null ? answer.data?.next ?? null : kept.next;
  const more = async (): Promise<void> => {
    try {
      const page = await call<Page>("list_messages", { ...filter, before: next, limit: PAGE });
      setOlder({ next: page.next, messages: [...kept?.messages ?? [], ...page.messages] });
      setOlderFor(key);
    } catch (thrown) {
      sayRefused(thrown);
    }
  };
  return (
    <View
      wide
      title="Messages"
      sub="What peers tell each other"
      actions={
        <>
          <Button onClick={() => sendMessage("*")}>Tell everybody</Button>
          <Button icon="plus" onClick={() => sendMessage()}>Message</Button>
        </>
      }
    >
      <div class={chosen === undefined ? "split" : "split chosen"}>
        <div class="split-list">
          <Filters query={query} />
          <Given answer={answer} rows={8}>
            {() =>
              all.length === 0
                ? <NoMessages filtered={Object.keys(filter).length > 0} />
                : <ThreadList threads={threadsOf(all)} chosen={threadOf(all, chosen)} />}
          </Given>
          {next !== null && (
            <Button kind="ghost" onClick={() => void more()}>
              Older messages
            </Button>
          )}
        </div>
        <div class="split-detail">
          {chosen === undefined
            ? <Empty title="Choose a thread to read and answer it." />
            : <ThreadDetail id={chosen} />}
        </div>
      </div>
    </View>
  );
}

function threadOf(messages: readonly Message[], id: string | undefined): string | undefined {
  return messages.find((message) => message.id === id)?.thread ?? id;
}

function Filters({ query }: { query: Readonly<Record<string, string>> }): VNode {
  return (
    <div class="bar">
      <Filter
        label="Search messages"
        value={query["query"] ?? ""}
        onInput={(text) => refine({ query: text })}
      />
      <Select
        label="Kind"
        value={query["category"] ?? ""}
        options={[["", "All kinds"], ...CATEGORIES]}
        onPick={(category) => refine({ category })}
      />
      {query["peer"] !== undefined && (
        <Button
          small
          icon="close"
          onClick={() => refine({ peer: undefined })}
        >
          {query["peer"]}
        </Button>
      )}
    </div>
  );
}

function NoMessages({ filtered }: { filtered: boolean }): VNode {
  if (filtered) return <Empty title="No message fits this filter." />;
  return (
    <Empty title="Nobody has said anything yet.">
      Peers write each other by themselves.{" "}
      <button type="button" class="link" onClick={() => sendMessage()}>Write to one</button>{" "}
      (press n).
    </Empty>
  );
}

function ThreadList({ threads, chosen }: {
  threads: readonly Thread[];
  chosen: string | undefined;
}): VNode {
  return (
    <ul class="threads">
      {threads.map(({ id, newest, count }) => (
        <li key={id}>
          <a
            class={id === chosen ? "thread on" : "thread"}
            aria-current={id === chosen ? "true" : undefined}
            href={href(["messages", id])}
            data-row
          >
            <span class="thread-head">
              <strong>{newest.from}</strong>
              <span class="dim">to {toText(newest)}</span>
              {count > 1 && <span class="count">{count}</span>}
              <Ago at={newest.at} bare />
            </span>
            <span class="thread-text">{newest.content}</span>
            <span class="thread-foot">
              <CategoryTag category={newest.category} />
              {newest.task !== undefined && <span class="id">{newest.task}</span>}
              <Deliveries message={newest} short />
            </span>
          </a>
        </li>
      ))}
    </ul>
  );
}

function ThreadDetail({ id }: { id: string }): VNode {
  const answer = useRead<Page>("list_messages", { thread: id }, about("message"), LOOK_MS);
  return (
    <section class="thread-detail" aria-label="Thread">
      <a class="back" href={href(["messages"])}>
        <Icon name="left" /> All threads
      </a>
      <Given answer={answer} rows={4}>
        {({ messages }) => {
          const inOrder = [...messages].sort((a, b) => number(a.id) - number(b.id));
          const last = [...inOrder].reverse().find(({ from }) => from !== "operator") ??
            inOrder.at(-1);
          return (
            <>
              <ol class="bubbles">
                {inOrder.map((message) => (
                  <WholeMessage
                    key={message.id}
                    message={message}
                    mine={message.from === "operator"}
                  />
                ))}
              </ol>
              {last !== undefined && <Compose to={last} />}
              {inOrder.length === 0 && <Empty title="There is no such message." />}
            </>
          );
        }}
      </Given>
    </section>
  );
}

function number(id: string): number {
  return Number(id.slice(1));
}

/** Answers the last who spoke; where that was the operator itself, whoever it wrote to. */
function Compose({ to }: { to: Message }): VNode {
  const [text, setText] = useState("");
  const [refused, setRefused] = useState<Refused | null>(null);
  const [busy, setBusy] = useState(false);
  const names = to.from === "operator" || to.from === "skein" ? to.to : [to.from];
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (busy || text.trim() === "") return;
    setBusy(true);
    try {
      const { id } = await act<{ id: string }>("send", {
        to: names,
        content: text,
        reply_to: to.id,
        ...(to.task === undefined ? {} : { task: to.task }),
      });
      setText("");
      setRefused(null);
      say(`${id} is on its way to ${names.join(", ")}`);
      if (location.hash === "#/messages") go(["messages", id]);
    } catch (thrown) {
      setRefused(asRefused(thrown));
    }
    setBusy(false);
  };
  return (
    <form class="compose" onSubmit={send}>
      <textarea
        aria-label={`Answer ${names.join(", ")}`}
        placeholder={`Answer ${names.join(", ")}`}
        rows={3}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void send(event);
        }}
      />
      {refused !== null && <Refusal refused={refused} />}
      <div class="compose-foot">
        <span class="hint">Ctrl+Enter sends</span>
        <button type="submit" class="primary" disabled={busy}>Send</button>
      </div>
    </form>
  );
}
