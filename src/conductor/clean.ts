// Clears a repository of what earlier runs left in it and nobody needs any more (worktree/spent.ts). What
// goes is written into the journal before it does, with its commit: `git update-ref REF COMMIT` brings
// it back for as long as git keeps what nothing reaches.

import { asRefusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { dropSpent, type SpentRef, spentRefs } from "../worktree/spent.ts";
import type { Calls } from "./calls.ts";

/** The user's checkout, and the store. */
export interface Where {
  readonly repo: string;
  readonly home: string;
}

/**
 * Removes them, or with `dryRun` only names them.
 * @returns what is gone, or would be
 * @throws Refusal `GIT_STATE` where there is no repository
 */
export async function clean(calls: Calls, where: Where, dryRun = false): Promise<SpentRef[]> {
  const refs = await spentRefs(where, (run) => isOver(calls, run), Date.now());
  if (dryRun) return refs;
  const gone: SpentRef[] = [];
  for (const [run, all] of Map.groupBy(refs, (one) => one.run)) {
    for (let from = 0; from < all.length; from += LIMITS.listItems) {
      const some = all.slice(from, from + LIMITS.listItems);
      const named = some.map(({ ref, commit }) => `${ref} ${commit}`);
      await calls.call("note_cleaning", { run, refs: named });
      gone.push(...await dropSpent(where, some));
    }
  }
  return gone;
}

/** Whether a run of this project has ended, and its last agent, too. */
async function isOver(calls: Calls, run: string): Promise<boolean> {
  try {
    if ((await calls.run({ action: "status", id: run })).status !== "ended") return false;
    return (await calls.attempts({ run, open: true })).attempts.length === 0;
  } catch (thrown) {
    // A run of another project, or of another home.
    if (asRefusal(thrown).code === "UNKNOWN_RUN") return false;
    throw thrown;
  }
}

/** What went, in one line; null if nothing did. */
export function cleaned(refs: readonly SpentRef[]): string | null {
  const of = (kind: SpentRef["kind"], what: string, more: string): string[] => {
    const count = refs.filter((one) => one.kind === kind).length;
    return count === 0 ? [] : [`${count} ${count === 1 ? what : more}`];
  };
  const parts = [
    ...of("parked", "piece of parked work", "pieces of parked work"),
    ...of("run", "run branch", "run branches"),
    ...of("task", "task branch", "task branches"),
  ];
  const why = `merged, or parked more than ${LIMITS.parkedDays} days ago`;
  return parts.length === 0 ? null : `${parts.join(", ")} of earlier runs (${why})`;
}
