// From the start of the process until the tool list is there, as a client sees it. The three ways
// take turns, so that a busy moment of the machine meets all of them.

import { join } from "@std/path";
import { SOURCE_COMMAND, testEnv } from "../support/peer.ts";
import { linesOf } from "./crew.ts";
import type { Place } from "./place.ts";
import { median, quantile, type Row } from "./row.ts";

/** The handshake of a client that knows what it wants. */
const INITIALIZE = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: {
    protocolVersion: "2025-06-18",
    capabilities: {},
    clientInfo: { name: "skein-bench", version: "1" },
  },
};
const INITIALIZED = { jsonrpc: "2.0", method: "notifications/initialized" };
const LIST = { jsonrpc: "2.0", id: 2, method: "tools/list" };

/** A folder that no session joins: who only lists tools leaves no trace. */
async function startMs(place: Place, command: readonly string[], home: string): Promise<number> {
  const [file = "", ...args] = command;
  const beginMs = performance.now();
  const child = new Deno.Command(file, {
    args: [...args, "mcp"],
    cwd: place.repository,
    env: testEnv({ SKEIN_HOME: home }),
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  place.adopt(child);
  const writer = child.stdin.getWriter();
  const say = (message: unknown): Promise<void> =>
    writer.write(new TextEncoder().encode(`${JSON.stringify(message)}\n`));
  await say(INITIALIZE);
  const lines = linesOf(child.stdout);
  await lines.next();
  await say(INITIALIZED);
  await say(LIST);
  const { value } = await lines.next();
  const tookMs = performance.now() - beginMs;
  if (!String(value).includes('"tools"')) throw new Error(`no tool list: ${value}`);
  await writer.close();
  await child.status;
  return tookMs;
}

async function bareMs(place: Place, file: string): Promise<number> {
  const beginMs = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", file],
    cwd: place.folder,
    env: testEnv({}),
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  place.adopt(child);
  await child.status;
  return performance.now() - beginMs;
}

export async function startup(place: Place): Promise<Row[]> {
  const empty = join(place.folder, "empty.ts");
  Deno.writeTextFileSync(empty, "");
  const home = place.newHome();
  const bundle: number[] = [];
  const source: number[] = [];
  const bare: number[] = [];
  const times = place.pick(5, 21);
  for (let i = -1; i < times; i++) {
    const took = [
      await startMs(place, place.command, home),
      await startMs(place, SOURCE_COMMAND, home),
      await bareMs(place, empty),
    ];
    // The first of each fills caches.
    if (i < 0) continue;
    for (const [list, ms] of [bundle, source, bare].map((list, n) => [list, took[n]] as const)) {
      list.push(ms ?? NaN);
    }
  }
  const row = (name: string, values: number[], most: number | null): Row => ({
    name,
    value: median(values),
    unit: "ms",
    budget: most === null ? null : { most },
    note: `median of ${times}, best ${quantile(values, 0).toFixed(0)}`,
  });
  return [
    row("start to tools/list, bundle", bundle, 70),
    row("start to tools/list, source", source, null),
    row("start and end of an empty deno run", bare, null),
  ];
}
