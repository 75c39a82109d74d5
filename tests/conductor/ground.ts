// What tests of death and races need beside the stage: an agent that costs next to nothing, a git that
// ends who calls it, a look into the store from outside, and the audit that every run has to pass.

import { assert, assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { TestHome } from "../support/home.ts";
import { kill } from "../agent/ground.ts";
import type { Running, Stage } from "./stage.ts";

/** Makes the stage's agent a shell script that writes the file its task names, and no more. */
export function withShellAgent(stage: Stage, before = ""): void {
  const path = join(stage.folder, "worker.sh");
  const text = `#!/bin/sh
line=$(sed -n 's/^Task \\(t[0-9]*\\): write /\\1 /p')
set -- $line
${before}
mkdir -p "$(dirname "$2")"
echo "by $1" > "$2"
`;
  Deno.writeTextFileSync(path, text, { mode: 0o755 });
  stage.env["SKEIN_AGENT"] = path;
}

/**
 * A folder with a git that ends its caller by SIGKILL at the n-th command.
 * @param after whether the command is done first
 */
export function deadlyGit(stage: Stage, at: number, after = false): string {
  const folder = join(stage.folder, `git-${at}-${after}`);
  Deno.mkdirSync(folder, { recursive: true });
  const real = realGit();
  const text = `#!/bin/sh
count='${folder}/'$PPID
echo >> "$count"
# Two at once may both be counted before either looks.
if [ "$(wc -l < "$count")" -ge ${at} ]; then
  ${after ? `'${real}' "$@"` : ":"}
  kill -9 $PPID
  exit 1
fi
exec '${real}' "$@"
`;
  Deno.writeTextFileSync(join(folder, "git"), text, { mode: 0o755 });
  return `${folder}:${path()}`;
}

/** A git that ends its caller when a command's words hold a text, once. */
export function deadlyGitAt(stage: Stage, words: string, after = false): string {
  const folder = join(stage.folder, `git-${crypto.randomUUID().slice(0, 8)}`);
  Deno.mkdirSync(folder);
  const real = realGit();
  const text = `#!/bin/sh
case " $* " in *'${words}'*)
  if mkdir '${folder}/done' 2>/dev/null; then
    ${after ? `'${real}' "$@"` : ":"}
    kill -9 $PPID
    exit 1
  fi
esac
exec '${real}' "$@"
`;
  Deno.writeTextFileSync(join(folder, "git"), text, { mode: 0o755 });
  return `${folder}:${path()}`;
}

/** A git that stops its caller when a command's words hold a text, once; `met` is there from then on. */
export function sleepyGitAt(stage: Stage, words: string): { path: string; met: string } {
  const folder = join(stage.folder, `git-${crypto.randomUUID().slice(0, 8)}`);
  Deno.mkdirSync(folder);
  const met = join(folder, "met");
  const text = `#!/bin/sh
case " $* " in *'${words}'*)
  if mkdir '${met}' 2>/dev/null; then kill -STOP $PPID; fi
esac
exec '${realGit()}' "$@"
`;
  Deno.writeTextFileSync(join(folder, "git"), text, { mode: 0o755 });
  return { path: `${folder}:${path()}`, met };
}

function path(): string {
  return Deno.env.get("PATH") ?? "";
}

/** The git that the others stand in for. */
export function realGit(): string {
  const found = path().split(":").map((folder) => join(folder, "git")).find((one) => {
    try {
      return Deno.statSync(one).isFile;
    } catch {
      return false;
    }
  });
  if (found === undefined) throw new Error("there is no git");
  return found;
}

/** Rows of the store, read as nobody of skein would. */
export function rows<T = Record<string, unknown>>(stage: Stage, query: string): T[] {
  return new TestHome(stage.home).sql((db) => db.prepare(query).all()) as T[];
}

/** Changes rows behind skein's back: for clocks that a test cannot wait for. */
export function change(stage: Stage, statement: string): void {
  new TestHome(stage.home).sql((db) => db.exec(statement));
}

/** Ends delays before another attempt, for tests that have seen them. */
export function endDelays(stage: Stage): void {
  change(stage, "UPDATE task SET not_before_s = 0 WHERE status = 'pending'");
}

/** Begins a run of tasks and ends its conductor and every worker at once: a run that nobody drives. */
export async function abandonedRun(stage: Stage, args: readonly string[]): Promise<void> {
  // Its workers end at once: what is to be done is left to those of the test.
  const run = stage.start(args, { SKEIN_COMMAND: "/bin/false" });
  await begun(stage);
  run.signal("SIGKILL");
  await run.ended;
  stage.close();
}

/** Waits until a run has its tasks. */
export async function begun(stage: Stage): Promise<void> {
  await eventually(() => rows(stage, "SELECT id FROM task").length > 0, {
    what: "the run's tasks",
  });
}

/** Waits for so many attempts in a state. */
export async function attemptsAre(stage: Stage, state: string, count: number): Promise<void> {
  await eventually(
    () =>
      rows(stage, `SELECT id FROM attempt WHERE state = '${state}' AND process IS NOT NULL`)
        .length >= count,
    { what: `${count} attempts ${state}`, withinMs: 20_000 },
  );
}

/** Starts a worker's process of a run by hand. */
export function startHost(
  stage: Stage,
  run = "r1",
  env: Readonly<Record<string, string>> = {},
): Running {
  return stage.start(["host", run], { SKEIN_DIR: stage.repo, ...env });
}

/** Process ids of the workers' processes. */
export function hostsOf(stage: Stage): number[] {
  const found = stage.processes().filter((pid) => commandOf(pid).includes("\0host\0"));
  // What one of them is just starting still has its command line.
  return found.filter((pid) => !found.includes(parentOf(pid)));
}

function parentOf(pid: number): number {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    // It has ended.
    return 0;
  }
}

function commandOf(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`);
  } catch {
    // It has ended.
    return "";
  }
}

/** Ends processes with SIGKILL. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids) kill(pid);
}

/** What holds after every run, whoever died in it. */
export async function audit(
  stage: Stage,
  { tasks, done = tasks, run = "r1" }: { tasks: number; done?: number; run?: string },
): Promise<void> {
  // Each task completed exactly once, and each merged exactly once.
  const completed = rows<{ task: string; times: number }>(
    stage,
    `SELECT task, count(*) AS times FROM attempt WHERE run = '${run}' AND state = 'done' GROUP BY task`,
  );
  assertEquals(completed.map(({ times }) => times), Array(done).fill(1), "attempts that are done");
  const states = rows<{ status: string }>(
    stage,
    `SELECT status FROM task WHERE run = '${run}' AND status = 'completed'`,
  );
  assertEquals(states.length, done, "tasks completed");
  const said = rows<{ subject: string; times: number }>(
    stage,
    `SELECT subject, count(*) AS times FROM journal WHERE op = 'complete_task'
       AND json_extract(detail, '$.unblocked') IS NOT NULL
       AND subject IN (SELECT 'task/' || id FROM task WHERE run = '${run}') GROUP BY subject`,
  );
  assertEquals(said.map(({ times }) => times), Array(done).fill(1), "completions in the journal");
  const refs = await stage.git("for-each-ref", "--format=%(refname)", "refs/heads", "refs/skein");
  const tip = refs.includes(`refs/heads/skein/run/${run}`) ? `skein/run/${run}` : "main";
  const merges = (await stage.git("log", "--first-parent", "--format=%s", tip)).split("\n")
    .map((line) => /^Merge (t\d+)/.exec(line)?.[1]).filter((id) => id !== undefined);
  assertEquals(new Set(merges).size, merges.length, `merged once each: ${merges}`);
  await auditGit(stage);
  await eventually(() => stage.processes().length === 0, {
    what: "every process has ended",
    withinMs: 15_000,
  });
}

/** The repository is whole, nothing that anybody did is lost, and nothing is left beside it. */
export async function auditGit(stage: Stage): Promise<void> {
  const fsck = await stage.git("fsck", "--full", "--strict", "--unreachable", "--no-progress");
  const lost: string[] = [];
  for (const [, commit = ""] of fsck.matchAll(/^unreachable commit (\w+)$/gm)) {
    // A merge that lost a race, or died before it was put on the branch, has nothing of its own.
    const [parents = "", subject = ""] = (await stage.git("log", "-1", "--format=%P%n%s", commit))
      .split("\n");
    if (!/^Merge t\d+/.test(subject) || parents.split(" ").length < 2) lost.push(subject);
  }
  assertEquals(lost, [], "commits that nothing reaches");
  const others = fsck.split("\n").filter((line) => line !== "" && !line.startsWith("unreachable"));
  assertEquals(others, [], "git fsck");
  const trees = (await stage.git("worktree", "list", "--porcelain")).match(/^worktree /gm) ?? [];
  assertEquals(trees.length, 1, "only the user's worktree");
  assertEquals(folders(join(stage.home, "worktrees")), [], "no worktree's folder is left");
  assert(!exists(join(stage.repo, ".git", "index.lock")), "no lock in the user's checkout");
}

/** Folders two levels below the worktrees' that hold a task's tree. */
function folders(top: string): string[] {
  const found: string[] = [];
  for (const repository of list(top)) {
    for (const run of list(join(top, repository))) {
      for (const name of list(join(top, repository, run))) {
        if (/^\.?(new-|old-)?.*t\d+-\d+$/.test(name)) found.push(name);
      }
    }
  }
  return found;
}

function list(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].filter((one) => one.isDirectory).map(({ name }) => name);
  } catch {
    return [];
  }
}

export function exists(file: string): boolean {
  try {
    Deno.lstatSync(file);
    return true;
  } catch {
    return false;
  }
}

/** Lets agents go on that wait for a file. */
export function letGo(stage: Stage, name = "go"): void {
  const file = join(stage.folder, name);
  Deno.mkdirSync(dirname(file), { recursive: true });
  Deno.writeTextFileSync(file, "");
}
