// Hands a run's result to the user: their branch is fast-forwarded to the run branch, the one moment
// at which a file of their checkout changes. Only when that loses nothing: the branch has no commits
// of its own since, its checkout has no uncommitted change and git is in the middle of nothing there,
// and no file that git does not know is in the way. Otherwise everything is left as it is, with the
// reason and the command that does it by hand. What is about to be done is written down before
// (deliver.json), so that the next call can finish what a killed git began (recover.ts).

import { during } from "../core/during.ts";
import { join } from "@std/path";
import { exists } from "../core/folders.ts";
import { repositoryOf } from "../core/repository.ts";
import { shellWord } from "../core/shellword.ts";
import { relate, runTip } from "./branch.ts";
import { beingRebased, checkedOutAt, moveRef, tipOf } from "./refs.ts";
import { git, gitCommitting } from "./git.ts";
import { type Place, placeOf, readOrNull, runBranch } from "./place.ts";
import { replaceFile, type RunTree } from "./place.ts";
import { type Intent, recover } from "./recover.ts";

/** What became of a delivery. */
export interface Delivered {
  /** `forwarded`; `nothing`: the branch had it all; `left`: untouched, for `reason`. */
  readonly outcome: "forwarded" | "nothing" | "left";
  /** The tip of the run branch. */
  readonly commit: string;
  readonly reason?: string;
  /** What the user can do. */
  readonly hint?: string;
  /** `left` only because another process is at it: calling again helps. */
  readonly busy?: true;
}

/** What git may be in the middle of in the user's checkout. */
const IN_PROGRESS = [
  "MERGE_HEAD",
  "CHERRY_PICK_HEAD",
  "REVERT_HEAD",
  "rebase-merge",
  "rebase-apply",
  "sequencer",
];
const TRIES = 10;

/**
 * Fast-forwards the user's branch to the run branch, or leaves it with a reason. Called again, it
 * finishes what a killed call began, or finds nothing to do.
 * @param order `target` is the short name of the user's branch
 * @throws Refusal `GIT_STATE` when the run branch is gone
 */
export async function deliver(r: RunTree, order: { readonly target: string }): Promise<Delivered> {
  const place = placeOf(r);
  const commit = await runTip(place);
  const turn = turnOf(place);
  if (turn !== null) return await during(turn, () => deliverAlone(place, r.run, commit, order));
  const reason = "another process delivers this run";
  return { outcome: "left", commit, reason, hint: "Call again when it is done.", busy: true };
}

async function deliverAlone(
  place: Place,
  run: string,
  commit: string,
  { target }: { readonly target: string },
): Promise<Delivered> {
  const ref = `refs/heads/${target}`;
  const left = (reason: string, hint: string): Delivered => ({
    outcome: "left",
    commit,
    reason,
    hint,
  });
  const begun = intentOf(place);
  if (begun !== null && begun.target === target) {
    const stuck = await recover(place, begun);
    if (stuck !== null) return left(stuck.reason, stuck.hint);
    dropIntent(place);
    if (begun.to === commit && await tipOf(place, ref) === commit) {
      return { outcome: "forwarded", commit };
    }
  }
  const word = shellWord(target);
  const byHand = `Merge it yourself: git switch ${word} && git merge ${runBranch(run)}`;
  for (let tries = 0; tries < TRIES; tries++) {
    const tip = await tipOf(place, ref);
    if (tip === null) {
      const hint = `Make it of the result: git branch ${word} ${runBranch(run)}`;
      return left(`${target} is gone, or has another name by now`, hint);
    }
    const at = await relate(place, tip, commit);
    if (at.contained) return { outcome: "nothing", commit };
    if (!at.ahead) return left(`${target} has commits that the run has not`, byHand);
    const trees = (await checkedOutAt(place, ref)).filter(exists);
    const [path, other] = trees;
    if (other !== undefined) {
      return left(`${target} is checked out in ${trees.join(" and ")}`, byHand);
    }
    if (path !== undefined) {
      const reason = await forward(place, {
        path,
        target,
        from: tip,
        to: commit,
        atMs: Date.now(),
      });
      return reason === null ? { outcome: "forwarded", commit } : left(reason, byHand);
    }
    const rebasing = beingRebased(place, ref);
    if (rebasing !== null) return left(`${target} is being rebased in ${rebasing}`, byHand);
    if (await moveRef(place, ref, commit, tip, `skein: run ${run}`)) {
      return { outcome: "forwarded", commit };
    }
  }
  return left(`${target} keeps moving`, byHand);
}

/** Fast-forwards a checkout. @returns why not, with nothing changed; null when done */
async function forward(place: Place, intent: Intent): Promise<string | null> {
  const { path, target, to } = intent;
  const gitDir = repositoryOf(path)?.gitDir;
  if (gitDir === undefined) return `${target} is checked out where git does not say (${path})`;
  const busy = IN_PROGRESS.find((file) => exists(join(gitDir, file)));
  if (busy !== undefined) return `git is in the middle of something in ${path} (${busy})`;
  const lock = join(gitDir, "index.lock");
  if (exists(lock)) return `another git works in ${path}, or was killed there (${lock})`;
  const { stdout } = await git(path, [
    "status",
    "--porcelain=v2",
    "--branch",
    "-z",
    "--untracked-files=no",
    "--ignore-submodules=all",
  ]);
  const records = stdout.split("\0");
  if (!records.includes(`# branch.head ${target}`)) return `${path} has just left ${target}`;
  const changed = records.filter((record) => /^[12u] /.test(record)).length;
  if (changed > 0) {
    return `${path} has uncommitted changes in ${changed} ${changed === 1 ? "file" : "files"}`;
  }
  replaceFile(join(place.folder, "deliver.json"), JSON.stringify(intent));
  // Ignored files are somebody's too: git would overwrite them without a word.
  const { stderr } = await gitCommitting(path, [
    "merge",
    "-q",
    "--ff-only",
    // Of the branch's own mergeOptions.
    "--no-squash",
    "--commit",
    "--no-overwrite-ignore",
    "--no-autostash",
    to,
  ], { ok: [0, 1, 2, 128, 129] });
  dropIntent(place);
  // Whatever git says of it: delivered is what the branch has.
  const tip = await tipOf(place, `refs/heads/${target}`);
  if (tip === to || (tip !== null && (await relate(place, tip, to)).contained)) return null;
  const words = stderr.trim().replace(/\s+/g, " ").slice(0, 300);
  return `git cannot forward ${path}: ${words === "" ? "it gives no reason" : words}`;
}

/** One delivery at a time: the second must not take the first for a dead one. */
function turnOf(place: Place): Disposable | null {
  const file = Deno.openSync(join(place.folder, "deliver.guard"), { create: true, write: true });
  if (file.tryLockSync(true)) return file;
  file.close();
  return null;
}

function intentOf(place: Place): Intent | null {
  const text = readOrNull(join(place.folder, "deliver.json"));
  try {
    return text === null ? null : JSON.parse(text) as Intent;
  } catch {
    // Torn by a power failure: what git left half-way then looks like the user's, and is left alone.
    return null;
  }
}

function dropIntent(place: Place): void {
  try {
    Deno.removeSync(join(place.folder, "deliver.json"));
  } catch (thrown) {
    // Another call finished it.
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
}
