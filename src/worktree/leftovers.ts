// What a run has left in a repository: its worktrees, its tasks' branches, parked work. Whoever takes
// over from a dead host reads it here; the sweep removes only what cannot hold work.

import { join } from "@std/path";
import { exists, namesIn } from "../core/folders.ts";
import { NEW_PREFIX, sweepHalfMade } from "./make.ts";
import { fenceLocks } from "./fence.ts";
import { git } from "./git.ts";
import { linkedTrees, type Place, placeOf, type RunTree } from "./place.ts";
import { clearRubbish } from "./remove.ts";
import { clearStaleLock } from "./stale.ts";

/** A worktree of the run. */
export interface LeftTree {
  readonly path: string;
  readonly task: string | null;
  readonly attempt: number | null;
  readonly branch: string | null;
  /**
   * `ready`; `gone`: its folder was removed by hand; `half-made`: nobody has worked in it; `stray`: a
   * folder without a record in git, put aside or left by somebody.
   */
  readonly state: "ready" | "gone" | "half-made" | "stray";
}

/** A branch of one of the run's tasks. */
export interface LeftBranch {
  readonly branch: string;
  readonly commit: string;
  /** Whether the run branch contains it. */
  readonly merged: boolean;
}

/** Work that was parked. */
export interface LeftWork {
  readonly ref: string;
  readonly commit: string;
}

export interface Leftovers {
  readonly worktrees: readonly LeftTree[];
  readonly branches: readonly LeftBranch[];
  readonly parked: readonly LeftWork[];
}

/** Lists what is left of a run; changes nothing. */
export async function leftovers(r: RunTree): Promise<Leftovers> {
  const place = placeOf(r);
  const branches = `refs/heads/skein/task/${r.run}/`;
  const parked = `refs/skein/parked/${r.run}/`;
  const { stdout } = await git(place.tree, [
    "for-each-ref",
    "--format=%(objectname) %(refname)",
    branches,
    parked,
  ]);
  const merged = await git(
    place.tree,
    ["for-each-ref", "--format=%(refname)", `--merged=${place.ref}`, branches],
    { ok: [0, 128, 129] },
  );
  const contained = new Set(merged.code === 0 ? merged.stdout.split("\n") : []);
  const found = { branches: [] as LeftBranch[], parked: [] as LeftWork[] };
  for (const line of stdout.split("\n")) {
    const [commit = "", ref = ""] = line.split(" ");
    if (ref.startsWith(parked)) found.parked.push({ ref, commit });
    else if (ref !== "") {
      found.branches.push({
        branch: ref.slice("refs/heads/".length),
        commit,
        merged: contained.has(ref),
      });
    }
  }
  return { worktrees: treesOf(r), ...found };
}

/**
 * Removes what dead makers and removers left half-way; never what holds work.
 * @returns how many pieces went
 */
export async function sweep(r: RunTree): Promise<number> {
  const place = placeOf(r);
  return await sweepHalfMade(place) + clearRubbish(place) + clearLocks(place);
}

/** Locks of the run's branches that a killed git left: nobody may write those branches again. */
function clearLocks({ commonDir, run }: Place): number {
  const ours = join(commonDir, "refs", "heads", "skein");
  const tasks = join(ours, "task", run);
  const locks = namesIn(tasks).filter((name) => name.endsWith(".lock"))
    .map((name) => join(tasks, name));
  const own = join(ours, "run", `${run}.lock`);
  const fences = fenceLocks({ commonDir, run });
  return [...locks, ...fences, ...exists(own) ? [own] : []].filter(clearStaleLock).length;
}

function treesOf(r: RunTree): LeftTree[] {
  const place = placeOf(r);
  const trees: LeftTree[] = [];
  const seen = new Set<string>();
  for (const { path, mark } of linkedTrees(place.commonDir)) {
    if (path === null || !path.startsWith(`${place.folder}/`)) continue;
    seen.add(path);
    const half = mark === null || path.startsWith(join(place.folder, NEW_PREFIX));
    trees.push({
      path,
      task: mark?.task ?? null,
      attempt: mark?.attempt ?? null,
      branch: mark?.branch ?? null,
      state: half ? "half-made" : exists(path) ? "ready" : "gone",
    });
  }
  for (const name of namesIn(place.folder)) {
    const path = join(place.folder, name);
    if (
      seen.has(path) ||
      /^\.(old|run|check)(-|$)|\.lock$|^(run\.json|branch\.made|deliver\.(json|guard))$/.test(name)
    ) {
      continue;
    }
    const state = name.startsWith(NEW_PREFIX) ? "half-made" : "stray";
    trees.push({ path, task: null, attempt: null, branch: null, state });
  }
  return trees;
}
