// Saves what a try at a task has done: everything that is not ignored, committed on the task's branch,
// together with what the agent committed itself. Wherever the agent left HEAD, the task's branch ends
// up at it; what the branch held before stays reachable, and no other branch is moved. Unresolved conflicts, a rebase half-way and
// repositories inside the worktree are refused: a commit of them would hide lost or broken work.

import { join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { git, gitCommitting, gitLine } from "./git.ts";
import { type Mark, ownTree, readOrNull } from "./place.ts";
import { keepCommits } from "./park.ts";
import {
  inProgress,
  installIndex,
  lookAt,
  mergeHead,
  stageAll,
  type TreeState,
} from "./snapshot.ts";
import {
  type Conflicted,
  display,
  type Entries,
  entriesOfCommit,
  entriesOfIndex,
  markedIn,
  readConflicts,
  unmergedOf,
  untouchedIn,
} from "./unresolved.ts";

/** What a try has come to. */
export interface Saved {
  /** The tip of the task's branch. */
  readonly commit: string;
  /** Files in which it differs from where the task began, those of the agent's own commits too. */
  readonly files: readonly string[];
  /** Whether it differs in none. */
  readonly empty: boolean;
}

/** Whom a commit names as its author. */
export interface Author {
  readonly name: string;
  readonly email: string;
}

/**
 * Commits everything in a worktree that is not ignored on its task's branch. Called again, it finds
 * nothing more to do and answers the same.
 * @throws Refusal `GIT_STATE` naming what has to be ended or resolved first
 */
export async function saveWork(
  path: string,
  options: { readonly message: string; readonly author?: Author },
): Promise<Saved> {
  const { admin, mark } = ownTree(path);
  let state = await lookAt(path);
  if (state.head === null && state.branch === mark.branch) {
    await bringBack(path, admin, mark);
    state = await lookAt(path);
  }
  refuseUnfinished(path, admin, state);
  const known = readConflicts(admin);
  if (state.dirty || mergeHead(admin) !== null) {
    using staged = await stageAll(path, admin, state.head);
    if (known.length + state.unmerged.length > 0) {
      await refuseUnresolved(path, mark, await entriesOfIndex(path, staged.index), known);
    }
    if (state.branch !== null && state.branch !== mark.branch) await detach(path, state.head);
    await commitAll(path, admin, staged.index, options);
  } else if (known.length > 0) {
    // The agent has ended the merge itself.
    await refuseUnresolved(path, mark, await entriesOfCommit(path, "HEAD"), known);
  }
  const commit = await gitLine(path, ["rev-parse", "HEAD"]);
  if (state.branch !== mark.branch) await bringBranch(path, mark, commit);
  const { stdout } = await git(path, [
    "diff",
    "--name-only",
    "-z",
    "--no-renames",
    "--no-ext-diff",
    "--ignore-submodules=none",
    mark.onto ?? mark.base,
    commit,
  ]);
  const files = stdout.split("\0").filter((file) => file !== "");
  return { commit, files, empty: files.length === 0 };
}

async function commitAll(
  path: string,
  admin: string,
  index: string,
  { message, author }: { readonly message: string; readonly author?: Author },
): Promise<void> {
  const env = {
    GIT_INDEX_FILE: index,
    ...(author === undefined
      ? {}
      : { GIT_AUTHOR_NAME: author.name, GIT_AUTHOR_EMAIL: author.email }),
  };
  const commit = [
    "commit",
    "-q",
    "--no-verify",
    "--no-gpg-sign",
    "--cleanup=whitespace",
    "-F",
    "-",
  ];
  const order = [...commit, "--allow-empty-message"];
  // 1: nothing differs from HEAD, for instance when only line ends do.
  const { code } = await gitCommitting(path, order, { env, input: message, ok: [0, 1] });
  // Or it is a submodule that git was told to ignore.
  if (code === 1 && await differs(path, index)) {
    await gitCommitting(path, [...order, "--allow-empty"], { env, input: message });
  }
  // Behind a lock the old index stays: `git status` in there is then wrong, no commit is.
  installIndex(admin, index);
}

/** Whether an index holds anything else than HEAD. */
async function differs(path: string, index: string): Promise<boolean> {
  const { stdout } = await git(path, ["write-tree"], { env: { GIT_INDEX_FILE: index } });
  return stdout.trim() !== await gitLine(path, ["rev-parse", "HEAD^{tree}"]);
}

/** What skein commits goes on no branch but the task's: HEAD may stand on one of the user's. */
async function detach(path: string, head: string | null): Promise<void> {
  await git(path, ["update-ref", "--no-deref", "-m", "skein: detached", "HEAD", head ?? ""]);
}

/** The task's branch was deleted under its worktree: it goes on from the last commit made there. */
async function bringBack(path: string, admin: string, mark: Mark): Promise<void> {
  const last = readOrNull(join(admin, "logs", "HEAD"))?.trimEnd().split("\n").at(-1)?.split(" ")[1];
  const tip = last !== undefined && /^[0-9a-f]{40,64}$/.test(last) && !/^0+$/.test(last)
    ? last
    : mark.base;
  const ref = `refs/heads/${mark.branch}`;
  await git(path, ["update-ref", "--create-reflog", "-m", "skein: brought back", ref, tip]);
}

/** HEAD was left detached or on another branch: the task's branch comes to it, and HEAD back onto it. */
async function bringBranch(path: string, mark: Mark, commit: string): Promise<void> {
  const ref = `refs/heads/${mark.branch}`;
  const old = await git(path, ["rev-parse", "--verify", "-q", ref], { ok: [0, 1] });
  const tip = old.stdout.trim();
  if (tip !== "" && tip !== commit) await keepCommits(path, mark, [tip], commit);
  const why = "skein: the worktree's HEAD";
  await git(path, ["update-ref", "--create-reflog", "-m", why, ref, commit]);
  await git(path, ["symbolic-ref", "-m", why, "HEAD", ref]);
}

function refuseUnfinished(path: string, admin: string, state: TreeState): void {
  const refuse = (reason: string, hint: string, files?: readonly string[]) => {
    throw new Refusal("GIT_STATE", `the work in ${path} cannot be saved: ${reason}`, {
      field: "path",
      path,
      hint,
      ...(files === undefined ? {} : { files }),
    });
  };
  if (state.head === null) {
    refuse("its branch was deleted", "Bring the branch back: git branch <branch> <commit>.");
  }
  const busy = inProgress(admin);
  if (busy !== null) refuse(`${busy.what} is half-way`, `End it: ${busy.end}.`);
  if (state.nested.length > 0) {
    refuse(
      `${state.nested.slice(0, 5).join(", ")} is a repository of its own`,
      "Delete its .git folder to make its files part of the work, or move it out of the worktree.",
      state.nested,
    );
  }
}

/** A conflict that nobody has resolved would be merged as if somebody had. */
async function refuseUnresolved(
  path: string,
  mark: Mark,
  staged: Entries,
  known: readonly Conflicted[],
): Promise<void> {
  const files = new Set([...known.map((one) => one.path), ...(await unmergedOf(path)).keys()]);
  const refuse = (reason: string, hint: string, found: readonly string[]) => {
    const names = found.map(display);
    throw new Refusal(
      "GIT_STATE",
      `the work in ${path} cannot be saved: ${reason} ${names.slice(0, 5).join(", ")}`,
      { field: "path", path, hint, files: names },
    );
  };
  const sides = mark.onto === undefined ? [mark.base] : [mark.base, mark.onto];
  const marked = await markedIn(path, staged, [...files], sides);
  if (marked.length > 0) {
    const hint = "Resolve them: edit the files until no <<<<<<< and >>>>>>> is left.";
    refuse("conflict markers are left in", hint, marked);
  }
  const untouched = await untouchedIn(path, staged, known);
  if (untouched.length > 0) {
    const hint =
      "Git cannot mark these conflicts. Make each file what it has to be, or say that it is: " +
      "git add FILE, git rm FILE.";
    refuse("as the merge left them, and in conflict, are", hint, untouched);
  }
}
