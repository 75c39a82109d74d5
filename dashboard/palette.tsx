// What `/` and `?` open: the search and the map of keys. Both come with the views that come later.

import type { VNode } from "preact";
import { Cell, useCell } from "./data/cell.ts";
import { say } from "./ui/toast.tsx";
import { othersThere, useOthers } from "./views/current.tsx";

type What = "search" | "help";
const open = new Cell<What | null>(null);

export function openPalette(): void {
  open.set("search");
}

export function openHelp(): void {
  open.set("help");
}

/** Whether one of them is about to be there: the keys until then are not for the view. */
export function paletteComes(): boolean {
  return open.value !== null && !othersThere();
}

export function Palette(): VNode | null {
  const what = useCell(open);
  return what === null ? null : <Late key={what} what={what} />;
}

function Late({ what }: { what: What }): VNode | null {
  // The browser tells of its end a moment later: another one may be open by then.
  const closed = (): void => {
    if (open.value === what) open.set(null);
  };
  const part = useOthers(() => {
    closed();
    say("This could not be loaded.", "The leader does not answer.", true);
  });
  if (part === undefined) return null;
  return what === "help" ? <part.Help closed={closed} /> : <part.Search closed={closed} />;
}
