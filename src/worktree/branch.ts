// The branches of a run: `skein/run/<run>`, where finished work is gathered, and one for each try at
// a task. They are ordinary branches, so the user can look at them with any tool; how they move is in
// refs.ts, and one is deleted here only when the run branch contains it. What a run began with is kept
// beside its worktrees, in run.json: the first to open it decides, and a run branch that was there and
// is gone is never quietly begun anew.

import { join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { exists } from "../core/folders.ts";
import { git, gitLine } from "./git.ts";
import { type Place, placeOf, readOrNull, runBranch, type RunTree, unique } from "./place.ts";
import { createRef, dropRef, tipOf } from "./refs.ts";

/** What a run began with. */
export interface OpenedRun {
  /** Short name of the run branch. */
  readonly branch: string;
  /** The commit it began at. */
  readonly base: string;
  /** The user's branch at that time; null when HEAD was detached. */
  readonly target: string | null;
}

/** Two commits and how they relate. */
export interface Relation {
  readonly ours: string;
  readonly theirs: string;
  /** Whether `ours` contains `theirs`. */
  readonly contained: boolean;
  /** Whether `theirs` contains `ours`. */
  readonly ahead: boolean;
}

/** merge-tree --write-tree came with it. */
const OLDEST_GIT = [2, 38] as const;

/**
 * Makes the run branch at HEAD (or `base`, any commit). Called again, by whomever, it answers the same.
 * @throws Refusal `GIT_STATE`: no checkout, no commit yet, the branch was deleted under the run, or is
 *   another home's;
 *   `NOT_AVAILABLE`: git is too old
 */
export async function openRun(r: RunTree, base?: string): Promise<OpenedRun> {
  const place = placeOf(r);
  await checkVersion(place);
  const branch = runBranch(r.run);
  const record = await recordOf(place, base);
  const made = join(place.folder, "branch.made");
  // Looked at in this order: another call may make the branch in between.
  const wasMade = exists(made);
  const tip = await tipOf(place, place.ref);
  if (tip === null && wasMade) throw branchGone(place);
  if (tip === null) await createRef(place, place.ref, record.base);
  if (!exists(made)) Deno.writeTextFileSync(made, "");
  return { branch, ...record };
}

/**
 * The highest number of a run (`r<number>`) of which the repository has branches or parked work, of
 * whatever home; 0 without any.
 */
export async function lastRunNumber(repo: string): Promise<number> {
  const { stdout } = await git(repo, [
    "for-each-ref",
    "--format=%(refname)",
    "refs/heads/skein/run/",
    "refs/heads/skein/task/",
    "refs/skein/parked/",
    "refs/skein/kept/",
    "refs/skein/fence/",
  ]);
  const numbers = [
    ...stdout.matchAll(/\/skein\/(?:run|task|parked|kept|fence)\/r(\d{1,9})(?=\/|$)/gm),
  ];
  return Math.max(0, ...numbers.map(([, number]) => Number(number)));
}

/** The tip of the run branch. */
export async function runTip(place: Place): Promise<string> {
  const tip = await tipOf(place, place.ref);
  if (tip === null) throw branchGone(place);
  return tip;
}

/**
 * The commit that a name stands for.
 * @throws Refusal `INVALID_INPUT` naming `field`
 */
export async function commitOf(place: Place, name: string, field: string): Promise<string> {
  const asked = name.startsWith("-") ? null : await git(
    place.tree,
    ["rev-parse", "--verify", "-q", `${name}^{commit}`],
    { ok: [0, 1, 128] },
  );
  if (asked?.code === 0) return asked.stdout.trim();
  throw new Refusal("INVALID_INPUT", `${field} "${name}" names no commit of ${place.tree}`, {
    field,
    hint: "Name a branch, a tag or a commit that is in the repository.",
  });
}

/**
 * How two commits relate, by one process.
 * @throws Refusal `INVALID_INPUT` when `theirs` names none
 */
export async function relate(
  place: Place,
  ours: string,
  theirs: string,
  tries = 3,
): Promise<Relation> {
  // Prints theirs, ours, and each merge base with a caret before it.
  const { code, stdout } = await git(place.tree, ["rev-parse", `${ours}...${theirs}`], {
    ok: [0, 128],
  });
  const lines = stdout.trim().split("\n");
  const [two, one, ...bases] = lines;
  if (code !== 0 || one === undefined || two === undefined) {
    if (await tipOf(place, ours) === null) throw branchGone(place);
    // Somebody has brought one of them back in this moment: a name that is no commit stays none.
    if (tries > 1 && await tipOf(place, theirs) !== null) {
      return await relate(place, ours, theirs, tries - 1);
    }
    throw new Refusal("INVALID_INPUT", `${theirs} names no commit of ${place.tree}`, {
      field: "branch",
      hint: "It was deleted, or never made: leftovers lists the branches of the run.",
    });
  }
  return {
    ours: one,
    theirs: two,
    contained: bases.includes(`^${two}`),
    ahead: bases.includes(`^${one}`),
  };
}

/**
 * Deletes a task's branch whose work the run branch contains.
 * @returns whether it is gone; false: it holds work that is merged nowhere, and stays
 */
export async function dropBranch(r: RunTree, branch: string): Promise<boolean> {
  const place = placeOf(r);
  const ref = taskRef(r, branch);
  if (await tipOf(place, ref) === null) return true;
  const at = await relate(place, place.ref, ref).catch(async (thrown) => {
    // Another call has just deleted it.
    if (await tipOf(place, ref) === null) return null;
    throw thrown;
  });
  if (at === null) return true;
  if (!at.contained) return false;
  return await dropRef(place, ref, at.theirs);
}

/** The full name of a branch of one of the run's tasks. */
export function taskRef(r: RunTree, branch: string): string {
  const short = branch.replace(/^refs\/heads\//, "");
  if (short.startsWith(`skein/task/${r.run}/`)) return `refs/heads/${short}`;
  throw new Refusal("INVALID_INPUT", `${branch} is no branch of a task of run ${r.run}`, {
    field: "branch",
    hint: `Such branches begin with skein/task/${r.run}/.`,
  });
}

/** Of this run nothing is recorded: going on there would mix two runs, and hand over what nobody asked for. */
function branchForeign(place: Place): Refusal {
  const branch = place.ref.slice("refs/heads/".length);
  return new Refusal("GIT_STATE", `${branch} is in ${place.tree} already, and is another home's`, {
    field: "branch",
    hint: `Keep it under another name: git branch -m ${branch} <name>. Or begin the run anew.`,
  });
}

function branchGone(place: Place): Refusal {
  const branch = place.ref.slice("refs/heads/".length);
  return new Refusal("GIT_STATE", `the run branch ${branch} is gone from ${place.tree}`, {
    field: "run",
    hint:
      `Bring it back where it was (its last commit: git fsck --lost-found): git branch ${branch} ` +
      "<commit>. Or end the run.",
  });
}

async function recordOf(
  place: Place,
  base: string | undefined,
): Promise<{ base: string; target: string | null }> {
  const path = join(place.folder, "run.json");
  const known = readOrNull(path);
  if (known !== null) return JSON.parse(known) as { base: string; target: string | null };
  if (await tipOf(place, place.ref) !== null) {
    // The record comes before the branch: another call may have made both meanwhile.
    const made = readOrNull(path);
    if (made === null) throw branchForeign(place);
    return JSON.parse(made) as { base: string; target: string | null };
  }
  // In full: the short form is another one where a tag has the branch's name.
  const head = await git(place.tree, ["symbolic-ref", "-q", "HEAD"], { ok: [0, 1] });
  const target = /^refs\/heads\/(.+)$/m.exec(head.stdout)?.[1] ?? null;
  if (base === undefined && await tipOf(place, "HEAD") === null) {
    throw new Refusal("GIT_STATE", `${place.tree} has no commit yet`, {
      field: "repo",
      hint: "Make a first commit; a run begins at one.",
    });
  }
  const began = await commitOf(place, base ?? "HEAD", "base");
  Deno.mkdirSync(place.folder, { recursive: true, mode: 0o700 });
  const temporary = join(place.folder, `.run-${unique()}`);
  Deno.writeTextFileSync(temporary, JSON.stringify({ base: began, target }), { mode: 0o600 });
  try {
    // The first one counts.
    Deno.linkSync(temporary, path);
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.AlreadyExists)) throw thrown;
  } finally {
    Deno.removeSync(temporary);
  }
  return JSON.parse(Deno.readTextFileSync(path)) as { base: string; target: string | null };
}

async function checkVersion(place: Place): Promise<void> {
  const text = await gitLine(place.tree, ["version"]);
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(text) ?? []).slice(1).map(Number);
  const [needMajor, needMinor] = OLDEST_GIT;
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return;
  throw new Refusal("NOT_AVAILABLE", `this is ${text}; runs need git ${OLDEST_GIT.join(".")}`, {
    field: "git",
    hint: `Install git ${OLDEST_GIT.join(".")} or newer.`,
  });
}
