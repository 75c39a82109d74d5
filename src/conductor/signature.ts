// Which task, attempt and worker a commit is of: the last line of every commit that skein makes.

import type { ShownAttempt } from "../fleet/view.ts";

export function signature(
  { run, task, number, worker }: Pick<ShownAttempt, "run" | "task" | "number" | "worker">,
): string {
  return `skein run ${run}, task ${task}, attempt ${number}, by ${worker}`;
}
