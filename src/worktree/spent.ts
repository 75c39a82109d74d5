// What runs have left in a repository and nobody needs any more: parked work that is old, or that a ref
// of the user has by now; branches of runs that are over. A task's branch that is merged nowhere is
// moved out of the user's branches, to refs/skein/kept/, and stays there until some ref of the user has
// it, whatever its age: what an agent or the user committed on it is not lost. The branch of a run that is
// merged nowhere is its result, and stays; so does what another home's runs made. A ref goes only from
// where it was seen to stand.

import { join } from "@std/path";
import { LIMITS } from "../core/limits.ts";
import { dropFences } from "./fence.ts";
import { dropRef, renameRef } from "./refs.ts";
import { git } from "./git.ts";
import { type Place, placeOf, runBranch, type RunTree } from "./place.ts";

/** A ref that may go. */
export interface SpentRef {
  /** Its full name. */
  readonly ref: string;
  readonly commit: string;
  readonly run: string;
  readonly kind: "parked" | "kept" | "run" | "task";
  /**
   * `merged`: a branch, tag or remote of the user's has it; `contained`: the branch of its run has it;
   * `old`: it was parked long ago; `unmerged`: nothing has it, and it goes on as `to`.
   */
  readonly why: "merged" | "contained" | "old" | "unmerged";
  readonly to?: string;
}

/** A branch that is merged nowhere and stays. */
export interface StayingRef {
  readonly ref: string;
  readonly commit: string;
  readonly run: string;
  /** `active`: its run goes on; `result`: of a run; `foreign`: of another home. */
  readonly why: "active" | "result" | "foreign";
}

/** What runs left, and what may become of it. */
export interface Spent {
  readonly spent: readonly SpentRef[];
  readonly stays: readonly StayingRef[];
}

const DAY_MS = 86_400_000;
const BRANCHES = { run: true, task: true };
const OURS = /^refs\/(?:heads\/skein\/(run|task)|skein\/(parked|kept))\/([^/]+)(?:\/(.+))?$/;

/**
 * The refs that may go, and those that do not though nothing has what they hold; changes nothing.
 * @param isOver whether a run has ended and nobody works for it any more; asked only of runs that this
 *   home has made
 * @throws Refusal `GIT_STATE` where there is no checkout
 */
export async function spentRefs(
  { repo, home }: Omit<RunTree, "run">,
  isOver: (run: string) => Promise<boolean>,
  nowMs: number,
): Promise<Spent> {
  const { tree } = placeOf({ repo, home, run: "any" });
  const { stdout } = await git(tree, [
    "for-each-ref",
    "--format=%(objectname) %(committerdate:unix) %(refname)",
    "refs/heads/skein/run/",
    "refs/heads/skein/task/",
    "refs/skein/parked/",
    "refs/skein/kept/",
  ]);
  const lines = stdout.split("\n").filter((line) => line !== "").map((line) => line.split(" "));
  if (lines.length === 0) return { spent: [], stays: [] };
  const unmerged = await unmergedOf(tree, lines.map(([commit = ""]) => commit));
  const asked = new Map<string, Promise<RunState>>();
  const stateOf = (run: string): Promise<RunState> => {
    const state = asked.get(run) ?? runState({ repo, home, run }, isOver);
    asked.set(run, state);
    return state;
  };
  const spent: SpentRef[] = [];
  const stays: StayingRef[] = [];
  for (const [commit = "", atS = "", ref = ""] of lines) {
    const [, branch, aside, run = "", name = ""] = OURS.exec(ref) ?? [];
    const kind = (branch ?? aside) as SpentRef["kind"] | undefined;
    // What is no commit was not made by us.
    if (kind === undefined || atS === "") continue;
    const one = { ref, commit, run, kind };
    const merged = !unmerged.has(commit);
    if (kind === "parked" || kind === "kept") {
      const old = kind === "parked" && nowMs - Number(atS) * 1_000 > LIMITS.parkedDays * DAY_MS;
      if (merged || old) spent.push({ ...one, why: merged ? "merged" : "old" });
      continue;
    }
    const { over, contained } = await stateOf(run);
    if (merged) {
      if (over === true) spent.push({ ...one, why: "merged" });
    } else if (over !== true) stays.push({ ref, commit, run, why: over ?? "foreign" });
    else if (kind === "run") stays.push({ ref, commit, run, why: "result" });
    else if (contained.has(ref)) spent.push({ ...one, why: "contained" });
    else spent.push({ ...one, why: "unmerged", to: keptRef(run, name, commit) });
  }
  return { spent, stays };
}

/**
 * Deletes refs that may go, or moves them, and the fences (fence.ts) of runs whose branches went; one that has moved since, or is checked out, stays.
 * @returns those that are gone
 */
export async function dropSpent(
  { repo, home }: Omit<RunTree, "run">,
  refs: readonly SpentRef[],
): Promise<SpentRef[]> {
  const place = placeOf({ repo, home, run: "any" });
  const gone: SpentRef[] = [];
  for (const one of refs) if (await drop(place, one)) gone.push(one);
  // Of a run whose branches may go nobody merges anything any more.
  const over = new Set(gone.flatMap(({ kind, run }) => kind in BRANCHES ? [run] : []));
  for (const run of over) await dropFences(placeOf({ repo, home, run }));
  return gone;
}

function drop(place: Place, { ref, commit, to }: SpentRef): Promise<boolean> {
  return to === undefined ? dropRef(place, ref, commit) : renameRef(place, ref, to, commit);
}

/** By its commit, too: a branch that is made again and moved again loses nothing. */
function keptRef(run: string, name: string, commit: string): string {
  return `refs/skein/kept/${run}/${name}/${commit.slice(0, 12)}`;
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

/** Whether a run is over, null for one of another home; and the tasks' branches that its own one has. */
interface RunState {
  readonly over: true | "active" | null;
  readonly contained: ReadonlySet<string>;
}

async function runState(
  r: RunTree,
  isOver: (run: string) => Promise<boolean>,
): Promise<RunState> {
  const nothing = new Set<string>();
  if (madeAt(r) === null) return { over: null, contained: nothing };
  if (!await isOver(r.run)) return { over: "active", contained: nothing };
  const { code, stdout } = await git(placeOf(r).tree, [
    "for-each-ref",
    "--format=%(refname)",
    `--merged=refs/heads/${runBranch(r.run)}`,
    `refs/heads/skein/task/${r.run}/`,
  ], { ok: [0, 128, 129] });
  return { over: true, contained: code === 0 ? new Set(stdout.split("\n")) : nothing };
}

/** When this home made the run's branch; null if it did not: runs of other homes have the same ids. */
export function madeAt(r: RunTree): Date | null {
  try {
    return Deno.statSync(join(placeOf(r).folder, "branch.made")).mtime;
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    throw thrown;
  }
}
