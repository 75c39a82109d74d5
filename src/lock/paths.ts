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
export function lockPaths(typed: string, folder: string): LockPath[] {
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
  return patterns.map((pattern) => ({ ...resolveOne(pattern, folder, typed), shown: typed }));
}

function resolveOne(pattern: string, folder: string, typed: string): Omit<LockPath, "shown"> {
  const normal = normalize(pattern.replaceAll("\\", "/"));
  const absolute = isAbsolute(normal) ? normal : join(folder, normal);
  const home = repositoryOf(folder);
  const root = home?.tree ?? folder;
  const [fixed, glob] = splitAtGlob(absolute);
  if (!inside(root, absolute)) refuseOutside(typed, fixed, isAbsolute(pattern), root);
  const real = realPrefix(fixed);
  const wantsFolder = pattern.endsWith("/") || (glob === "" && isFolder(real));
  const repository = repositoryOf(isFolder(real) ? real : dirname(real));
  const space = repository?.commonDir ?? "/";
  const base = repository === null ? real : relative(repository.tree, real);
  const path = [base, glob, wantsFolder ? "**" : ""].filter((part) => part !== "").join("/");
  const key = canonical(path, real);
  const own = repository === null ? relative(root, real) : base;
  const narrow = [own === "." ? "" : own, glob, wantsFolder ? "**" : ""]
    .filter((part) => part !== "").join("/");
  if (matchesEverything(narrow)) {
    throw new Refusal("PATH_TOO_WIDE", `paths: ${typed} reserves everything`, { field: "paths" });
  }
  return { space, path: key };
}

function inside(root: string, path: string): boolean {
  const away = relative(root, path);
  return away === "" || (!away.startsWith("..") && !isAbsolute(away));
}

/** Another repository may be named by an absolute path; nothing else outside can be reserved. */
function refuseOutside(typed: string, fixed: string, absolute: boolean, root: string): void {
  const existing = deepestExisting(fixed);
  const elsewhere = isFolder(existing) ? existing : dirname(existing);
  if (absolute && repositoryOf(elsewhere) !== null) return;
  if (absolute && inside(realPrefix(root), realPrefix(fixed))) return;
  throw new Refusal("PATH_OUTSIDE", `paths: ${typed} is outside of the project ${root}`, {
    field: "paths",
  });
}

/** The part of a path before its first glob segment, and the rest. */
function splitAtGlob(path: string): [string, string] {
  const segments = path.split("/");
  const first = segments.findIndex(isGlob);
  if (first < 0) return [path.replace(/(.)\/+$/, "$1"), ""];
  const glob = segments.slice(first).filter((segment) => segment !== "").join("/");
  return [segments.slice(0, first).join("/") || "/", glob];
}

function deepestExisting(path: string): string {
  let at = path;
  while (!exists(at) && dirname(at) !== at) at = dirname(at);
  return at;
}

/** The real path of what exists of `path`, with the rest appended. */
function realPrefix(path: string): string {
  const missing: string[] = [];
  let at = path;
  for (;;) {
    try {
      return join(Deno.realPathSync(at), ...missing);
    } catch {
      // Not there yet: its parent decides where it will be. A dangling symlink ends up here, too,
      // and is followed by hand, since writing through it makes its target.
      const target = linkTarget(at);
      if (target !== null && missing.length < 64) {
        at = target;
        continue;
      }
      if (dirname(at) === at) return join(at, ...missing);
      missing.unshift(basename(at));
      at = dirname(at);
    }
  }
}

function linkTarget(path: string): string | null {
  try {
    const target = Deno.readLinkSync(path);
    const full = isAbsolute(target) ? target : join(dirname(path), target);
    return full === path ? null : full;
  } catch {
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
