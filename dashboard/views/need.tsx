// One thing that needs somebody, with its acts in place: a blocker is answered where it stands.

import type { VNode } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { act, asRefused, type Refused } from "../data/api.ts";
import type { AttentionItem } from "../data/types.ts";
import { peersOf } from "../data/needs.ts";
import { budget, kill, pause, ping, resume } from "../acts/peers.ts";
import * as tasks from "../acts/tasks.ts";
import { sendMessage } from "../acts/words.ts";
import { confirmed, perform } from "../acts/do.ts";
import { go, href } from "../router.ts";
import { useKeptFocus } from "../ui/focus.ts";
import { Refusal } from "../ui/form.tsx";
import { Glyph } from "../ui/glyph.tsx";
import { Button, PeerLink, TaskLink } from "../ui/parts.tsx";
import { Prose } from "../ui/prose.tsx";
import { Ago } from "../ui/time.tsx";
import { say } from "../ui/toast.tsx";

interface Kind {
  readonly label: string;
  readonly grave: boolean;
}

const KINDS: Readonly<Record<string, Kind>> = {
  blocker: { label: "Blocker", grave: true },
  error: { label: "Error", grave: true },
  review_request: { label: "Review requested", grave: false },
  review: { label: "In review", grave: false },
  proposed: { label: "Proposed", grave: false },
  plan: { label: "Plan proposed", grave: false },
  failed: { label: "Failed", grave: true },
  stalled: { label: "Stalled", grave: true },
  conflict: { label: "Same file", grave: true },
  stuck: { label: "Stuck", grave: true },
  unmerged: { label: "Not merged yet", grave: true },
  paused: { label: "Paused", grave: false },
  permission: { label: "Waits for permission", grave: true },
  budget: { label: "Budget spent", grave: false },
  older_copy: { label: "Store", grave: true },
};

const MESSAGES = new Set(["blocker", "error", "review_request"]);
/** What it says is a title; all else is told in whole sentences, which may be long. */
const PLAIN = new Set(["review", "proposed", "plan"]);
const TASKS = new Set(["review", "proposed", "failed", "stuck", "unmerged"]);

export function Need({ item }: { item: AttentionItem }): VNode {
  const { label, grave } = KINDS[item.kind] ?? { label: item.kind, grave: true };
  const [answering, setAnswering] = useState(false);
  const peers = peersOf(item);
  const isMessage = MESSAGES.has(item.kind);
  const sender = isMessage ? peers[0] ?? "" : "";
  const row = useRef<HTMLLIElement>(null);
  useKeptFocus(row, answering);
  const text = isMessage && item.text.startsWith(`${sender}: `)
    ? item.text.slice(sender.length + 2)
    : item.text;
  return (
    <li ref={row} class={grave ? "need grave" : "need"} data-row>
      <Glyph of={item.kind === "plan" ? "proposed" : item.kind} />
      <div class="need-body">
        <p class="need-head">
          <strong>{label}</strong>
          <Subject item={item} sender={sender} />
          <Ago at={item.since} />
        </p>
        {PLAIN.has(item.kind) ? <p class="prose">{text}</p> : <Prose text={text} />}
        {answering
          ? <Answer item={item} to={sender} close={() => setAnswering(false)} />
          : (
            <div class="need-acts">
              <Acts item={item} peers={peers} answer={() => setAnswering(true)} />
            </div>
          )}
      </div>
    </li>
  );
}

function Subject({ item, sender }: { item: AttentionItem; sender: string }): VNode {
  if (MESSAGES.has(item.kind)) {
    return (
      <span class="subject">
        from <PeerLink name={sender} />
        {item.task !== undefined && <TaskLink id={item.task} />}
        <a class="id" href={href(["messages", item.subject])}>{item.subject}</a>
      </span>
    );
  }
  if (TASKS.has(item.kind)) {
    const who = item.peers?.[0];
    return (
      <span class="subject">
        <TaskLink id={item.subject} />
        {who !== undefined && <PeerLink name={who} />}
      </span>
    );
  }
  if (item.kind === "plan") {
    return (
      <span class="subject">
        <a class="id" href={href(["runs", item.subject])}>{item.subject}</a>
        {peersOf(item).slice(0, 3).map((name) => <PeerLink key={name} name={name} />)}
      </span>
    );
  }
  if (item.kind === "conflict") return <span class="subject path">{item.subject}</span>;
  if (item.kind === "older_copy") return <span class="subject">{item.subject}</span>;
  return (
    <span class="subject">
      <PeerLink name={item.subject} />
    </span>
  );
}

interface ActsProps {
  readonly item: AttentionItem;
  readonly peers: readonly string[];
  answer(): void;
}

function Acts({ item, peers, answer }: ActsProps): VNode {
  const { kind, subject } = item;
  const open = (label: string): VNode => (
    <Button
      kind="ghost"
      onClick={() => go(["tasks", subject])}
    >
      {label}
    </Button>
  );
  switch (kind) {
    case "blocker":
    case "error":
      return <Button kind="primary" icon="reply" onClick={answer}>Answer</Button>;
    case "review_request":
      return (
        <>
          {item.task !== undefined && <ReviewActs id={item.task} />}
          <Button icon="reply" onClick={answer}>Answer</Button>
        </>
      );
    case "review":
      return (
        <>
          <ReviewActs id={subject} />
          {open("Look at it")}
        </>
      );
    case "proposed":
      return (
        <>
          <Button kind="primary" onClick={() => tasks.accept(subject)}>Accept</Button>
          <Button onClick={() => tasks.cancel(subject)}>Cancel</Button>
          {open("Look at it")}
        </>
      );
    case "plan":
      return (
        <>
          <Button kind="primary" onClick={() => tasks.acceptPlan(subject, item.count ?? 0)}>
            Accept all {item.count}
          </Button>
          <Button
            onClick={() => go(["tasks"], { view: "table", state: "proposed", run: subject })}
          >
            Look through them
          </Button>
        </>
      );
    case "failed":
      return (
        <>
          <Button kind="primary" onClick={() => tasks.retry(subject)}>Retry</Button>
          <Button onClick={() => tasks.cancel(subject)}>Cancel</Button>
          {open("What happened")}
        </>
      );
    case "stuck":
      return <StuckActs item={item} />;
    case "unmerged":
      return (
        <>
          {open("Look at it")}
          <span class="hint">It goes on by itself.</span>
        </>
      );
    default:
      return <PeerActs item={item} peers={peers} />;
  }
}

function ReviewActs({ id }: { id: string }): VNode {
  return (
    <>
      <Button kind="primary" onClick={() => tasks.approve(id)}>Approve</Button>
      <Button onClick={() => tasks.requestChanges(id)}>Request changes</Button>
    </>
  );
}

function StuckActs({ item }: { item: AttentionItem }): VNode {
  const on = item.on ?? /waits for (t\d+)/.exec(item.text)?.[1];
  return (
    <>
      {on !== undefined && (
        <Button kind="primary" onClick={() => tasks.retry(on)}>Retry {on}</Button>
      )}
      <Button onClick={() => tasks.cancel(item.subject)}>Cancel {item.subject}</Button>
    </>
  );
}

function PeerActs({ item, peers }: { item: AttentionItem; peers: readonly string[] }): VNode {
  const [name = item.subject] = peers;
  switch (item.kind) {
    case "stalled":
      return (
        <>
          <Button kind="primary" onClick={() => void ping(name)}>Ping</Button>
          <Button onClick={() => kill(name)}>Kill</Button>
        </>
      );
    case "paused":
      return (
        <>
          <Button kind="primary" icon="play" onClick={() => resume(name)}>Resume</Button>
          <Button onClick={() => kill(name)}>Kill</Button>
        </>
      );
    case "budget":
      return <Button kind="primary" onClick={() => budget(name, undefined)}>Set a budget</Button>;
    case "permission":
      return (
        <>
          <Button onClick={() => go(["peers", name])}>What it does</Button>
          <span class="hint">Only its own terminal can answer.</span>
        </>
      );
    case "conflict":
      return (
        <>
          <Button kind="primary" onClick={() => sendMessage(peers.join(", "))}>
            Message {peers.length === 2 ? "both" : "all"}
          </Button>
          {peers.map((one) => <Button key={one} onClick={() => pause(one)}>Pause {one}</Button>)}
        </>
      );
    case "older_copy":
      return <Button kind="primary" onClick={acknowledge}>Acknowledge</Button>;
    default:
      return <Button onClick={() => void perform("status", {}, "Looked again")}>Look again</Button>;
  }
}

function acknowledge(): void {
  confirmed(
    {
      title: "Acknowledge the store as it is?",
      intro: "What was acknowledged after that copy was made is gone. Verify stops saying so.",
      submit: "Acknowledge",
    },
    "acknowledge_audit",
    {},
    "Acknowledged",
  );
}

/** An answer where the question stands. Sending it settles the blocker. */
function Answer({ item, to, close }: { item: AttentionItem; to: string; close(): void }): VNode {
  const [text, setText] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);
  // Before the next key: whoever types at once types into it.
  useLayoutEffect(() => field.current?.focus(), []);
  const [refused, setRefused] = useState<Refused | null>(null);
  const [busy, setBusy] = useState(false);
  const send = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      await act("send", { to: [to], content: text, reply_to: item.subject });
      say(`Your answer to ${to} is on its way`);
      close();
    } catch (thrown) {
      setRefused(asRefused(thrown));
      setBusy(false);
    }
  };
  return (
    <form class="answer" onSubmit={send}>
      <textarea
        aria-label={`Answer to ${to}`}
        rows={3}
        required
        value={text}
        ref={field}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") close();
          if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void send(event);
        }}
      />
      {refused !== null && <Refusal refused={refused} />}
      <div class="need-acts">
        <button type="submit" class="primary" disabled={busy}>Send answer</button>
        <Button onClick={close}>Not now</Button>
        <span class="hint">Ctrl+Enter sends</span>
      </div>
    </form>
  );
}
