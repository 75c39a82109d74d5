// Installed programs, side by side: a session runs the one it was started with, and loads parts of it
// late. So each holds a shared lock on the program it runs, and only what nobody holds is removed.

import { basename, dirname, join } from "@std/path";

const PREFIX = "app-";
/** A program that is being removed: no longer under its name, whatever becomes of the remover. */
const LEAVING = ".gone-";
const ENTRY = "main.js";
/** A client starts its server again by the old name; it may be just about to. */
const YOUNG_MS = 86_400_000;

/** The folder of a program. */
export function programFolder(data: string, id: string): string {
  return join(data, `${PREFIX}${id}`);
}

/** Whether this is a file of a program. */
export function isOfProgram(data: string, path: string): boolean {
  return path.startsWith(join(data, PREFIX));
}

let held: Deno.FsFile | null = null;

/** Lets go of the program that this process runs: what uninstalls it is not in its own way. */
export function releaseProgram(): void {
  held?.close();
  held = null;
}

/** Says that this process runs an installed program, until it ends. `entry` is its main file. */
export function holdProgram(entry: string): void {
  if (basename(entry) !== ENTRY || !basename(dirname(entry)).startsWith(PREFIX)) return;
  try {
    // The kernel lets go of it with the process.
    held = Deno.openSync(entry, { read: true });
    held.tryLockSync(false);
  } catch {
    // Removed this very moment, or not ours to read: then it is not kept either.
  }
}

/** Removes programs that nobody runs, but for `keep`; gives those that are left since somebody does. */
export function removePrograms(data: string, keep: string | null, young = YOUNG_MS): string[] {
  const left: string[] = [];
  for (const { name, isDirectory } of [...Deno.readDirSync(data)]) {
    const path = join(data, name);
    if (name.startsWith(LEAVING)) remove(path);
    if (!isDirectory || !name.startsWith(PREFIX) || path === keep) continue;
    const ageMs = Date.now() - (Deno.statSync(path).mtime?.getTime() ?? 0);
    if (ageMs < young) continue;
    const gone = join(data, `${LEAVING}${name}`);
    // Away at once, not file by file: a remover that is killed leaves no half of a program.
    if (whileUnused(join(path, ENTRY), () => Deno.renameSync(path, gone))) remove(gone);
    else left.push(path);
  }
  return left;
}

/** Runs `body` if nobody runs this program, and keeps it so meanwhile. */
function whileUnused(entry: string, body: () => void): boolean {
  let file: Deno.FsFile | null = null;
  try {
    file = Deno.openSync(entry, { read: true });
    if (!file.tryLockSync(true)) return false;
  } catch (thrown) {
    // Without an entry nobody can run it.
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
  try {
    body();
    return true;
  } finally {
    file?.close();
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
}
