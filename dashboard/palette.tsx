// What `/` and `?` open: the search and the map of keys. Both come with the views that come later.

import type { VNode } from "preact";
import { Cell, useCell } from "./data/cell.ts";
import { say } from "./ui/toast.tsx";
import { othersThere, useOthers } from "./views/current.tsx";

/** One of them, each time anew: the browser tells of a dialog's end a moment after it. */
interface What {
  readonly id: number;
  readonly search: boolean;
}

const open = new Cell<What | null>(null);
let last = 0;

export function openPalette(): void {
  open.set({ id: ++last, search: true });
}

export function openHelp(): void {
  open.set({ id: ++last, search: false });
}

/** Whether one of them is about to be there: the keys until then are not for the view. */
export function paletteComes(): boolean {
  return open.value !== null && !othersThere();
}

export function Palette(): VNode | null {
  const what = useCell(open);
  return what === null ? null : <Late key={what.id} what={what} />;
}

function Late({ what }: { what: What }): VNode | null {
  const closed = (): void => {
    if (open.value === what) open.set(null);
  };
  const part = useOthers(() => {
    closed();
    say("This could not be loaded.", "The leader does not answer.", true);
  });
  if (part === undefined) return null;
  return what.search ? <part.Search closed={closed} /> : <part.Help closed={closed} />;
}
