// `skein run GOAL` and its subcommands: plans a goal, drives a team of agents to its end and shows it.
// The conductor does the work; this is flags, terminal and exit code.

import { isAbsolute, resolve } from "@std/path";
import { agentOf } from "../agent/command.ts";
import { Refusal } from "../core/errors.ts";
import { repositoryOf } from "../core/repository.ts";
import { abandon, addPlanning, beginRun, takeUp } from "../conductor/begin.ts";
import { type Calls, callsOf } from "../conductor/calls.ts";
import { Conductor } from "../conductor/conductor.ts";
import { EXAMPLE, readConfig, readSmall } from "../conductor/config.ts";
import type { Conclusion } from "../conductor/events.ts";
import { type PlannedTask, readTasks } from "../conductor/plan.ts";
import { resultOf } from "../conductor/result.ts";
import { startHost } from "../conductor/start.ts";
import { selfCommand } from "../node/carry.ts";
import { readEnvironment, typedHome } from "../node/settings.ts";
import { Visitor } from "../node/visitor.ts";
import { prepareHome } from "../store/home.ts";
import { OutputClosed } from "./output.ts";
import { Progress } from "./progress.ts";
import { createTask, init } from "./runfile.ts";
import { tryOutput, writeOutput } from "./runoutput.ts";
import {
  flagHelp,
  folderOf,
  type Print,
  readFlags,
  RUN_FLAGS,
  textOf,
  type TypedRun,
} from "./runflags.ts";
import { conductOf, refuseAnew } from "./runoptions.ts";

/** Words after `skein run` that are no goal. */
export const RUN_COMMANDS = ["init", "create-task", "from-config", "example", "clean"] as const;

/** Exit codes: 0 done and delivered, 1 something failed or is left to do, 3 stopped. */
const EXITS: Readonly<Record<Conclusion["state"], number>> = {
  completed: 0,
  failed: 1,
  proposed: 0,
  stopped: 3,
  budget: 1,
  left: 3,
};

/** `skein run ...` as far as it drives or prepares a run. */
export async function runCommand(args: readonly string[], print: Print): Promise<number> {
  const [first, ...rest] = args;
  const command = RUN_COMMANDS.find((one) => one === first);
  if (command === "create-task") return createTask(rest, print);
  if (command === "clean") {
    const { runClean } = await import("./runclean.ts");
    return await runClean(rest, print);
  }
  const typed = readFlags("run", RUN_FLAGS, command === undefined ? args : rest);
  if (typed.values["help"] === true) return help(print);
  if (command === "init") return init(typed, print);
  if (command === "example") {
    print(JSON.stringify(EXAMPLE, null, 2));
    return 0;
  }
  if (command === "from-config") return await fromConfig(typed, print);
  const goal = textOf(typed, "goal") ?? typed.rest[0];
  if (typed.rest.length > 1) {
    throw new Refusal("INVALID_INPUT", `skein run: unexpected argument ${typed.rest[1]}`, {
      hint: "Put the goal in quotes.",
    });
  }
  const resume = textOf(typed, "resume");
  if (goal === undefined && resume === undefined) {
    throw new Refusal("INVALID_INPUT", "skein run: a goal is required", {
      field: "goal",
      hint: 'skein run "what to reach" -w 3; skein run --help shows more.',
    });
  }
  return await drive(typed, print, { goal: goal ?? "", folder: folderOf(typed) });
}

/** What is driven: a goal in a folder, with tasks or without. */
interface Wanted {
  readonly goal: string;
  readonly folder: string;
  readonly plan?: string;
  readonly tasks?: readonly PlannedTask[] | undefined;
  readonly conduct?: Readonly<Record<string, unknown>>;
}

async function drive(typed: TypedRun, print: Print, wanted: Wanted): Promise<number> {
  const { folder } = wanted;
  if (textOf(typed, "resume") !== undefined) refuseAnew(typed, wanted.goal);
  const tasks = wanted.tasks ?? tasksFrom(typed);
  if (typed.values["no-plan"] === true && tasks === undefined && !typed.values["resume"]) {
    throw new Refusal("INVALID_INPUT", "skein run: --no-plan needs --tasks FILE", {
      field: "tasks",
    });
  }
  const conduct = { ...wanted.conduct, ...conductOf(typed) };
  agentOf(repositoryOf(folder)?.tree ?? folder);
  const output = textOf(typed, "output");
  if (output !== undefined) tryOutput(output);
  const { visitor, home } = visitorOf(typed, folder);
  const calls = callsOf(visitor);
  const progress = new Progress({
    json: typed.values["json"] === true,
    quiet: typed.values["quiet"] === true,
    print,
  });
  const run = textOf(typed, "resume") ??
    await begin(calls, { ...wanted, tasks, home, conduct, typed }, progress);
  if (textOf(typed, "resume") !== undefined) await resume(calls, run, conduct);
  const conclusion = await conducted(run, { calls, visitor, home, progress });
  const result = await resultOf(calls, conclusion);
  progress.end(conclusion, result);
  if (output !== undefined) writeOutput(output, `${JSON.stringify(result, null, 2)}\n`);
  // A plan that waits is what was asked for; tasks that workers thought of are left to do.
  const left = conclusion.state === "proposed" ||
    (conclusion.state === "completed" && !conclusion.delivered);
  return left && conclusion.notes.length > 0 ? 1 : EXITS[conclusion.state];
}

async function begin(
  calls: Calls,
  wanted: Wanted & { home: string; typed: TypedRun },
  progress: Progress,
): Promise<string> {
  const { goal, plan, folder, home, tasks, conduct = {}, typed } = wanted;
  const { run, tree, notes } = await beginRun(calls, {
    home,
    folder,
    goal,
    plan,
    worktrees: typed.values["no-worktree"] !== true,
    conduct,
  });
  progress.begun(run, goal);
  for (const text of notes) progress.event({ kind: "note", at: new Date().toISOString(), text });
  try {
    if (tasks !== undefined) await calls.createTasks(run, tasks);
    else await addPlanning(calls, run, goal);
  } catch (thrown) {
    await abandon(calls, run, tree, thrown);
    throw thrown;
  }
  return run;
}

async function resume(
  calls: Calls,
  run: string,
  conduct: Readonly<Record<string, unknown>>,
): Promise<void> {
  await takeUp(calls, run, { ...conduct, plan_only: false });
}

interface Driving {
  readonly calls: Calls;
  readonly visitor: Visitor;
  readonly home: string;
  readonly progress: Progress;
}

/** Drives; the first interrupt stops the run, its work is kept. A hangup leaves the workers at it. */
async function conducted(run: string, driving: Driving): Promise<Conclusion> {
  const { calls, visitor, home, progress } = driving;
  const left = new AbortController();
  let stopping: Promise<unknown> | null = null;
  const stop = (): void => {
    if (stopping !== null) return left.abort();
    // First, since whoever read our output may have been interrupted with us.
    stopping = calls.conduct(run, { action: "stop", why: "interrupted" })
      .catch(() => left.abort());
    const text = `stopping: the work is kept; skein run --resume ${run} goes on`;
    try {
      progress.event({ kind: "note", at: new Date().toISOString(), text });
    } catch (thrown) {
      if (!(thrown instanceof OutputClosed)) throw thrown;
    }
  };
  const leave = (): void => left.abort();
  const handlers = [["SIGINT", stop], ["SIGTERM", stop], ["SIGHUP", leave]] as const;
  for (const [signal, handler] of handlers) Deno.addSignalListener(signal, handler);
  try {
    return await new Conductor({
      run,
      home,
      calls,
      startHost: ({ repo }) => startHost({ run, home, repo, command: selfCommand() }),
      changed: (ms) => visitor.changed(ms),
      onEvent: (event) => progress.event(event),
      onLook: (snapshot) => progress.look(snapshot),
      signal: left.signal,
    }).drive();
  } finally {
    await stopping;
    for (const [signal, handler] of handlers) Deno.removeSignalListener(signal, handler);
  }
}

/** Who calls, in which folder of which home. */
export function visitorOf(typed: TypedRun, folder: string): { visitor: Visitor; home: string } {
  const home = textOf(typed, "home");
  const as = textOf(typed, "as");
  const environment = readEnvironment({
    ...Deno.env.toObject(),
    SKEIN_DIR: folder,
    ...typedHome(home),
    ...(as === undefined ? {} : { SKEIN_NAME: as }),
  }, folder);
  const real = prepareHome(environment.home).folder;
  return { visitor: new Visitor({ ...environment, home: real }), home: real };
}

function tasksFrom(typed: TypedRun): readonly PlannedTask[] | undefined {
  const file = textOf(typed, "tasks");
  return file === undefined ? undefined : readTasks(readSmall(file));
}

async function fromConfig(typed: TypedRun, print: Print): Promise<number> {
  const cwd = folderOf(typed);
  const file = typed.rest[0];
  if (file === undefined) {
    throw new Refusal("INVALID_INPUT", "skein run from-config: name the file", { field: "file" });
  }
  const config = readConfig(isAbsolute(file) ? file : resolve(cwd, file), cwd);
  const { goal, folder, plan, workers, model, timeoutS, attempts, check, tasks } = config;
  const conduct = {
    workers,
    attempts,
    check,
    ...(model === undefined ? {} : { models: [model] }),
    ...(timeoutS === undefined ? {} : { task_ms: Math.round(timeoutS * 1_000) }),
  };
  return await drive(typed, print, {
    goal,
    folder: Deno.realPathSync(folder),
    ...(plan === undefined ? {} : { plan }),
    ...(tasks.length === 0 ? {} : { tasks }),
    conduct,
  });
}

function help(print: Print): number {
  print([
    "skein run: plan a goal and drive a team of agents to its end",
    "",
    'Usage: skein run "GOAL" [flags]           plan, then do',
    "       skein run GOAL --tasks tasks.json  do these tasks",
    "       skein run --resume RUN             go on, or accept a plan",
    "       skein run init GOAL                write orchestration.json",
    "       skein run create-task DESCRIPTION  add a task to it",
    "       skein run from-config FILE         do what it says",
    "       skein run clean [--dry-run]        remove what earlier runs left behind",
    "       skein run status|list|end [RUN]    runs, as every agent sees them",
    "",
    ...flagHelp(RUN_FLAGS),
    "",
    "The agent is SKEIN_AGENT (default: claude).",
    "Beside a run: skein log, wait, stop, retry, tell.",
  ].join("\n"));
  return 0;
}
