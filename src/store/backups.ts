// The backups of a home that lie in HOME-backups, each under the time at which it was made.

import { exists, namesIn } from "../core/folders.ts";
import { join } from "@std/path";

const STAMP = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d{3})Z$/;

/** A time as a name: 20260131T235959.999Z. */
export function stampOf(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/[-:]/g, "");
}

/** One backup. */
export interface Backup {
  readonly folder: string;
  readonly wallMs: number;
}

/** Those in a folder, the newest first. */
export function backupsIn(folder: string): Backup[] {
  const found: Backup[] = [];
  for (const name of namesIn(folder)) {
    const wallMs = Date.parse(name.replace(STAMP, "$1-$2-$3T$4:$5:$6Z"));
    if (!STAMP.test(name) || Number.isNaN(wallMs)) continue;
    if (exists(join(folder, name, "skein.db"))) found.push({ folder: join(folder, name), wallMs });
  }
  return found.sort((a, b) => b.wallMs - a.wallMs);
}

/** Removes all but the newest `keep`; returns what it removed. */
export function keepNewest(folder: string, keep: number): string[] {
  const old = backupsIn(folder).slice(keep).map((one) => one.folder);
  for (const path of old) Deno.removeSync(path, { recursive: true });
  return old;
}
