// One attempt, from its worktree to its end. The order of the steps is what makes it safe to die
// between any two of them: the store knows of the worktree before the agent starts, of the agent's
// process while it runs, of what was handed in before it is merged, of the merge before the worktree
// goes. Whoever comes after a death finds out from there (sweep.ts).

import type { AgentExit } from "../agent/process.ts";
import type { Verdict } from "../agent/verdict.ts";
import { asRefusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { excerpt } from "../core/text.ts";
import { conductOf } from "../fleet/driven.ts";
import { plannedBy } from "../fleet/planned.ts";
import { attemptById, isCurrent } from "../fleet/table.ts";
import type { Conduct } from "../fleet/rules.ts";
import type { ShownAttempt } from "../fleet/view.ts";
import type { Node } from "../node/node.ts";
import { type AddedTree, addWorktree } from "../worktree/add.ts";
import { startConflict } from "../worktree/conflict.ts";
import { park } from "../worktree/park.ts";
import type { RunTree, Try } from "../worktree/place.ts";
import { saveWork } from "../worktree/save.ts";
import type { Calls, ClaimedTask, Ended } from "./calls.ts";
import { clearAway } from "./clear.ts";
import { endOf } from "./sessionend.ts";
import { nothingDone } from "./evidence.ts";
import { causeOfFault, notCounted, passes, serviceEnd } from "./fault.ts";
import { type MergePlace, mergePlace, mergeWork } from "./merge.ts";
import { findTasks } from "./plan.ts";
import { Session } from "./session.ts";
import { signature } from "./signature.ts";

/** What an attempt is made with. */
export interface WorkOrder {
  readonly node: Node;
  readonly calls: Calls;
  readonly home: string;
  readonly goal: string;
  readonly conduct: Conduct;
  readonly attempt: ShownAttempt;
  readonly task: ClaimedTask;
  readonly briefing: string;
  /** Branch of the attempt whose merge is in conflict. */
  readonly from: string | null;
  /** Ends the agent: its worker's process has to go. */
  readonly signal: AbortSignal;
}

/** Where an attempt works. */
export interface Workplace {
  readonly folder: string;
  readonly branch: string | null;
  /** Files in which a merge left conflicts. */
  readonly conflicts: readonly string[];
  /** Whether it holds what an earlier attempt has done. */
  readonly resumed: boolean;
}

/** Makes one attempt; whatever happens, the store knows what became of it. */
export async function work(order: WorkOrder): Promise<void> {
  const { calls, attempt } = order;
  const tree = mergePlace(order.conduct, { run: attempt.run, home: order.home });
  let place: Workplace | null = null;
  try {
    place = await prepare(order, tree);
    const resolved = attempt.kind === "resolve" && place.resumed && place.conflicts.length === 0;
    if (resolved) await handInAgain(order);
    const session = resolved ? null : await new Session(order, place).run();
    await settle(order, tree, place, session);
  } catch (thrown) {
    const { message } = asRefusal(thrown);
    const { parked, stays } = await leaveIfPossible(tree, place, attempt);
    await calls.end({
      attempt: attempt.id,
      outcome: "failed",
      reason: excerpt(message + stays, LIMITS.noteChars - 3),
      ...passes(thrown) ? await notCounted(calls, attempt) : { cause: causeOfFault(thrown) },
      ...(parked === null ? {} : { parked }),
    });
  }
}

async function prepare(order: WorkOrder, tree: RunTree | null): Promise<Workplace> {
  const { calls, attempt, from, conduct } = order;
  if (tree === null) {
    await calls.note(attempt.id, { folder: conduct.repo });
    return { folder: conduct.repo, branch: null, conflicts: [], resumed: false };
  }
  const one = { task: attempt.task, attempt: attempt.number };
  const kept = from === null ? null : await resume(tree, one, from);
  const { path, branch, base } = kept ?? await addWorktree(tree, one);
  await calls.note(attempt.id, { folder: path, branch, base });
  const conflicts = kept === null ? [] : (await startConflict(path, { run: attempt.run })).files;
  return { folder: path, branch, conflicts, resumed: kept !== null };
}

/** Goes on from an earlier attempt's branch; null: somebody has deleted it, and the task is begun anew. */
async function resume(tree: RunTree, one: Try, from: string): Promise<AddedTree | null> {
  try {
    return await addWorktree(tree, { ...one, from });
  } catch (thrown) {
    const { code, details } = asRefusal(thrown);
    if (code === "INVALID_INPUT" && details["field"] === "from") return null;
    throw thrown;
  }
}

/** The merge that was in conflict is none any more: what was handed in then still holds. */
async function handInAgain({ calls, attempt }: WorkOrder): Promise<void> {
  const { attempts } = await calls.attempts({ task: attempt.task });
  const before = attempts.findLast(({ report }) => report !== null)?.report;
  await calls.handIn(
    attempt.task,
    attempt.epoch,
    before?.summary ?? "merged with what came before",
  );
}

/** What a session with the agent came to. */
export interface SessionEnd {
  readonly verdict: Verdict;
  readonly exit: AgentExit;
  /** Why skein ended it from outside: a word of somebody, or the end of the worker. */
  readonly stopped: string | null;
  readonly turns: number;
  readonly tokens: number;
  readonly costUsd: number;
}

async function settle(
  order: WorkOrder,
  tree: MergePlace | null,
  place: Workplace,
  session: SessionEnd | null,
): Promise<void> {
  const { calls, attempt } = order;
  const used = session === null ? {} : {
    turns: session.turns,
    tokens: session.tokens,
    cost_usd: session.costUsd,
  };
  const verdict = session?.verdict.verdict ?? "done";
  const standing = verdict === "done" ? await handedIn(order, place, session) : { done: false };
  if (standing.done) return await finish(order, tree, place, used);
  if (attempt.kind !== "plan") {
    // It waits for somebody, or somebody was quicker than the agent's end. However that came: what is
    // approved has to be there to be merged.
    const { status } = await calls.task(attempt.task);
    const asked = status === "in_review" || status === "completed";
    if (asked && (await standOf(order)).current) return await review(order, tree, place, used);
  }
  const parked = await leave(tree, place, attempt);
  await calls.end({
    attempt: attempt.id,
    ...endOf(order, session, standing.fault),
    ...session?.verdict.cause === "service" ? await serviceEnd(calls, attempt) : {},
    ...used,
    ...(parked === null ? {} : { parked }),
  });
}

/** How a task stands after its agent's end; `fault`: why it is not done, though the agent ended well. */
interface HandedIn {
  readonly done: boolean;
  readonly fault?: string;
}

/** Whether the task is handed in: by the agent, or by us for one that has not got skein's tools. */
async function handedIn(
  order: WorkOrder,
  place: Workplace,
  session: SessionEnd | null,
): Promise<HandedIn> {
  const { calls, attempt } = order;
  const said = excerpt(session?.exit.result?.text.trim() ?? "", LIMITS.noteChars - 3);
  const isPlan = attempt.kind === "plan";
  if (isPlan && !await planned(order, session)) return { done: false, fault: "no plan came of it" };
  const { report, current } = await standOf(order);
  if (!current) return { done: false };
  if (report !== null) return { done: true };
  const fault = isPlan || session === null
    ? null
    : await nothingDone(calls, attempt, place, session);
  // One that asked for a review, or gave the task back, has done what it could.
  if (fault !== null && (await calls.task(attempt.task)).status === "in_progress") {
    return { done: false, fault };
  }
  try {
    await calls.handIn(attempt.task, attempt.epoch, said === "" ? "done" : said);
    return { done: true };
  } catch (thrown) {
    // The agent gave it back, asked for a review, or somebody took it away.
    const { code } = asRefusal(thrown);
    if (["STALE_EPOCH", "NOT_YOUR_CLAIM", "TASK_STATE"].includes(code)) return { done: false };
    throw thrown;
  }
}

/** A plan has tasks: made by the tool, or read from what the agent said. */
async function planned(order: WorkOrder, session: SessionEnd | null): Promise<boolean> {
  const { calls, attempt } = order;
  const store = await order.node.store();
  const made = await store.engine.read((tx) => plannedBy(tx, attempt.task));
  if (made.some((one) => one.attempt === attempt.id)) return true;
  const tasks = findTasks(session?.exit.result?.text ?? session?.exit.lastWords ?? "");
  if (tasks === null) return false;
  await calls.createTasks(attempt.run, tasks);
  return true;
}

/** What was handed in, and whether the task is still this attempt's: we may have slept for long. */
async function standOf(
  { node, attempt }: WorkOrder,
): Promise<{ report: string | null; current: boolean }> {
  const store = await node.store();
  return await store.engine.read(async (tx) => {
    const row = await attemptById(tx, attempt.id);
    const current = row?.state === "running" && await isCurrent(tx, row);
    return { report: row?.report ?? null, current };
  });
}

/** Whether the run has a check by now: somebody may have set one since the attempt began. */
async function isChecked({ node, attempt }: WorkOrder): Promise<boolean> {
  const store = await node.store();
  return Boolean((await store.engine.read((tx) => conductOf(tx, attempt.run)))?.check);
}

type Used = Pick<Ended, "turns" | "tokens" | "cost_usd">;

/** Done: saved, merged, completed, and the worktree goes. */
async function finish(
  order: WorkOrder,
  tree: MergePlace | null,
  place: Workplace,
  used: Used,
): Promise<void> {
  const { calls, attempt, task } = order;
  const { branch, folder } = place;
  if (tree === null || branch === null || attempt.kind === "plan") {
    const parked = attempt.kind === "plan" ? await leave(tree, place, attempt) : null;
    return await calls.end({
      attempt: attempt.id,
      outcome: "done",
      ...used,
      ...(parked === null ? {} : { parked }),
    });
  }
  const saved = await saveWork(folder, { message: `${task.title}\n\n${signature(attempt)}` });
  const head = saved.commit;
  // Saving may take long, and whoever sleeps meanwhile may find the task done by another.
  const still = async () => (await standOf(order)).current;
  if (!await still()) {
    const reason = `${task.id} was taken from ${attempt.worker} while it was saved`;
    const id = attempt.id;
    await calls.end({ attempt: id, outcome: "stopped", reason, cause: "ended", head, ...used });
    return void await clearAway(tree, folder);
  }
  const message = `Merge ${task.id}: ${task.title}\n\n${signature(attempt)}`;
  const merging = { ...tree, checks: await isChecked(order) };
  const merged = await mergeWork(merging, { task: task.id, branch, message, still });
  const files = merged.files ?? saved.files.slice(0, LIMITS.attemptFiles);
  await calls.end({ attempt: attempt.id, ...merged, files, head, ...used });
  await clearAway(tree, folder);
}

/** Somebody has to approve it: the work waits on its branch. */
async function review(
  order: WorkOrder,
  tree: RunTree | null,
  place: Workplace,
  used: Used,
): Promise<void> {
  const { calls, attempt, task } = order;
  const head = tree === null
    ? null
    : await saveWork(place.folder, { message: `${task.title}\n\n${signature(attempt)}` });
  await calls.end({
    attempt: attempt.id,
    outcome: "review",
    ...used,
    ...(head === null ? {} : { head: head.commit }),
  });
  if (tree !== null) await clearAway(tree, place.folder);
}

/** Keeps what was not committed, and takes the worktree away; what was committed is on its branch. */
async function leave(
  tree: RunTree | null,
  place: Workplace | null,
  attempt: ShownAttempt,
): Promise<string | null> {
  if (tree === null || place === null || place.branch === null) return null;
  const whose = { run: attempt.run, task: attempt.task, attempt: attempt.number };
  const parked = await park(place.folder, whose);
  await clearAway(tree, place.folder);
  return parked?.ref ?? null;
}

/** The same for one of which something failed already: where it stands nothing of it is lost. */
async function leaveIfPossible(
  tree: RunTree | null,
  place: Workplace | null,
  attempt: ShownAttempt,
): Promise<{ parked: string | null; stays: string }> {
  try {
    return { parked: await leave(tree, place, attempt), stays: "" };
  } catch (thrown) {
    return { parked: null, stays: `; ${place?.folder} stays: ${asRefusal(thrown).message}` };
  }
}
