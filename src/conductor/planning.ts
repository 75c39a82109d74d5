// What becomes of a plan: the planner's tasks are proposals; the run's driver accepts them, unless
// somebody wants to see them first. A planner that brings no plan leaves one task: the goal itself.

import { asRefusal } from "../core/errors.ts";
import { titleOf } from "./begin.ts";
import { type Conduct, wasStopped } from "../fleet/rules.ts";
import type { Calls, RunView } from "./calls.ts";

export interface PlanState {
  /** Tasks that were accepted just now. */
  readonly accepted: readonly string[];
  /** The plan is there and waits for somebody. */
  readonly waits: boolean;
  readonly notes: readonly string[];
}

const NOTHING: PlanState = { accepted: [], waits: false, notes: [] };

/** Looks whether the plan is made, and takes it in. */
export async function concludePlan(
  calls: Calls,
  run: RunView,
  conduct: Conduct,
): Promise<PlanState> {
  const proposed = run.tasks["proposed"] ?? 0;
  if (conduct.plan === null) return NOTHING;
  const { status, failure } = await calls.task(conduct.plan);
  if (status === "completed") {
    if (conduct.plan_only && proposed > 0) return { ...NOTHING, waits: true };
    return { ...NOTHING, accepted: await calls.acceptPlan(run.id) };
  }
  // Whoever stopped the planner, or wants to look first, does not want the goal begun without a plan
  // either. Taken up again (--resume), the run no longer waits for a look and gets this far.
  if (status !== "failed" || wasStopped(failure) || conduct.plan_only) return NOTHING;
  // Its steps in this order: whoever comes after a death between two of them finds what was done.
  const title = titleOf(run.goal);
  const made = [...run.open, ...run.completed].find((one) => one.title === title);
  const id = made?.id ?? await calls.createTask(run.id, { title, description: run.goal });
  await giveWay(calls, conduct.plan);
  await calls.conduct(run.id, { plan: null });
  const why = failure === undefined ? "" : ` (${failure})`;
  return { ...NOTHING, notes: [`no usable plan came${why}: ${id} is the whole goal`] };
}

/** The plan's task would count as a failure of the run for ever: it gives way to the goal itself. */
async function giveWay(calls: Calls, plan: string): Promise<void> {
  const note = "no plan came of it: the goal is one task now";
  try {
    await calls.call("update_task", { id: plan, action: "cancel", note });
  } catch (thrown) {
    // Another conductor was quicker.
    if (asRefusal(thrown).code !== "TASK_STATE") throw thrown;
  }
}
