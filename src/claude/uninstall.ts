// Uninstalling: exactly what was put in, by the note that was made of it.

import { join } from "@std/path";
import {
  alone,
  apply,
  type Change,
  changeShared,
  LOCK_FILE,
  readText,
  refuseUnwritable,
} from "./files.ts";
import { madeFolders, removeEmpty } from "./folders.ts";
import { MARK, runnerPath } from "./launcher.ts";
import { type Installed, installedAt, noteFile } from "./note.ts";
import { commandPath, type Places } from "./places.ts";
import { releaseProgram, removePrograms } from "./programs.ts";
import { entriesIn, unregistered } from "./registration.ts";
import { removeDenos } from "./runtime.ts";

/** Takes out exactly what was put in; the home with its store stays. */
export async function uninstall(places: Places, dryRun: boolean): Promise<readonly Change[]> {
  const known = installedAt(places);
  const seen = settingsOf(known).map((path) => takenOut(path, readText(path), known));
  for (const { path, before, after } of seen) {
    if (before === after) continue;
    refuseUnwritable(
      path,
      "Take these out of it yourself, then run skein uninstall again: " +
        `${entriesIn(path, known)}. Nothing was changed.`,
    );
  }
  if (dryRun || !isThere(places.data)) return [...seen, ...launcherOf(places, known)];
  return await alone(places.data, (madeNow) => {
    const note = installedAt(places);
    const settings = settingsOf(note).map((path) =>
      changeShared(path, (before) => ({ change: takenOut(path, before, note) }), () => {}).change
    );
    const launcher = launcherOf(places, note);
    apply(launcher);
    for (const path of [join(places.data, "marketplace"), runnerPath(places), noteFile(places)]) {
      removeAll(path);
    }
    // One that a session still runs stays until that ends: parts of it are loaded late.
    releaseProgram();
    const left = removePrograms(places.data, null, 0);
    if (left.length === 0) removeDenos(places.data);
    const folders = madeFolders([...note?.made ?? [], ...madeNow]);
    const holdsData = (folder: string): boolean => `${places.data}/`.startsWith(`${folder}/`);
    removeEmpty(folders.filter((folder) => !holdsData(folder)));
    // Last of all: whoever waits for this lock sees that it is gone, and makes another.
    if (left.length === 0) removeAll(join(places.data, LOCK_FILE));
    removeEmpty([places.data, ...folders.filter(holdsData)]);
    return Promise.resolve([...settings, ...launcher]);
  });
}

function settingsOf(note: Installed | null): string[] {
  return [...note?.settings ?? [], ...note?.markets ?? []];
}

function takenOut(path: string, before: string | null, note: Installed | null): Change {
  if (before === null || note === null) return { path, before, after: before };
  return unregistered(path, before, note);
}

/** The command where it was put: the environment may name another place by now. */
function launcherOf(places: Places, note: Installed | null): Change[] {
  const path = note?.launcher ?? commandPath(places);
  const text = readText(path);
  return text?.includes(MARK) === true ? [{ path, before: text, after: null }] : [];
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return false;
    throw thrown;
  }
}

function removeAll(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
}
