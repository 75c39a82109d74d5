// A checkout in which a commit is looked at before it is merged: a repository of its own that borrows the
// objects of the user's. Whatever is done in it (commits, branches, stashes, a broken `.git`) touches
// nothing of the user's, and nobody's work stands in it. For the next commit the repository is made
// anew, and the files are put in order; those that did not change stay as they are, and so does what git
// ignores: installed packages, caches. There is one for each run; who uses it has to see to it that
// nobody else does.

import { dirname, join } from "@std/path";
import { exists, namesIn } from "../core/folders.ts";
import { git, gitLine } from "./git.ts";
import { type Place, placeOf, readOrNull, type RunTree, unique } from "./place.ts";
import { removeAll } from "./remove.ts";

const NAME = ".check";
/** Settings of the user's repository by which its files come out as in the user's own checkout. */
const SETTINGS = "^((filter|lfs|diff|merge|user|remote)\\.|" +
  "core\\.(autocrlf|eol|filemode|symlinks|ignorecase|precomposeunicode|longpaths)$)";

/**
 * Checks a commit out.
 * @returns the folder
 * @throws Refusal `GIT_FAILED`, `STORE_FULL`
 */
export async function checkOut(r: RunTree, commit: string): Promise<string> {
  const place = placeOf(r);
  const path = join(place.folder, NAME);
  if (isFolder(path)) {
    try {
      await bring(place, path, commit);
      return path;
    } catch {
      // Something in there cannot be put in order, or is another user's: another one is made.
    }
  }
  putAway(place);
  Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  await bring(place, path, commit);
  return path;
}

/**
 * Removes what checks have left of a run.
 * @returns why something stays; null if nothing does
 */
export function dropCheckout(r: RunTree): string | null {
  const place = placeOf(r);
  try {
    putAway(place);
  } catch {
    // Looked at below.
  }
  const left = namesIn(place.folder).filter((name) => name.startsWith(NAME));
  if (left.length === 0) return null;
  return `what a check made cannot be removed: ${join(place.folder, left[0] ?? "")}`;
}

/** The runs of which checks have left something in this home. */
export function checkedRuns({ repo, home }: Omit<RunTree, "run">): string[] {
  const runs = dirname(placeOf({ repo, home, run: "any" }).folder);
  const left = (run: string): boolean =>
    namesIn(join(runs, run)).some((name) => name.startsWith(NAME));
  return namesIn(runs).filter(left);
}

async function bring(place: Place, path: string, commit: string): Promise<void> {
  const own = join(path, ".git");
  const index = keptIndex(own);
  removeAll(own);
  await make(place, path);
  if (index !== null) Deno.writeFileSync(join(own, "index"), index);
  // By its name: wherever a `.git` leads, nothing else is put in order.
  const inside = { env: { GIT_DIR: own, GIT_WORK_TREE: path } };
  await git(path, ["checkout", "-q", "--force", "--detach", commit], inside);
  // Twice forced: a repository in there is nobody's.
  await git(path, ["clean", "-q", "-f", "-f", "-d"], inside);
}

/** Not where a check has put a link: what that leads to is not ours to put in order. */
function isFolder(path: string): boolean {
  return exists(path) && Deno.lstatSync(path).isDirectory;
}

/** What git knows of the files that stand there, so that it need not write all of them again. */
function keptIndex(own: string): Uint8Array | null {
  try {
    return Deno.readFileSync(join(own, "index"));
  } catch {
    // The first time, or the check has removed it: all are written.
    return null;
  }
}

async function make(place: Place, path: string): Promise<void> {
  const own = join(path, ".git");
  const format = await gitLine(place.tree, ["rev-parse", "--show-object-format"]);
  await git(place.folder, ["init", "-q", "--template=", `--object-format=${format}`, path]);
  const { commonDir, tree } = place;
  Deno.mkdirSync(join(own, "objects", "info"), { recursive: true });
  const borrowed = join(commonDir, "objects");
  Deno.writeTextFileSync(join(own, "objects", "info", "alternates"), `${borrowed}\n`);
  const shallow = readOrNull(join(commonDir, "shallow"));
  if (shallow !== null) Deno.writeTextFileSync(join(own, "shallow"), shallow);
  const { stdout } = await git(tree, ["config", "--local", "-z", "--get-regexp", SETTINGS], {
    ok: [0, 1],
  });
  const settings = stdout.split("\0").filter((one) => one !== "").map(settingText);
  const lfs = join(commonDir, "lfs");
  if (exists(lfs)) settings.push(settingText(`lfs.storage\n${lfs}`));
  Deno.writeTextFileSync(join(own, "config"), settings.join(""), { append: true });
  // Versions are told by tags.
  const create = "--format=create %(refname) %(objectname)";
  const tags = await git(tree, ["for-each-ref", create, "refs/tags/"]);
  const inside = { GIT_DIR: own, GIT_WORK_TREE: path };
  await git(path, ["update-ref", "--stdin"], { env: inside, input: tags.stdout });
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

/** Out of the way at once; a folder that cannot be removed (another user's files in it) is left there. */
function putAway(place: Place): void {
  const path = join(place.folder, NAME);
  if (exists(path)) Deno.renameSync(path, join(place.folder, `${NAME}-old-${unique()}`));
  for (const name of namesIn(place.folder).filter((one) => one.startsWith(`${NAME}-old-`))) {
    try {
      removeAll(join(place.folder, name));
    } catch {
      // Said by `dropCheckout`, at the end of the run.
    }
  }
}
