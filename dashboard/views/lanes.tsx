// Who did what when: a lane for each peer, a bar from claim to end for each task.

import type { VNode } from "preact";
import { titleOf } from "../data/tasks.ts";
import type { Span, Timeline } from "../data/types.ts";
import { href } from "../router.ts";
import { absoluteText, durationText } from "../ui/time.tsx";

const TICKS = 5;
/** A bar narrower than this could not be hit. */
const LEAST_PERCENT = 0.6;

interface Frame {
  readonly fromMs: number;
  readonly toMs: number;
}

function frameOf(spans: readonly Span[]): Frame {
  const starts = spans.map(({ from }) => Date.parse(from));
  const ends = spans.map(({ to }) => to === null ? Date.now() : Date.parse(to));
  const fromMs = Math.min(...starts);
  const toMs = Math.max(...ends, fromMs + 1_000);
  return { fromMs, toMs };
}

export function Lanes({ timeline }: { timeline: Timeline }): VNode {
  const { spans } = timeline;
  if (spans.length === 0) return <p class="dim">Nobody has claimed a task of this run yet.</p>;
  const frame = frameOf(spans);
  const peers = [...new Set(spans.map(({ peer }) => peer))].sort();
  return (
    <div class="lanes">
      <Axis frame={frame} />
      {peers.map((peer) => (
        <div key={peer} class="lane">
          <a class="lane-name" href={href(["peers", peer])}>{peer}</a>
          <ul class="lane-track" aria-label={`Tasks of ${peer}`}>
            {spans.filter((span) => span.peer === peer).map((span) => (
              <Bar key={`${span.task} ${span.from}`} span={span} frame={frame} />
            ))}
          </ul>
        </div>
      ))}
    </div>
  );
}

function Axis({ frame }: { frame: Frame }): VNode {
  const length = frame.toMs - frame.fromMs;
  const sameDay = length < 86_400_000;
  return (
    <div class="lane axis" aria-hidden="true">
      <span class="lane-name" />
      <span class="lane-track">
        {Array.from({ length: TICKS }, (_, i) => {
          const date = new Date(frame.fromMs + (length * i) / (TICKS - 1));
          const text = sameDay
            ? date.toLocaleTimeString(undefined, {
              hour: "2-digit",
              minute: "2-digit",
              ...(length < 600_000 ? { second: "2-digit" } : {}),
              hour12: false,
            })
            : date.toLocaleDateString(undefined, { month: "short", day: "numeric" });
          return (
            <span
              key={i}
              class={i === 0 ? "tick first" : i === TICKS - 1 ? "tick last" : "tick"}
              style={{ left: `${(i / (TICKS - 1)) * 100}%` }}
            >
              {text}
            </span>
          );
        })}
      </span>
    </div>
  );
}

/** How a claim ended, as a class and as a word. */
const OUTCOMES: Readonly<Record<string, string>> = {
  completed: "completed",
  failed: "failed",
  review: "review",
  released: "released",
  lost: "lost",
};

function Bar({ span, frame }: { span: Span; frame: Frame }): VNode {
  const length = frame.toMs - frame.fromMs;
  const from = Date.parse(span.from);
  const to = span.to === null ? Date.now() : Date.parse(span.to);
  const left = ((from - frame.fromMs) / length) * 100;
  const width = Math.max(LEAST_PERCENT, ((to - from) / length) * 100);
  const outcome = span.to === null ? "in_progress" : OUTCOMES[span.outcome] ?? span.outcome;
  const title = titleOf(span.task) ?? "";
  const text = `${span.task} ${title}: ${outcome.replace("_", " ")}, ` +
    `${durationText((to - from) / 1_000)}, from ${absoluteText(span.from)}`;
  return (
    <li style={{ left: `${left}%`, width: `${Math.min(width, 100 - left)}%` }}>
      <a
        class={`bar-span o-${outcome}`}
        href={href(["tasks", span.task])}
        title={text}
        aria-label={text}
      >
        <span>{span.task}</span>
      </a>
    </li>
  );
}
