// What really changed: the files that others hold, as they were before a shell command and as they
// are after it. Nothing is read but names, sizes and times. A reserved tree may be as large as it likes:
// the process that looks leads, perhaps, and has others to serve, so the look is bounded and gives way.

import { join } from "@std/path";
import { isGlob, overlaps } from "../lock/rules.ts";

/** A path that others hold; a pattern stands for whatever fits it. */
export interface Watched {
  readonly path: string;
  readonly pattern: boolean;
}

/** The watched files at one moment. */
export interface Snapshot {
  /** Size, time and inode of each file that is there. */
  readonly files: ReadonlyMap<string, string>;
  /** Whether all was looked at: else a file that is not in it may have been there. */
  readonly whole: boolean;
}

/** Files of one snapshot: a reserved tree of more is looked at in part. */
const MOST_FILES = 2_000;
/** Names that are read for it, whether they fit or not: a large source tree, without what it fetches. */
const MOST_ENTRIES = 20_000;
/** The command waits meanwhile: a human hardly feels this. */
const MOST_MS = 200;
/** Others have their turn after that. */
const TURN_MS = 4;
/** Files that are asked for at a time. */
const BATCH = 64;
const SKIPPED = new Set([".git", "node_modules"]);

/**
 * How the watched files are now. After a command `before` is how they were: those are looked at first,
 * so that one that is missing is gone. At most about 200 ms for what patterns stand for.
 */
export async function snapshot(
  watched: readonly Watched[],
  before: Snapshot | null = null,
): Promise<Snapshot> {
  const files = new Map<string, string>();
  const named = watched.filter(({ pattern }) => !pattern).map(({ path }) => path);
  await look([...new Set([...named, ...before?.files.keys() ?? []])], files);
  // What was not seen then cannot be told from what is new.
  if (before?.whole === false) return { files, whole: false };
  const patterns = watched.filter(({ pattern }) => pattern).map(({ path }) => path);
  const { found, whole } = await new Walk([...new Set(patterns)]).run();
  await look(found.filter((path) => !files.has(path)), files);
  return { files, whole };
}

/** Paths that were changed, made or removed in between; `after` was taken with `before` at hand. */
export function changedSince(before: Snapshot, after: Snapshot): string[] {
  const changed: string[] = [];
  for (const [path, mark] of after.files) {
    const was = before.files.get(path);
    if (was === undefined ? before.whole : was !== mark) changed.push(path);
  }
  for (const path of before.files.keys()) if (!after.files.has(path)) changed.push(path);
  return changed;
}

/** Puts down those of these paths that are files. */
async function look(paths: readonly string[], files: Map<string, string>): Promise<void> {
  for (let i = 0; i < paths.length; i += BATCH) {
    await Promise.all(
      paths.slice(i, i + BATCH).map(async (path) => {
        try {
          const { size, mtime, ino, isFile } = await Deno.stat(path);
          if (isFile) files.set(path, `${size} ${mtime?.getTime()} ${ino}`);
        } catch {
          // Not there: that is how it is now.
        }
      }),
    );
  }
}

/** One walk for all patterns: what several of them cover is read once. */
class Walk {
  readonly #patterns: readonly string[];
  readonly #found: string[] = [];
  readonly #untilMs = performance.now() + MOST_MS;
  #turnMs = performance.now();
  #entries = 0;
  #whole = true;

  constructor(patterns: readonly string[]) {
    this.#patterns = patterns;
  }

  async run(): Promise<{ readonly found: readonly string[]; readonly whole: boolean }> {
    const roots = [...new Set(this.#patterns.map(rootOf))];
    const below = (one: string, other: string): boolean => one.startsWith(join(other, "/"));
    // Near to the roots first: of each a part, if there is too much of all.
    const folders = roots.filter((one) => !roots.some((other) => below(one, other)));
    for (const folder of folders) {
      if (!this.#whole) break;
      await this.#read(folder, folders);
    }
    return { found: this.#found, whole: this.#whole };
  }

  /** Reads one folder; those in it that have to be read, too, come behind the last of `folders`. */
  async #read(folder: string, folders: string[]): Promise<void> {
    try {
      for await (const { name, isDirectory } of Deno.readDir(folder)) {
        await this.#giveWay();
        if (this.#spent()) return;
        this.#entries += 1;
        const path = join(folder, name);
        if (!isDirectory) {
          if (this.#patterns.some((pattern) => fits(path, pattern))) this.#found.push(path);
        } else if (!SKIPPED.has(name)) {
          if (this.#patterns.some((pattern) => fits(`${path}/**`, pattern))) folders.push(path);
        }
      }
    } catch {
      // Gone, or not ours to look into.
    }
  }

  #spent(): boolean {
    const enough = this.#found.length >= MOST_FILES || this.#entries >= MOST_ENTRIES ||
      performance.now() >= this.#untilMs;
    if (enough) this.#whole = false;
    return enough;
  }

  async #giveWay(): Promise<void> {
    if (performance.now() - this.#turnMs < TURN_MS) return;
    await new Promise((next) => setTimeout(next, 0));
    this.#turnMs = performance.now();
  }
}

/** The folder above a pattern's first part that stands for more than itself. */
function rootOf(pattern: string): string {
  const segments = pattern.split("/");
  const first = segments.findIndex(isGlob);
  return segments.slice(0, first < 0 ? undefined : first).join("/") || "/";
}

/** Whether a path, or one that ends with any, fits a pattern; nearly all of them are whole folders. */
function fits(path: string, pattern: string): boolean {
  const folder = pattern.endsWith("/**") ? pattern.slice(0, -2) : null;
  if (folder !== null && !isGlob(folder) && path.startsWith(folder)) return true;
  return overlaps(path, pattern);
}
