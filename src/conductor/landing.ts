// Gets work onto the run branch that has to be checked first. It waits on its branch, and one worker's
// process at a time takes what waits, oldest first, while the others go on with other tasks: nobody
// stands idle for a check, and no agent is needed for one. If that process dies, the work waits as before.

import { asRefusal } from "../core/errors.ts";
import { during } from "../core/during.ts";
import { LIMITS } from "../core/limits.ts";
import { excerpt } from "../core/text.ts";
import { conductOf } from "../fleet/driven.ts";
import { CHECK, type Conduct, UNCHECKED } from "../fleet/rules.ts";
import { attemptById, isHeld } from "../fleet/table.ts";
import type { ShownAttempt } from "../fleet/view.ts";
import type { Node } from "../node/node.ts";
import { broughtBy, checkedOutIn } from "../worktree/merge.ts";
import type { Calls } from "./calls.ts";
import { check, type Checked, CheckTurn } from "./check.ts";
import { checkLog } from "./logs.ts";
import { type MergePlace, mergePlace, mergeWork, TO_BE_CHECKED } from "./merge.ts";
import { signature } from "./signature.ts";
import { endIfLost, givenUp, isFresh, isOpen } from "./sweep.ts";

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

/** What waits for its check, and then, now and then, what waits for something else. */
async function nextOf(
  { calls, run }: Landing,
  place: MergePlace,
): Promise<ShownAttempt | undefined> {
  const { attempts } = await calls.attempts({ run, open: true });
  const waiting = attempts.filter((one) => one.state === "waiting");
  const fresh = waiting.find((one) => one.cause === UNCHECKED);
  if (fresh !== undefined || waiting.length === 0) return fresh;
  const free = checkedOutIn(place) === null;
  return waiting.find((one) =>
    one.cause === "held" ? free && (isCheckedOut(one) || !isFresh(one)) : !isFresh(one)
  );
}

/** Whether what holds it up is a checkout of the run branch: its end is seen without asking git. */
function isCheckedOut({ reason }: ShownAttempt): boolean {
  return reason?.includes("is checked out in") === true;
}

async function land(landing: Landing, { conduct, place, turn, attempt }: {
  readonly conduct: Conduct;
  readonly place: MergePlace;
  readonly turn: CheckTurn;
  readonly attempt: ShownAttempt;
}): Promise<boolean> {
  const { calls, home, node } = landing;
  const { id, task, title } = attempt;
  if (await endIfLost(calls, attempt)) return true;
  const command = conduct.check ?? "";
  const deaths = turn.deathsOf(id);
  if (deaths >= LIMITS.checkDeaths) {
    const reason = `${deaths} workers' processes have died in the check (${named(command)})`;
    await calls.end({ attempt: id, outcome: "failed", reason, cause: CHECK, delay_ms: 0 });
    return true;
  }
  let checked: Checked = { outcome: "passed" };
  try {
    const merged = await mergeWork(place, {
      task,
      branch: attempt.branch ?? "",
      message: `Merge ${task}: ${title}\n\n${signature(attempt)}`,
      still: () => isWaiting(landing, attempt),
      check: async (commit: string) => {
        await tell(calls, attempt, `is being checked: ${named(command)}`);
        checked = await check({
          tree: place,
          turn,
          attempt: id,
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
    if (merged.outcome === "unchecked") return await unchecked(landing, attempt, checked);
    const files = merged.files ??
      (merged.merged === undefined ? [] : await broughtBy(place, merged.merged));
    await calls.end({ attempt: id, ...merged, files: files.slice(0, LIMITS.attemptFiles) });
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

/** The check said no, or nobody wanted to hear it any more: then it waits as before. */
async function unchecked(
  landing: Landing,
  attempt: ShownAttempt,
  checked: Checked,
): Promise<boolean> {
  const { calls } = landing;
  if (checked.outcome === "failed") {
    await calls.end({ attempt: attempt.id, outcome: "failed", ...checked.fault });
    return true;
  }
  if (await isWaiting(landing, attempt)) await tell(calls, attempt, TO_BE_CHECKED.reason);
  return false;
}

function named(command: string): string {
  return excerpt(command.replaceAll(/\s+/g, " "), LIMITS.checkNamedChars);
}

/** Says what it waits for, as long as nothing is wrong with it. */
async function tell(calls: Calls, attempt: ShownAttempt, reason: string): Promise<void> {
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
