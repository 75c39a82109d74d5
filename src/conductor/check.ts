// The check of a run: a command of the user's that has to succeed on what is about to be merged. It runs in
// the attempt's worktree once the agent has ended and all of its work is committed, in the order in which
// workers come: two at once would be in each other's way (ports, caches), and whoever ends second would
// have to check again. Its process is known to the store before it starts, so that whoever cleans up
// after a dead worker ends it.

import { commandEnvironment } from "../agent/environment.ts";
import { recordOfMark } from "../agent/group.ts";
import { AgentProcess } from "../agent/process.ts";
import { during } from "../core/during.ts";
import { LIMITS } from "../core/limits.ts";
import { excerpt } from "../core/text.ts";
import { CHECK, UNCHECKED } from "../fleet/rules.ts";
import { attemptById, isHeld } from "../fleet/table.ts";
import type { RunTree } from "../worktree/place.ts";
import type { Ended } from "./calls.ts";
import { turnOf } from "./clear.ts";
import { attemptLog, checkLog } from "./logs.ts";
import type { WorkOrder } from "./work.ts";

/** How often it is looked whether somebody wants it to end, at least. */
const TICK_MS = 500;

/** What a check that did not succeed means for its attempt. */
export type CheckFault =
  & Pick<Ended, "reason" | "cause" | "delay_ms">
  & { readonly outcome: "failed" | "stopped" };

/**
 * Runs `body` when no other worker of the run checks, or when whoever does has not moved for as long as
 * a check may take.
 * @returns what `body` does, or why it need not be done any more
 */
export async function inTurn<T>(
  order: WorkOrder,
  tree: RunTree,
  body: () => Promise<T>,
): Promise<T | CheckFault> {
  const untilMs = performance.now() + checkMs(order);
  for (let told = false;; told = true) {
    const turn = turnOf(tree, "check");
    if (turn !== null) return await during(turn, body);
    if (!told) {
      await order.calls.note(order.attempt.id, { reason: "waits for its turn to be checked" });
    }
    const why = await against(order);
    if (why !== null) return stopped(why);
    if (performance.now() >= untilMs) return await body();
    await tick(order);
  }
}

/** Runs the check in a worktree; null: it has succeeded. */
export async function check(order: WorkOrder, folder: string): Promise<CheckFault | null> {
  const { calls, attempt, conduct, home } = order;
  const command = conduct.check ?? "true";
  const mark = crypto.randomUUID();
  const log = attemptLog(home, attempt);
  const named = excerpt(command, LIMITS.checkNamedChars);
  await calls.note(attempt.id, {
    process: recordOfMark(mark),
    log,
    reason: `is being checked: ${named}`,
  });
  const running = AgentProcess.start({
    argv: ["sh", "-c", command],
    protocol: "text",
    prompt: null,
    cwd: folder,
    env: commandEnvironment(Deno.env.toObject()),
    mark,
    log: checkLog(log),
    onEvent: () => {},
  });
  let why: string | null = null;
  let late = false;
  try {
    const untilMs = performance.now() + checkMs(order);
    let over = false;
    const ended = running.ended.then(() => void (over = true));
    while (!over && why === null && !late) {
      await tick(order, ended);
      late = !over && performance.now() >= untilMs;
      why = over ? null : await against(order);
    }
  } finally {
    if (why !== null || late) await running.end({ why: why ?? "it took too long" });
  }
  const exit = await running.ended;
  if (why !== null) return stopped(why);
  if (!late && exit.code === 0 && exit.signal === null) return null;
  const how = late
    ? `did not end within ${checkMs(order) / 1_000} s`
    : exit.signal === null
    ? `left with code ${exit.code}`
    : `was ended by ${exit.signal}`;
  return {
    outcome: "failed",
    reason: `the check (${named}) ${how}: ${lastOf(exit.lastWords)}`,
    cause: CHECK,
    // Waiting mends nothing of it.
    delay_ms: 0,
  };
}

function checkMs({ conduct }: WorkOrder): number {
  return conduct.check_ms ?? LIMITS.checkMs;
}

/** The end of what it said: that is where tests say what is wrong. */
function lastOf(words: string): string {
  const text = words.trim();
  if (text === "") return "it said nothing";
  return text.length <= LIMITS.checkTailChars
    ? text
    : `...${text.slice(-LIMITS.checkTailChars).toWellFormed()}`;
}

function stopped(reason: string): CheckFault {
  return { outcome: "stopped", reason, cause: UNCHECKED };
}

/** Why nobody wants the work to be merged any more, or not now; null while somebody does. */
async function against({ node, attempt, signal }: WorkOrder): Promise<string | null> {
  if (signal.aborted) return "its worker's process was ended";
  const { engine } = await node.store();
  return await engine.read(async (tx) => {
    const row = await attemptById(tx, attempt.id);
    if (row === undefined || row.stop !== null) return row?.stop ?? "it was removed";
    return await isHeld(tx, row) ? null : `${attempt.task} was taken from ${attempt.worker}`;
  });
}

/** Until something happens in the store, or `ended`; at most a moment. */
async function tick({ node }: WorkOrder, ended?: Promise<void>): Promise<void> {
  const change = await node.changed(TICK_MS);
  await Promise.race([change.happened, ...(ended === undefined ? [] : [ended])]);
  change.stop();
}
