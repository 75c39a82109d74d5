// A driven run with an agent that costs next to nothing: what is left is skein's own time for claim,
// worktree, process, saving, merge and end. Also the count: no task is lost, none is done twice.

import { DatabaseSync } from "node:sqlite";
import { join } from "@std/path";
import { git, makeRepository, write } from "../support/git.ts";
import { testEnv } from "../support/peer.ts";
import type { Place } from "./place.ts";
import { median, quantile, type Row } from "./row.ts";

const WORKERS = 8;
/** Tasks of the run with one worker. */
const ALONE = 30;

/** Writes the file that its task names, and no more. */
const AGENT = `#!/bin/sh
line=$(sed -n 's/^Task \\(t[0-9]*\\): write /\\1 /p')
set -- $line
echo "by $1" > "$2"
`;

interface Attempt {
  readonly task: string;
  readonly state: string;
  readonly started_ms: number;
  readonly ended_ms: number;
}

/** A run of so many tasks; its wall time in ms and its attempts. */
async function drive(
  place: Place,
  tasks: number,
  workers: number,
): Promise<{ tookMs: number; attempts: Attempt[] }> {
  const repo = join(place.folder, `run-${workers}`);
  await makeRepository(repo);
  write(join(repo, "README.md"), "a repository to measure in\n");
  await git(repo, "add", ".");
  await git(repo, "commit", "-q", "-m", "first");
  const plan = join(place.folder, `tasks-${workers}.json`);
  const list = Array.from({ length: tasks }, (_, i) => ({ description: `write f${i}.txt` }));
  Deno.writeTextFileSync(plan, JSON.stringify(list));
  const home = place.newHome();
  const [command = "", ...before] = place.command;
  const args = ["run", "measured", "--tasks", plan, "-w", String(workers), "-q"];
  const startedMs = performance.now();
  const child = new Deno.Command(command, {
    args: [...before, ...args],
    cwd: repo,
    env: testEnv({ SKEIN_HOME: home, SKEIN_AGENT: agentIn(place) }),
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  place.adopt(child);
  const { code, stdout, stderr } = await child.output();
  const tookMs = performance.now() - startedMs;
  const decoder = new TextDecoder();
  if (code !== 0) {
    throw new Error(`run: ${code} ${decoder.decode(stdout)}${decoder.decode(stderr)}`);
  }
  const db = new DatabaseSync(join(home, "skein.db"), { readOnly: true });
  const attempts = db.prepare("SELECT task, state, started_ms, ended_ms FROM attempt ORDER BY id")
    .all() as unknown as Attempt[];
  db.close();
  await requireEachOnce(repo, attempts, tasks);
  return { tookMs, attempts };
}

/** Each task was tried once, is done, and its file is on the user's branch. */
async function requireEachOnce(
  repo: string,
  attempts: readonly Attempt[],
  tasks: number,
): Promise<void> {
  const done = attempts.filter(({ state }) => state === "done").map(({ task }) => task);
  const files = (await git(repo, "ls-files")).split("\n").filter((name) =>
    /^f\d+\.txt$/.test(name)
  );
  const merges = (await git(repo, "log", "--first-parent", "--format=%s")).match(/^Merge t\d+/gm);
  const counts = [attempts.length, done.length, new Set(done).size, files.length, merges?.length];
  if (counts.every((count) => count === tasks)) return;
  throw new Error(`${tasks} tasks: attempts, done, different, files, merges are ${counts}`);
}

function agentIn(place: Place): string {
  const path = join(place.folder, "agent.sh");
  Deno.writeTextFileSync(path, AGENT, { mode: 0o755 });
  return path;
}

/** What the agent takes by itself: median ms. */
async function agentMs(place: Place): Promise<number> {
  const path = agentIn(place);
  const input = join(place.folder, "agent-input.txt");
  Deno.writeTextFileSync(input, "Task t1: write agent-output.txt\n");
  const took: number[] = [];
  for (let i = 0; i < 20; i++) {
    const startedMs = performance.now();
    await new Deno.Command("sh", {
      args: ["-c", `exec ${path} < ${input}`],
      cwd: place.folder,
    }).output();
    took.push(performance.now() - startedMs);
  }
  return median(took);
}

export async function drivenRuns(place: Place): Promise<Row[]> {
  const own = await agentMs(place);
  const tasks = place.pick(60, 500);
  const many = await drive(place, tasks, WORKERS);
  const alone = await drive(place, place.pick(10, ALONE), 1);
  // From one beginning to the next: the worker's process is there, and does one after the other.
  const steps = alone.attempts.slice(1).map(({ started_ms }, i) =>
    started_ms - (alone.attempts[i]?.started_ms ?? 0)
  );
  const spans = many.attempts.map(({ started_ms, ended_ms }) => ended_ms - started_ms);
  return [
    {
      name: `a run of ${tasks} tasks, ${WORKERS} workers`,
      value: tasks / (many.tookMs / 1_000),
      unit: "tasks/s",
      budget: null,
      note: `none twice, none lost; one attempt p50 ${median(spans).toFixed(0)}, p99 ${
        quantile(spans, 0.99).toFixed(0)
      } ms`,
    },
    {
      name: "the same: skein's own time for a task",
      value: many.tookMs / tasks - own / WORKERS,
      unit: "ms",
      budget: { most: 150 },
      note: `wall time by tasks, the agent's ${own.toFixed(1)} ms taken off`,
    },
    {
      name: "one worker: skein's own time for a task",
      value: median(steps) - own,
      unit: "ms",
      budget: { most: 150 },
      note: `from beginning to beginning, p99 ${quantile(steps, 0.99).toFixed(0)} ms`,
    },
  ];
}
