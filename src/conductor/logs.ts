// Where the logs of attempts are: a folder for each run, a file for each attempt, and one beside it for
// what its check said.

import { join } from "@std/path";

/** The log of an attempt's agent. */
export function attemptLog(
  home: string,
  one: { readonly run: string; readonly task: string; readonly number: number },
): string {
  return join(home, "logs", one.run, `${one.task}-${one.number}.ndjson`);
}

/** The log of the check beside the log of an agent. */
export function checkLog(log: string): string {
  return log.replace(/(\.ndjson)?$/, "-check.ndjson");
}
