// Times as people say them; the exact one on hover. One clock ticks for the whole page.

import type { VNode } from "preact";
import { Cell, useCell } from "../data/cell.ts";

const TICK_MS = 10_000;
const clock = new Cell(Date.now());
let ticking = false;

/** Milliseconds since 1970, anew every ten seconds. */
export function useNow(): number {
  if (!ticking) {
    ticking = true;
    setInterval(() => clock.set(Date.now()), TICK_MS);
  }
  return Math.max(useCell(clock), Date.now());
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

/** How long something took, in its two largest units. */
export function tookText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (seconds < 9.95) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return two(Math.floor(whole / 60), "min", whole % 60, "s");
  const minutes = Math.floor(whole / 60);
  if (minutes < 1_440) return two(Math.floor(minutes / 60), "h", minutes % 60, "min");
  return two(Math.floor(minutes / 1_440), "d", Math.floor((minutes % 1_440) / 60), "h");
}

function two(large: number, unit: string, small: number, smaller: string): string {
  return small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${smaller}`;
}

export function absoluteText(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return at;
  return date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** How long ago something was. */
export function Ago({ at, bare }: { at: string | undefined | null; bare?: boolean }): VNode | null {
  const now = useNow();
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
