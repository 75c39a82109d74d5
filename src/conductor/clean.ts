// Clears a repository of what earlier runs left in it and nobody needs any more (worktree/spent.ts). What
// goes is written into the journal before it does, with its commit and where that is kept: `git
// update-ref REF COMMIT` brings back what was merged or old for as long as git keeps what nothing reaches.

import { join } from "@std/path";
import { asRefusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { dropSpent, madeAt, type Spent, type SpentRef, spentRefs } from "../worktree/spent.ts";
import { checkedRuns } from "../worktree/checkout.ts";
import type { Calls } from "./calls.ts";
import { clearCheck } from "./check.ts";
import { sweepEnded } from "./ended.ts";

/** The user's checkout, and the store. */
export interface Where {
  readonly repo: string;
  readonly home: string;
}

/**
 * Removes them, or with `dryRun` only names them.
 * @returns what is gone, or would be, and what stays though it is merged nowhere
 * @throws Refusal `GIT_STATE` where there is no repository
 */
export async function clean(calls: Calls, where: Where, dryRun = false): Promise<Spent> {
  // A run whose last agent has not ended keeps its branches.
  if (!dryRun) await sweepEnded(calls, where.home);
  const isRunOver = (run: string): Promise<boolean> => isOver(calls, where, run);
  const { spent, stays } = await spentRefs(where, isRunOver, Date.now());
  if (dryRun) return { spent, stays };
  for (const run of checkedRuns(where)) {
    if (await isRunOver(run)) await clearCheck({ run, ...where });
  }
  const gone: SpentRef[] = [];
  for (const [run, all] of Map.groupBy(spent, (one) => one.run)) {
    for (let from = 0; from < all.length; from += LIMITS.listItems) {
      const some = all.slice(from, from + LIMITS.listItems);
      const named = some.map(({ ref, commit, to }) =>
        `${ref} ${commit}${to === undefined ? "" : ` kept as ${to}`}`
      );
      await calls.call("note_cleaning", { run, refs: named });
      gone.push(...await dropSpent(where, some));
    }
  }
  return { spent: gone, stays };
}

/** Whether a run that this home made has ended, and its last agent, too; or its store is gone. */
async function isOver(calls: Calls, where: Where, run: string): Promise<boolean> {
  try {
    if ((await calls.run({ action: "status", id: run })).status !== "ended") return false;
    const { attempts } = await calls.attempts({ run, open: true });
    // Nobody merges for a run that was ended.
    return attempts.every(({ state }) => state === "waiting");
  } catch (thrown) {
    if (asRefusal(thrown).code !== "UNKNOWN_RUN") throw thrown;
    // Else it is another project's, as whose member somebody acts.
    return madeBefore(where, run);
  }
}

/** Whether a run began before its home's store did: nobody knows of it any more. */
function madeBefore({ repo, home }: Where, run: string): boolean {
  const { birthtime } = Deno.statSync(join(home, "skein.db"));
  const made = madeAt({ repo, home, run });
  return birthtime !== null && made !== null && made < birthtime;
}

/** What went, in one line; null if nothing did. */
export function cleaned(refs: readonly SpentRef[]): string | null {
  const some = (count: number, what: string, more: string): string[] =>
    count === 0 ? [] : [`${count} ${count === 1 ? what : more}`];
  const of = (...kinds: SpentRef["kind"][]): number =>
    refs.filter(({ kind, why }) => kinds.includes(kind) && why !== "unmerged").length;
  const parts = [
    ...some(of("parked", "kept"), "piece of parked work", "pieces of parked work"),
    ...some(of("run"), "run branch", "run branches"),
    ...some(of("task"), "task branch", "task branches"),
  ];
  const why = `merged, or parked more than ${LIMITS.parkedDays} days ago`;
  const gone = parts.length === 0 ? [] : [`${parts.join(", ")} of earlier runs (${why})`];
  const unmerged = refs.filter((one) => one.why === "unmerged").length;
  const moved = some(unmerged, "task branch that is", "task branches that are")
    .map((one) => `${one} merged nowhere (kept under refs/skein/kept/)`);
  return gone.length + moved.length === 0 ? null : [...gone, ...moved].join("; ");
}
