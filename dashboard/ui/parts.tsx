// Small parts that several views share.

import type { ComponentChildren, VNode } from "preact";
import { useSelect } from "../data/cell.ts";
import { connection } from "../data/events.ts";
import type { Answer } from "../data/reads.ts";
import { href } from "../router.ts";
import { isPeer } from "./act.tsx";
import { Refusal } from "./form.tsx";
import { Glyph } from "./glyph.tsx";
import { Icon } from "./icon.tsx";

interface ButtonProps {
  /** Without it `label` names the button. */
  readonly children?: ComponentChildren;
  onClick(): void;
  readonly kind?: "primary" | "danger" | "ghost" | undefined;
  readonly icon?: string;
  readonly label?: string;
  readonly small?: boolean;
  readonly pressed?: boolean;
}

export function Button(props: ButtonProps): VNode {
  const { children, onClick, kind, icon, label, small, pressed } = props;
  return (
    <button
      type="button"
      class={[kind, small === true ? "small" : ""].filter(Boolean).join(" ")}
      aria-label={label}
      title={label}
      aria-pressed={pressed}
      onClick={onClick}
    >
      {icon !== undefined && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** What to see, and what to do, when there is nothing. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }): VNode {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children !== undefined && <div class="empty-do">{children}</div>}
    </div>
  );
}

/** What is shown in place of a part of the page that could not be loaded. */
export function Unloaded({ what }: { what: string }): VNode {
  // Else a reload might load the page of somebody else, who has the port.
  const live = useSelect(connection, ({ state }) => state === "live");
  return (
    <Empty title={`${what} could not be loaded.`}>
      <p>The leader does not answer, or it serves another version of the page by now.</p>
      {live && <Button kind="primary" onClick={() => location.reload()}>Reload the page</Button>}
    </Empty>
  );
}

/** Shows an answer, or why there is none; bars of the same height while it comes. */
export function Given<T>(props: {
  answer: Answer<T>;
  rows?: number;
  children: (data: T) => ComponentChildren;
}): VNode {
  const { answer, rows = 6, children } = props;
  if (answer.data !== undefined) return <>{children(answer.data)}</>;
  if (answer.refused !== undefined) return <Refusal refused={answer.refused} inView />;
  return <Loading rows={rows} />;
}

export function Loading({ rows }: { rows: number }): VNode {
  return (
    <div class="loading" aria-busy="true">
      <span class="sr">Loading</span>
      {Array.from({ length: rows }, (_, i) => <div key={i} class="bone" />)}
    </div>
  );
}

interface ViewProps {
  readonly title: string;
  readonly sub?: ComponentChildren;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
  readonly wide?: boolean;
}

/** The frame of a view: title, what it counts, what can be done. */
export function View({ title, sub, actions, children, wide }: ViewProps): VNode {
  return (
    <div class={wide === true ? "view wide" : "view"}>
      <header class="view-head">
        <div>
          <h1>{title}</h1>
          {sub !== undefined && <p class="sub">{sub}</p>}
        </div>
        {actions !== undefined && <div class="actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export function Panel(props: {
  title: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
  flush?: boolean;
}): VNode {
  return (
    <section class={props.flush === true ? "panel flush" : "panel"}>
      <header>
        <h2>{props.title}</h2>
        {props.aside !== undefined && <div class="aside">{props.aside}</div>}
      </header>
      {props.children}
    </section>
  );
}

export function PeerLink({ name, role }: { name: string; role?: string }): VNode {
  if (!isPeer(name)) return <span class="peer-link">{name}</span>;
  return (
    <a class="peer-link" href={href(["peers", name])}>
      {role !== undefined && <Glyph of={role} label={role} />}
      {name}
    </a>
  );
}

export function TaskLink({ id, title }: { id: string; title?: string | undefined }): VNode {
  return (
    <a class="task-link" href={href(["tasks", id])}>
      <span class="id">{id}</span>
      {title !== undefined && <span class="title">{title}</span>}
    </a>
  );
}

export function Select(props: {
  label: string;
  value: string;
  options: readonly (readonly [value: string, label: string])[];
  onPick(value: string): void;
}): VNode {
  return (
    <select
      aria-label={props.label}
      title={props.label}
      value={props.value}
      onChange={(event) => props.onPick(event.currentTarget.value)}
    >
      {props.options.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
    </select>
  );
}
