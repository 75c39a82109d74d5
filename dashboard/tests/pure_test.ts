// The page's pure parts, without a browser: the stream's parser, the folding of the graph, the layout,
// the tree of locks, differences of texts.

/// <reference lib="deno.ns" />

import { assert, assertEquals } from "@std/assert";
import { Parser } from "../data/parser.ts";
import type { Tasks } from "../data/tasks.ts";
import type { Attempt, Lock, Status, TaskCard } from "../data/types.ts";
import { fold, MOST_NODES } from "../graph/fold.ts";
import { layoutOf } from "../graph/layout.ts";
import { NODE } from "../graph/plane.ts";
import { tookText } from "../ui/time.tsx";
import { fitted, zoomed } from "../graph/viewport.ts";
import { type Piece, piecesOf, placed } from "../data/lanes.ts";
import { needsOf, touchesStatus } from "../data/needs.ts";
import { diffLines } from "../ui/diff.tsx";
import { treeOf } from "../views/locks.tsx";

Deno.test("Parser: events that come in pieces, comments, several in one chunk", () => {
  const text =
    `: beat\n\nevent: hello\ndata: {"seq":4}\n\nid: 5\nevent: journal\ndata: {"seq":5}\n\n` +
    `event: journal\ndata: not json\n\n`;
  for (let size = 1; size < text.length; size += 7) {
    const parser = new Parser();
    const events = [];
    for (let at = 0; at < text.length; at += size) {
      events.push(...parser.push(text.slice(at, at + size)));
    }
    assertEquals(events.map(({ name }) => name), ["hello", "journal"]);
    assertEquals(events[1]?.data, { seq: 5 });
  }
});

function task(id: string, status: Status, more: Partial<TaskCard> = {}): TaskCard {
  return {
    id,
    title: id,
    status,
    ready: status === "pending",
    priority: 5,
    claimed_by: null,
    run: null,
    attempts: 0,
    updated_at: "",
    ...more,
  };
}

function tasksOf(cards: readonly TaskCard[], on: Record<string, string[]>): Tasks {
  return {
    loaded: true,
    truncated: false,
    refused: undefined,
    byId: new Map(cards.map((card) => [card.id, card])),
    on: new Map(Object.entries(on)),
    structure: 1,
  };
}

Deno.test("fold: done work becomes a mark on what it led to", () => {
  const tasks = tasksOf(
    [
      task("t1", "completed"),
      task("t2", "cancelled"),
      task("t3", "in_progress"),
      task("t4", "pending"),
    ],
    { t3: ["t1", "t2"], t4: ["t3"] },
  );
  const folded = fold(tasks, "", false);
  assertEquals(folded.shown.map(({ id }) => id), ["t3", "t4"]);
  assertEquals(folded.edges, [["t3", "t4"]]);
  assertEquals(folded.before.get("t3"), 2);
  assertEquals(folded.doneFolded, 2);
  assertEquals(fold(tasks, "", true).shown.length, 4);
  assertEquals(fold(tasks, "r9", true).shown.length, 0);
});

Deno.test("fold: beyond some hundred, what is near to being worked on stays", () => {
  const cards = Array.from(
    { length: 1_000 },
    (_, i) => task(`t${i}`, i === 999 ? "in_progress" : "pending", { ready: i < 10 }),
  );
  const folded = fold(tasksOf(cards, {}), "", false);
  assertEquals(folded.shown.length, MOST_NODES);
  assert(folded.shown.some(({ id }) => id === "t999"), "what is in progress is folded away");
  assert(folded.shown.some(({ id }) => id === "t3"), "what is ready is folded away");
  assertEquals(folded.laterFolded, 1_000 - MOST_NODES);
});

Deno.test("layoutOf: no two nodes overlap, edges go forward, loose ones stand apart", () => {
  const nodes = Array.from({ length: 40 }, (_, i) => `t${i}`);
  const edges = nodes.slice(1, 30).map((id, i) => [`t${Math.floor(i / 2)}`, id] as const);
  const { at, width, height } = layoutOf({ nodes, edges, direction: "LR" });
  for (const a of nodes) {
    const [ax, ay] = at[a] ?? [-1, -1];
    assert(ax >= 0 && ay >= 0 && ax + NODE.width <= width && ay + NODE.height <= height, a);
    for (const b of nodes) {
      const [bx, by] = at[b] ?? [-1, -1];
      const apart = Math.abs(ax - bx) >= NODE.width || Math.abs(ay - by) >= NODE.height;
      assert(a === b || apart, `${a} lies over ${b}`);
    }
  }
  for (const [from, to] of edges) {
    assert((at[from]?.[0] ?? 0) < (at[to]?.[0] ?? 0), `${from} ${to}`);
  }
});

Deno.test("viewport: a zoom keeps the point under the pointer, a fit shows all of it", () => {
  const camera = { x: 30, y: -20, scale: 0.8 };
  const next = zoomed(camera, 1.5, 200, 100);
  assertEquals((200 - camera.x) / camera.scale, (200 - next.x) / next.scale);
  assertEquals(fitted(400, 200, { width: 800, height: 600 }), { scale: 1, x: 200, y: 200 });
  const narrow = fitted(2_000, 1_000, { width: 400, height: 300 }, { x: 1_500, y: 24 });
  assertEquals(narrow, { scale: 0.8, x: -1_000, y: 0 });
  const wide = fitted(2_000, 1_000, { width: 1_000, height: 300 }, { x: 0, y: 24 });
  assertEquals(wide, { scale: 0.9, x: 0, y: 0 });
  const all = fitted(2_000, 1_000, { width: 400, height: 300 }, { x: 0, y: 0 }, 0.15);
  assertEquals(all, { scale: 0.2, x: 0, y: 50 });
});

Deno.test("diffLines: what was added and removed, and nothing else", () => {
  const signs = diffLines("a\nb\nc\nd", "a\nx\nc\nd\ne").map(({ sign, text }) => sign + text);
  assertEquals(signs, [" a", "-b", "+x", " c", " d", "+e"]);
  assertEquals(diffLines("same", "same").map(({ sign }) => sign), [" "]);
});

Deno.test("treeOf: locks by folder; a locked folder is a lock in its parent", () => {
  const lock = (path: string): Lock => ({
    path,
    mode: "exclusive",
    holder: "ben",
    since: "",
    age_s: 0,
    expires_in_s: 0,
    task: null,
  });
  const tree = treeOf([lock("src/a/x.ts"), lock("src/a/y.ts"), lock("src/b/"), lock("README.md")]);
  assertEquals(tree.locks.map(({ name }) => name), ["README.md"]);
  const src = tree.folders.get("src");
  assertEquals(src?.locks.map(({ name }) => name), ["b/"]);
  assertEquals(src?.folders.get("a")?.locks.length, 2);
});

Deno.test("needsOf: a review once, a file that three change once, what stands still first", () => {
  const since = "2026-01-01T00:00:00.000Z";
  const conflict = (text: string) => ({ kind: "conflict", subject: "a.ts", text, since });
  const needs = needsOf({
    peers: [],
    tasks: {},
    progress_percent: 0,
    run: null,
    leader: null,
    attention: [
      {
        kind: "review_request",
        subject: "m1",
        text: "skein: dan asks for a review of t3 (x)",
        since,
      },
      { kind: "review_request", subject: "m2", text: "dan: please look at the plan", since },
      { kind: "review", subject: "t3", text: "x", since },
      conflict("changed by ada and ben (one working tree)"),
      conflict("changed by ada and cleo (one working tree)"),
      conflict("changed by ben and cleo (one working tree)"),
      { kind: "unmerged", subject: "t4", text: "the run branch is checked out", since },
      { kind: "permission", subject: "dan", text: "waits", since },
    ],
  });
  assertEquals(needs.map(({ kind, subject }) => `${kind} ${subject}`), [
    "permission dan",
    "unmerged t4",
    "conflict a.ts",
    "review_request m2",
    "review t3",
  ]);
  assertEquals(needs[2]?.text, "changed by ada, ben, cleo (one working tree)");
});

const attempt = (id: number, more: Partial<Attempt>): Attempt => ({
  id,
  run: "r1",
  task: "t1",
  number: id,
  kind: "work",
  worker: "w1",
  state: "done",
  started_at: "2025-01-01T10:00:00Z",
  ended_at: "2025-01-01T10:10:00Z",
  turns: 1,
  tokens: 1,
  cost_usd: 0,
  ...more,
});

Deno.test("piecesOf: attempts, and the claims that no attempt tells of, by their beginning", () => {
  const span = { task: "t1", from: "2025-01-01T09:00:00Z", to: null, outcome: "working" };
  const pieces = piecesOf(
    { truncated: false, spans: [{ ...span, peer: "w1" }, { ...span, peer: "ada" }] },
    [
      attempt(1, { state: "failed", reason: "no tests" }),
      attempt(2, {
        state: "running",
        ended_at: null,
        orphaned: true,
      }),
    ],
  );
  assertEquals(
    pieces.map(({ peer, number, outcome, toMs, why }) => [peer, number, outcome.word, toMs, why]),
    [
      ["ada", null, "in progress", null, ""],
      ["w1", 1, "failed", Date.parse("2025-01-01T10:10:00Z"), "no tests"],
      ["w1", 2, "lost", null, ""],
    ],
  );
});

Deno.test("placed: nothing covers anything, nothing leaves its lane", () => {
  const piece = (fromMs: number, toMs: number | null): Piece => ({
    key: String(fromMs),
    peer: "w1",
    task: "t1",
    number: 1,
    outcome: { glyph: "completed", word: "done" },
    fromMs,
    toMs,
    why: "",
  });
  const bars = placed([piece(0, 1), piece(2, 3), piece(50, 60), piece(99, null)], 0, 100, 5);
  assertEquals(bars.map(({ left, width, row }) => [left, width, row]), [
    [0, 5, 0],
    [2, 5, 1],
    [50, 10, 0],
    [95, 5, 0],
  ]);
});

Deno.test("tookText: two units at most", () => {
  const texts = [0.04, 4.25, 9.99, 59.6, 61, 3_600, 3_725, 90_000].map(tookText);
  assertEquals(texts, [
    "0.0 s",
    "4.3 s",
    "10 s",
    "1 min",
    "1 min 1 s",
    "1 h",
    "1 h 2 min",
    "1 d 1 h",
  ]);
});

Deno.test("touchesStatus: what people do, not how far they are", () => {
  const row = (op: string, subject: string, detail: Record<string, unknown> = {}): boolean =>
    touchesStatus({ seq: 1, at: "", actor: "ben", op, subject, detail });
  assert(row("update_task", "task/t1", { action: "release", note: 5 }));
  assert(row("complete_task", "task/t1") && row("send", "message/m1"));
  assert(row("report_waiting", "peer/ben") && row("git", "peer/ben"));
  assert(!row("update_task", "task/t1", { progress: "half" }));
  assert(!row("update_task", "task/t1", { note: 5 }));
  assert(!row("note_attempt", "task/t1") && !row("lock_file", "lock/a.ts"));
});
