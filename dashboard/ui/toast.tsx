// Short notes of what was done or refused, read out to who cannot see them.

import type { VNode } from "preact";
import { asRefused } from "../data/api.ts";
import { Cell, useCell } from "../data/cell.ts";
import { Icon } from "./icon.tsx";

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly hint: string;
  readonly bad: boolean;
}

const toasts = new Cell<readonly Toast[]>([]);
const GOOD_MS = 4_000;
const BAD_MS = 12_000;
const MOST = 4;
let last = 0;

export function say(text: string, hint = "", bad = false): void {
  last += 1;
  const id = last;
  toasts.set([...toasts.value, { id, text, hint, bad }].slice(-MOST));
  setTimeout(() => dismiss(id), bad ? BAD_MS : GOOD_MS);
}

export function sayRefused(thrown: unknown): void {
  const { message, hint } = asRefused(thrown);
  say(message, hint, true);
}

function dismiss(id: number): void {
  toasts.set(toasts.value.filter((toast) => toast.id !== id));
}

export function Toasts(): VNode {
  const shown = useCell(toasts);
  return (
    <div class="toasts">
      <div role="status" aria-live="polite">
        {shown.filter((toast) => !toast.bad).map((toast) => <One key={toast.id} toast={toast} />)}
      </div>
      <div role="alert">
        {shown.filter((toast) => toast.bad).map((toast) => <One key={toast.id} toast={toast} />)}
      </div>
    </div>
  );
}

function One({ toast }: { toast: Toast }): VNode {
  return (
    <div class={toast.bad ? "toast bad" : "toast"}>
      <p>
        {toast.text}
        {toast.hint !== "" && <span class="hint">{toast.hint}</span>}
      </p>
      <button
        type="button"
        class="ghost small"
        aria-label="Dismiss"
        onClick={() => dismiss(toast.id)}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}
