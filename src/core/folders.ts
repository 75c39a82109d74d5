// What is in a folder, and folders inside of one that has to be there already.

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

/** Names in a folder; none if it is not there, or is none. */
export function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch (thrown) {
    if (isMissing(thrown)) return [];
    throw thrown;
  }
}

/** Whether something, a dangling link too, is at `path`. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (thrown) {
    if (isMissing(thrown)) return false;
    throw thrown;
  }
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Deno.errors.NotFound || thrown instanceof Deno.errors.NotADirectory;
}

/** Bytes of a file; 0 where it is not there. */
export function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return 0;
    throw thrown;
  }
}
