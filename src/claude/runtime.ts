// The Deno that the installed command runs. A runner of packages (npx, pnpm dlx, bunx) keeps its Deno in
// a cache that it may clear at any time: such a one is kept beside the program, where it stays. Managers
// of packages keep each version in a folder of its own, and a link on the PATH that follows upgrades.

import { basename, dirname, isAbsolute, join } from "@std/path";

/** Folders of runners' caches. */
const CACHED = /[\\/](?:_npx|dlx(?:-[^\\/]*)?|bunx-[^\\/]*)[\\/]/;
const PREFIX = "deno-";

/**
 * The name by which the running Deno is found on the PATH, since the folder it is really in may go with
 * the next upgrade; without one that folder all the same.
 */
export function lastingDeno(deno: string, path: string): string {
  for (const folder of path.split(":")) {
    const named = join(folder, basename(deno));
    if (isAbsolute(folder) && !CACHED.test(named) && isSame(named, deno)) return named;
  }
  return deno;
}

function isSame(one: string, other: string): boolean {
  try {
    const [a, b] = [Deno.statSync(one), Deno.statSync(other)];
    return a.dev === b.dev && a.ino === b.ino;
  } catch {
    return false;
  }
}

/** Where the Deno that is to be installed will stand. */
export function stayingDeno(data: string, deno: string, version: string): string {
  return CACHED.test(deno) ? join(data, `${PREFIX}${version}`, basename(deno)) : deno;
}

/** Puts a Deno where it is to stay: a second name of the same file where that can be, else a copy. */
export function keepDeno(deno: string, staying: string): void {
  if (deno === staying || isFile(staying)) return;
  Deno.mkdirSync(dirname(staying), { recursive: true });
  // Under another name first: who is killed meanwhile leaves no half of a program.
  const temporary = `${staying}.skein-${Deno.pid}`;
  const real = Deno.realPathSync(deno);
  try {
    Deno.linkSync(real, temporary);
  } catch {
    // On another file system, or one without links.
    Deno.copyFileSync(real, temporary);
    Deno.chmodSync(temporary, 0o755);
  }
  Deno.renameSync(temporary, staying);
}

/** Removes every Deno that was kept. A session that runs one goes on with it. */
export function removeDenos(data: string): void {
  for (const { name, isDirectory } of [...Deno.readDirSync(data)]) {
    if (isDirectory && name.startsWith(PREFIX)) {
      Deno.removeSync(join(data, name), { recursive: true });
    }
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
