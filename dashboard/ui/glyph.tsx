// The marks of states: one family, drawn in one box. Each differs by its shape, so that nobody needs
// the colour; the colour only helps.

import type { VNode } from "preact";
import type { State } from "../data/types.ts";

interface Props {
  readonly of: string;
  /** Said to who cannot see it; without it the word stands beside it. */
  readonly label?: string;
}

const RING = <circle cx="8" cy="8" r="5.6" />;
const DISC = <circle class="full" cx="8" cy="8" r="6.4" />;
const CROSS = <path d="M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4" />;

/** What is drawn in the box, by name. `full` is filled, `cut` is drawn over a filled shape. */
const SHAPES: Readonly<Record<string, VNode | readonly VNode[]>> = {
  proposed: <circle cx="8" cy="8" r="5.6" stroke-dasharray="2.2 2.2" />,
  blocked: [RING, <path key="b" d="M5.2 8h5.6" />],
  ready: RING,
  in_progress: [RING, <path key="h" class="full" d="M8 4.600a3.4 3.4 0 0 1 0 6.800z" />],
  in_review: [RING, <circle key="d" class="full" cx="8" cy="8" r="2.4" />],
  completed: [DISC, <path key="c" class="cut" d="M5.2 8.200l2 2 3.7-4.2" />],
  failed: [
    <path
      key="o"
      class="full"
      d="M5.4 1.600h5.200l3.8 3.800v5.200l-3.8 3.800H5.400l-3.8-3.800V5.400z"
    />,
    <path key="x" class="cut" d="M5.8 5.800l4.4 4.400M10.2 5.800l-4.4 4.4" />,
  ],
  cancelled: [RING, <path key="s" d="M4.2 11.800l7.6-7.6" />],
  live: <circle class="full" cx="8" cy="8" r="4" />,
  leased: <circle cx="8" cy="8" r="3.8" />,
  stalled: [
    <path key="t" class="full" d="M8 1.800l6.6 11.800H1.400z" />,
    <path key="m" class="cut" d="M8 6v3.600M8 11.400v.2" />,
  ],
  gone: CROSS,
  killed: [RING, <g key="x">{CROSS}</g>],
  paused: [RING, <path key="p" d="M6.5 6v4M9.5 6v4" />],
  blocker: [
    <path
      key="o"
      class="full"
      d="M5.4 1.600h5.200l3.8 3.800v5.200l-3.8 3.800H5.400l-3.8-3.800V5.400z"
    />,
    <path key="b" class="cut" d="M4.8 8h6.4" />,
  ],
  error: [
    <path
      key="o"
      class="full"
      d="M5.4 1.600h5.200l3.8 3.800v5.200l-3.8 3.800H5.400l-3.8-3.800V5.400z"
    />,
    <path key="m" class="cut" d="M8 4.600v4M8 11v.2" />,
  ],
  conflict: <path d="M2.4 4.800h5.200l5.6 6.400M13.2 4.800H8.400M2.4 11.200h5.2" />,
  unmerged: <path d="M2.4 4.800h5.200l2.400 2.800M2.4 11.200h5.2M13 6v4" />,
  permission: [
    <circle key="k" cx="5" cy="8" r="3" />,
    <path key="b" d="M8 8h6.2M11.2 8v2.6M14 8v2" />,
  ],
  budget: [RING, <path key="c" d="M8 4.800V8l2.2 1.6" />],
  stuck: [RING, <path key="q" d="M8 4.800v3.800M8 10.800v.2" />],
  queued: <circle cx="8" cy="8" r="3.8" />,
  undelivered: <path d="M4.600 4.600l6.800 6.800M11.400 4.600l-6.800 6.800" />,
  offered: [
    <circle key="r" cx="8" cy="8" r="3.8" />,
    <path key="h" class="full" d="M8 4.200a3.8 3.8 0 0 1 0 7.600z" />,
  ],
  seen: <path d="M1.8 8.400l2.8 2.8 5-6M7.4 10.600l.6.6 5.6-6" />,
  lock: [
    <rect key="b" class="full" x="3" y="7" width="10" height="7" rx="1.6" />,
    <path key="s" d="M5.2 7V5a2.8 2.8 0 0 1 5.6 0v2" />,
  ],
  shared: [
    <rect key="b" x="3" y="7" width="10" height="6.6" rx="1.6" />,
    <path key="s" d="M5.2 7V5a2.8 2.8 0 0 1 5.6 0" />,
  ],
  folder: (
    <path d="M1.8 4.200a1 1 0 0 1 1-1h3.400l1.4 1.600h5.600a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1H2.800a1 1 0 0 1-1-1z" />
  ),
  file: <path d="M4 1.800h5l3.2 3.200v9.200H4zM8.8 2v3.200H12" />,
  architect: <path class="full" d="M8 2l6 6-6 6-6-6z" />,
  worker: <path d="M8 2l5.4 3v6L8 14l-5.4-3V5z" />,
  observer: [
    <path
      key="e"
      d="M1.6 8s2.4-4.2 6.4-4.200S14.4 8 14.4 8 12 12.2 8 12.2 1.6 8 1.6 8z"
    />,
    <circle key="p" class="full" cx="8" cy="8" r="1.8" />,
  ],
  operator: [
    <circle key="h" cx="8" cy="5.2" r="2.8" />,
    <path key="b" d="M2.8 14c.4-3 2.4-4.6 5.2-4.600s4.8 1.6 5.2 4.6" />,
  ],
};

const SAME: Readonly<Record<string, string>> = {
  review: "in_review",
  review_request: "in_review",
  older_copy: "error",
  waits: "permission",
};

export function Glyph({ of, label }: Props): VNode {
  const named = SAME[of] ?? of;
  const shape = SHAPES[named] ?? RING;
  return (
    <svg
      class={`glyph g-${named}`}
      viewBox="0 0 16 16"
      width="16"
      height="16"
      {...(label === undefined ? { "aria-hidden": "true" } : { role: "img", "aria-label": label })}
    >
      {shape}
    </svg>
  );
}

export const STATE_LABELS: Readonly<Record<State, string>> = {
  proposed: "Proposed",
  ready: "Ready",
  blocked: "Blocked",
  in_progress: "In progress",
  in_review: "In review",
  completed: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
};

export const STATE_ORDER: readonly State[] = [
  "proposed",
  "blocked",
  "ready",
  "in_progress",
  "in_review",
  "completed",
  "failed",
  "cancelled",
];

/** A state with its word. */
export function StateMark({ state }: { state: State }): VNode {
  return (
    <span class={`state g-${state}`}>
      <Glyph of={state} />
      {STATE_LABELS[state]}
    </span>
  );
}

export function priorityName(priority: number): string {
  if (priority <= 1) return "Critical";
  if (priority <= 3) return "High";
  if (priority <= 5) return "Normal";
  return "Low";
}

/** Priority as bars, more for what comes first. */
export function Priority({ value }: { value: number }): VNode {
  const name = priorityName(value);
  const lit = { Critical: 4, High: 3, Normal: 2, Low: 1 }[name] ?? 1;
  return (
    <svg
      class={`priority p-${name.toLowerCase()}`}
      viewBox="0 0 14 12"
      width="14"
      height="12"
      role="img"
      aria-label={`Priority ${value}, ${name}`}
    >
      <title>Priority {value}, {name}</title>
      {[0, 1, 2, 3].map((i) => (
        <rect
          key={i}
          class={i < lit ? "lit" : "dark"}
          x={i * 3.6}
          y={8 - i * 2.6}
          width="2.4"
          height={4 + i * 2.6}
          rx=".6"
        />
      ))}
    </svg>
  );
}
