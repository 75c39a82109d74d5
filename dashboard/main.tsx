// The page's entry. The same file is the page and, in a Worker, the layout of the task graph.

import { render, type VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call } from "./data/api.ts";
import { useCell } from "./data/cell.ts";
import { addOlder, follow, recent, recentHere, stop } from "./data/events.ts";
import { session, signIn, takeCode } from "./data/session.ts";
import { forgetTasks } from "./data/tasks.ts";
import type { JournalRow } from "./data/types.ts";
import { serveLayouts } from "./graph/worker.ts";
import { startKeys } from "./keys.ts";
import { startTabs } from "./newtab.ts";
import { startRouter } from "./router.ts";
import { Shell } from "./shell.tsx";
import { startTheme } from "./theme.ts";
import { say } from "./ui/toast.tsx";
import { SignIn } from "./views/signin.tsx";

const FIRST_ROWS = 200;

/** Reads what happened before the page came, then follows. */
function begin(): void {
  void follow();
  const before = session.value;
  for (const [kept, scope] of [[recentHere, "project"], [recent, "machine"]] as const) {
    call<{ rows: JournalRow[] }>("list_audit", { limit: FIRST_ROWS, scope })
      .then(({ rows }) => session.value === before && addOlder([...rows].reverse(), kept))
      .catch(() => {
        // The journal's view says why; here the feed only begins later.
      });
  }
}

function App({ signingIn }: { signingIn: Promise<string | null> | null }): VNode {
  const [busy, setBusy] = useState(signingIn !== null);
  const now = useCell(session);
  const key = now === null ? null : `${now.token}\n${now.project}`;
  useEffect(() => {
    void signingIn?.then((why) => {
      setBusy(false);
      tellKept(why);
    });
  }, []);
  useEffect(() => {
    if (key === null) return;
    forgetTasks();
    begin();
    return stop;
  }, [key]);
  return key === null || busy ? <SignIn busy={busy} /> : <Shell key={now?.project} />;
}

/** A link that did not work changes nothing for who is signed in. */
function tellKept(why: string | null): void {
  if (why !== null && session.value !== null) say("You stay signed in as before.", why, true);
}

function start(): void {
  startTheme();
  const code = takeCode();
  // A link opened in a tab that has the page already changes only the hash.
  addEventListener("hashchange", () => {
    const next = takeCode();
    if (next === null) return;
    void signIn(next).then(tellKept);
  });
  // After that: the router never sees a code.
  startRouter();
  startKeys();
  startTabs();
  const root = document.getElementById("app");
  if (root === null) return;
  render(<App signingIn={code === null ? null : signIn(code)} />, root);
}

if (typeof document === "undefined") serveLayouts();
else start();
