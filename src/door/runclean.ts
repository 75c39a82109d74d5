// `skein run clean`: clears the repository of what earlier runs left, as every conductor does when it
// begins, or says what that would be.

import { callsOf } from "../conductor/calls.ts";
import { clean, cleaned } from "../conductor/clean.ts";
import { clearedLogs, clearLogs } from "../conductor/oldlogs.ts";
import { repositoryOf } from "../core/repository.ts";
import type { StayingRef } from "../worktree/spent.ts";
import { visitorOf } from "./run.ts";
import { flagHelp, folderOf, type Print, readFlags } from "./runflags.ts";

const FLAGS = {
  "dry-run": { type: "boolean", help: "only say what would go" },
  cwd: { type: "string", short: "C", value: "DIR", help: "the project's folder (the current one)" },
  json: { type: "boolean", help: "print the answer as JSON" },
  home: { type: "string", value: "DIR", help: "folder of the store" },
  as: { type: "string", value: "PEER", help: "act as this peer" },
  help: { type: "boolean", short: "h", help: "show this help" },
} as const;

/** Why a branch stays that is merged nowhere, and what ends that. */
const WHY: Readonly<Record<StayingRef["why"], (run: string) => string>> = {
  active: (run) => `and ${run} goes on (else: skein run end ${run})`,
  result: (run) => `the result of ${run}`,
  foreign: () => "made by another home",
};

/** Removes it, or lists it with `--dry-run`; returns the exit code. */
export async function runClean(args: readonly string[], print: Print): Promise<number> {
  const typed = readFlags("run clean", FLAGS, args);
  if (typed.values["help"] === true) {
    print([
      "skein run clean: remove branches of runs that are over and merged, old parked work, and the logs of",
      "old runs; what is merged nowhere of their tasks is kept under refs/skein/kept/",
      "",
      ...flagHelp(FLAGS),
    ].join("\n"));
    return 0;
  }
  const dryRun = typed.values["dry-run"] === true;
  const folder = folderOf(typed);
  const { visitor, home } = visitorOf(typed, folder);
  const where = { repo: repositoryOf(folder)?.tree ?? folder, home };
  const calls = callsOf(visitor);
  const { spent: refs, stays } = await clean(calls, where, dryRun);
  const logs = await clearLogs(calls, home, { nowMs: Date.now(), dryRun });
  if (typed.values["json"] === true) {
    print(JSON.stringify({ dry_run: dryRun, refs, stays, logs }));
    return 0;
  }
  for (const { ref, commit, why, to } of refs) {
    const where = to === undefined ? "" : `, kept as ${to}`;
    if (dryRun || to !== undefined) print(`${ref} ${commit.slice(0, 10)} (${why}${where})`);
  }
  for (const { ref, commit, run, why } of stays) {
    print(`${ref} ${commit.slice(0, 10)} stays: merged nowhere, ${WHY[why](run)}`);
  }
  const parts = [cleaned(refs), clearedLogs(logs)].filter((text) => text !== null);
  const what = dryRun ? "would remove" : "removed";
  print(parts.length === 0 ? "nothing to remove" : `${what} ${parts.join("; ")}`);
  return 0;
}
