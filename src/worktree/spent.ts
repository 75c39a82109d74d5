// What runs have left in a repository and nobody needs any more: parked work that is old, or that a ref
// of the user has by now; branches of runs that are over, once a ref of the user has all of them.
// Whatever is merged nowhere and was not parked stays, whatever its age; so does what another home's
// runs made. A ref goes only from where it was seen to stand.

import { join } from "@std/path";
import { LIMITS } from "../core/limits.ts";
import { dropRef } from "./branch.ts";
import { git } from "./git.ts";
import { exists, placeOf, type RunTree } from "./place.ts";

/** A ref that may go. */
export interface SpentRef {
  /** Its full name. */
  readonly ref: string;
  readonly commit: string;
  readonly run: string;
  readonly kind: "parked" | "run" | "task";
  /** `merged`: a branch, tag or remote of the user's has it; `old`: it was parked long ago. */
  readonly why: "merged" | "old";
}

const DAY_MS = 86_400_000;
const OURS = /^refs\/(?:heads\/skein\/(run|task)|skein\/(parked))\/([^/]+)(?:\/.+)?$/;

/**
 * The refs that may go; changes nothing.
 * @param isOver whether a run has ended and nobody works for it any more; false for one of another home
 * @throws Refusal `GIT_STATE` where there is no checkout
 */
export async function spentRefs(
  { repo, home }: Omit<RunTree, "run">,
  isOver: (run: string) => Promise<boolean>,
  nowMs: number,
): Promise<SpentRef[]> {
  const { tree } = placeOf({ repo, home, run: "any" });
  const { stdout } = await git(tree, [
    "for-each-ref",
    "--format=%(objectname) %(committerdate:unix) %(refname)",
    "refs/heads/skein/run/",
    "refs/heads/skein/task/",
    "refs/skein/parked/",
  ]);
  const lines = stdout.split("\n").filter((line) => line !== "").map((line) => line.split(" "));
  if (lines.length === 0) return [];
  const unmerged = await unmergedOf(tree, lines.map(([commit = ""]) => commit));
  const over = new Map<string, boolean>();
  const found: SpentRef[] = [];
  for (const [commit = "", atS = "", ref = ""] of lines) {
    const [, branch, parked, run = ""] = OURS.exec(ref) ?? [];
    const kind = (branch ?? parked) as SpentRef["kind"] | undefined;
    // What is no commit was not made by us.
    if (kind === undefined || atS === "") continue;
    const merged = !unmerged.has(commit);
    if (kind === "parked") {
      const old = nowMs - Number(atS) * 1_000 > LIMITS.parkedDays * DAY_MS;
      if (merged || old) found.push({ ref, commit, run, kind, why: merged ? "merged" : "old" });
      continue;
    }
    if (!merged) continue;
    const gone = over.get(run) ?? (wasMade({ repo, home, run }) && await isOver(run));
    over.set(run, gone);
    if (gone) found.push({ ref, commit, run, kind, why: "merged" });
  }
  return found;
}

/**
 * Deletes refs that may go; one that has moved since, or is checked out, stays.
 * @returns those that are gone
 */
export async function dropSpent(
  { repo, home }: Omit<RunTree, "run">,
  refs: readonly SpentRef[],
): Promise<SpentRef[]> {
  const place = placeOf({ repo, home, run: "any" });
  const gone: SpentRef[] = [];
  for (const one of refs) if (await dropRef(place, one.ref, one.commit)) gone.push(one);
  return gone;
}

/** Those commits, and what leads to them, that no branch, tag or remote of the user's has. */
async function unmergedOf(tree: string, commits: readonly string[]): Promise<Set<string>> {
  const { stdout } = await git(tree, [
    "rev-list",
    "--not",
    "--exclude=refs/heads/skein/*",
    "--glob=refs/heads/*",
    "--glob=refs/tags/*",
    "--glob=refs/remotes/*",
    "--not",
    "--stdin",
  ], { input: `${[...new Set(commits)].join("\n")}\n` });
  return new Set(stdout.split("\n"));
}

/** Whether this home made the run's branch: runs of other homes have the same ids. */
function wasMade(r: RunTree): boolean {
  return exists(join(placeOf(r).folder, "branch.made"));
}
