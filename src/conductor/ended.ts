// Settles what runs left open that were ended: an agent whose worker and conductor are dead, work of it
// that nobody saved. No process of such a run is left to do so; the next run in the project does, and
// whoever ends a run or cleans up.

import { asRefusal } from "../core/errors.ts";
import type { Calls } from "./calls.ts";
import { mergePlace } from "./merge.ts";
import { sweep, type Swept } from "./sweep.ts";

/** What was settled, and what could not be. */
export interface EndedRuns {
  readonly swept: readonly Swept[];
  /** One line for each run of which something stays. */
  readonly faults: readonly string[];
}

/**
 * Settles the open attempts of every ended run of the project; one that cannot be cleared stops nobody.
 * @throws Refusal what the store says
 */
export async function sweepEnded(calls: Calls, home: string): Promise<EndedRuns> {
  const swept: Swept[] = [];
  const faults: string[] = [];
  const { attempts } = await calls.attempts({ open: true });
  for (const [run, open] of Map.groupBy(attempts, (one) => one.run)) {
    if ((await calls.run({ action: "status", id: run })).status !== "ended") continue;
    try {
      swept.push(...await settleRun(calls, { run, home }, open));
    } catch (thrown) {
      faults.push(`what ${run} left stays: ${asRefusal(thrown).message}`);
    }
  }
  return { swept, faults };
}

type Open = Parameters<typeof sweep>[2];

async function settleRun(
  calls: Calls,
  { run, home }: { readonly run: string; readonly home: string },
  open: Open,
): Promise<readonly Swept[]> {
  const swept: Swept[] = [];
  // What waited as the run was ended by an older skein, which left it so.
  for (const { id, task, state } of open) {
    if (state === "running") continue;
    const reason = "its run was ended";
    await calls.end({ attempt: id, outcome: "stopped", reason, cause: "unmerged" });
    swept.push({ attempt: id, task, outcome: "stopped" });
  }
  const tree = mergePlace(await calls.conduct(run, {}), { run, home });
  swept.push(...await sweep(calls, tree, open.filter(({ state }) => state === "running")) ?? []);
  return swept;
}
