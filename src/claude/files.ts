// Changing files that are the user's, too: read whole, changed in one place, written whole under a
// lock, with everything else as it was. A file that is not understood is refused, never repaired; one
// that others write meanwhile is read anew, and one that cannot be written is found out beforehand.

import { basename, dirname, isAbsolute, join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { isThere, missingFolders } from "./folders.ts";

/** A file half written for longer than this is nobody's any more. */
const TORN_MS = 60_000;

/** One file as it is and as it is to be; null where there is none. */
export interface Change {
  readonly path: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** @throws Refusal `INVALID_INPUT` when it is no text: what was written back would be something else */
export function readText(path: string): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      Deno.readFileSync(path),
    );
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    if (thrown instanceof TypeError) throw notOurs(path, "it is not in UTF-8");
    throw thrown;
  }
}

/** A file that is not what it has to be. */
export function notOurs(path: string, why: string): Refusal {
  return new Refusal("INVALID_INPUT", `${path} cannot be changed: ${why}`, {
    field: "settings",
    hint: "Mend the file by hand, then run this again. Nothing was changed.",
  });
}

/** Mode of new files. */
const NEW_MODE = 0o644;

/**
 * Makes the changes, each whole or not at all.
 * @throws Refusal `INVALID_INPUT` naming what cannot be written
 */
export function apply(changes: readonly Change[]): void {
  for (const change of changes) written(change, () => true);
}

/** How often a file that others write is read anew before we give up. */
const MOST_TRIES = 50;

/**
 * Changes a file that others write, too, in the shortest time: read, changed, laid beside it, compared
 * with what is there now, put in its place; again, if it has changed in between. `first` is done before
 * each try, with what it is to be.
 * @throws Refusal `INVALID_INPUT` when it keeps changing, or cannot be written
 */
export function changeShared<T extends { readonly change: Change }>(
  path: string,
  change: (before: string | null) => T,
  first: (changed: T) => void,
): T {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const made = change(readText(path));
    first(made);
    if (written(made.change, () => readText(path) === made.change.before)) return made;
  }
  throw new Refusal("INVALID_INPUT", `${path} keeps changing while it is to be written`, {
    field: "settings",
    hint: "End what writes it, then run this again.",
  });
}

/** Makes one change if, at the last moment, `still` says so; false if it does not. */
function written({ path, before, after }: Change, still: () => boolean): boolean {
  if (before === after) return true;
  try {
    if (after === null) {
      if (!still()) return false;
      Deno.removeSync(path);
      return true;
    }
    Deno.mkdirSync(dirname(path), { recursive: true });
    // A link stays one: what it leads to is written.
    const target = targetOf(path);
    removeTorn(target);
    const kept = before === null ? NEW_MODE : (Deno.statSync(target).mode ?? NEW_MODE) & 0o777;
    const temporary = asideOf(target);
    Deno.writeTextFileSync(temporary, after, { mode: kept });
    if (still()) {
      Deno.renameSync(temporary, target);
      return true;
    }
    Deno.removeSync(temporary);
    return false;
  } catch (thrown) {
    if (thrown instanceof Refusal) throw thrown;
    throw new Refusal("INVALID_INPUT", `${path} cannot be written: ${reasonOf(thrown)}`, {
      field: "path",
      hint: "Make its folder one that you can write to, then run this again: it mends the rest.",
    });
  }
}

/** Where a file is written before it takes the other's place. */
function asideOf(target: string): string {
  return `${target}.skein-${Deno.pid}`;
}

function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/**
 * Whether a file can be written, found out beside it and without a change to anything.
 * @throws Refusal `INVALID_INPUT` with `hint`, when it cannot
 */
export function refuseUnwritable(path: string, hint: string): void {
  const target = targetOf(path);
  let folder = dirname(target);
  while (!isThere(folder) && dirname(folder) !== folder) folder = dirname(folder);
  const there = folder === dirname(target);
  const trial = there ? asideOf(target) : asideOf(join(folder, ".trial"));
  try {
    Deno.openSync(trial, { write: true, createNew: true }).close();
    Deno.removeSync(trial);
  } catch (thrown) {
    const why = `${target} cannot be written: ${reasonOf(thrown)}`;
    throw new Refusal("INVALID_INPUT", why, { field: "settings", hint });
  }
}

/** What an installation that was killed has left beside a file. */
function removeTorn(target: string): void {
  for (const { name } of [...Deno.readDirSync(dirname(target))]) {
    if (!name.startsWith(`${basename(target)}.skein-`) || !/-\d+$/.test(name)) continue;
    const path = join(dirname(target), name);
    const ageMs = Date.now() - (Deno.statSync(path).mtime?.getTime() ?? 0);
    if (ageMs > TORN_MS) Deno.removeSync(path);
  }
}

/** Where a file's content stands: behind its links, also where there is nothing yet. */
function targetOf(path: string): string {
  let at = path;
  for (let links = 0; links < 40; links++) {
    try {
      if (!Deno.lstatSync(at).isSymlink) return at;
    } catch {
      return at;
    }
    const next = Deno.readLinkSync(at);
    at = isAbsolute(next) ? next : join(dirname(at), next);
  }
  return at;
}

/** The lock of the folder that holds what was installed. */
export const LOCK_FILE = "install.lock";

/** Runs `body` while no other installation runs; it is told which folders had to be made for that. */
export async function alone<T>(
  folder: string,
  body: (made: readonly string[]) => Promise<T>,
): Promise<T> {
  const path = join(folder, LOCK_FILE);
  const made = new Set<string>();
  while (true) {
    for (const one of missingFolders([folder])) made.add(one);
    Deno.mkdirSync(folder, { recursive: true });
    const file = openIn(path);
    if (file === null) continue;
    try {
      await file.lock(true);
      // Whoever uninstalls removes the lock with all the rest: one that is gone keeps nobody out.
      if (isSame(file, path)) return await body([...made]);
    } finally {
      file.close();
    }
  }
}

/** The lock, opened; null when its folder went away this very moment. */
function openIn(path: string): Deno.FsFile | null {
  try {
    return Deno.openSync(path, { read: true, write: true, create: true });
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    throw thrown;
  }
}

function isSame(file: Deno.FsFile, path: string): boolean {
  try {
    const [held, there] = [file.statSync(), Deno.statSync(path)];
    return held.ino === there.ino && held.dev === there.dev;
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return false;
    throw thrown;
  }
}

/** What a change does, line by line, for people. */
export function diffOf({ path, before, after }: Change): string[] {
  if (before === after) return [];
  if (before === null) return [`+ ${path} (new, ${after?.split("\n").length ?? 0} lines)`];
  if (after === null) return [`- ${path} (removed)`];
  const [old, now] = [before.split("\n"), after.split("\n")];
  const lines = [`~ ${path}`];
  const count = (list: readonly string[]): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const line of list) counts.set(line, (counts.get(line) ?? 0) + 1);
    return counts;
  };
  const [had, has] = [count(old), count(now)];
  for (const line of new Set(old)) {
    if ((had.get(line) ?? 0) > (has.get(line) ?? 0)) lines.push(`    - ${line.trim()}`);
  }
  for (const line of new Set(now)) {
    if ((has.get(line) ?? 0) > (had.get(line) ?? 0)) lines.push(`    + ${line.trim()}`);
  }
  return lines;
}
