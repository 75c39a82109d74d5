// Who did what when: a lane for each peer, a bar from beginning to end for each attempt or claim. How it
// ended is a mark and a word, not only a colour.

import type { VNode } from "preact";
import { type Outcome, type Piece, type Placed, placed } from "../data/lanes.ts";
import { titleOf } from "../data/tasks.ts";
import { href } from "../router.ts";
import { Glyph } from "../ui/glyph.tsx";
import { absoluteText, tookText, useNow } from "../ui/time.tsx";

const TICKS = 5;
const NARROW_PX = 700;
/** A bar has to hold its mark, in percent of the lane: the lane is short where the page is narrow. */
const LEAST_PERCENT = { wide: 3, narrow: 10 } as const;

interface Frame {
  readonly fromMs: number;
  readonly toMs: number;
}

function frameOf(pieces: readonly Piece[], nowMs: number): Frame {
  const fromMs = Math.min(...pieces.map((piece) => piece.fromMs));
  const toMs = Math.max(...pieces.map((piece) => piece.toMs ?? nowMs), fromMs + 1_000);
  return { fromMs, toMs };
}

export function Lanes({ pieces }: { pieces: readonly Piece[] }): VNode {
  const nowMs = useNow();
  if (pieces.length === 0) return <p class="dim">Nobody has begun a task of this run yet.</p>;
  const frame = frameOf(pieces, nowMs);
  const peers = [...new Set(pieces.map(({ peer }) => peer))].sort();
  return (
    <>
      <div class="lanes">
        <Axis frame={frame} />
        {peers.map((peer) => <Lane key={peer} peer={peer} pieces={pieces} frame={frame} />)}
      </div>
      <Legend pieces={pieces} />
    </>
  );
}

function Lane({ peer, pieces, frame }: {
  peer: string;
  pieces: readonly Piece[];
  frame: Frame;
}): VNode {
  const own = pieces.filter((piece) => piece.peer === peer);
  const least = innerWidth < NARROW_PX ? LEAST_PERCENT.narrow : LEAST_PERCENT.wide;
  const bars = placed(own, frame.fromMs, frame.toMs, least);
  const rows = Math.max(...bars.map(({ row }) => row)) + 1;
  return (
    <div class="lane">
      <a class="lane-name" href={href(["peers", peer])} title={peer}>{peer}</a>
      <ul
        class="lane-track"
        aria-label={`Work of ${peer}`}
        style={{ height: `${rows * 27 - 3}px` }}
      >
        {bars.map((bar) => <Bar key={bar.piece.key} bar={bar} toMs={frame.toMs} />)}
      </ul>
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

function Bar({ bar, toMs }: { bar: Placed; toMs: number }): VNode {
  const { piece, left, width, row } = bar;
  const { task, number, outcome, fromMs, why } = piece;
  const took = tookText(((piece.toMs ?? toMs) - fromMs) / 1_000);
  const name = number === null ? task : `${task} #${number}`;
  const which = number === null ? "" : `attempt ${number} of ${piece.peer}, `;
  const more = `${titleOf(task) ?? ""}: ${which}${outcome.word}` +
    `, from ${absoluteText(new Date(fromMs).toISOString())}${why === "" ? "" : `. ${why}`}`;
  return (
    <li style={{ left: `${left}%`, width: `${width}%`, top: `${row * 27}px` }}>
      <a
        class={`bar-span o-${outcome.glyph}${piece.toMs === null ? " open" : ""}`}
        href={href(["tasks", task])}
        title={`${name} ${took} ${more}`}
      >
        <Glyph of={outcome.glyph} />
        <span class="name">{name}</span>
        <span class="took">{took}</span>
        <span class="sr">{more}</span>
      </a>
    </li>
  );
}

function Legend({ pieces }: { pieces: readonly Piece[] }): VNode {
  const outcomes = new Map<string, Outcome>(
    pieces.map(({ outcome }) => [outcome.word, outcome]),
  );
  return (
    <ul class="legend flat lanes-legend" aria-label="How it ended">
      {[...outcomes.values()].map(({ glyph, word }) => (
        <li key={word}>
          <Glyph of={glyph} />
          {word}
        </li>
      ))}
    </ul>
  );
}
