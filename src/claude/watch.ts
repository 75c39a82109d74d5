// What really changed: the files that others hold, as they were before a shell command and as they
// are after it. Nothing is read but names, sizes and times.

import { join } from "@std/path";
import { overlaps } from "../lock/rules.ts";

/** A path that others hold; a pattern stands for whatever fits it. */
export interface Watched {
  readonly path: string;
  readonly pattern: boolean;
}

/** Size, time and inode of each file that is there. */
export type Snapshot = ReadonlyMap<string, string>;

/** Files of one snapshot: a reserved tree of more is looked at in part. */
const MOST_FILES = 2_000;
const SKIPPED = new Set([".git", "node_modules"]);

/** How the watched files are now. */
export function snapshot(watched: readonly Watched[]): Snapshot {
  const found = new Map<string, string>();
  for (const { path, pattern } of watched) {
    if (pattern) walk(path, found);
    else look(path, found);
  }
  return found;
}

/** Paths that were changed, made or removed in between. */
export function changedSince(before: Snapshot, after: Snapshot): string[] {
  const changed: string[] = [];
  for (const [path, mark] of after) if (before.get(path) !== mark) changed.push(path);
  for (const path of before.keys()) if (!after.has(path)) changed.push(path);
  return changed;
}

function look(path: string, found: Map<string, string>): void {
  try {
    const { size, mtime, ino, isFile } = Deno.statSync(path);
    if (isFile) found.set(path, `${size} ${mtime?.getTime()} ${ino}`);
  } catch {
    // Not there: that is how it is now.
  }
}

/** Everything below the fixed part of a pattern that fits it. */
function walk(pattern: string, found: Map<string, string>): void {
  const segments = pattern.split("/");
  const first = segments.findIndex((segment) => /[*?[\]{}]/.test(segment));
  const folders = [segments.slice(0, first < 0 ? undefined : first).join("/") || "/"];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    let entries: Deno.DirEntry[];
    try {
      entries = [...Deno.readDirSync(folder)];
    } catch {
      // Gone, or not ours to look into.
      continue;
    }
    for (const { name, isDirectory } of entries) {
      if (found.size >= MOST_FILES) return;
      const path = join(folder, name);
      if (isDirectory && !SKIPPED.has(name)) folders.push(path);
      else if (!isDirectory && overlaps(path, pattern)) look(path, found);
    }
  }
}
