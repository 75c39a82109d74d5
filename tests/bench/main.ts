// The benchmarks: the budgets of the design, measured on this machine, beside what SQLite alone
// does here in the same run. Nothing is asserted: numbers of a busy machine are no verdict.
//   deno task bench [--quick | --full] [--only name[,name]] [--json]

import { parseArgs } from "node:util";
import type { Place, Scale } from "./place.ts";
import { note, say } from "./print.ts";
import { measureRaw } from "./raw.ts";
import { type Row, tableOf, verdictOf } from "./row.ts";

type Benchmark = (place: Place) => Promise<Row[]>;

/** Loaded when their turn comes, so that the first word comes before the first download. */
const BENCHMARKS: Readonly<Record<string, () => Promise<Benchmark>>> = {
  tokens: async () => (await import("./tokens.ts")).tokens,
  startup: async () => (await import("./startup.ts")).startup,
  memory: async () => (await import("./memory.ts")).memory,
  send: async () => (await import("./messages.ts")).oneSend,
  library_sends: async () => (await import("./messages.ts")).librarySends,
  trust: async () => (await import("./trust.ts")).trust,
  mcp_sends: async () => (await import("./messages.ts")).mcpSends,
  wake: async () => (await import("./messages.ts")).wakes,
  library_claims: async () => (await import("./tasks.ts")).libraryClaims,
  mcp_claims: async () => (await import("./tasks.ts")).mcpClaims,
  unblock: async () => (await import("./tasks.ts")).unblocking,
  inbox: async () => (await import("./inbox.ts")).inbox,
  dead_worker: async () => (await import("./deaths.ts")).deadWorkers,
  dead_leader: async () => (await import("./deaths.ts")).deadLeaders,
  runs: async () => (await import("./runs.ts")).drivenRuns,
  idle: async () => (await import("./memory.ts")).idle,
};

const USAGE = `deno task bench [--quick | --full] [--only name[,name]] [--json]
names: ${Object.keys(BENCHMARKS).join(", ")}`;

interface Wish {
  readonly scale: Scale;
  readonly names: readonly string[];
  readonly json: boolean;
}

function readWish(args: string[]): Wish {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean" },
      full: { type: "boolean" },
      json: { type: "boolean" },
      only: { type: "string", multiple: true },
    },
  });
  const names = (values.only ?? []).flatMap((text) => text.split(","));
  const unknown = names.find((name) => !(name in BENCHMARKS));
  if (unknown !== undefined) throw new Error(`there is no benchmark ${unknown}`);
  return {
    scale: values.quick === true ? "quick" : values.full === true ? "full" : "default",
    names: names.length > 0 ? names : Object.keys(BENCHMARKS),
    json: values.json === true,
  };
}

async function measure(place: Place, wish: Wish): Promise<Row[]> {
  const tell = wish.json ? (): void => {} : note;
  tell("making the bundle");
  await place.prepare();
  tell("raw SQLite");
  const rows = await measureRaw(place);
  for (const name of wish.names) {
    const beginMs = performance.now();
    const found = await (await BENCHMARKS[name]?.())?.(place) ?? [];
    rows.push(...found);
    tell(`${name}: ${((performance.now() - beginMs) / 1_000).toFixed(1)} s`);
  }
  return rows;
}

function report(rows: readonly Row[], wish: Wish, beginMs: number): void {
  const seconds = (performance.now() - beginMs) / 1_000;
  if (wish.json) {
    say(JSON.stringify({ scale: wish.scale, seconds, rows: rows.map(verdictOf) }, null, 2));
    return;
  }
  const over = rows.filter((row) => verdictOf(row).ok === false).length;
  say(tableOf(rows, Deno.stdout.isTerminal() && !Deno.noColor));
  const [load = NaN] = Deno.loadavg();
  say(
    `\n${rows.length} rows in ${seconds.toFixed(0)} s, ${over} over budget; load ${
      load.toFixed(1)
    }`,
  );
}

async function main(): Promise<number> {
  let wish: Wish;
  try {
    wish = readWish(Deno.args);
  } catch (thrown) {
    note(`${thrown instanceof Error ? thrown.message : thrown}\n${USAGE}`);
    return 2;
  }
  const beginMs = performance.now();
  if (!wish.json) {
    note("skein bench: two to three minutes (--quick: half a minute); the first run downloads");
  }
  const { Place: PlaceClass } = await import("./place.ts");
  const place = new PlaceClass(wish.scale);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      place.killAll();
      place.remove();
      Deno.exit(130);
    });
  }
  try {
    report(await measure(place, wish), wish, beginMs);
    return 0;
  } catch (thrown) {
    note(`skein bench failed: ${thrown instanceof Error ? thrown.stack : thrown}`);
    return 1;
  } finally {
    await place.close();
  }
}

if (import.meta.main) Deno.exit(await main());
