// From the flags of `skein run`, and the variables that scripts of another system bring along, to how a
// run is driven.

import { numberOf, textOf, textsOf, type TypedRun } from "./runflags.ts";

/** The fields of conduct_run that the flags and the environment give. */
export function conductOf(typed: TypedRun): Record<string, unknown> {
  const seconds = (name: string, env?: string): number | undefined => {
    const value = numberOf(typed, name, env);
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
  const model = Deno.env.get("CLAUDE_MODEL");
  const fields = {
    workers: numberOf(typed, "workers", "ORCHESTRATOR_MAX_WORKERS"),
    attempts: numberOf(typed, "attempts", "ORCHESTRATOR_MAX_ATTEMPTS"),
    models: textsOf(typed, "model") ?? (model ? [model] : undefined),
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
