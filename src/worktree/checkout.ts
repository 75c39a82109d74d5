// A checkout in which a commit is looked at before it is merged: a repository of its own that borrows the
// objects of the user's. Whatever is done in it (commits, branches, stashes, a broken `.git`) touches
// nothing of the user's, and nobody's work stands in it. For the next commit the repository is made
// anew, and the files are put in order; those that did not change stay as they are, and so does what git
// ignores: installed packages, caches. There is one for each run; who uses it has to see to it that
// nobody else does.

import { dirname, join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { exists, namesIn } from "../core/folders.ts";
import { git, gitLine } from "./git.ts";
import { type Place, placeOf, readOrNull, type RunTree, unique } from "./place.ts";
import { removeAll } from "./remove.ts";

const NAME = ".check";
/** What git knew of the files when they were checked out: kept beside them, where no check comes by. */
const INDEX = `${NAME}-index`;
const OLD = `${NAME}-old-`;
/** Folders that could not be removed: with each check another one, which nobody wants. */
const MOST_OLD = 2;
/** Settings of the user's repository by which its files come out as in the user's own checkout. */
const SETTINGS = "^((filter|lfs|diff|merge|user|remote|http|url|credential)\\.|" +
  "core\\.(autocrlf|eol|filemode|symlinks|ignorecase|precomposeunicode|longpaths|" +
  "attributesfile|excludesfile|sshcommand)$)";

type Variables = Readonly<Record<string, string>>;

/**
 * Checks a commit out, which is kept from then on, also from `git gc`.
 * @param env variables that git gets: its processes are known by them
 * @returns the folder
 * @throws Refusal `GIT_FAILED`, `STORE_FULL`
 */
export async function checkOut(r: RunTree, commit: string, env: Variables = {}): Promise<string> {
  const place = placeOf(r);
  const path = join(place.folder, NAME);
  await git(place.tree, ["update-ref", refOf(r), commit]);
  if (isFolder(path)) {
    try {
      await bring(place, path, commit, env);
      return path;
    } catch {
      // Something in there cannot be put in order, or is another user's: another one is made.
    }
  }
  const left = putAway(place);
  if (left.length >= MOST_OLD) {
    throw new Refusal("GIT_FAILED", `what checks have made cannot be removed: ${left.join(", ")}`, {
      field: "check",
      hint: "Remove these folders; another user (a container's) may own files in them.",
    });
  }
  Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  await bring(place, path, commit, env);
  return path;
}

/**
 * Removes what checks have left of a run.
 * @returns why something stays; null if nothing does
 */
export async function dropCheckout(r: RunTree): Promise<string | null> {
  const place = placeOf(r);
  await git(place.tree, ["update-ref", "-d", refOf(r)]);
  try {
    putAway(place);
  } catch {
    // Looked at below.
  }
  const left = namesIn(place.folder).filter((name) => name.startsWith(NAME));
  if (left.length === 0) return null;
  return `what a check made cannot be removed: ${join(place.folder, left[0] ?? "")}`;
}

function refOf({ run }: RunTree): string {
  return `refs/skein/check/${run}`;
}

/** The runs of which checks have left something in this home. */
export function checkedRuns({ repo, home }: Omit<RunTree, "run">): string[] {
  const runs = dirname(placeOf({ repo, home, run: "any" }).folder);
  const left = (run: string): boolean =>
    namesIn(join(runs, run)).some((name) => name.startsWith(NAME));
  return namesIn(runs).filter(left);
}

async function bring(place: Place, path: string, commit: string, env: Variables): Promise<void> {
  const own = join(path, ".git");
  removeAll(own);
  await make(place, path);
  const known = join(place.folder, INDEX);
  if (exists(known)) copyWithTime(known, join(own, "index"));
  // By its name: wherever a `.git` leads, nothing else is put in order.
  const inside = { env: { ...env, GIT_DIR: own, GIT_WORK_TREE: path } };
  await git(path, ["checkout", "-q", "--force", "--detach", commit], inside);
  // Twice forced: a repository in there is nobody's.
  await git(path, ["clean", "-q", "-f", "-f", "-d"], inside);
  if (exists(join(path, ".gitmodules"))) await emptySubmodules(path, inside.env);
  copyWithTime(join(own, "index"), known);
}

/** By an index's own time git tells what was changed in the moment of its checkout. */
function copyWithTime(from: string, to: string): void {
  const { mtime } = Deno.statSync(from);
  Deno.copyFileSync(from, to);
  if (mtime !== null) Deno.utimeSync(to, mtime, mtime);
}

/** What a check has put into them belonged to the repository that was there. */
async function emptySubmodules(path: string, env: Variables): Promise<void> {
  const { stdout } = await git(path, ["ls-files", "-s", "-z"], { env });
  for (const entry of stdout.split("\0").filter((one) => one.startsWith("160000 "))) {
    const folder = join(path, entry.slice(entry.indexOf("\t") + 1));
    removeAll(folder);
    Deno.mkdirSync(folder, { recursive: true });
  }
}

/** Not where a check has put a link: what that leads to is not ours to put in order. */
function isFolder(path: string): boolean {
  return exists(path) && Deno.lstatSync(path).isDirectory;
}

async function make(place: Place, path: string): Promise<void> {
  const { commonDir, tree } = place;
  const own = join(path, ".git");
  const format = await gitLine(tree, ["rev-parse", "--show-object-format"]);
  await git(place.folder, ["init", "-q", "--template=", `--object-format=${format}`, path], {
    env: { GIT_DEFAULT_REF_FORMAT: "files" },
  });
  const put = (name: string, text: string): void => {
    Deno.mkdirSync(dirname(join(own, name)), { recursive: true });
    Deno.writeTextFileSync(join(own, name), text, { append: true });
  };
  put("objects/info/alternates", `${join(commonDir, "objects")}\n`);
  for (const name of ["shallow", "info/attributes", "info/exclude"]) {
    const text = readOrNull(join(commonDir, name));
    if (text !== null) put(name, text);
  }
  const list = ["config", "--local", "--includes", "-z", "--get-regexp", SETTINGS];
  const { stdout } = await git(tree, list, { ok: [0, 1] });
  const settings = stdout.split("\0").filter((one) => one !== "").map(settingText);
  const lfs = join(commonDir, "lfs");
  if (exists(lfs)) settings.push(settingText(`lfs.storage\n${lfs}`));
  put("config", settings.join(""));
  // Versions are told by tags.
  const tags = await git(tree, ["for-each-ref", "--format=%(objectname) %(refname)", "refs/tags/"]);
  put("packed-refs", tags.stdout);
}

/** A setting as `git config -z` prints it, as a file has it. */
function settingText(setting: string): string {
  const at = setting.indexOf("\n");
  const [section = "", ...rest] = (at < 0 ? setting : setting.slice(0, at)).split(".");
  const key = rest.pop() ?? "";
  const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
  const head = rest.length === 0 ? section : `${section} ${quoted(rest.join("."))}`;
  // Without a value it is a yes.
  const value = at < 0 ? "" : ` = ${quoted(setting.slice(at + 1)).replaceAll("\n", "\\n")}`;
  return `[${head}]\n\t${key}${value}\n`;
}

/**
 * Out of the way at once.
 * @returns folders that cannot be removed (with another user's files in them, for example)
 */
function putAway(place: Place): string[] {
  const path = join(place.folder, NAME);
  removeAll(join(place.folder, INDEX));
  if (exists(path)) Deno.renameSync(path, join(place.folder, `${OLD}${unique()}`));
  const left: string[] = [];
  for (const name of namesIn(place.folder).filter((one) => one.startsWith(OLD))) {
    try {
      removeAll(join(place.folder, name));
    } catch {
      left.push(join(place.folder, name));
    }
  }
  return left;
}
