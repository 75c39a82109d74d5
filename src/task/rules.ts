// What may happen to a task and in which order. Pure.

import { LIMITS } from "../core/limits.ts";

export const STATUSES = [
  "proposed",
  "pending",
  "in_progress",
  "in_review",
  "completed",
  "failed",
  "cancelled",
] as const;

export type Status = typeof STATUSES[number];

/** What a peer can do to a task with `update_task`, besides writing notes. */
export const ACTIONS = [
  "release",
  "fail",
  "cancel",
  "retry",
  "request_review",
  "assign",
  "accept",
] as const;

export type Action = typeof ACTIONS[number];

/** From which states an action starts, and where it leads; null: the state stays. */
const TRANSITIONS: Readonly<Record<Action, { from: readonly Status[]; to: Status | null }>> = {
  release: { from: ["in_progress", "in_review"], to: "pending" },
  fail: { from: ["in_progress", "in_review"], to: "pending" },
  cancel: { from: ["proposed", "pending", "in_progress", "in_review", "failed"], to: "cancelled" },
  retry: { from: ["failed", "cancelled", "pending"], to: "pending" },
  request_review: { from: ["in_progress"], to: "in_review" },
  assign: { from: ["proposed", "pending", "in_progress", "in_review"], to: null },
  accept: { from: ["proposed"], to: "pending" },
};

/** Why an action cannot start from a state; null if it can. */
export function transitionFault(action: Action, status: Status): string | null {
  const { from } = TRANSITIONS[action];
  if (from.includes(status)) return null;
  return `${action} needs a task that is ${from.join(" or ")}; this one is ${status}`;
}

/** Who looks at tasks, and when. */
export interface Viewer {
  /** Seconds since boot. */
  readonly upS: number;
  /** Whoever might claim one; null for the human, who sees what is ready for anybody. */
  readonly peer: string | null;
}

/** What `ready` is derived from. */
export interface Pending {
  readonly status: Status;
  readonly open_deps: number;
  readonly not_before_s: number;
  readonly assigned_to: string;
}

/** Whether who looks could claim a task now: nothing blocks or delays it, and it is meant for nobody else. */
export function isReady(task: Pending, { upS, peer }: Viewer): boolean {
  return task.status === "pending" && task.open_deps === 0 && task.not_before_s <= upS &&
    (peer === null || task.assigned_to === "" || task.assigned_to === peer);
}

export function isBlocked(task: { status: Status; openDeps: number }): boolean {
  return task.status === "pending" && task.openDeps > 0;
}

const PRIORITY_NAMES: Readonly<Record<string, number>> = {
  critical: 1,
  high: 3,
  normal: 5,
  medium: 5,
  low: 8,
};

/** A priority as a number from 1 (first) to 10, from a number, a numeric string or a name. */
export function priorityOf(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const named = value.trim().toLowerCase();
  if (Object.hasOwn(PRIORITY_NAMES, named)) return PRIORITY_NAMES[named];
  return /^\d+$/.test(value.trim()) ? Number(value) : value;
}

/** Seconds before a failed task may be tried again. `attempts` counts the failed one. */
export function retryDelayS(attempts: number): number {
  return Math.min(LIMITS.retryDelayMaxS, LIMITS.retryDelayS * 2 ** Math.max(0, attempts - 1));
}

/**
 * A cycle among the tasks of one batch, as the keys along it with the first one repeated at the
 * end; null if there is none. Edges that leave the batch cannot be part of a cycle.
 */
export function findCycle(edges: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  for (const start of edges.keys()) {
    const path: string[] = [];
    const onPath = new Set<string>();
    const iterators: Iterator<string>[] = [];
    let next: string | null = done.has(start) ? null : start;
    while (next !== null || iterators.length > 0) {
      if (next !== null) {
        if (onPath.has(next)) return [...path.slice(path.indexOf(next)), next];
        path.push(next);
        onPath.add(next);
        iterators.push((edges.get(next) ?? []).values());
      }
      const step = iterators.at(-1)?.next();
      next = null;
      if (step === undefined || step.done === true) {
        iterators.pop();
        const left = path.pop();
        if (left !== undefined) {
          onPath.delete(left);
          done.add(left);
        }
      } else if (edges.has(step.value) && !done.has(step.value)) {
        next = step.value;
      }
    }
  }
  return null;
}

const HINTS = "Hints: ";

/** A description with hints for whoever does the task: they are its last part. */
export function withHints(description: string, hints: string): string {
  if (hints.trim() === "") return description;
  return [description, `${HINTS}${hints}`].filter((part) => part !== "").join("\n\n");
}

/** A description without its hints, and the hints. */
export function splitHints(text: string): { description: string; hints: string } {
  if (text.startsWith(HINTS)) return { description: "", hints: text.slice(HINTS.length) };
  const at = text.indexOf(`\n\n${HINTS}`);
  if (at < 0) return { description: text, hints: "" };
  return { description: text.slice(0, at), hints: text.slice(at + 2 + HINTS.length) };
}

/** The first value that stands twice in a list. */
export function firstDuplicate(values: readonly string[]): string | null {
  const seen = new Set<string>();
  for (const value of values) {
    if (seen.has(value)) return value;
    seen.add(value);
  }
  return null;
}
