// Parts of views that list much: which of a few, filters, rows of which only those in sight are drawn.

import type { ComponentChildren, VNode } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icon.tsx";

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
