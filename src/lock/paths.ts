// From what somebody typed to the one key of a file. Spellings, `..`, symlinks, Unicode forms,
// case-folding file systems and worktrees all lead to the same key, or a lock would be a wish.

import { basename, dirname, isAbsolute, join, normalize, relative } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { repositoryOf } from "../core/repository.ts";
import { expandBraces, isGlob, matchesEverything } from "./rules.ts";

/** A path as it is reserved. */
export interface LockPath {
  /** Git common directory, or `/` for a path outside of any repository. */
  readonly space: string;
  /** Path inside the space, segments joined by `/`; ends in `**` for a folder. */
  readonly path: string;
  /** Top of the working tree it is in; empty outside of any repository. */
  readonly tree: string;
  /** What the caller wrote, for answers. */
  readonly shown: string;
}

/** The space of everything in a folder. */
export function spaceOf(folder: string): string {
  return repositoryOf(folder)?.commonDir ?? "/";
}

const MOST_BRACES = 32;

/**
 * Resolves what a peer in `folder` calls `typed`: one result, or several when it has braces.
 * @throws Refusal `PATH_OUTSIDE`, `PATH_TOO_WIDE`, `INVALID_INPUT`
 */
export function lockPaths(
  typed: string,
  folder: string,
  field = "paths",
  wide = false,
): LockPath[] {
  try {
    return resolveAll(typed, folder, wide);
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown;
    const { code, message, hint } = thrown;
    throw new Refusal(code, message.replace(/^paths:/, `${field}:`), { field, hint });
  }
}

/** `wide`: everything is fine, too, where it is only looked at. */
function resolveAll(typed: string, folder: string, wide: boolean): LockPath[] {
  const patterns = expandBraces(typed, MOST_BRACES);
  if (patterns === null) {
    throw new Refusal(
      "INVALID_INPUT",
      `paths: the braces in ${typed} do not match or are too many`,
      {
        field: "paths",
      },
    );
  }
  return patterns.map((pattern) => ({
    ...resolveOne(pattern, folder, typed, wide),
    shown: typed,
  }));
}

function resolveOne(
  pattern: string,
  folder: string,
  typed: string,
  wide: boolean,
): Omit<LockPath, "shown"> {
  const slashed = pattern.replaceAll("\\", "/");
  const absolute = isAbsolute(slashed) ? slashed : `${folder}/${slashed}`;
  const root = repositoryOf(folder)?.tree ?? folder;
  const [fixed, glob] = splitAtGlob(absolute, typed);
  const real = realPath(fixed, typed);
  if (!inside(root, normalize(absolute))) refuseOutside(typed, real, isAbsolute(slashed), root);
  const wantsFolder = slashed.endsWith("/") || (glob === "" && isFolder(real));
  const repository = repositoryOf(isFolder(real) ? real : dirname(real));
  const space = repository?.commonDir ?? "/";
  const base = repository === null ? real : relative(repository.tree, real);
  const tail = [glob, wantsFolder ? "**" : ""].filter((part) => part !== "");
  const own = repository === null ? relative(root, real) : base;
  if (!wide && matchesEverything([own, ...tail].filter((part) => part !== "").join("/"))) {
    throw new Refusal("PATH_TOO_WIDE", `paths: ${typed} reserves everything`, { field: "paths" });
  }
  const path = [base, ...tail].filter((part) => part !== "").join("/");
  return { space, path: canonical(path, real), tree: repository?.tree ?? "" };
}

function inside(root: string, path: string): boolean {
  const away = relative(root, path);
  return away !== ".." && !away.startsWith("../") && !isAbsolute(away);
}

/** Another repository may be named by an absolute path; nothing else outside can be reserved. */
function refuseOutside(typed: string, real: string, absolute: boolean, root: string): void {
  const existing = deepestExisting(real);
  const elsewhere = isFolder(existing) ? existing : dirname(existing);
  if (absolute && (repositoryOf(elsewhere) !== null || inside(root, real))) return;
  throw new Refusal("PATH_OUTSIDE", `paths: ${typed} is outside of the project ${root}`, {
    field: "paths",
  });
}

/** The part of a path before its first glob segment, and the rest without `.` and `..`. */
function splitAtGlob(path: string, typed: string): [string, string] {
  // What is there under exactly this name is no pattern: frameworks name folders `[id]`.
  if (exists(path)) return [path, ""];
  const segments = path.split("/");
  const first = segments.findIndex(isGlob);
  if (first < 0) return [path, ""];
  const glob = segments.slice(first).filter((segment) => segment !== "" && segment !== ".");
  if (glob.includes("..")) {
    throw new Refusal("INVALID_INPUT", `paths: ${typed} has '..' after a wildcard`, {
      field: "paths",
    });
  }
  return [segments.slice(0, first).join("/") || "/", glob.join("/")];
}

function deepestExisting(path: string): string {
  let at = path;
  while (!exists(at) && dirname(at) !== at) at = dirname(at);
  return at;
}

/** As many links as the kernel follows before it gives up. */
const MOST_LINKS = 40;

/**
 * Where a path leads, one segment at a time as the kernel walks it: `..` goes up from where a link
 * led, a dangling link to what writing through it would make, and what does not exist stays as it
 * is called.
 */
function realPath(path: string, typed: string): string {
  const rest = path.split("/").reverse();
  let at = "/";
  let links = 0;
  while (rest.length > 0) {
    const segment = rest.pop() ?? "";
    if (segment === "" || segment === ".") continue;
    if (segment === "..") {
      at = dirname(at);
      continue;
    }
    const next = join(at, segment);
    const target = linkTarget(next);
    if (target === null) {
      at = next;
      continue;
    }
    links += 1;
    if (links > MOST_LINKS) {
      throw new Refusal("INVALID_INPUT", `paths: the links of ${typed} go in a circle`, {
        field: "paths",
      });
    }
    if (isAbsolute(target)) at = "/";
    rest.push(...target.split("/").reverse());
  }
  return at;
}

function linkTarget(path: string): string | null {
  try {
    return Deno.lstatSync(path).isSymlink ? Deno.readLinkSync(path) : null;
  } catch {
    // Not there yet, or not ours to look at: no link for us.
    return null;
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** One spelling for each file: NFC, and lower case where the file system folds case. */
function canonical(path: string, real: string): string {
  const normal = path.normalize("NFC");
  return foldsCase(deepestExisting(real)) ? normal.toLowerCase() : normal;
}

/** Whether the file system takes another case of a name for the same file. */
function foldsCase(existing: string): boolean {
  for (let at = existing; dirname(at) !== at; at = dirname(at)) {
    const name = basename(at);
    const lower = name.toLowerCase();
    const swapped = lower === name ? name.toUpperCase() : lower;
    if (swapped === name) continue;
    try {
      const a = Deno.lstatSync(at);
      const b = Deno.lstatSync(join(dirname(at), swapped));
      return a.ino === b.ino && a.dev === b.dev;
    } catch {
      return false;
    }
  }
  return false;
}
