// Gets work onto the run branch that has to be checked first. It waits on its branch, and one worker's
// process at a time takes what waits, oldest first, while the others go on with other tasks: nobody
// stands idle for a check, and no agent is needed for one. If that process dies, the work waits as before.

import { asRefusal } from "../core/errors.ts";
import { during } from "../core/during.ts";
import { LIMITS } from "../core/limits.ts";
import { excerpt } from "../core/text.ts";
import { conductOf } from "../fleet/driven.ts";
import { type Conduct, UNCHECKED } from "../fleet/rules.ts";
import { attemptById, isHeld } from "../fleet/table.ts";
import type { ShownAttempt } from "../fleet/view.ts";
import type { Node } from "../node/node.ts";
import { broughtBy, checkedOutIn } from "../worktree/merge.ts";
import type { Calls } from "./calls.ts";
import { check, type Checked, CheckTurn } from "./check.ts";
import { checkLog } from "./logs.ts";
import { type MergePlace, mergePlace, mergeWork } from "./merge.ts";
import { signature } from "./signature.ts";
import { givenUp, isFresh, isLost, isOpen } from "./sweep.ts";

/** Who lands the work of which run. */
export interface Landing {
  readonly node: Node;
  readonly calls: Calls;
  readonly home: string;
  readonly run: string;
  /** Ends what it does: its process has to go. */
  readonly signal: AbortSignal;
}

/**
 * Checks and merges the oldest that waits for it, if nobody else is at it.
 * @returns whether there was one, and it waits no more
 * @throws Refusal what the store says
 */
export async function landNext(landing: Landing): Promise<boolean> {
  const conduct = await conductNow(landing);
  const place = conduct === null ? null : mergePlace(conduct, landing);
  if (conduct === null || place === null || !place.checks || conduct.stopped !== null) return false;
  if (await nextOf(landing, place) === undefined) return false;
  const turn = await CheckTurn.take(place);
  if (turn === null) return false;
  return await during(turn, async () => {
    // Somebody may have landed it in between.
    const attempt = await nextOf(landing, place);
    return attempt !== undefined && await land(landing, { conduct, place, turn, attempt });
  });
}

/** What waits, and not for what holds it up still. */
async function nextOf(
  { calls, run }: Landing,
  place: MergePlace,
): Promise<ShownAttempt | undefined> {
  const { attempts } = await calls.attempts({ run, open: true });
  const waiting = attempts.filter((one) => one.state === "waiting");
  if (waiting.length === 0 || checkedOutIn(place) !== null) return undefined;
  // What waits for something else than its check is tried again now and then, behind the others.
  return waiting.find((one) => one.cause === UNCHECKED) ?? waiting.find((one) => !isFresh(one));
}

async function land(landing: Landing, { conduct, place, turn, attempt }: {
  readonly conduct: Conduct;
  readonly place: MergePlace;
  readonly turn: CheckTurn;
  readonly attempt: ShownAttempt;
}): Promise<boolean> {
  const { calls, home, node } = landing;
  const { id, task, title } = attempt;
  if (await isLost(calls, attempt)) return true;
  const command = conduct.check ?? "";
  let checked: Checked = { outcome: "passed" };
  try {
    const merged = await mergeWork(place, {
      task,
      branch: attempt.branch ?? "",
      message: `Merge ${task}: ${title}\n\n${signature(attempt)}`,
      still: () => isWaiting(landing, attempt),
      check: async (commit: string) => {
        await tell(calls, attempt, `is being checked: ${excerpt(command, LIMITS.checkNamedChars)}`);
        checked = await check({
          tree: place,
          turn,
          commit,
          command,
          mostMs: conduct.check_ms ?? LIMITS.checkMs,
          log: checkLog(home, attempt),
          changed: (ms) => changed(node, ms),
          wanted: () => isWanted(landing, attempt, command),
        });
        return checked.outcome === "passed";
      },
    });
    if (merged.outcome === "unchecked") return await unchecked(calls, attempt, checked);
    const files = merged.merged === undefined
      ? merged.files
      : await broughtBy(place, merged.merged);
    await calls.end({ attempt: id, ...merged, files: files?.slice(0, LIMITS.attemptFiles) ?? [] });
    return merged.outcome !== "waiting";
  } catch (thrown) {
    // Whoever it belongs to has just ended it.
    if (!await isOpen(calls, id)) return true;
    const { code, message, hint } = asRefusal(thrown);
    // It is the work's own branch that somebody has deleted, or made another.
    const own = code === "GIT_STATE" || code === "INVALID_INPUT";
    if (own) return await givenUp(calls, attempt, thrown) !== null;
    const reason = excerpt(`it cannot be checked: ${message}. ${hint}`, LIMITS.noteChars - 3);
    await calls.end({ attempt: id, outcome: "waiting", reason, cause: "service" });
    return false;
  }
}

/** The check said no, or nobody wanted to hear it any more. */
async function unchecked(
  calls: Calls,
  attempt: ShownAttempt,
  checked: Checked,
): Promise<boolean> {
  if (checked.outcome !== "failed") return false;
  await calls.end({ attempt: attempt.id, outcome: "failed", ...checked.fault });
  return true;
}

/** Says what it waits for, as long as nothing is wrong with it. */
async function tell(calls: Calls, attempt: ShownAttempt, reason: string): Promise<void> {
  if (attempt.reason === reason && attempt.cause === UNCHECKED) return;
  await calls.end({ attempt: attempt.id, outcome: "waiting", reason, cause: UNCHECKED });
}

async function conductNow({ node, run }: Landing): Promise<Conduct | null> {
  const { engine } = await node.store();
  return await engine.read((tx) => conductOf(tx, run));
}

/** Whether it is still to be merged, and by this check. */
async function isWanted(
  landing: Landing,
  attempt: ShownAttempt,
  command: string,
): Promise<boolean> {
  if (landing.signal.aborted) return false;
  const conduct = await conductNow(landing);
  if (conduct === null || conduct.stopped !== null || conduct.check !== command) return false;
  return await isWaiting(landing, attempt);
}

async function isWaiting({ node }: Landing, { id }: ShownAttempt): Promise<boolean> {
  const { engine } = await node.store();
  return await engine.read(async (tx) => {
    const row = await attemptById(tx, id);
    return row?.state === "waiting" && await isHeld(tx, row);
  });
}

async function changed(node: Node, ms: number): Promise<void> {
  const change = await node.changed(ms);
  await change.happened;
  change.stop();
}
