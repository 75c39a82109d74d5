// What stands here for whoever is not signed in: nothing of the flock, only how to get in.

import type { VNode } from "preact";
import { useCell } from "../data/cell.ts";
import { signedOut } from "../data/session.ts";

export function SignIn({ busy }: { busy: boolean }): VNode {
  const why = useCell(signedOut);
  return (
    <main class="signin" id="main" tabIndex={-1}>
      <svg viewBox="0 0 32 32" width="44" height="44" aria-hidden="true">
        <rect class="brand-box" width="32" height="32" rx="8" />
        <path class="brand-bird" d="M6 20l10-9 10 9M11 23l5-4.5 5 4.5" />
      </svg>
      <h1>skein</h1>
      {busy ? <p role="status">Signing in</p> : (
        <>
          {why !== null && <p class="refusal" role="alert">{why}</p>}
          <p>This page is for the person who runs the flock. In a terminal on this machine:</p>
          <pre><code>skein dashboard</code></pre>
          <p class="hint">
            It opens the page with a link that works once. The sign-in lasts 12 hours, in this tab,
            and survives a change of leader; a reload while no leader answers ends it.
          </p>
        </>
      )}
    </main>
  );
}
