// Runs the tests, a room at a time and several rooms at once, each in a process of its own: most tests
// wait for other processes, so the machine has room for more. `deno task test` is this; `deno task test
// http page` runs these rooms alone. `deno test -A` does the same one after the other. With `--clients`
// the rooms are the files that drive real clients, which have to be fetched: `deno task test:clients`.

import { dirname, join } from "@std/path";

const HERE = dirname(new URL(import.meta.url).pathname);
const ROOT = dirname(HERE);
/** The rooms that take longest begin first. */
const LONG = [
  "page",
  "conductor",
  "claude",
  "http",
  "cluster",
  "door",
  "worktree",
  "coordination",
  "abuse",
  // Of the clients'.
  "workers",
  "measure",
  "faults",
];
/** Drives programs that have to be fetched. */
const APART = ["clients"];
const CLIENTS = "--clients";
/** Rooms at once; a client alone keeps a processor busy. */
const JOBS = navigator.hardwareConcurrency + (Deno.args.includes(CLIENTS) ? 0 : 1);
/** A browser draws all the time: its room counts for two. */
const COSTS: ReadonlyMap<string, number> = new Map([["page", 2]]);

/** What came of one room. */
interface Outcome {
  readonly room: string;
  readonly ok: boolean;
  readonly output: string;
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
  readonly seconds: number;
}

/** Name of a room, and the paths to test. */
type Room = readonly [name: string, paths: readonly string[]];

/** The files that drive clients, the longest first. */
function clientRooms(): Room[] {
  const folder = join(HERE, "clients");
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => name.endsWith("_e2e.ts"));
  const found = names.map((name): Room => [name.replace("_e2e.ts", ""), [join(folder, name)]]);
  return found.sort((a, b) => rankOf(a) - rankOf(b) || a[0].localeCompare(b[0]));
}

function rankOf([name]: Room): number {
  return (LONG.indexOf(name) + LONG.length + 1) % (LONG.length + 1);
}

function rooms(): Room[] {
  const found: Room[] = [["dashboard", [join(ROOT, "dashboard")]]];
  const loose: string[] = [];
  for (const { name, isDirectory } of Deno.readDirSync(HERE)) {
    const path = join(HERE, name);
    if (!isDirectory && name.endsWith("_test.ts")) loose.push(path);
    if (isDirectory && !APART.includes(name) && hasTests(path)) found.push([name, [path]]);
  }
  found.push(["house", loose]);
  return found.sort((a, b) => rankOf(a) - rankOf(b) || a[0].localeCompare(b[0]));
}

function hasTests(folder: string): boolean {
  return [...Deno.readDirSync(folder)].some(({ name }) => name.endsWith("_test.ts"));
}

const running = new Set<Deno.ChildProcess>();

async function run([room, paths]: Room): Promise<Outcome> {
  const begun = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", ...paths],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  running.add(child);
  const { success, stdout, stderr } = await child.output();
  running.delete(child);
  const decoder = new TextDecoder();
  const output = decoder.decode(stdout) + decoder.decode(stderr);
  // deno-lint-ignore no-control-regex
  const plain = output.replaceAll(/\u001b\[[0-9;]*m/g, "");
  const summary = plain.match(/^(?:ok|FAILED) \| \d+ passed.*$/gm)?.at(-1) ?? "";
  const count = (word: string): number =>
    Number(new RegExp(`(\\d+) ${word}`).exec(summary)?.[1] ?? 0);
  const failed = count("failed");
  return {
    room,
    ok: success,
    output,
    passed: count("passed"),
    // One that ended without a summary is no success.
    failed: success ? failed : Math.max(1, failed),
    ignored: count("ignored"),
    seconds: Math.round((performance.now() - begun) / 1_000),
  };
}

function costOf(room: string): number {
  return Math.min(JOBS, COSTS.get(room) ?? 1);
}

function print(text: string): void {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let from = 0; from < bytes.length;) from += Deno.stdout.writeSync(bytes.subarray(from));
}

async function main(args: readonly string[]): Promise<number> {
  const all = args.includes(CLIENTS) ? clientRooms() : rooms();
  const wanted = args.filter((one) => one !== CLIENTS);
  const unknown = wanted.find((name) => !all.some(([room]) => room === name));
  if (unknown !== undefined) {
    print(`there is no room ${unknown}; there are ${all.map(([room]) => room).join(", ")}`);
    return 2;
  }
  const queue = wanted.length === 0 ? all : all.filter(([room]) => wanted.includes(room));
  const total = queue.length;
  const outcomes: Outcome[] = [];
  const begun = performance.now();
  const work = async (next: Room): Promise<void> => {
    const outcome = await run(next);
    outcomes.push(outcome);
    const { room, ok, output, passed, failed, seconds } = outcome;
    print(output.trimEnd());
    const verdict = ok ? `${passed} passed` : `${failed} FAILED`;
    print(`== ${room}: ${verdict} in ${seconds} s (${outcomes.length} of ${total} rooms)\n`);
  };
  print(
    `${total} rooms, ${JOBS} at once; each is told when it is done, the first after a minute or more`,
  );
  const underway = new Set<Promise<void>>();
  let free = JOBS;
  while (queue.length + underway.size > 0) {
    const fits = queue.findIndex(([room]) => costOf(room) <= free);
    const next = fits < 0 ? undefined : queue.splice(fits, 1)[0];
    if (next === undefined) {
      await Promise.race(underway);
      continue;
    }
    const cost = costOf(next[0]);
    free -= cost;
    const job = work(next).finally(() => {
      free += cost;
      underway.delete(job);
    });
    underway.add(job);
  }
  const sum = (of: "passed" | "failed" | "ignored"): number =>
    outcomes.reduce((count, one) => count + one[of], 0);
  const bad = outcomes.filter(({ ok }) => !ok).map(({ room }) => room);
  if (bad.length > 0) print(`failed in: ${bad.join(", ")}; their output stands above`);
  const seconds = Math.round((performance.now() - begun) / 1_000);
  const ignored = sum("ignored") === 0 ? "" : ` | ${sum("ignored")} ignored`;
  const word = bad.length === 0 ? "ok" : "FAILED";
  print(`${word} | ${sum("passed")} passed | ${sum("failed")} failed${ignored} (${seconds}s)`);
  return bad.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      for (const child of running) child.kill("SIGTERM");
      Deno.exit(130);
    });
  }
  Deno.exit(await main(Deno.args));
}
