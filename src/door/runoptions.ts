// From the flags of `skein run`, and the variables that scripts of another system bring along, to how a
// run is driven.

import { Refusal } from "../core/errors.ts";
import { numberOf, textOf, textsOf, type TypedRun } from "./runflags.ts";

/** What only a new run can be given. */
const ANEW = ["tasks", "plan", "no-plan", "plan-only", "no-worktree", "goal"] as const;

/**
 * A run that is taken up has its goal, its tasks and its place: whoever names others would believe that
 * they count.
 * @throws Refusal `INVALID_INPUT`
 */
export function refuseAnew(typed: TypedRun, goal: string): void {
  const given = ANEW.find((name) => typed.values[name] !== undefined) ??
    (goal === "" ? undefined : "goal");
  if (given === undefined) return;
  const what = given === "goal" ? "a goal" : `--${given}`;
  throw new Refusal(
    "INVALID_INPUT",
    `skein run --resume: the run has begun; ${what} is of a new one`,
    {
      field: given,
      hint:
        "Leave it out, or begin another run without --resume. Tasks: skein task create --run RUN.",
    },
  );
}

/**
 * The fields of conduct_run that the flags and the environment give. A run that is taken up keeps what it
 * was begun with, whatever the variables of this shell are: only flags change it.
 */
export function conductOf(typed: TypedRun): Record<string, unknown> {
  const anew = textOf(typed, "resume") === undefined;
  const number = (name: string, env: string): number | undefined =>
    numberOf(typed, name, anew ? env : undefined);
  const seconds = (name: string, env?: string): number | undefined => {
    const value = env === undefined ? numberOf(typed, name) : number(name, env);
    return value === undefined ? undefined : Math.round(value * 1_000);
  };
  const bounds = (prefix: string): Record<string, number | null> | undefined => {
    const found = {
      turns: numberOf(typed, `${prefix}-turns`) ?? null,
      tokens: numberOf(typed, `${prefix}-tokens`) ?? null,
      cost_usd: numberOf(typed, `${prefix}-cost`) ?? null,
    };
    return Object.values(found).some((value) => value !== null) ? found : undefined;
  };
  const model = anew ? Deno.env.get("CLAUDE_MODEL") : undefined;
  const fields = {
    workers: number("workers", "ORCHESTRATOR_MAX_WORKERS"),
    attempts: number("attempts", "ORCHESTRATOR_MAX_ATTEMPTS"),
    models: textsOf(typed, "model") ?? (model ? [model] : undefined),
    // An empty one takes it away again.
    check: typed.values["check"] === "" ? null : textOf(typed, "check"),
    check_ms: seconds("check-timeout"),
    task_ms: seconds("timeout", "ORCHESTRATOR_TASK_TIMEOUT"),
    first_output_ms: seconds("first-output"),
    quiet_ms: seconds("quiet-after"),
    permission_mode: textOf(typed, "permission-mode"),
    allowed_tools: textsOf(typed, "allow"),
    skip_permissions: typed.values["dangerously-skip-permissions"] === true ? true : undefined,
    plan_only: typed.values["plan-only"] === true ? true : undefined,
    each: bounds("task"),
    all: bounds("max"),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
