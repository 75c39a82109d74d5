// The end of the account: what was measured, what was checked, and the verdict.

import type { Account } from "./account.ts";
import type { Invariant } from "./invariants.ts";
import type { Killed } from "./stage.ts";
import type { Times } from "./story.ts";

/** Everything that the demo found out. */
export interface Outcome {
  readonly ok: boolean;
  readonly error: string | null;
  readonly killed: readonly Killed[];
  readonly times: Times;
  readonly invariants: readonly Invariant[];
  readonly totalMs: number;
}

/** Measured times that somebody was promised, with the promise. */
const MEASURED: readonly { key: string; text: string; most?: number }[] = [
  { key: "four_sessions_joined", text: "four sessions started and joined" },
  { key: "eight_tasks_created", text: "eight tasks created in one call" },
  { key: "question_delivered", text: "question to the waiting architect" },
  { key: "lock_granted_on_release", text: "lock granted after its release" },
  { key: "dead_workers_task_claimed", text: "dead worker's task claimed again", most: 2_000 },
  { key: "dead_workers_lock_granted", text: "dead worker's lock granted", most: 2_000 },
  { key: "another_leads", text: "leader killed until another leads", most: 100 },
  { key: "survivor_names_new_leader", text: "... until a survivor's status says so" },
  { key: "worker_back", text: "killed worker back under its name" },
  { key: "leader_back", text: "killed leader back under its name" },
  { key: "rest_of_the_plan", text: "rest of the plan" },
];

/** Prints the tables. */
export function summarise(account: Account, outcome: Outcome): void {
  account.part("Measured");
  for (const { key, text, most } of MEASURED) {
    const ms = outcome.times[key];
    if (ms === undefined) continue;
    const promise = most === undefined ? "" : `promised: ${most} ms`;
    const shown = `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`.padStart(9);
    const late = most !== undefined && ms > most;
    account.print(
      `  ${text.padEnd(36)}${account.paint(late ? "yellow" : "green", shown)}  ${promise}`,
    );
  }
  account.part("Checked");
  for (const { name, holds, seen } of outcome.invariants) {
    const mark = holds ? account.paint("green", "ok ") : account.paint("red", "OFF");
    account.print(`  ${mark}  ${name.padEnd(52)}${account.paint("dim", seen)}`);
  }
  const seconds = (outcome.totalMs / 1_000).toFixed(1);
  const verdict = outcome.ok
    ? account.paint("green", `All is well: eight tasks, two deaths, nothing lost, ${seconds} s.`)
    : account.paint("red", `Something is off: ${outcome.error ?? "see above"}`);
  account.print(`\n${verdict}`);
}

/** The one JSON object of `--json`. */
export function asJson(outcome: Outcome): string {
  const round = (ms: number): number => Math.round(ms * 10) / 10;
  return JSON.stringify({
    ok: outcome.ok,
    ...(outcome.error === null ? {} : { error: outcome.error }),
    killed: outcome.killed,
    times_ms: Object.fromEntries(Object.entries(outcome.times).map(([k, ms]) => [k, round(ms)])),
    invariants: Object.fromEntries(outcome.invariants.map(({ key, holds }) => [key, holds])),
    total_ms: round(outcome.totalMs),
  });
}
