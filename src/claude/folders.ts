// Folders that an installation makes on its way: written down, so that uninstalling takes them out
// again once nothing is in them.

import { dirname, isAbsolute } from "@std/path";

/** How folders stand in the note of what was made: files never end so. */
const SUFFIX = "/";

/** Of these folders and those above them the ones that are not there yet, outermost first. */
export function missingFolders(folders: readonly string[]): string[] {
  const missing = new Set<string>();
  for (const folder of folders) {
    for (let at = folder; isAbsolute(at) && !isThere(at); at = dirname(at)) missing.add(at);
  }
  return [...missing].sort().map((path) => `${path}${SUFFIX}`);
}

/** The folders of a note that are there. */
export function madeFolders(made: readonly string[]): string[] {
  return made.filter((one) => one.endsWith(SUFFIX)).map((one) => one.slice(0, -SUFFIX.length));
}

/** Removes those that are empty, innermost first; what somebody put into one keeps it. */
export function removeEmpty(folders: readonly string[]): void {
  for (const folder of folders.toSorted().reverse()) {
    try {
      // A link to a folder is not what was made.
      if (Deno.lstatSync(folder).isDirectory && [...Deno.readDirSync(folder)].length === 0) {
        Deno.removeSync(folder);
      }
    } catch (thrown) {
      // Taken away or filled this very moment, or not ours to remove: a folder left harms nobody.
      if (!(thrown instanceof Error)) throw thrown;
    }
  }
}

/** Whether there is something of this name, be it a link that leads nowhere. */
export function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return false;
    throw thrown;
  }
}
