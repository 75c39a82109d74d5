// Changing files that are the user's, too: read whole, changed in one place, written whole under a
// lock, with everything else as it was. A file that is not understood is refused, never repaired.

import { basename, dirname, isAbsolute, join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { missingFolders } from "./folders.ts";

/** A file half written for longer than this is nobody's any more. */
const TORN_MS = 60_000;

/** A JSON object. */
export type Json = Record<string, unknown>;

/** One file as it is and as it is to be; null where there is none. */
export interface Change {
  readonly path: string;
  readonly before: string | null;
  readonly after: string | null;
}

export function readText(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    throw thrown;
  }
}

/**
 * A settings file with a change made to it.
 * @throws Refusal `INVALID_INPUT` when it is not a JSON object
 */
export function changedJson(path: string, change: (settings: Json) => void): Change {
  const before = readText(path);
  let settings: unknown = {};
  try {
    if (before !== null && before.trim() !== "") settings = JSON.parse(before);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw notOurs(path, why);
  }
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) {
    throw notOurs(path, "it is no JSON object");
  }
  const was = JSON.stringify(settings);
  change(settings as Json);
  if (JSON.stringify(settings) === was) return { path, before, after: before };
  const empty = Object.keys(settings).length === 0 && before === null;
  return { path, before, after: empty ? null : laidOut(settings, before) };
}

/** As the file was laid out before: its indent, and whether its last line ends. */
function laidOut(settings: unknown, before: string | null): string {
  const indent = before === null ? "  " : /\n([ \t]+)"/.exec(before)?.[1] ?? "  ";
  const flat = before !== null && before.trim() !== "" && !before.trim().includes("\n");
  const text = JSON.stringify(settings, null, flat ? undefined : indent);
  return before === null || before.endsWith("\n") ? `${text}\n` : text;
}

function notOurs(path: string, why: string): Refusal {
  return new Refusal("INVALID_INPUT", `${path} cannot be changed: ${why}`, {
    field: "settings",
    hint: "Mend the file by hand, then run this again. Nothing was changed.",
  });
}

/** An object inside of another, made if it is not there. */
export function inside(parent: Json, name: string): Json {
  const value = parent[name];
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  if (value !== undefined) throw notOurs("the settings", `${name} is no JSON object`);
  const made: Json = {};
  parent[name] = made;
  return made;
}

/** Takes an entry out, and what held it if that was made for it and holds nothing else. */
export function without(parent: Json, name: string, entry: string, made: boolean): void {
  const value = parent[name];
  if (typeof value !== "object" || value === null) return;
  delete (value as Json)[entry];
  if (made && Object.keys(value).length === 0) delete parent[name];
}

/** Mode of new files. */
const NEW_MODE = 0o644;

/** Makes the changes, each whole or not at all. */
export function apply(changes: readonly Change[]): void {
  for (const { path, before, after } of changes) {
    if (before === after) continue;
    if (after === null) {
      Deno.removeSync(path);
      continue;
    }
    Deno.mkdirSync(dirname(path), { recursive: true });
    // A link stays one: what it leads to is written.
    const target = targetOf(path);
    removeTorn(target);
    const kept = before === null ? NEW_MODE : (Deno.statSync(target).mode ?? NEW_MODE) & 0o777;
    const temporary = `${target}.skein-${Deno.pid}`;
    Deno.writeTextFileSync(temporary, after, { mode: kept });
    Deno.renameSync(temporary, target);
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
