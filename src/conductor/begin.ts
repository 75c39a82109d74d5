// How a run begins, or is taken up again: repository and branch, the run's row with how it is driven.
// A process that dies in between leaves a run that can be looked at and taken up, or nothing.

import { agentOf } from "../agent/command.ts";
import { asRefusal, Refusal } from "../core/errors.ts";
import { repositoryOf } from "../core/repository.ts";
import { excerpt } from "../core/text.ts";
import { LIMITS } from "../core/limits.ts";
import { lastRunNumber, openRun } from "../worktree/branch.ts";
import type { RunTree } from "../worktree/place.ts";
import { unseenIn, unseenText } from "../worktree/unseen.ts";
import { dropUnbegun } from "../worktree/unbegun.ts";
import { conductRun, refuseCheck } from "../fleet/conduct.ts";
import type { Conduct } from "../fleet/rules.ts";
import { parse } from "../parse.ts";
import type { Calls } from "./calls.ts";
import { earlierRuns } from "./earlier.ts";

/** What a run is begun with. */
export interface Beginning {
  readonly home: string;
  /** The user's folder. */
  readonly folder: string;
  readonly goal: string;
  readonly plan?: string | undefined;
  /** Whether each attempt gets a worktree of its own, where there is a repository. */
  readonly worktrees: boolean;
  /** The other fields of conduct_run. */
  readonly conduct: Readonly<Record<string, unknown>>;
}

/** The run's id, and what the user should know. */
export interface Begun {
  readonly run: string;
  /** Its repository; null where its attempts have no worktrees. */
  readonly tree: RunTree | null;
  readonly notes: readonly string[];
}

/**
 * Begins a run; it has no tasks yet.
 * @throws Refusal `NOT_AVAILABLE` without an agent, `INVALID_INPUT`, whatever git says
 */
export async function beginRun(calls: Calls, beginning: Beginning): Promise<Begun> {
  const { home, folder, plan } = beginning;
  const goal = beginning.goal.trim();
  const repository = repositoryOf(folder);
  agentOf(repository?.tree ?? folder);
  const notes: string[] = [];
  const worktrees = beginning.worktrees && repository !== null;
  if (beginning.worktrees && repository === null) {
    notes.push(`${folder} is in no git repository: all workers share it, under locks`);
  }
  const repo = repository?.tree ?? folder;
  const conduct = { ...beginning.conduct, repo, worktrees };
  // What is wrong with it is said before there is a run.
  parse(conductRun, { id: "r0", ...conduct });
  refuseCheck(conduct);
  const earlier = await earlierRuns(calls, home);
  if (earlier.note !== null) notes.push(earlier.note);
  const { id } = await calls.run({
    action: "start",
    goal,
    ...(plan === undefined ? {} : { plan }),
    // Runs of other homes, and of a store that was deleted, have left their branches, folders and logs.
    above: Math.max(earlier.above, worktrees ? await lastRunNumber(repo) : 0),
  });
  const tree = worktrees ? { run: id, repo, home } : null;
  try {
    // Who may not drive it begins no branch either.
    await calls.conduct(id, conduct);
    if (tree === null) return { run: id, tree, notes };
    const { branch, base, target } = await openRun(tree);
    if (target === null) notes.push(`no branch is checked out: the result stays on ${branch}`);
    const unseen = unseenText(await unseenIn(repo), target);
    if (unseen !== null) notes.push(unseen);
    await calls.conduct(id, { base, target });
    return { run: id, tree, notes };
  } catch (thrown) {
    await abandon(calls, id, tree, thrown);
    throw thrown;
  }
}

/** A run that cannot begin is none that anybody should find, nor a branch of it. */
export async function abandon(
  calls: Calls,
  run: string,
  tree: RunTree | null,
  thrown: unknown,
): Promise<void> {
  const why = excerpt(asRefusal(thrown).message, LIMITS.noteChars);
  await calls.run({ action: "end", id: run, plan: `not begun: ${why}` });
  if (tree !== null) await dropUnbegun(tree);
}

/** A title for a task that is a whole goal. */
export function titleOf(goal: string, before = ""): string {
  const words = goal.replaceAll(/\s+/g, " ").trim();
  return before + excerpt(words, LIMITS.titleChars - before.length - 3);
}

/** Adds the task that plans a run: an agent studies the code and makes the other tasks. */
export async function addPlanning(calls: Calls, run: string, goal: string): Promise<string> {
  const task = await calls.createTask(run, {
    title: titleOf(goal, "Plan: "),
    description: goal,
    priority: 1,
  });
  await calls.conduct(run, { plan: task });
  return task;
}

/**
 * Takes up a run that was begun before.
 * @throws Refusal `UNKNOWN_RUN`, `TASK_STATE`
 */
export async function takeUp(
  calls: Calls,
  run: string,
  conduct: Readonly<Record<string, unknown>>,
): Promise<void> {
  const view = await calls.run({ action: "status", id: run });
  if (view.status === "ended") {
    throw new Refusal("TASK_STATE", `run ${run} has ended: ${view.outcome ?? "no reason given"}`, {
      run,
      hint: "Start a new one.",
    });
  }
  if (view.total === 0) {
    throw new Refusal("TASK_STATE", `run ${run} has no tasks: whoever began it ended before`, {
      run,
      hint: `Add some (skein task create --run ${run}), or end it and start a new one.`,
    });
  }
  const before = await calls.conduct(run, {}) as Conduct | null;
  agentOf(before?.repo);
  await calls.conduct(run, { ...conduct, action: "resume" });
}
