// Who worked on what when, of two sources: the attempts of worker processes, and the claims of whoever
// else worked on a task. A worker claims what it tries, so a claim that attempts tell of is left out. Pure.

import type { Attempt, Timeline } from "./types.ts";

/** How something ended, or stands: the mark that is drawn, and the word. */
export interface Outcome {
  readonly glyph: string;
  readonly word: string;
}

/** One stretch of work. */
export interface Piece {
  readonly key: string;
  readonly peer: string;
  readonly task: string;
  /** Counted from 1 for each task; null for a claim. */
  readonly number: number | null;
  readonly outcome: Outcome;
  /** Milliseconds since 1970; `toMs` is null while it goes on. */
  readonly fromMs: number;
  readonly toMs: number | null;
  /** Why it ended so; empty if nobody said. */
  readonly why: string;
}

const ATTEMPTS: Readonly<Record<string, Outcome>> = {
  running: { glyph: "in_progress", word: "running" },
  done: { glyph: "completed", word: "done" },
  failed: { glyph: "failed", word: "failed" },
  conflict: { glyph: "conflict", word: "merge conflict" },
  limited: { glyph: "budget", word: "limit reached" },
  stopped: { glyph: "cancelled", word: "stopped" },
  review: { glyph: "in_review", word: "in review" },
  waiting: { glyph: "unmerged", word: "not merged yet" },
  lost: { glyph: "gone", word: "lost" },
};

const CLAIMS: Readonly<Record<string, Outcome>> = {
  working: { glyph: "in_progress", word: "in progress" },
  completed: { glyph: "completed", word: "completed" },
  failed: { glyph: "failed", word: "failed" },
  review: { glyph: "in_review", word: "handed in for review" },
  released: { glyph: "cancelled", word: "released" },
  lost: { glyph: "gone", word: "lost" },
};

function named(outcomes: Readonly<Record<string, Outcome>>, key: string): Outcome {
  return outcomes[key] ?? { glyph: "blocked", word: key };
}

/** How an attempt stands: one whose process is gone is lost, though nobody has ended it yet. */
export function outcomeOf(attempt: Pick<Attempt, "state" | "orphaned">): Outcome {
  return named(ATTEMPTS, attempt.orphaned === true ? "lost" : attempt.state);
}

export function isRunning(attempt: Pick<Attempt, "state" | "orphaned">): boolean {
  return attempt.state === "running" && attempt.orphaned !== true;
}

/** Everything that was done, by its beginning. */
export function piecesOf(timeline: Timeline, attempts: readonly Attempt[]): Piece[] {
  const tried = new Set(attempts.map(({ worker, task }) => `${worker} ${task}`));
  const claims = timeline.spans.filter(({ peer, task }) => !tried.has(`${peer} ${task}`));
  return [
    ...attempts.map((one) => ({
      key: `a${one.id}`,
      peer: one.worker,
      task: one.task,
      number: one.number,
      outcome: outcomeOf(one),
      fromMs: Date.parse(one.started_at),
      toMs: one.ended_at === null ? null : Date.parse(one.ended_at),
      why: one.reason ?? "",
    })),
    ...claims.map(({ peer, task, from, to, outcome }) => ({
      key: `${task} ${from}`,
      peer,
      task,
      number: null,
      outcome: named(CLAIMS, to === null ? "working" : outcome),
      fromMs: Date.parse(from),
      toMs: to === null ? null : Date.parse(to),
      why: "",
    })),
  ].sort((a, b) => a.fromMs - b.fromMs || (a.key < b.key ? -1 : 1));
}

/** A piece's place in its lane, in percent of the lane's length. */
export interface Placed {
  readonly piece: Piece;
  readonly left: number;
  readonly width: number;
  /** Counted from 0: what would cover each other stands below each other. */
  readonly row: number;
}

/**
 * Places the pieces of one lane between two times.
 * @param least the width in percent below which a piece could neither be read nor hit
 */
export function placed(
  pieces: readonly Piece[],
  fromMs: number,
  toMs: number,
  least: number,
): Placed[] {
  const percent = 100 / Math.max(1, toMs - fromMs);
  const ends: number[] = [];
  return pieces.map((piece) => {
    const begin = (piece.fromMs - fromMs) * percent;
    const width = Math.max(least, ((piece.toMs ?? toMs) - piece.fromMs) * percent);
    const left = Math.max(0, Math.min(begin, 100 - width));
    const free = ends.findIndex((end) => end <= left);
    const row = free < 0 ? ends.length : free;
    ends[row] = left + width;
    return { piece, left, width: Math.min(width, 100), row };
  });
}
