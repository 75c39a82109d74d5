// Small parts that several views share.

import type { ComponentChildren, VNode } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
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

interface TabsProps {
  readonly label: string;
  readonly tabs: readonly (readonly [key: string, label: string, count?: number | undefined])[];
  readonly at: string;
  onPick(key: string): void;
}

/** One of a few; arrow keys move as in every group of radio buttons. */
export function Tabs({ label, tabs, at, onPick }: TabsProps): VNode {
  return (
    <div class="tabs" role="radiogroup" aria-label={label}>
      {tabs.map(([key, text, count]) => (
        <label key={key} class={key === at ? "tab on" : "tab"}>
          <input
            type="radio"
            name={label}
            class="sr"
            checked={key === at}
            onChange={() => onPick(key)}
          />
          {text}
          {count !== undefined && count > 0 && <span class="count">{count}</span>}
        </label>
      ))}
    </div>
  );
}

interface RowsProps<T> {
  readonly items: readonly T[];
  /** Pixels of one row; all are of one height. */
  readonly height: number;
  readonly keyOf: (item: T) => string;
  readonly children: (item: T) => ComponentChildren;
}

const SPARE = 8;

/** Only the rows in sight are in the page, however long the list is. */
export function Rows<T>({ items, height, keyOf, children }: RowsProps<T>): VNode {
  const box = useRef<HTMLDivElement>(null);
  const [range, setRange] = useState<readonly [number, number]>([0, 40]);
  useLayoutEffect(() => {
    const scroller = document.getElementById("main");
    if (scroller === null) return;
    const look = (): void => {
      const top = box.current?.getBoundingClientRect().top ?? 0;
      const from = Math.max(0, Math.floor(-top / height) - SPARE);
      const to = Math.ceil((-top + scroller.clientHeight) / height) + SPARE;
      setRange((now) => now[0] === from && now[1] === to ? now : [from, to]);
    };
    look();
    scroller.addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => {
      scroller.removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [height, items.length]);
  const from = Math.min(range[0], items.length);
  const shown = items.slice(from, range[1]);
  const after = Math.max(0, items.length - from - shown.length);
  return (
    <div ref={box} class="rows">
      <div style={{ height: `${from * height}px` }} />
      {shown.map((item) => <div key={keyOf(item)} class="row-slot">{children(item)}</div>)}
      <div style={{ height: `${after * height}px` }} />
    </div>
  );
}

/** A search or filter field. */
export function Filter(props: {
  label: string;
  value: string;
  onInput(value: string): void;
  list?: readonly string[];
}): VNode {
  const id = `filter-${props.label.replace(/\W+/g, "-").toLowerCase()}`;
  return (
    <span class="filter">
      <Icon name="search" />
      <input
        type="search"
        aria-label={props.label}
        placeholder={props.label}
        value={props.value}
        autocomplete="off"
        list={props.list === undefined ? undefined : id}
        onInput={(event) => props.onInput(event.currentTarget.value)}
      />
      {props.list !== undefined && (
        <datalist id={id}>{props.list.map((one) => <option key={one} value={one} />)}</datalist>
      )}
    </span>
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
