// A link of the page opened in another tab: a session is of one tab alone, so that tab is handed the code
// of a link, as skein dashboard would. A code is good once and at this leader only; a tab that asks others
// for a session, on a channel of the address, could be the page of whoever had the port before.

import { call } from "./data/api.ts";
import { sayRefused } from "./ui/toast.tsx";

async function open(hash: string): Promise<void> {
  try {
    // By a leader that has just proven itself.
    const { code } = await call<{ code: string }>("issue_link");
    const query = new URLSearchParams({ code, to: hash });
    globalThis.open(`${location.origin}/#${query}`, "_blank", "noopener");
  } catch (thrown) {
    sayRefused(thrown);
  }
}

function onClick(event: MouseEvent): void {
  const meant = event.button === 1 ||
    (event.button === 0 && (event.ctrlKey || event.metaKey || event.shiftKey));
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  const hash = link?.getAttribute("href") ?? "";
  if (!meant || !hash.startsWith("#/")) return;
  event.preventDefault();
  event.stopPropagation();
  void open(hash);
}

export function startTabs(): void {
  // Before anything of the page: a dialog would close at it.
  addEventListener("click", onClick, true);
  addEventListener("auxclick", onClick, true);
}
