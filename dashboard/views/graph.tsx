// The task graph: what waits for what, live. The layout changes only when tasks come, go or end; a
// change of state only changes a node.

import type { VNode } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Tasks } from "../data/tasks.ts";
import { type State, stateOf, type TaskCard } from "../data/types.ts";
import { fold, type Folded } from "../graph/fold.ts";
import { type Layout, NODE } from "../graph/plane.ts";
import { type Camera, useViewport } from "../graph/viewport.ts";
import { layout as ask } from "../graph/worker.ts";
import { memo } from "../ui/memo.ts";
import { href, refine } from "../router.ts";
import { Glyph, STATE_LABELS, STATE_ORDER } from "../ui/glyph.tsx";
import { Button, Empty, Unloaded } from "../ui/parts.tsx";
import { letters } from "../keys.ts";
import { createTask } from "../acts/tasks.ts";

const NARROW_PX = 700;
const NONE: Layout = { at: {}, paths: [], width: 0, height: 0, direction: "LR" };

/** A layout, null if none can be had, and what of the tasks it shows. */
interface Found {
  readonly layout: Layout | null;
  readonly scope: string;
}

/** The layout of what is shown, once it is there, the one before until then. */
function useLayout(folded: Folded, shape: string, scope: string): Found {
  const [found, setFound] = useState<Found>({ layout: NONE, scope: "" });
  useEffect(() => {
    let late = false;
    const direction = innerWidth < NARROW_PX ? "TB" : "LR";
    const take = (layout: Layout | null): void => {
      if (!late) setFound({ layout, scope });
    };
    ask({ nodes: folded.shown.map(({ id }) => id), edges: folded.edges, direction })
      .then(take, () => take(null));
    return () => {
      late = true;
    };
  }, [shape]);
  return found;
}

export function GraphView({ tasks, run, withDone }: {
  tasks: Tasks;
  run: string;
  withDone: boolean;
}): VNode {
  const folded = useMemo(() => fold(tasks, run, withDone), [tasks, run, withDone]);
  const shape = useMemo(
    () => `${folded.shown.map(({ id }) => id).join()};${folded.edges.join()}`,
    [folded],
  );
  // The camera is set anew for another part of the tasks, and not by what comes and goes in it.
  const found = useLayout(folded, shape, `${run} ${withDone}`);
  const layout = found.layout ?? NONE;
  const { box, camera, zoom, fit } = useViewport(
    layout.width,
    layout.height,
    useMemo(() => startOf(layout), [layout]),
    found.scope,
  );
  const onKey = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || !letters.value) return;
    if (event.key === "+" || event.key === "=") zoom(1);
    else if (event.key === "-") zoom(-1);
    else if (event.key === "0") fit();
  };
  useEffect(() => {
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  });
  return (
    <div class="graph-frame">
      <div
        ref={box}
        class="graph"
        role="group"
        aria-label="Graph of tasks, each a link; what it waits for is in its description, and in the table"
      >
        <Plane folded={folded} layout={layout} tasks={tasks} camera={camera} />
        {folded.shown.length === 0 && <NothingOpen folded={folded} />}
        {found.layout === null && <Unloaded what="The graph" />}
      </div>
      <div class="graph-tools" role="toolbar" aria-label="Zoom">
        <Button icon="plus" label="Zoom in (+)" onClick={() => zoom(1)} />
        <Button icon="minus" label="Zoom out (-)" onClick={() => zoom(-1)} />
        <Button icon="fit" label="Show all (0)" onClick={fit} />
      </div>
      <FoldNote folded={folded} withDone={withDone} />
    </div>
  );
}

/** What the camera looks at; what is near to the node under the pointer or the focus is lit. */
function Plane({ folded, layout, tasks, camera }: {
  folded: Folded;
  layout: Layout;
  tasks: Tasks;
  camera: Camera;
}): VNode {
  const [lit, setLit] = useState("");
  const near = useMemo(() => neighbours(folded, lit), [folded, lit]);
  return (
    <div
      class={lit === "" ? "graph-plane" : "graph-plane lighting"}
      style={{
        width: `${layout.width}px`,
        height: `${layout.height}px`,
        transform: `translate(${camera.x}px, ${camera.y}px) scale(${camera.scale})`,
      }}
    >
      <Edges layout={layout} tasks={tasks} lit={lit} />
      <Ties folded={folded} tasks={tasks} />
      {folded.shown.map((task) => {
        const at = layout.at[task.id];
        return at === undefined ? null : (
          <Node
            key={task.id}
            task={task}
            x={at[0]}
            y={at[1]}
            before={folded.before.get(task.id) ?? 0}
            after={folded.after.get(task.id) ?? 0}
            near={near.has(task.id)}
            light={setLit}
          />
        );
      })}
    </div>
  );
}

/** The edges again, for whoever sees none: each node is described by its own. */
const Ties = memo(function Ties({ folded, tasks }: { folded: Folded; tasks: Tasks }): VNode {
  const next = new Map<string, string[]>();
  for (const [from, to] of folded.edges) next.set(from, [...next.get(from) ?? [], to]);
  return (
    <div hidden>
      {folded.shown.map(({ id }) => (
        <span key={id} id={`ties-${id}`}>{tiesOf(tasks, id, next.get(id) ?? [])}</span>
      ))}
    </div>
  );
});

function tiesOf({ on, byId }: Tasks, id: string, next: readonly string[]): string {
  const before = (on.get(id) ?? []).map((other) => {
    const task = byId.get(other);
    return task === undefined ? other : `${other} ${task.title}, ${STATE_LABELS[stateOf(task)]}`;
  });
  const waits = `Waits for ${before.length === 0 ? "nothing" : before.join("; ")}.`;
  if (next.length === 0) return waits;
  return `${waits} ${next.join(", ")} ${next.length === 1 ? "waits" : "wait"} for it.`;
}

/** The middle of the node where the layers begin. */
function startOf({ at, direction }: Layout): { x: number; y: number } {
  const [along, across] = direction === "TB" ? [1, 0] as const : [0, 1] as const;
  let first: readonly [number, number] | undefined;
  for (const corner of Object.values(at)) {
    const before = first === undefined ? -1 : corner[along] - first[along];
    if (first === undefined || before < 0) first = corner;
    else if (before === 0 && corner[across] < first[across]) first = corner;
  }
  const [x, y] = first ?? [0, 0];
  return { x: x + NODE.width / 2, y: y + NODE.height / 2 };
}

function neighbours({ edges }: Folded, id: string): ReadonlySet<string> {
  if (id === "") return new Set();
  const near = new Set([id]);
  for (const [from, to] of edges) {
    if (from === id) near.add(to);
    if (to === id) near.add(from);
  }
  return near;
}

const Edges = memo(function Edges({ layout, tasks, lit }: {
  layout: Layout;
  tasks: Tasks;
  lit: string;
}): VNode {
  return (
    <svg class="edges" width={layout.width} height={layout.height} aria-hidden="true">
      {layout.paths.map(({ from, to, d }) => {
        const state = tasks.byId.get(from);
        const done = state !== undefined && stateOf(state) === "completed";
        const on = lit !== "" && (from === lit || to === lit);
        return (
          <path
            key={`${from} ${to}`}
            class={[done ? "done" : "open", on ? "lit" : ""].join(" ")}
            d={d}
          />
        );
      })}
    </svg>
  );
});

interface NodeProps {
  readonly task: TaskCard;
  readonly x: number;
  readonly y: number;
  readonly before: number;
  readonly after: number;
  readonly near: boolean;
  light(id: string): void;
}

const Node = memo(function Node(props: NodeProps): VNode {
  const { task, x, y, before, after, near, light } = props;
  const state: State = stateOf(task);
  const who = task.claimed_by ?? task.assigned_to ?? null;
  return (
    <a
      class={`node n-${state}${near ? " near" : ""}`}
      href={href(["tasks", task.id])}
      data-row
      aria-describedby={`ties-${task.id}`}
      style={{ transform: `translate(${x}px, ${y}px)`, width: `${NODE.width}px` }}
      title={`${task.id} ${task.title}`}
      draggable={false}
      onPointerEnter={() => light(task.id)}
      onPointerLeave={() => light("")}
      onFocus={() => light(task.id)}
      onBlur={() => light("")}
    >
      <Glyph of={state} label={STATE_LABELS[state]} />
      <span class="node-title">{task.title}</span>
      <span class="node-foot">
        <span class="id">{task.id}</span>
        <span class="node-state">{STATE_LABELS[state]}</span>
        {who !== null && <span class="node-who">{who}</span>}
      </span>
      {before > 0 && (
        <span class="fold before" title={`${before} done before it`}>
          <span class="sr">{before} done before it</span>
          <span aria-hidden="true">{before}</span>
        </span>
      )}
      {after > 0 && (
        <span class="fold after" title={`${after} more wait for it`}>
          <span class="sr">{after} more wait for it</span>
          <span aria-hidden="true">+{after}</span>
        </span>
      )}
    </a>
  );
});

function NothingOpen({ folded }: { folded: Folded }): VNode {
  return (
    <Empty title={folded.doneFolded > 0 ? "All work is done." : "No tasks yet."}>
      {folded.doneFolded > 0
        ? (
          <button type="button" class="link" onClick={() => refine({ done: "1" })}>
            Show the {folded.doneFolded} done tasks
          </button>
        )
        : (
          <>
            <button type="button" class="link" onClick={() => createTask()}>
              Create the first
            </button>
            {", or ask the architect for a plan."}
          </>
        )}
    </Empty>
  );
}

function FoldNote({ folded, withDone }: { folded: Folded; withDone: boolean }): VNode {
  return (
    <div class="graph-note">
      <ul class="legend flat">
        {STATE_ORDER.filter((state) => folded.shown.some((task) => stateOf(task) === state))
          .map((state) => (
            <li key={state}>
              <Glyph of={state} />
              {STATE_LABELS[state]}
            </li>
          ))}
      </ul>
      {folded.doneFolded > 0 && !withDone && (
        <Button small onClick={() => refine({ done: "1" })}>Show {folded.doneFolded} done</Button>
      )}
      {withDone && (
        <Button small onClick={() => refine({ done: undefined })}>
          Fold done work
        </Button>
      )}
      {folded.laterFolded > 0 && (
        <span class="dim">{folded.laterFolded.toLocaleString()} later tasks are folded</span>
      )}
    </div>
  );
}
