// Merges a task's branch into the run branch. Done with `git merge-tree --write-tree`, which computes a
// merge in the object store alone: no checkout of the run branch is needed, so there is no working
// tree that merges would queue for, none that a killed one leaves half merged, nothing of the user's
// is touched, and a conflict costs nothing to find. The result becomes a commit, and the run branch
// moves to it by compare-and-swap; whoever comes second merges again onto what the first one made.
// And only while the work is still its attempt's: the fence of the task (fence.ts) is part of the same
// transaction. Where it has to be checked, the very commit that was checked gets there, or none. Always
// a merge commit: the run branch's first-parent line is the list of merged tasks, which is also how a
// branch that was merged is told from one that never had a commit.

import { join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { relate, type Relation, taskRef } from "./branch.ts";
import { beingRebased, checkedOutAt, moveRef } from "./refs.ts";
import { type Fence, takeFence } from "./fence.ts";
import { git, gitCommitting, gitLine } from "./git.ts";
import { linkedTrees, mainTree, type Place, placeOf, readOrNull } from "./place.ts";
import { type RunTree, tryOf } from "./place.ts";

/** What became of a merge. */
export type Merged =
  /** `commit` is the merge on the run branch; for `empty`, the tip of the run branch. */
  | { readonly outcome: "merged" | "already" | "empty"; readonly commit: string }
  /** The task is another's by now; nothing was changed. */
  | { readonly outcome: "taken" }
  /** The check said no; nothing was changed. */
  | { readonly outcome: "unchecked" }
  | {
    readonly outcome: "conflict";
    readonly files: readonly string[];
    /** Tip of the run branch. */
    readonly ours: string;
    /** Tip of the task's branch. */
    readonly theirs: string;
  };

/** Each failed swap is another's success; this many in a row is no race any more. */
const TRIES = 500;
const PAUSE_MS = 8;

/**
 * Merges a task's branch into the run branch: `merged`, `already` (before), `empty` (the branch has no
 * commit of its own), or `conflict`, `taken` or `unchecked` with nothing changed.
 * @param order `check` is asked about the merge before anybody sees it, however long that takes; if the
 *   run branch has moved meanwhile, the next merge is another commit, and it is asked again. `still` tells
 *   whether the task is still the attempt's: asked anew before each step that others would see. What changes in the store between its answer and the move of the run branch came
 *   after the merge as far as git can tell, unless another attempt has begun: then the fence has moved
 * @throws Refusal `GIT_STATE` with `field: "run"` when the run branch is gone, or somebody has it checked
 *   out or rebases it; `GIT_STATE` when the two have no common history; `INVALID_INPUT` when there is no
 *   such branch
 */
export async function mergeTask(
  r: RunTree,
  order: {
    readonly task: string;
    readonly branch: string;
    readonly message?: string;
    check?(commit: string): Promise<boolean>;
    still?(): Promise<boolean>;
  },
): Promise<Merged> {
  const place = placeOf(r);
  const ref = taskRef(r, order.branch);
  const taken = async (): Promise<boolean> => await order.still?.() === false;
  const message = order.message ?? `Merge task ${order.task}`;
  for (let tries = 0; tries < TRIES; tries++) {
    const at = await relate(place, place.ref, ref);
    if (at.contained) return await before(place, at);
    const merged = await treeOf(place, at, order.branch);
    if (merged.files.length > 0) {
      // Whoever tries next goes on from a conflict: not from one that is nobody's.
      if (await taken()) return { outcome: "taken" };
      return { outcome: "conflict", files: merged.files, ours: at.ours, theirs: at.theirs };
    }
    // Before the commit, which nobody would ever need; and after it, since making it takes a moment.
    await refuseCheckedOut(place);
    const { stdout } = await gitCommitting(
      place.tree,
      ["commit-tree", merged.tree, "-p", at.ours, "-p", at.theirs],
      { input: `${message.trimEnd()}\n` },
    );
    const commit = stdout.trim();
    if (await order.check?.(commit) === false) return { outcome: "unchecked" };
    await refuseCheckedOut(place);
    const fence = await fenceOf(place, ref);
    if (fence === null || await taken()) return { outcome: "taken" };
    if (await moveRef(place, place.ref, commit, at.ours, `skein: merge ${order.task}`, fence)) {
      return { outcome: "merged", commit };
    }
    await new Promise((wake) => setTimeout(wake, Math.random() * PAUSE_MS));
  }
  throw new Refusal("GIT_BUSY", `the run branch moved ${TRIES} times during this merge`, {
    field: "branch",
  });
}

/** The files that a merge brought to the run branch. */
export async function broughtBy(r: RunTree, merge: string): Promise<string[]> {
  const args = ["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", `${merge}^1`, merge];
  const { stdout } = await git(placeOf(r).tree, args);
  return stdout.split("\0").filter((file) => file !== "");
}

/** What the attempt whose branch it is holds its merge against; null: a later attempt has begun. */
async function fenceOf(place: Place, ref: string): Promise<Fence | null> {
  const one = tryOf(place.run, ref);
  if (one === null) {
    throw new Refusal("INVALID_INPUT", `${ref} is no branch of an attempt`, {
      field: "branch",
      hint: `Such branches are named skein/task/${place.run}/<task>-<attempt>.`,
    });
  }
  return await takeFence(place, one.task, one.attempt);
}

/** The run branch contains it: by a merge, or because it never went on from a commit of that line. */
async function before(place: Place, at: Relation): Promise<Merged> {
  const { stdout } = await git(place.tree, [
    "rev-list",
    "--first-parent",
    "--parents",
    at.ours,
    "--not",
    `${at.theirs}^@`,
  ]);
  for (const line of stdout.split("\n")) {
    const [commit, , ...merged] = line.split(" ");
    if (commit === at.theirs) return { outcome: "empty", commit: at.ours };
    if (commit !== undefined && merged.includes(at.theirs)) return { outcome: "already", commit };
  }
  return { outcome: "already", commit: at.ours };
}

async function treeOf(
  place: Place,
  at: Relation,
  branch: string,
): Promise<{ tree: string; files: readonly string[] }> {
  if (at.ahead) {
    return { tree: await gitLine(place.tree, ["rev-parse", `${at.theirs}^{tree}`]), files: [] };
  }
  const { code, stdout, stderr } = await git(
    place.tree,
    ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", at.ours, at.theirs],
    { ok: [0, 1, 128] },
  );
  if (code === 128) {
    const unrelated = /unrelated histories/.test(stderr);
    throw new Refusal(
      unrelated ? "GIT_STATE" : "GIT_FAILED",
      `${branch} cannot be merged: ${
        unrelated ? "it shares no commit with the run" : stderr.trim()
      }`,
      unrelated
        ? { field: "branch", hint: "Do the work again on a branch that begins at the run branch." }
        : { field: "branch" },
    );
  }
  const [tree = "", ...files] = stdout.split("\0");
  // A conflict that names no file is one all the same.
  const named = files.filter((file) => file !== "");
  return { tree, files: code === 1 && named.length === 0 ? ["."] : named };
}

/**
 * A checkout of the run branch would look as if all that is merged had been undone in it; a rebase of
 * it could not be ended.
 */
async function refuseCheckedOut(place: Place): Promise<void> {
  const [path] = await checkedOutAt(place, place.ref);
  if (path !== undefined) {
    throw new Refusal("GIT_STATE", `the run branch is checked out in ${path}; it cannot move`, {
      field: "run",
      path,
      hint:
        `Look at it detached: git -C ${path} switch --detach. Or switch to another branch there.`,
    });
  }
  const rebasing = beingRebased(place, place.ref);
  if (rebasing === null) return;
  throw new Refusal("GIT_STATE", `the run branch is being rebased in ${rebasing}; it cannot move`, {
    field: "run",
    path: rebasing,
    hint: "End the rebase there: git rebase --continue, or git rebase --abort.",
  });
}

/**
 * Where the run branch is checked out, as far as the files of the repository tell: costs no process.
 * Null says only that asking git is worth while.
 */
export function checkedOutIn(r: RunTree): string | null {
  const place = placeOf(r);
  const { commonDir, ref } = place;
  const all = [{ admin: commonDir, path: mainTree(place) }, ...linkedTrees(commonDir)];
  return all.find(({ admin }) => readOrNull(join(admin, "HEAD"))?.trim() === `ref: ${ref}`)?.path ??
    null;
}
