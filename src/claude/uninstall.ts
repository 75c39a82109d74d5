// Uninstalling: exactly what was put in, by the note that was made of it.

import { join } from "@std/path";
import { madeFolders, removeEmpty } from "./folders.ts";
import {
  alone,
  apply,
  type Change,
  changedJson,
  type Json,
  LOCK_FILE,
  readText,
  without,
} from "./files.ts";
import {
  commandPath,
  type Installed,
  installedAt,
  MARK,
  type Places,
  PLUGIN,
  TOOLS_RULE,
} from "./install.ts";
import { NAME } from "./plugin.ts";
import { releaseProgram, removePrograms } from "./programs.ts";
import { removeDenos } from "./runtime.ts";

/** Takes out exactly what was put in; the home with its store stays. */
export async function uninstall(places: Places, dryRun: boolean): Promise<readonly Change[]> {
  if (dryRun || !isThere(places.data)) return planOf(places, installedAt(places));
  return await alone(places.data, (madeNow) => {
    const note = installedAt(places);
    const changes = planOf(places, note);
    apply(changes);
    for (const name of ["marketplace", "installed.json"]) removeAll(join(places.data, name));
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
    return Promise.resolve(changes);
  });
}

function planOf(places: Places, note: Installed | null): Change[] {
  const changes = (note?.settings ?? []).filter((path) => readText(path) !== null).map((path) =>
    takenOut(path, note)
  );
  const launcher = commandPath(places);
  const text = readText(launcher);
  if (text?.includes(MARK) === true) changes.push({ path: launcher, before: text, after: null });
  return changes;
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return false;
    throw thrown;
  }
}

/** A settings file without what is ours; none at all where it was made for that alone. */
function takenOut(path: string, note: Installed | null): Change {
  const made = (part: string): boolean => note?.made?.includes(`${path}#${part}`) === true;
  let empty = false;
  const change = changedJson(path, (json) => {
    for (const [part, entry] of [["extraKnownMarketplaces", NAME], ["enabledPlugins", PLUGIN]]) {
      without(json, part ?? "", entry ?? "", made(part ?? ""));
    }
    if (note?.rule.includes(path) === true) removeRule(json, made);
    empty = Object.keys(json).length === 0;
  });
  return empty && note?.made?.includes(path) === true ? { ...change, after: null } : change;
}

function removeRule(json: Json, made: (part: string) => boolean): void {
  const permissions = json["permissions"] as Json | undefined;
  const allow = permissions?.["allow"];
  if (permissions === undefined || !Array.isArray(allow)) return;
  const left = allow.filter((rule) => rule !== TOOLS_RULE);
  permissions["allow"] = left;
  if (left.length === 0 && made("allow")) delete permissions["allow"];
  if (Object.keys(permissions).length === 0 && made("permissions")) delete json["permissions"];
}

function removeAll(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
}
