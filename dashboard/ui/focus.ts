// Where the focus goes when what had it is gone: without this it falls back to the beginning of the page.

import { useLayoutEffect, useRef } from "preact/hooks";

/** The focus stays where the work is: on this thing, and when it is settled, on the next one. */
export function useKeptFocus(
  row: { readonly current: HTMLLIElement | null },
  answering: boolean,
): void {
  const was = useRef(false);
  useLayoutEffect(() => {
    if (was.current && !answering) focusIn(row.current);
    was.current = answering;
  }, [answering]);
  useLayoutEffect(() => () => {
    const li = row.current;
    if (li === null || !li.contains(document.activeElement)) return;
    const next = li.nextElementSibling ?? li.previousElementSibling;
    // Once this one is out of the page.
    requestAnimationFrame(() =>
      focusIn(next?.isConnected ? next : document.getElementById("main"))
    );
  }, []);
}

/** The first act of a thing, or the view itself. */
function focusIn(where: Element | null): void {
  const target = where?.matches("li") ? where.querySelector(".need-acts button, a") : where;
  if (target instanceof HTMLElement) target.focus();
}
