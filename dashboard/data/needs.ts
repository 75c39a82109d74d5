// What needs somebody, as people count it: each thing once. Pure.

import type { AttentionItem, JournalRow, StatusAnswer } from "./types.ts";

/** The peers an item is about, also when the answer does not name them. */
export function peersOf({ peers, kind, subject, text }: AttentionItem): readonly string[] {
  if (peers !== undefined && peers.length > 0) return peers;
  if (["stalled", "paused", "budget", "permission"].includes(kind)) return [subject];
  if (kind === "conflict") {
    const found = /changed by (\S+) and (\S+)/.exec(text);
    return found === null ? [] : [found[1] ?? "", found[2] ?? ""];
  }
  if (["blocker", "error", "review_request"].includes(kind)) return [text.split(": ")[0] ?? ""];
  return [];
}

/** Where somebody stands still comes first, then what went wrong, then what can wait. */
const ORDER = [
  "blocker",
  "permission",
  "error",
  "stalled",
  "failed",
  "stuck",
  "unmerged",
  "conflict",
  "older_copy",
  "review_request",
  "review",
  "plan",
  "proposed",
  "paused",
  "budget",
];

function rank({ kind }: AttentionItem): number {
  const at = ORDER.indexOf(kind);
  return at < 0 ? 0 : at;
}

/**
 * The message that asks for a review says what the task in review says itself; files that several
 * change are one thing, not one for each pair.
 */
export function needsOf(status: StatusAnswer | undefined): readonly AttentionItem[] {
  const items = status?.attention ?? [];
  const reviews = items.filter(({ kind }) => kind === "review").map(({ subject }) => subject);
  const conflicts = new Map<string, AttentionItem>();
  const needs: AttentionItem[] = [];
  for (const item of items) {
    if (item.kind === "review_request") {
      const said = reviews.some((id) => item.task === id || item.text.includes(`review of ${id} `));
      if (!said) needs.push(item);
    } else if (item.kind === "conflict") conflicts.set(item.subject, joined(conflicts, item));
    else needs.push(item);
  }
  return [...needs, ...conflicts.values()].sort((a, b) => rank(a) - rank(b));
}

function joined(conflicts: ReadonlyMap<string, AttentionItem>, item: AttentionItem): AttentionItem {
  const before = conflicts.get(item.subject);
  if (before === undefined) return { ...item, peers: [...peersOf(item)].sort() };
  const peers = [...new Set([...peersOf(before), ...peersOf(item)])].sort();
  const tree = item.text.includes("one working tree") ? " (one working tree)" : "";
  const since = before.since < item.since ? before.since : item.since;
  return { ...before, peers, since, text: `changed by ${peers.join(", ")}${tree}` };
}

const STATUS_OF = new Set(["task", "peer", "message", "home", "run"]);

/**
 * Whether a row may change the status. How far a task is changes nothing in it, and is the most
 * frequent of all acts; the status of a large flock is the dearest of all reads.
 */
export function touchesStatus({ op, subject, detail }: JournalRow): boolean {
  if (!STATUS_OF.has(subject.slice(0, subject.indexOf("/")))) return false;
  if (op === "note_attempt") return false;
  return op !== "update_task" || detail?.["action"] !== undefined;
}
