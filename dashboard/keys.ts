// The keyboard: `g` and a letter goes somewhere, single letters act, j and k walk through rows.

import { sendMessage } from "./acts/words.ts";
import { createTask } from "./acts/tasks.ts";
import { Cell } from "./data/cell.ts";
import { remember, remembered } from "./data/stored.ts";
import { go, place, refine } from "./router.ts";
import { openHelp, openPalette, paletteComes } from "./palette.tsx";
import { nextTheme } from "./theme.ts";
import { dialogOpen } from "./ui/form.tsx";

/** Views, in the order of the navigation, with the letter after `g`. */
export const VIEWS: readonly (readonly [path: string, label: string, key: string])[] = [
  ["attention", "Attention", "a"],
  ["peers", "Peers", "p"],
  ["tasks", "Tasks", "t"],
  ["messages", "Messages", "m"],
  ["locks", "Locks", "l"],
  ["memory", "Memory", "e"],
  ["runs", "Runs", "r"],
  ["journal", "Journal", "j"],
  ["flock", "Flock", "f"],
];

const OFF = "skein-letters-off";
/** Whether single letters do something. */
export const letters: Cell<boolean> = new Cell(
  typeof document === "undefined" || remembered(OFF) !== "1",
);

export function setLetters(on: boolean): void {
  letters.set(on);
  remember(OFF, on ? "0" : "1");
}

const CHORD_MS = 1_200;
let chordUntil = 0;

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement &&
    (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}

/** Moves the focus among the rows of the view. */
function walk(by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>("#main [data-row]")];
  const active = document.activeElement?.closest<HTMLElement>("[data-row]") ?? null;
  const at = active === null ? -1 : rows.indexOf(active);
  const next = rows[Math.max(0, Math.min(rows.length - 1, at + by))];
  const target = next?.matches("a, button") ? next : next?.querySelector<HTMLElement>("a, button");
  target?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

const TASK_VIEWS = ["graph", "board", "table"];

const SINGLE: Readonly<Record<string, () => void>> = {
  "/": () => openPalette(),
  "?": () => openHelp(),
  j: () => walk(1),
  k: () => walk(-1),
  c: () => createTask(),
  n: () => sendMessage(),
  d: () => nextTheme(),
  v: () => {
    if (place.value.path[0] !== "tasks" || place.value.path.length > 1) return;
    const now = TASK_VIEWS.indexOf(place.value.query["view"] ?? "graph");
    refine({ view: TASK_VIEWS[(now + 1) % TASK_VIEWS.length] });
  },
};

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape" && !dialogOpen()) {
    if (typing(event.target)) (event.target as HTMLElement).blur();
    document.getElementById("main")?.focus();
    return;
  }
  if (!letters.value || typing(event.target) || dialogOpen() || paletteComes()) return;
  if (performance.now() < chordUntil) {
    chordUntil = 0;
    const view = VIEWS.find(([, , key]) => key === event.key);
    if (view === undefined) return;
    event.preventDefault();
    go([view[0]]);
    return;
  }
  if (event.key === "g") {
    chordUntil = performance.now() + CHORD_MS;
    return;
  }
  const single = SINGLE[event.key];
  if (single === undefined) return;
  event.preventDefault();
  single();
}

export function startKeys(): void {
  addEventListener("keydown", onKey);
}
