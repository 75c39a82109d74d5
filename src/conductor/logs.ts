// Where the logs of attempts are: a folder for each run, a file for each attempt, and one beside it for
// what its check said.

import { join } from "@std/path";

interface Numbered {
  readonly run: string;
  readonly task: string;
  readonly number: number;
}

/** The log of an attempt's agent: NDJSON (agent/log.ts). */
export function attemptLog(home: string, { run, task, number }: Numbered): string {
  return join(home, "logs", run, `${task}-${number}.ndjson`);
}

/** What the check of an attempt's work has said: plain text, of every time that it ran. */
export function checkLog(home: string, { run, task, number }: Numbered): string {
  return join(home, "logs", run, `${task}-${number}-check.log`);
}
