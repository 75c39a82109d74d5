// `skein wait`: when a task or a run is over, so that whatever is to come after it can. Done is what is
// where it belongs: a task that is merged, a run whose result is on the user's branch.

import type { Calls, RunView } from "../conductor/calls.ts";
import { wasStopped } from "../fleet/rules.ts";
import { numberOf, type Print, type TypedRun } from "./runflags.ts";

const DONE = ["completed"];
const OVER = [...DONE, "failed", "cancelled"];

/** Runs are r1, tasks t1, attempts are numbers. */
export function isRun(id: string): boolean {
  return /^r\d+$/.test(id);
}

/** Prints an answer: as JSON where that was asked for, else its text. */
export function say(typed: TypedRun, print: Print, answer: unknown, text: string): void {
  print(typed.values["json"] === true ? JSON.stringify(answer) : text);
}

/** Waits until a task or a run is over; returns the exit code. */
export async function wait(
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
