// Times as people say them; the exact one on hover. One clock ticks for the whole page.

import type { VNode } from "preact";
import { Cell, useCell } from "../data/cell.ts";

const TICK_MS = 10_000;
const clock = new Cell(Date.now());
let ticking = false;

function useNow(): number {
  if (!ticking) {
    ticking = true;
    setInterval(() => clock.set(Date.now()), TICK_MS);
  }
  return useCell(clock);
}

const STEPS: readonly (readonly [number, string])[] = [
  [86_400, "d"],
  [3_600, "h"],
  [60, "min"],
];

/** A duration in seconds in its largest unit. */
export function durationText(seconds: number): string {
  for (const [size, unit] of STEPS) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${Math.max(0, Math.floor(seconds / 10) * 10)} s`;
}

export function absoluteText(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  return date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** How long ago something was. */
export function Ago({ at, bare }: { at: string | undefined | null; bare?: boolean }): VNode | null {
  const now = Math.max(useNow(), Date.now());
  if (at === undefined || at === null || at === "") return null;
  const seconds = (now - Date.parse(at)) / 1_000;
  if (Number.isNaN(seconds)) return <span>{at}</span>;
  const text = seconds < 10 ? "now" : `${durationText(seconds)}${bare === true ? "" : " ago"}`;
  return <time dateTime={at} title={absoluteText(at)}>{text}</time>;
}

/** The time of day, with seconds. */
export function Clock({ at }: { at: string }): VNode {
  const date = new Date(at);
  const text = Number.isNaN(date.getTime()) ? at : date.toLocaleTimeString(undefined, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hour12: false,
  });
  return <time dateTime={at} title={absoluteText(at)}>{text}</time>;
}
