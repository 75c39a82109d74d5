// Small charts, drawn as they are needed: a line of the last minutes, a bar of states.

import type { VNode } from "preact";
import type { State } from "../data/types.ts";
import { STATE_LABELS } from "./glyph.tsx";

interface SparkProps {
  readonly values: readonly number[];
  /** What is counted, for who cannot see it. */
  readonly label: string;
  readonly height?: number;
}

const WIDTH = 160;

/** A trend without axes; the title says the numbers. */
export function Spark({ values, label, height = 32 }: SparkProps): VNode {
  const most = Math.max(1, ...values);
  const step = values.length < 2 ? WIDTH : WIDTH / (values.length - 1);
  const y = (value: number): number => height - 2 - (value / most) * (height - 6);
  const points = values.map((value, i) => `${(i * step).toFixed(1)} ${y(value).toFixed(1)}`);
  const total = values.reduce((sum, value) => sum + value, 0);
  const text = `${label}: ${total} in ${values.length} minutes, at most ${Math.max(0, ...values)}` +
    " a minute";
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${WIDTH} ${height}`}
      height={height}
      preserveAspectRatio="none"
      role="img"
      aria-label={text}
    >
      <title>{text}</title>
      <path class="base" d={`M0 ${height - 2}H${WIDTH}`} />
      {points.length > 1 && (
        <>
          <path class="area" d={`M0 ${height - 2}L${points.join("L")}L${WIDTH} ${height - 2}z`} />
          <path class="line" d={`M${points.join("L")}`} />
        </>
      )}
    </svg>
  );
}

/** From done to not begun. */
const BAR_ORDER: readonly State[] = [
  "completed",
  "in_review",
  "in_progress",
  "failed",
  "ready",
  "blocked",
  "proposed",
];

/** How many tasks are in which state, as one bar. */
export function StateBar({ counts }: { counts: Readonly<Record<string, number>> }): VNode {
  const parts = BAR_ORDER.map((state) => [state, counts[state] ?? 0] as const)
    .filter(([, count]) => count > 0);
  const total = parts.reduce((sum, [, count]) => sum + count, 0);
  const text = total === 0
    ? "No tasks"
    : parts.map(([state, count]) => `${count} ${STATE_LABELS[state].toLowerCase()}`).join(", ");
  return (
    <div class="state-bar" role="img" aria-label={text} title={text}>
      {parts.map(([state, count]) => (
        <span key={state} class={`fill b-${state}`} style={{ flexGrow: String(count) }} />
      ))}
    </div>
  );
}

/** A share of something limited. */
export function Meter(
  { value, most, label }: { value: number; most: number; label: string },
): VNode {
  const share = most <= 0 ? 1 : Math.min(1, value / most);
  return (
    <span class={share >= 1 ? "meter full" : share > 0.8 ? "meter high" : "meter"} title={label}>
      <span class="sr">{label}</span>
      <span class="fill" style={{ width: `${(share * 100).toFixed(1)}%` }} />
    </span>
  );
}
