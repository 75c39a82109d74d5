// The layout runs in a Worker: two hundred nodes take dagre longer than a frame, and the page goes on
// meanwhile. The Worker is this same bundle; without one the layout runs here.

import { type Layout, layoutOf, type LayoutWish } from "./layout.ts";

interface Asked {
  readonly id: number;
  readonly wish: LayoutWish;
}

interface Answered {
  readonly id: number;
  readonly layout: Layout;
}

/** The Worker's side. */
export function serveLayouts(): void {
  const scope = globalThis as unknown as {
    onmessage: (event: MessageEvent<Asked>) => void;
    postMessage(answer: Answered): void;
  };
  scope.onmessage = ({ data }) => {
    scope.postMessage({ id: data.id, layout: layoutOf(data.wish) });
  };
}

let worker: Worker | null | undefined;
let last = 0;
const waiting = new Map<number, (layout: Layout) => void>();

function theWorker(): Worker | null {
  if (worker !== undefined) return worker;
  try {
    const made = new Worker("/app.js", { type: "module" });
    made.onmessage = ({ data }: MessageEvent<Answered>) => {
      waiting.get(data.id)?.(data.layout);
      waiting.delete(data.id);
    };
    made.onerror = () => {
      worker = null;
      waiting.clear();
    };
    worker = made;
  } catch {
    worker = null;
  }
  return worker;
}

/** A Worker that has not answered by then cannot be had. */
const PATIENCE_MS = 4_000;

export function layout(wish: LayoutWish): Promise<Layout> {
  const helper = theWorker();
  if (helper === null) return Promise.resolve(layoutOf(wish));
  return new Promise((done) => {
    last += 1;
    const id = last;
    const timer = setTimeout(() => {
      waiting.delete(id);
      done(layoutOf(wish));
    }, PATIENCE_MS);
    waiting.set(id, (answer) => {
      clearTimeout(timer);
      done(answer);
    });
    helper.postMessage({ id, wish } satisfies Asked);
  });
}
