// A message: as a line of a list, and whole, with what became of each delivery.

import type { VNode } from "preact";
import { categoryName } from "../acts/words.ts";
import type { Message } from "../data/types.ts";
import { href } from "../router.ts";
import { Glyph } from "../ui/glyph.tsx";
import { PeerLink, TaskLink } from "../ui/parts.tsx";
import { Prose } from "../ui/prose.tsx";
import { Ago } from "../ui/time.tsx";

const URGENT = new Set(["blocker", "error", "alert", "review_request"]);

export function CategoryTag({ category }: { category: string }): VNode {
  return <span class={`tag cat-${category}`}>{categoryName(category)}</span>;
}

/** Recipients by name, the first few. */
export function toText(message: Message, most = 3): string {
  const { to, to_more = 0 } = message;
  const more = Math.max(0, to.length - most) + to_more;
  return to.slice(0, most).join(", ") + (more === 0 ? "" : ` +${more}`);
}

export function MessageLine({ message }: { message: Message }): VNode {
  return (
    <li>
      <a class="message-line" href={href(["messages", message.id])} data-row>
        <span class="from">{message.from}</span>
        <span class="to dim">to {toText(message)}</span>
        {URGENT.has(message.category) || message.category === "question"
          ? <CategoryTag category={message.category} />
          : null}
        <span class="words">{message.content}</span>
        <Deliveries message={message} short />
        <Ago at={message.at} bare />
      </a>
    </li>
  );
}

const ORDER = ["queued", "offered", "undelivered", "seen"] as const;
const MEANING = {
  queued: "waits for the recipient",
  offered: "was shown to the recipient",
  seen: "was read: the recipient went on",
  undelivered: "was never read: the recipient was gone for a month",
};

/** The states of all deliveries; short: the least that is true of all. */
export function Deliveries({ message, short }: { message: Message; short?: boolean }): VNode {
  if (short === true) {
    const least = ORDER.find((state) => message.states.some((one) => one.state === state));
    if (least === undefined) return <span class="deliveries" />;
    const count = message.states.filter((one) => one.state === "seen").length;
    const text = `${count} of ${message.states.length} have seen it`;
    return (
      <span class={`deliveries d-${least}`} title={text}>
        <Glyph of={least} label={text} />
      </span>
    );
  }
  return (
    <ul class="deliveries whole" aria-label="Deliveries">
      {message.states.slice(0, 40).map(({ peer, state, at }) => (
        <li key={peer} class={`d-${state}`} title={`${peer}: ${MEANING[state]} ${at ?? ""}`}>
          <Glyph of={state} />
          <span>{peer}</span>
          <span class="dim">{state}</span>
        </li>
      ))}
    </ul>
  );
}

export function WholeMessage({ message, mine }: { message: Message; mine: boolean }): VNode {
  return (
    <li class={mine ? "bubble mine" : "bubble"} id={message.id}>
      <p class="bubble-head">
        <PeerLink name={message.from} />
        <span class="dim">to {toText(message, 6)}</span>
        <CategoryTag category={message.category} />
        {message.task !== undefined && <TaskLink id={message.task} />}
        <span class="id">{message.id}</span>
        {message.resolved_at !== undefined && (
          <span class="tag run-active" title={message.resolved_at}>answered</span>
        )}
        <Ago at={message.at} />
      </p>
      {message.caution !== undefined && <p class="caution">Read with care: {message.caution}</p>}
      <Prose text={message.content} />
      <Deliveries message={message} />
    </li>
  );
}
