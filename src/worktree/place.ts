// Where a run's worktrees stand and what is known of them without asking git. A worktree lives in
// SKEIN_HOME/worktrees/<repository>/<run>/<task>-<attempt>; git's own record of it (its
// administrative folder, `.git/worktrees/<id>`) gets a mark, `skein.json`, which says whose it is and
// that it was made to its end. A worktree without a mark is half made, and nobody has worked in it.

import { basename, dirname, join, resolve } from "@std/path";
import { sha256 } from "../core/digest.ts";
import { Refusal } from "../core/errors.ts";
import { exists, folderIn, namesIn } from "../core/folders.ts";
import { repositoryOf } from "../core/repository.ts";

/** A run in a repository. */
export interface RunTree {
  /** Id of the run. */
  readonly run: string;
  /** Top folder of the user's checkout. */
  readonly repo: string;
  /** SKEIN_HOME. */
  readonly home: string;
}

/** One try at one task. */
export interface Try {
  readonly task: string;
  readonly attempt: number;
}

/** A run's places, checked. */
export interface Place {
  readonly run: string;
  /** Top folder of the user's checkout, as a real path. */
  readonly tree: string;
  /** The git folder of the user's checkout. */
  readonly gitDir: string;
  /** The git folder that all worktrees share. */
  readonly commonDir: string;
  /** Where the run's worktrees are. */
  readonly folder: string;
  /** The run branch's full name. */
  readonly ref: string;
}

/** Whose a worktree is; written when it is complete. */
export interface Mark extends Try {
  readonly run: string;
  /** Short name of the task's branch. */
  readonly branch: string;
  /** The commit it began at. */
  readonly base: string;
  /** The tip of the run branch that was merged into it, to resolve a conflict. */
  readonly onto?: string;
}

/** A worktree as git records it. */
export interface Linked {
  /** Its administrative folder. */
  readonly admin: string;
  /** Where it should stand; null in a torn record. */
  readonly path: string | null;
  readonly mark: Mark | null;
}

/** Short name of a run's branch. */
export function runBranch(run: string): string {
  return `skein/run/${run}`;
}

/** Short name of the branch of one try at a task. */
export function taskBranch(run: string, one: Try): string {
  return `skein/task/${run}/${nameOf(one)}`;
}

/** The try whose branch has this full name; null if it is none of the run's. */
export function tryOf(run: string, ref: string): Try | null {
  const begin = `refs/heads/skein/task/${run}/`;
  const [, task, attempt] = /^(.+)-(\d{1,15})$/.exec(ref.slice(begin.length)) ?? [];
  if (!ref.startsWith(begin) || task === undefined) return null;
  return { task, attempt: Number(attempt) };
}

/** `<task>-<attempt>`, checked: it becomes a folder and part of a branch's name. */
export function nameOf({ task, attempt }: Try): string {
  checkName("task", task);
  if (!Number.isSafeInteger(attempt) || attempt < 0) {
    throw new Refusal("INVALID_INPUT", `attempt is ${attempt}, not a number from 0 on`, {
      field: "attempt",
    });
  }
  return `${task}-${attempt}`;
}

/**
 * A run's places.
 * @throws Refusal `INVALID_INPUT` for an id that is no name, `GIT_STATE` where there is no checkout
 */
export function placeOf({ run, repo, home }: RunTree): Place {
  checkName("run", run);
  const real = realOrNull(repo);
  const found = real === null ? null : repositoryOf(real);
  if (found === null) {
    const bare = real !== null && exists(join(real, "HEAD")) && exists(join(real, "objects"));
    throw new Refusal(
      "GIT_STATE",
      `${repo} is ${bare ? "a bare repository" : "in no git checkout"}`,
      {
        field: "repo",
        path: repo,
        hint: bare
          ? "Name a checkout of it: git worktree add, or git clone."
          : "Name a folder of a git checkout, or make one: git init, and a first commit.",
      },
    );
  }
  // A repository is known by its shared git folder: each of its worktrees means the same runs.
  const folder = join(
    Deno.realPathSync(folderIn(home, "worktrees")),
    sha256(found.commonDir).slice(0, 12),
    run,
  );
  const ref = `refs/heads/${runBranch(run)}`;
  return { run, tree: found.tree, gitDir: found.gitDir, commonDir: found.commonDir, folder, ref };
}

/**
 * The folder of the repository's own working tree, as far as the file system tells; git itself names the
 * git folder where that is kept apart (`--separate-git-dir`, submodules). Where nothing tells, this
 * gives the git folder too.
 */
export function mainTree({ tree, gitDir, commonDir }: Place): string {
  if (gitDir === commonDir) return tree;
  if (basename(commonDir) === ".git") return dirname(commonDir);
  const set = ["config.worktree", "config"].map((name) =>
    readOrNull(join(commonDir, name))?.match(/^\s*worktree\s*=\s*"?([^"\n]+)"?\s*$/im)?.[1]
  );
  return resolve(commonDir, set.find((one) => one !== undefined) ?? ".");
}

/** Every worktree that git records for the repository, also those whose folder is gone. */
export function linkedTrees(commonDir: string): Linked[] {
  const folder = join(commonDir, "worktrees");
  const found: Linked[] = [];
  for (const name of namesIn(folder)) {
    const admin = join(folder, name);
    found.push({ admin, path: pathOf(admin), mark: readMark(admin) });
  }
  return found;
}

/** The administrative folder that a worktree's `.git` file names, if it is there. */
export function adminOf(path: string): string | null {
  const link = readOrNull(join(path, ".git"))?.match(/^gitdir: (.+)$/m)?.[1];
  if (link === undefined) return null;
  const admin = resolve(path, link.trim());
  return exists(join(admin, "commondir")) ? admin : null;
}

/** The same; a `.git` file that somebody deleted is written again from git's record. */
export function healedAdminOf(commonDir: string, path: string): string | null {
  const there = adminOf(path);
  if (there !== null || !exists(path) || exists(join(path, ".git"))) return there;
  const linked = linkedTrees(commonDir).find((one) => one.path === path && one.mark !== null);
  if (linked === undefined) return null;
  Deno.writeTextFileSync(join(path, ".git"), `gitdir: ${linked.admin}\n`);
  return linked.admin;
}

/**
 * A complete worktree of skein's.
 * @throws Refusal `GIT_STATE` when there is none at `path`
 */
export function ownTree(path: string): { admin: string; commonDir: string; mark: Mark } {
  const admin = adminOf(path);
  const mark = admin === null ? null : readMark(admin);
  if (admin === null || mark === null) {
    throw new Refusal("GIT_STATE", `${path} is no worktree that skein made, or it was removed`, {
      field: "path",
      path,
      hint: "Make it again with addWorktree: it continues on the task's branch.",
    });
  }
  return { admin, commonDir: dirname(dirname(admin)), mark };
}

export function readMark(admin: string): Mark | null {
  const text = readOrNull(join(admin, "skein.json"));
  if (text === null) return null;
  try {
    const mark = JSON.parse(text) as Mark;
    return typeof mark.branch === "string" && typeof mark.base === "string" ? mark : null;
  } catch {
    // It is renamed into place whole; anything else is not ours.
    return null;
  }
}

export function writeMark(admin: string, mark: Mark): void {
  replaceFile(join(admin, "skein.json"), JSON.stringify(mark));
}

/** Writes a file so that a reader sees the old text or the new, never a part. */
export function replaceFile(path: string, text: string): void {
  const temporary = join(dirname(path), `.${basename(path)}-${unique()}`);
  Deno.writeTextFileSync(temporary, text, { mode: 0o600 });
  Deno.renameSync(temporary, path);
}

/** Points git's record of a worktree at the folder it stands in. */
export function repoint(admin: string, path: string): void {
  if (pathOf(admin) !== path) replaceFile(join(admin, "gitdir"), `${join(path, ".git")}\n`);
}

/** Eight random characters: every try at making something has a name of its own. */
export function unique(): string {
  return crypto.randomUUID().slice(0, 8);
}

/** A file's text; null if it is not there. */
export function readOrNull(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    // Missing, a folder, or not ours to read: no record for us either way.
    return null;
  }
}

function pathOf(admin: string): string | null {
  const gitdir = readOrNull(join(admin, "gitdir"))?.trim();
  return gitdir === undefined || gitdir === "" ? null : dirname(resolve(admin, gitdir));
}

function realOrNull(path: string): string | null {
  try {
    return Deno.realPathSync(path);
  } catch {
    // Not there: said by the caller.
    return null;
  }
}

/** What may be part of a path, of a branch's name and of a command line alike. */
function checkName(field: string, name: string): void {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,79}$/.test(name) && !/(\.|\.lock)$/.test(name)) {
    return;
  }
  throw new Refusal("INVALID_INPUT", `${field} "${name}" cannot be part of a branch's name`, {
    field,
    hint: "Use letters, digits, `-`, `_` and single dots: at most 80, a letter or digit first.",
  });
}
