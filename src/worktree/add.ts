// Makes the worktree of one try at a task. It is made under a name that nobody else has, marked as
// complete, and then renamed to its place (make.ts): whoever dies or stops half-way leaves something
// that is visibly half made, and of two that make the same one, one wins and the other takes the
// winner's. It stays locked in git's sense for its whole life: neither `git worktree prune` nor
// `git gc` takes it away.

import { basename, join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { exists } from "../core/folders.ts";
import { commitOf, runTip, taskRef } from "./branch.ts";
import { checkedOutAt, createRef, tipOf } from "./refs.ts";
import { takeFence } from "./fence.ts";
import { gitLine } from "./git.ts";
import {
  adminOf,
  healedAdminOf,
  linkedTrees,
  type Mark,
  nameOf,
  type Place,
  placeOf,
  readMark,
  repoint,
  type RunTree,
  taskBranch,
  type Try,
  unique,
} from "./place.ts";
import { dropTree, makeTree, newMaker } from "./make.ts";
import { forgetTree } from "./remove.ts";
import { clearStaleLock } from "./stale.ts";

/** A worktree, ready to work in. */
export interface AddedTree {
  /** Its folder. */
  readonly path: string;
  /** Short name of the task's branch, which is checked out in it. */
  readonly branch: string;
  /** The commit it began at. */
  readonly base: string;
}

/** Each failed try is another call's removal; this many in a row is no race any more. */
const TRIES = 10;
/** What stood in the way of a worktree and is nobody's. */
const STRAY_PREFIX = ".stray-";

/**
 * Makes the worktree for a try at a task on a branch of its own, from the run branch's tip or `from`
 * (any commit or branch: a failed try's, to go on from there). What is there already is given as it
 * is; a branch without a worktree is checked out where it stands. From then on no earlier try at the
 * task can be merged.
 * @throws Refusal `GIT_STATE` when the run branch is gone, the task's branch is checked out elsewhere,
 *   or a later try has begun
 */
export async function addWorktree(
  r: RunTree,
  order: Try & { readonly from?: string },
): Promise<AddedTree> {
  const place = placeOf(r);
  for (let tries = 1;; tries++) {
    const added = await tryToAdd(r, place, order, tries === TRIES);
    if (added !== null) return added;
  }
}

/** One try; null when another call removed meanwhile what this one counted on. */
async function tryToAdd(
  r: RunTree,
  place: Place,
  order: Try & { readonly from?: string },
  last: boolean,
): Promise<AddedTree | null> {
  const { task, attempt } = order;
  const name = nameOf(order);
  const path = join(place.folder, name);
  const branch = taskBranch(r.run, order);
  const there = readyTree(place, path);
  if (there !== null) return there;
  await clearWay(r, place, path);
  const meanwhile = readyTree(place, path);
  if (meanwhile !== null) return meanwhile;
  // Before the run branch is looked at: whatever an earlier attempt still merges is in what it begins from.
  if (await takeFence(place, task, attempt) === null) throw takenOver(order);
  const base = await beginBranch(r, place, branch, order.from);
  if (base === null) return null;
  await refuseHeld(place, branch);
  Deno.mkdirSync(place.folder, { recursive: true, mode: 0o700 });
  using maker = newMaker(place.folder, name);
  const mark: Mark = { run: r.run, task, attempt, branch, base };
  try {
    const admin = await makeTree(place, maker.path, mark);
    Deno.renameSync(maker.path, path);
    repoint(admin, path);
    return { path, branch, base };
  } catch (thrown) {
    await dropTree(place, maker.path);
    const winner = readyTree(place, path);
    if (winner !== null || (!last && await isRace(place, branch, thrown))) return winner;
    throw thrown;
  }
}

function takenOver({ task, attempt }: Try): Refusal {
  return new Refusal("GIT_STATE", `a later attempt at ${task} than ${attempt} has begun`, {
    field: "attempt",
    hint: "What this one had done is on its branch, or parked.",
  });
}

/** Whether it failed because another call removed something, not for a reason that stays. */
async function isRace(place: Place, branch: string, thrown: unknown): Promise<boolean> {
  if (thrown instanceof Deno.errors.NotFound) return true;
  if (thrown instanceof Refusal) return await tipOf(place, `refs/heads/${branch}`) === null;
  // The place was taken when we came, and is free again, or holds what has to be put aside.
  return thrown instanceof Error && /not empty|file exists/i.test(thrown.message);
}

/** The complete worktree at `path`, if there is one. */
function readyTree(place: Place, path: string): AddedTree | null {
  const admin = healedAdminOf(place.commonDir, path);
  const mark = admin === null ? null : readMark(admin);
  if (admin === null || mark === null) return null;
  // Its maker may have died between the rename and this; or it is being removed this moment.
  try {
    repoint(admin, path);
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    throw thrown;
  }
  const lock = join(admin, "index.lock");
  if (exists(lock)) clearStaleLock(lock);
  return { path, branch: mark.branch, base: mark.base };
}

/** Something else stands where the worktree belongs, or git still knows one that was removed by hand. */
async function clearWay(r: RunTree, place: Place, path: string): Promise<void> {
  if (exists(path) && readyTree(place, path) === null) putAside(place, path);
  for (const linked of linkedTrees(place.commonDir)) {
    if (linked.path === path && linked.mark?.run === r.run && !exists(path)) {
      await forgetTree(place, linked);
    }
  }
}

/** A folder that lost its git record may hold somebody's work: it is put aside, not deleted. */
function putAside(place: Place, path: string): void {
  const aside = join(place.folder, `${STRAY_PREFIX}${basename(path)}-${unique()}`);
  try {
    Deno.renameSync(path, aside);
    // In the moment since we looked, another call may have put a good one there.
    if (adminOf(aside) !== null) Deno.renameSync(aside, path);
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
}

/** Makes the task's branch, or takes an earlier call's. @returns where it began; null: just deleted */
async function beginBranch(
  r: RunTree,
  place: Place,
  branch: string,
  from: string | undefined,
): Promise<string | null> {
  const ref = taskRef(r, branch);
  const base = from === undefined
    ? await runTip(place)
    // A tag of the same name would come first.
    : await tipOf(place, `refs/heads/${from}`) ?? await commitOf(place, from, "from");
  if (await createRef(place, ref, base)) return base;
  const tip = await tipOf(place, ref);
  if (tip === null || tip === base) return tip;
  return await gitLine(place.tree, ["merge-base", tip, base]);
}

/** Two working trees on one branch pull it from under each other. */
async function refuseHeld(place: Place, branch: string): Promise<void> {
  const held = (await checkedOutAt(place, `refs/heads/${branch}`))
    .filter((path) => !path.startsWith(`${place.folder}/`));
  if (held.length === 0) return;
  throw new Refusal("GIT_STATE", `${branch} is checked out in ${held[0]}`, {
    field: "branch",
    path: held[0],
    hint: `Switch to another branch there: git -C ${held[0]} switch -`,
  });
}
