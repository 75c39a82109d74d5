// The map of keys, and the switch for those that are single letters: whoever speaks to the machine or hits
// keys by accident has to be able to do without (WCAG 2.1.4).

import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { useCell } from "../data/cell.ts";
import { letters, setLetters, VIEWS } from "../keys.ts";
import { Icon } from "../ui/icon.tsx";

/** What is shown besides the views. */
const KEYS: readonly (readonly [keys: string, meaning: string])[] = [
  ["/", "Search everything, and go anywhere"],
  ["?", "This map"],
  ["j  k", "Next and previous row"],
  ["Enter", "Open the row"],
  ["c", "Create a task"],
  ["n", "New message"],
  ["v", "Tasks: graph, board, table"],
  ["+  -  0", "Graph: in, out, all of it"],
  ["d", "Dark, light, as the system"],
  ["Esc", "Close; back to the view"],
];

export function Help({ closed }: { closed(): void }): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const on = useCell(letters);
  // Before anything else is typed: the next key belongs to the dialog already.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class="dialog help"
      aria-labelledby="help-title"
      onClose={closed}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}
    >
      <header>
        <h2 id="help-title">Keyboard</h2>
        <button
          type="button"
          class="ghost small"
          aria-label="Close"
          onClick={() => dialog.current?.close()}
        >
          <Icon name="close" />
        </button>
      </header>
      <label class="switch">
        <input
          type="checkbox"
          checked={on}
          onChange={(event) => setLetters(event.currentTarget.checked)}
        />
        Single letters and signs do these things
      </label>
      <div class={on ? "columns" : "columns off"}>
        <dl>
          {VIEWS.map(([path, label, key]) => (
            <div key={path}>
              <dt>
                <kbd>g</kbd> <kbd>{key}</kbd>
              </dt>
              <dd>{label}</dd>
            </div>
          ))}
        </dl>
        <dl>
          {KEYS.map(([keys, meaning]) => (
            <div key={keys}>
              <dt>{keys.split("  ").map((key) => <kbd key={key}>{key}</kbd>)}</dt>
              <dd>{meaning}</dd>
            </div>
          ))}
        </dl>
      </div>
    </dialog>
  );
}
