// What people do beside a run: look at an agent's log, wait for a task or a run, stop, retry, tell.

import { follow, type LogEntry, readLog } from "../agent/log.ts";
import { type Calls, callsOf, type RunView } from "../conductor/calls.ts";
import { asRefusal, Refusal } from "../core/errors.ts";
import { sweep } from "../conductor/sweep.ts";
import { type Conduct, wasStopped } from "../fleet/rules.ts";
import type { ShownAttempt } from "../fleet/view.ts";
import { LogReader } from "./agentlog.ts";
import { visitorOf } from "./run.ts";
import { flagHelp, numberOf, type Print, readFlags, textOf, type TypedRun } from "./runflags.ts";
import { safe } from "./text.ts";

/** Commands of this file, with what their help says. */
export const BESIDE = {
  log: "log ID [-f]: what the agent of a task, an attempt or a run said and did",
  wait:
    "wait ID [-t S]: until a task is merged, or a run's result is on your branch; exit code 0 done, " +
    "1 failed, stopped or left to you, 3 timed out",
  stop:
    "stop ID [--why TEXT]: end the agents of a task or a run and begin no more; their work is kept. " +
    "A task waits, failed, for skein retry, a run for skein run --resume",
  retry: "retry ID: put a stopped, failed or cancelled task back to be done",
  tell: "tell ID TEXT: a message to whoever works on a task, or to a peer",
} as const;

const FLAGS = {
  follow: { type: "boolean", short: "f", help: "go on while the agent works" },
  timeout: { type: "string", short: "t", value: "S", help: "wait at most so many seconds" },
  why: { type: "string", value: "TEXT", help: "the reason, for the journal" },
  raw: { type: "boolean", help: "the log's lines as they are" },
  json: { type: "boolean", help: "print the answer as JSON" },
  home: { type: "string", value: "DIR", help: "folder of the store" },
  dir: { type: "string", value: "DIR", help: "folder to act in" },
  as: { type: "string", value: "PEER", help: "act as this peer" },
  help: { type: "boolean", short: "h", help: "show this help" },
} as const;

/** The flags that only some of them take. */
const OWN: Readonly<Record<string, readonly (keyof typeof BESIDE)[]>> = {
  follow: ["log"],
  timeout: ["wait"],
  why: ["stop"],
  raw: ["log"],
};

function flagsOf(name: keyof typeof BESIDE): Partial<typeof FLAGS> {
  return Object.fromEntries(
    Object.entries(FLAGS).filter(([flag]) => OWN[flag]?.includes(name) ?? true),
  );
}

/** How often a followed attempt is looked at. */
const LOOK_MS = 1_000;
const DONE = ["completed"];
const OVER = [...DONE, "failed", "cancelled"];

/** Runs one of them. */
export async function besideCommand(
  name: keyof typeof BESIDE,
  args: readonly string[],
  print: Print,
): Promise<number> {
  const flags = flagsOf(name);
  const typed = readFlags(name, flags, args);
  const [id, ...rest] = typed.rest;
  if (typed.values["help"] === true || id === undefined) {
    print([`skein ${BESIDE[name]}`, "", ...flagHelp(flags)].join("\n"));
    return typed.values["help"] === true ? 0 : 2;
  }
  const folder = Deno.realPathSync(textOf(typed, "dir") ?? Deno.env.get("SKEIN_DIR") ?? ".");
  const { visitor, home } = visitorOf(typed, folder);
  const calls = callsOf(visitor);
  switch (name) {
    case "log":
      return await log(calls, id, typed, print);
    case "wait":
      return await wait(calls, id, typed, print, (ms) => visitor.changed(ms));
    case "stop":
      return await stop({ calls, home }, id, typed, print);
    case "retry": {
      const answer = await calls.call("update_task", { id, action: "retry" });
      const { run } = answer["task"] as { run?: string };
      const driven = run === undefined
        ? ""
        : `; if nobody drives ${run}: skein run --resume ${run}`;
      say(typed, print, answer, `${id} is to be done again${driven}`);
      return 0;
    }
    case "tell":
      return await tell(calls, id, rest.join(" "), typed, print);
  }
}

function say(typed: TypedRun, print: Print, answer: unknown, text: string): void {
  print(typed.values["json"] === true ? JSON.stringify(answer) : text);
}

/** Runs are r1, tasks t1, attempts are numbers. */
function isRun(id: string): boolean {
  return /^r\d+$/.test(id);
}

async function attemptsFor(calls: Calls, id: string): Promise<ShownAttempt[]> {
  if (isRun(id)) return (await calls.allAttempts(id)).attempts;
  if (/^\d+$/.test(id)) {
    const { attempts } = await calls.attempts({ after: Number(id) - 1 });
    return attempts.filter((one) => one.id === Number(id));
  }
  return (await calls.attempts({ task: id })).attempts;
}

async function log(calls: Calls, id: string, typed: TypedRun, print: Print): Promise<number> {
  const found = (await attemptsFor(calls, id)).filter((one) => one.log !== null);
  const last = isRun(id) ? found : found.slice(-1);
  if (last.length === 0) {
    throw new Refusal("UNKNOWN_TASK", `log: no agent has worked on ${id}`, {
      field: "id",
      hint: "skein attempt list shows what was tried.",
    });
  }
  const raw = typed.values["raw"] === true || typed.values["json"] === true;
  for (const attempt of last) {
    if (last.length > 1) print(`== ${attempt.task} attempt ${attempt.number} (${attempt.worker})`);
    const reader = new LogReader();
    const show = (entry: LogEntry): void => {
      for (const line of raw ? [JSON.stringify(entry)] : reader.lines(entry)) print(safe(line));
    };
    const path = attempt.log ?? "";
    if (typed.values["follow"] !== true) { for (const entry of readLog(path)) show(entry); }
    else await followed(calls, attempt, show);
  }
  return 0;
}

/** To the log's last line, or until the attempt is over: one that died has no last line. */
async function followed(
  calls: Calls,
  attempt: ShownAttempt,
  show: (entry: LogEntry) => void,
): Promise<void> {
  const over = new AbortController();
  const timer = setInterval(() => {
    void calls.attempts({ after: attempt.id - 1 }).then(({ attempts: [now] }) => {
      if (now?.state !== "running" || now.orphaned === true) over.abort();
    }, () => over.abort());
  }, LOOK_MS);
  try {
    for await (const entry of follow(attempt.log ?? "", over.signal)) show(entry);
  } finally {
    clearInterval(timer);
  }
}

async function wait(
  calls: Calls,
  id: string,
  typed: TypedRun,
  print: Print,
  changed: (ms: number) => Promise<void>,
): Promise<number> {
  const seconds = numberOf(typed, "timeout");
  const deadline = seconds === undefined ? Infinity : performance.now() + seconds * 1_000;
  for (;;) {
    const { state, over, why } = isRun(id) ? await runEnd(calls, id) : await taskEnd(calls, id);
    const because = why === undefined ? "" : `: ${why}`;
    if (over) {
      say(
        typed,
        print,
        { id, state, ...(why === undefined ? {} : { why }) },
        `${id} ${state}${because}`,
      );
      return DONE.includes(state) ? 0 : 1;
    }
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) {
      say(typed, print, { id, state, timed_out: true }, `${id} is ${state}`);
      return 3;
    }
    await changed(Math.min(1_000, leftMs));
  }
}

/** How something that is waited for stands. */
interface Standing {
  readonly state: string;
  /** Nothing more comes of it unless somebody acts. */
  readonly over: boolean;
  readonly why?: string | undefined;
}

async function taskEnd(calls: Calls, id: string): Promise<Standing> {
  const { status: state, run, failure } = await calls.task(id);
  // What is approved is not merged yet.
  const unmerged = state === "completed" && await hasOpen(calls, { task: id });
  if (OVER.includes(state) && !unmerged) return { state, over: true, why: failure };
  // Nobody begins it if its run begins nothing more.
  const rest = run === undefined ? null : await restOf(calls, run, id);
  if (rest === null) return { state: unmerged ? "unmerged" : state, over: false };
  return { state, over: true, why: `its run ${run} is ${rest.state}: ${rest.why}` };
}

/** Whether something of a run or of a task is at work, or waits for a review or its merge. */
async function hasOpen(calls: Calls, of: { run?: string; task?: string }): Promise<boolean> {
  const { attempts } = await calls.attempts({ ...of, open: true });
  return attempts.some(({ lost }) => lost !== true);
}

async function runEnd(calls: Calls, id: string): Promise<Standing> {
  const view = await calls.run({ action: "status", id });
  const of = (name: string): number => view.tasks[name] ?? 0;
  const goesOn = of("ready") + of("in_progress") + of("in_review") > 0 ||
    (view.driven === true ? await isBusy(calls, view) : of("proposed") > 0);
  if (goesOn) return await restOf(calls, id) ?? { state: "in_progress", over: false };
  if (of("failed") + of("blocked") > 0) return { state: "failed", over: true };
  if (of("proposed") > 0) {
    return {
      state: "proposed",
      over: true,
      why: `what is proposed waits: skein plan accept ${id}`,
    };
  }
  if (view.left !== undefined) return { state: "left", over: true, why: view.left };
  // Its result is where it belongs only when whoever drives it has ended it.
  if (view.driven === true) {
    return await restOf(calls, id) ?? { state: "in_progress", over: false };
  }
  const ended = view.status === "ended";
  if (ended && view.outcome !== undefined && !view.outcome.startsWith("completed")) {
    return { state: "ended", over: true, why: view.outcome };
  }
  if (ended || of("completed") > 0) return { state: "completed", over: true };
  return { state: view.status, over: false };
}

/** Whether a driven run goes on by itself: it gets its tasks yet, or something is at its end. */
async function isBusy(calls: Calls, { id, planning, open }: RunView): Promise<boolean> {
  if (await hasOpen(calls, { run: id })) return true;
  if (planning !== true) return false;
  // Of a planner that somebody stopped nothing comes; of one that failed the goal becomes one task.
  for (const { id: task, status } of open) {
    if (status === "failed" && wasStopped((await calls.task(task)).failure)) return false;
  }
  return true;
}

/** The rest of a run, or of a task of it, that was stopped or ended and whose last agent has ended, too. */
async function restOf(calls: Calls, run: string, task?: string): Promise<Standing | null> {
  const { status, stopped, outcome } = await calls.run({ action: "status", id: run });
  const ended = status === "ended";
  if (!ended && stopped === undefined) return null;
  const { attempts } = await calls.attempts({ run, open: true });
  const works = attempts.some((one) =>
    (task === undefined || one.task === task) && one.state === "running" && one.orphaned !== true
  );
  if (works) return null;
  const why = ended ? outcome ?? "no reason given" : stopped;
  return { state: ended ? "ended" : "stopped", over: true, why };
}

async function stop(
  { calls, home }: { calls: Calls; home: string },
  id: string,
  typed: TypedRun,
  print: Print,
): Promise<number> {
  const why = textOf(typed, "why");
  const because = why === undefined ? {} : { why };
  if (isRun(id)) {
    const conduct = await calls.conduct(id, { action: "stop", ...because });
    await endOrphans(calls, id, home, conduct);
    say(typed, print, { id, stopped: true }, `${id} stops; skein run --resume ${id} goes on`);
    return 0;
  }
  const answer = await calls.call("stop_attempt", { task: id, ...because });
  const { run } = await calls.task(id);
  if (run !== undefined) await endOrphans(calls, run, home, await calls.conduct(run, {}));
  const text = answer["status"] === "failed"
    ? `${id} is stopped; skein retry ${id} puts it back`
    : `the agent at ${id} ends; what it has handed in stands`;
  say(typed, print, answer, text);
  return 0;
}

/** Agents whose worker has died hear of no stop; there may be nobody else who cleans up after it. */
async function endOrphans(
  calls: Calls,
  run: string,
  home: string,
  { repo, worktrees }: Conduct,
): Promise<void> {
  const { attempts } = await calls.attempts({ run, open: true });
  await sweep(calls, worktrees ? { run, repo, home } : null, attempts);
}

/** To a peer by name, or to whoever works on a task. */
async function tell(
  calls: Calls,
  id: string,
  text: string,
  typed: TypedRun,
  print: Print,
): Promise<number> {
  if (text.trim() === "") {
    throw new Refusal("INVALID_INPUT", "skein tell: the text is missing", { field: "text" });
  }
  const isTask = await isKnownTask(calls, id);
  const running = isTask
    ? (await calls.attempts({ task: id, open: true })).attempts
      .findLast(({ state, orphaned }) => state === "running" && orphaned !== true)
    : undefined;
  if (isTask && running === undefined) {
    throw new Refusal("TASK_STATE", `tell: nobody works on ${id} right now`, { field: "id" });
  }
  const to = running?.worker ?? id;
  const about = running === undefined ? {} : { task: id };
  const answer = await calls.call("send", { to, content: text, ...about });
  say(typed, print, answer, `told ${to}`);
  return 0;
}

/** Tasks that were imported have ids of their own kind; what is none is a peer's name. */
async function isKnownTask(calls: Calls, id: string): Promise<boolean> {
  try {
    await calls.task(id);
    return true;
  } catch (thrown) {
    if (asRefusal(thrown).code !== "UNKNOWN_TASK") throw thrown;
    return /^t\d+$/.test(id);
  }
}
