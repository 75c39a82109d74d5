// Whether anything shows that a task was done. An agent that ends well, has handed nothing in and has
// changed nothing has asked a question, or was not permitted what it needed: nobody would find out.

import { LIMITS } from "../core/limits.ts";
import { excerpt } from "../core/text.ts";
import type { ShownAttempt } from "../fleet/view.ts";
import { hasChanged } from "../worktree/unseen.ts";
import type { Calls } from "./calls.ts";
import type { SessionEnd, Workplace } from "./work.ts";

/**
 * Why an attempt whose agent has not handed its task in is not done, with what the agent was denied and
 * its last words; null where its work is there to be seen. Without a worktree of its own only what it
 * was denied tells.
 */
export async function nothingDone(
  calls: Calls,
  attempt: ShownAttempt,
  { folder, branch }: Workplace,
  { exit }: SessionEnd,
): Promise<string | null> {
  const denied = exit.result?.denied ?? [];
  if (branch === null) {
    if (denied.length === 0) return null;
  } else {
    const { attempts: [row] } = await calls.attempts({ after: attempt.id - 1, run: attempt.run });
    const base = row?.id === attempt.id ? row.base : null;
    if (base === null || await hasChanged(folder, base)) return null;
  }
  const said = (exit.result?.text || exit.lastWords).trim();
  return [
    "it handed nothing in" + (branch === null ? "" : " and changed nothing"),
    ...denied.length === 0 ? [] : [`it was denied ${denied.join(", ")} (--allow permits a tool)`],
    ...said === "" ? [] : [`its last words: ${excerpt(said, LIMITS.agentExcerptChars)}`],
  ].join("; ");
}
