// Folders inside of a folder that has to be there already.

import { join } from "@std/path";

/**
 * Makes a folder, for this user alone, inside of one that is there, and returns its path. Whoever makes
 * one together with its parents brings back, empty, what a user has just deleted or moved away.
 * @throws Deno.errors.NotFound when `parent` is gone
 */
export function folderIn(parent: string, name: string): string {
  const path = join(parent, name);
  try {
    Deno.mkdirSync(path, { mode: 0o700 });
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.AlreadyExists)) throw thrown;
  }
  return path;
}
