// Where the nodes of the task graph stand: dagre's layered layout over plain data, so that it can run
// in a Worker. Nothing imports this at the start: dagre is a third of all the page's code.

import dagre from "@dagrejs/dagre";
import { type Layout, type LayoutWish, NODE } from "./plane.ts";

const MARGIN = 28;
/** Nodes without any edge are put into a block of rows beside the graph: layers say nothing of them. */
const LOOSE_COLUMNS = 4;
const GAP = 16;

/** Lays out; the time grows with nodes times edges, so the caller folds beyond some hundred. */
export function layoutOf(wish: LayoutWish): Layout {
  const tied = new Set(wish.edges.flat());
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({
    rankdir: wish.direction,
    nodesep: 14,
    ranksep: 44,
    marginx: MARGIN,
    marginy: MARGIN,
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of wish.nodes) if (tied.has(id)) graph.setNode(id, { ...NODE });
  for (const [from, to] of wish.edges) graph.setEdge(from, to);
  const at: Record<string, readonly [number, number]> = {};
  let width = MARGIN;
  let height = MARGIN;
  if (tied.size > 0) {
    dagre.layout(graph);
    for (const id of graph.nodes()) {
      const { x, y } = graph.node(id) as { x: number; y: number };
      at[id] = [Math.round(x - NODE.width / 2), Math.round(y - NODE.height / 2)];
      width = Math.max(width, x + NODE.width / 2 + MARGIN);
      height = Math.max(height, y + NODE.height / 2 + MARGIN);
    }
  }
  const paths = graph.edges().map(({ v, w }) => {
    const { points } = graph.edge(v, w) as { points: readonly Point[] };
    const ends = [port(at[v], wish.direction, true), port(at[w], wish.direction, false)] as const;
    return { from: v, to: w, d: curve([ends[0], ...points.slice(1, -1), ends[1]], wish.direction) };
  });
  const loose = wish.nodes.filter((id) => !tied.has(id));
  const columns = wish.direction === "LR" ? LOOSE_COLUMNS : 1;
  const top = tied.size > 0 ? height : MARGIN;
  for (const [i, id] of loose.entries()) {
    const x = MARGIN + (i % columns) * (NODE.width + GAP);
    const y = top + Math.floor(i / columns) * (NODE.height + GAP);
    at[id] = [x, y];
    width = Math.max(width, x + NODE.width + MARGIN);
    height = Math.max(height, y + NODE.height + MARGIN);
  }
  const { direction } = wish;
  return { at, paths, width: Math.ceil(width), height: Math.ceil(height), direction };
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where edges leave a node, or arrive: the middle of the side that the layers go to. */
function port(
  corner: readonly [number, number] | undefined,
  direction: "LR" | "TB",
  leaving: boolean,
): Point {
  const [x, y] = corner ?? [0, 0];
  return direction === "LR"
    ? { x: leaving ? x + NODE.width : x, y: y + NODE.height / 2 }
    : { x: x + NODE.width / 2, y: leaving ? y + NODE.height : y };
}

/** A smooth line through dagre's points, leaving and arriving along the direction of the layers. */
function curve(points: readonly Point[], direction: "LR" | "TB"): string {
  const [first, ...rest] = points;
  if (first === undefined) return "";
  let d = `M${round(first.x)} ${round(first.y)}`;
  let from = first;
  for (const to of rest) {
    const mx = round((from.x + to.x) / 2);
    const my = round((from.y + to.y) / 2);
    d += direction === "LR"
      ? `C${mx} ${round(from.y)} ${mx} ${round(to.y)} ${round(to.x)} ${round(to.y)}`
      : `C${round(from.x)} ${my} ${round(to.x)} ${my} ${round(to.x)} ${round(to.y)}`;
    from = to;
  }
  return d;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
