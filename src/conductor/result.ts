// What a run has come to: every task with who did it, how long it took and what it cost.

import { excerpt } from "../core/text.ts";
import { STATUSES } from "../task/rules.ts";
import type { Calls } from "./calls.ts";
import type { Conclusion } from "./events.ts";

/** One task's result. */
export interface TaskResult {
  readonly id: string;
  readonly title: string;
  readonly status: string;
  readonly summary: string | null;
  readonly worker: string | null;
  readonly attempts: number;
  /** Of the attempt that counted. */
  readonly duration_ms: number | null;
  readonly merged: string | null;
  readonly turns: number;
  readonly tokens: number;
  readonly cost_usd: number;
}

/** A run's result, as `--output` writes it. */
export interface RunResult {
  readonly run: string;
  readonly goal: string;
  readonly state: Conclusion["state"];
  readonly tasks_completed: number;
  readonly tasks_failed: number;
  readonly discoveries: number;
  readonly summary: string;
  readonly branch: string | null;
  readonly delivered: boolean;
  readonly cost_usd: number;
  readonly notes: readonly string[];
  readonly tasks: readonly TaskResult[];
}

const SUMMARY_CHARS = 500;

interface ListedTask {
  readonly id: string;
  readonly title: string;
  readonly status: string;
}

/** Puts a run's result together. */
export async function resultOf(calls: Calls, conclusion: Conclusion): Promise<RunResult> {
  const { run } = conclusion;
  const view = await calls.run({ action: "status", id: run });
  const { attempts } = await calls.allAttempts(run);
  const tasks: TaskResult[] = [];
  for (const task of await everyTask(calls, run)) {
    const tries = attempts.filter((one) => one.task === task.id);
    const last = tries.at(-1);
    const done = task.status === "completed" ? (await calls.task(task.id)).summary ?? null : null;
    const sum = (of: "turns" | "tokens" | "cost_usd"): number =>
      tries.reduce((total, one) => total + one[of], 0);
    tasks.push({
      id: task.id,
      title: task.title,
      status: task.status,
      summary: done,
      worker: last?.worker ?? null,
      attempts: tries.length,
      duration_ms: last?.duration_ms ?? null,
      merged: last?.merged ?? null,
      turns: sum("turns"),
      tokens: sum("tokens"),
      cost_usd: sum("cost_usd"),
    });
  }
  return {
    run,
    goal: view.goal,
    state: conclusion.state,
    tasks_completed: conclusion.completed,
    tasks_failed: conclusion.failed,
    discoveries: (await calls.discoveries(run)).length,
    summary: summaryOf(tasks),
    branch: conclusion.branch,
    delivered: conclusion.delivered,
    cost_usd: conclusion.costUsd,
    notes: conclusion.notes,
    tasks,
  };
}

async function everyTask(calls: Calls, run: string): Promise<ListedTask[]> {
  const found: ListedTask[] = [];
  for (let cursor: string | null | undefined = undefined; cursor !== null;) {
    const page = await calls.call("list_tasks", {
      run,
      status: STATUSES,
      limit: 200,
      ...(cursor === undefined ? {} : { cursor }),
    }) as unknown as { tasks: ListedTask[]; next: string | null };
    found.push(...page.tasks);
    cursor = page.next;
  }
  return found;
}

function summaryOf(tasks: readonly TaskResult[]): string {
  return tasks.filter(({ summary }) => summary !== null)
    .map(({ id, title, summary }) => `${id} ${title}: ${excerpt(summary ?? "", SUMMARY_CHARS)}`)
    .join("\n");
}
