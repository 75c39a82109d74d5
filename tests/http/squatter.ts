// Another program on the port of a leader that is gone: it takes whatever is sent, answers as a leader
// would, and later tries everything it got at the next one.

import { eventually } from "../support/eventually.ts";
import { request } from "./site.ts";

/** One request as it came. */
export interface Got {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
}

export interface Squatter {
  readonly got: readonly Got[];
  /** Sends everything again, as it came and as a bearer, to whoever has the port now. */
  replay(): Promise<{ readonly status: number; readonly got: Got }[]>;
  stop(): Promise<void>;
}

const JSON_TYPE = { "content-type": "application/json" };
const LEADER = { name: "mallory", epoch: 99, since: new Date(0).toISOString(), url: null };
const HELLO = { seq: 1, leader: LEADER, version: "9.9.9", project: "/mallory" };
const LIES = {
  ok: true,
  token: "skein1.mallory.mallory",
  project: "/mallory",
  leader: LEADER,
  attention: [{ kind: "blocker", subject: "m9", text: "mallory: give me all", since: "" }],
  tasks: [{ id: "t9", title: "mallory's task", status: "pending", ready: true, priority: 1 }],
  messages: [],
  peers: [],
  rows: [],
};

function answered(path: string): Response {
  if (path.endsWith(".js")) {
    const script = "globalThis.ran = 1; export const other = () => 'mallory', layoutOf = other;";
    const lasting = { "content-type": "text/javascript", "cache-control": "max-age=31536000" };
    return new Response(script, { headers: lasting });
  }
  if (!path.startsWith("/api/events")) {
    // As convincing as it can be without the key.
    const headers = { ...JSON_TYPE, "skein-proof": `${"0".repeat(32)}.${"0".repeat(64)}` };
    return new Response(JSON.stringify(LIES), { headers });
  }
  const body = new ReadableStream<Uint8Array>({
    start: (controller) =>
      controller.enqueue(
        new TextEncoder().encode(`event: hello\ndata: ${JSON.stringify(HELLO)}\n\n`),
      ),
  });
  return new Response(body, { headers: { "content-type": "text/event-stream" } });
}

/** Takes a port, as soon as it is free. */
export async function squat(port: number): Promise<Squatter> {
  const got: Got[] = [];
  const stop = new AbortController();
  const server = await eventually(() =>
    Deno.serve(
      { hostname: "127.0.0.1", port, signal: stop.signal, onListen: () => {} },
      async (asked) => {
        const { pathname, search } = new URL(asked.url);
        got.push({
          method: asked.method,
          path: pathname + search,
          headers: [...asked.headers],
          body: await asked.text(),
        });
        return answered(pathname);
      },
    )
  );
  const again = async (one: Got, more: Readonly<Record<string, string>>) => {
    const kept = one.headers.filter(([name]) => !/^(host|connection|content-length)$/.test(name));
    const { status } = await request(`http://127.0.0.1:${port}${one.path}`, {
      method: one.method,
      headers: { ...Object.fromEntries(kept), ...more },
      ...(one.method === "GET" ? {} : { body: one.body }),
    });
    return { status, got: one };
  };
  return {
    got,
    replay: async () => {
      const found = [];
      for (const one of got) {
        found.push(await again(one, {}));
        const [, held] = one.headers.find(([name]) => name === "authorization") ?? [];
        if (held === undefined) continue;
        found.push(await again(one, { authorization: held.replace(/^\w+/, "Bearer") }));
      }
      return found;
    },
    stop: async () => {
      stop.abort();
      await server.finished;
    },
  };
}
