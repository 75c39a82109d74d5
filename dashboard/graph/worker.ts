// The layout runs in a Worker: two hundred nodes take dagre longer than a frame, and the page goes on
// meanwhile. The Worker is the page's own script, which finds no document there and then loads the
// layout alone; without a Worker the layout runs here.

import { connection } from "../data/events.ts";
import { needed } from "../needed.ts";
import type { Layout, LayoutWish } from "./plane.ts";

interface Asked {
  readonly id: number;
  readonly wish: LayoutWish;
  /** Of the layout. */
  readonly files: readonly string[];
}

interface Answered {
  readonly id: number;
  readonly layout: Layout;
}

const layouts = needed("layout", () => import("./layout.ts"));

/** The Worker's side. */
export function serveLayouts(): void {
  const scope = globalThis as unknown as {
    onmessage: (event: MessageEvent<Asked>) => void;
    postMessage(answer: Answered): void;
  };
  scope.onmessage = ({ data }) => {
    layouts.load(data.files).then(({ layoutOf }) => {
      scope.postMessage({ id: data.id, layout: layoutOf(data.wish) });
    }, () => {
      // Not answered in time: the page's side does it itself, and says why if it cannot.
    });
  };
}

let worker: Worker | null | undefined;
let last = 0;
const waiting = new Map<number, (layout: Layout) => void>();

function theWorker(): Worker | null {
  if (worker !== undefined) return worker;
  // Its script comes from whoever has the port.
  if (connection.value.state !== "live") return null;
  try {
    const made = new Worker("/app.js", { type: "module" });
    made.onmessage = ({ data }: MessageEvent<Answered>) => {
      waiting.get(data.id)?.(data.layout);
      waiting.delete(data.id);
    };
    made.onerror = () => {
      worker = null;
    };
    worker = made;
  } catch {
    worker = null;
  }
  return worker;
}

/** A Worker that has not answered by then cannot be had. */
const PATIENCE_MS = 4_000;

async function here(wish: LayoutWish): Promise<Layout> {
  return (await layouts.load()).layoutOf(wish);
}

/** Lays out. @throws Error when the layout cannot be loaded */
export function layout(wish: LayoutWish): Promise<Layout> {
  const helper = theWorker();
  if (helper === null) return here(wish);
  return new Promise((done, failed) => {
    last += 1;
    const id = last;
    const timer = setTimeout(() => {
      waiting.delete(id);
      here(wish).then(done, failed);
    }, PATIENCE_MS);
    waiting.set(id, (answer) => {
      clearTimeout(timer);
      done(answer);
    });
    helper.postMessage({ id, wish, files: layouts.files } satisfies Asked);
  });
}
