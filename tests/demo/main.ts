// The demo: an architect and three workers as real MCP servers, driven as their agents would drive
// them. Two are killed with -9 on the way. It checks itself and fails loudly if anything is off.
//   deno task demo [--json | --keep]

import { parseArgs } from "node:util";
import { Account, printLine } from "./account.ts";
import type { Stage } from "./stage.ts";
import type { Times } from "./story.ts";
import type { Invariant } from "./invariants.ts";
import type { Outcome } from "./summary.ts";

const USAGE = `deno task demo [--json | --keep]
  --json  prints one JSON object at the end and nothing else
  --keep  the flock goes on with other work until Ctrl-C, to look at it: deno task dashboard`;

interface Wish {
  readonly json: boolean;
  readonly keep: boolean;
}

function readWish(args: string[]): Wish | null {
  try {
    const { values } = parseArgs({
      args,
      options: { json: { type: "boolean" }, keep: { type: "boolean" } },
    });
    const wish = { json: values.json === true, keep: values.keep === true };
    return wish.json && wish.keep ? null : wish;
  } catch {
    return null;
  }
}

/**
 * Loads a module of the demo only now: what a graph names, Deno fetches before the first word, and
 * on a machine that has never run this, that takes a while.
 */
function later<T>(file: string): Promise<T> {
  return import(new URL(file, import.meta.url).href) as Promise<T>;
}

/** Fetches and compiles what the peers need, once, before four of them want it at the same time. */
async function warmUp(account: Account): Promise<void> {
  const beginMs = performance.now();
  const root = new URL("../../", import.meta.url).pathname;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["cache", "--quiet", "mod.ts", "tests/demo/story.ts", "tests/demo/invariants.ts"],
    cwd: root,
    stdin: "null",
  }).output();
  if (!success) throw new Error(`getting ready failed: ${new TextDecoder().decode(stderr)}`);
  account.print(`ready after ${((performance.now() - beginMs) / 1_000).toFixed(1)} s`);
}

async function perform(stage: Stage, account: Account, beginMs: number): Promise<Outcome> {
  const times: Times = {};
  let found: Invariant[] = [];
  let error: string | null = null;
  try {
    const { play } = await later<typeof import("./story.ts")>("./story.ts");
    const { invariants } = await later<typeof import("./invariants.ts")>("./invariants.ts");
    await stage.makeRepository();
    await play({ stage, account, times });
    found = await invariants(stage);
    const off = found.find((one) => !one.holds);
    if (off !== undefined) error = `${off.name}: ${off.seen}`;
  } catch (thrown) {
    error = thrown instanceof Error ? thrown.message : String(thrown);
    for (const { name, peer } of stage.members) {
      if (peer.stderr() !== "") account.print(`${name}: ${peer.stderr().trim()}`);
    }
  }
  const totalMs = performance.now() - beginMs;
  return { ok: error === null, error, killed: stage.killed, times, invariants: found, totalMs };
}

/** Leaves the flock to the curious until Ctrl-C. */
async function keep(stage: Stage, account: Account): Promise<void> {
  const skein = `SKEIN_HOME=${stage.home} SKEIN_DIR=${stage.repository} deno run -A mod.ts`;
  account.part("The flock stays; Ctrl-C ends it");
  for (const { name, role, peer } of stage.living) account.tell(name, `${role}, pid ${peer.pid}`);
  account.print(`\nLook at it in a browser, from this folder:
  SKEIN_HOME=${stage.home} SKEIN_DIR=${stage.repository} deno task dashboard
or in a terminal, for example:
  ${skein} status
  ${skein} task list --status completed
  ${skein} peer list
or join it from an MCP client: deno run -A mod.ts mcp, with the same two variables.`);
  const { live } = await later<typeof import("./life.ts")>("./life.ts");
  await live(stage);
}

async function main(): Promise<number> {
  const wish = readWish(Deno.args);
  if (wish === null) {
    printLine(USAGE);
    return 2;
  }
  const beginMs = performance.now();
  const account = new Account(wish.json);
  account.print("skein demo: one architect, three workers, two deaths");
  account.print("getting ready (the first run downloads what is needed)");
  await warmUp(account);
  const { Stage: StageClass } = await later<typeof import("./stage.ts")>("./stage.ts");
  const { asJson, summarise } = await later<typeof import("./summary.ts")>("./summary.ts");
  const stage = new StageClass();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      stage.killAll();
      stage.remove();
      Deno.exit(wish.keep ? 0 : 130);
    });
  }
  try {
    const outcome = await perform(stage, account, beginMs);
    if (wish.json) printLine(asJson(outcome));
    else summarise(account, outcome);
    if (wish.keep && outcome.ok) await keep(stage, account);
    return outcome.ok ? 0 : 1;
  } finally {
    await stage.close();
  }
}

if (import.meta.main) Deno.exit(await main());
