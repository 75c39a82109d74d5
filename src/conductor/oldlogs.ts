// What agents have written in earlier runs takes more room in a home than all else. The logs of a run that
// is over go once nothing was written in them for as long as parked work is kept; those of one that goes
// on stay, however long it rests.

import { join } from "@std/path";
import { asRefusal } from "../core/errors.ts";
import { namesIn } from "../core/folders.ts";
import { LIMITS } from "../core/limits.ts";
import { counted } from "../core/text.ts";
import type { Calls } from "./calls.ts";

const DAY_MS = 86_400_000;

/**
 * Removes old logs of runs that the caller's project knows to be over.
 * @param options `dryRun` only looks
 * @returns the ids of the runs whose logs are gone, or would be
 */
export async function clearLogs(
  calls: Calls,
  home: string,
  options: { readonly nowMs: number; readonly dryRun?: boolean },
): Promise<string[]> {
  const folder = join(home, "logs");
  const cleared = new Set<string>();
  for (const name of namesIn(folder)) {
    const run = /^(r\d{1,9})(?:-hosts\.log)?$/.exec(name)?.[1];
    if (run === undefined) continue;
    const path = join(folder, name);
    const writtenMs = lastWritten(path);
    if (writtenMs === null || options.nowMs - writtenMs < LIMITS.parkedDays * DAY_MS) continue;
    if (!await isOver(calls, run)) continue;
    if (options.dryRun !== true) Deno.removeSync(path, { recursive: true });
    cleared.add(run);
  }
  return [...cleared];
}

/** What went, in words; null if nothing did. */
export function clearedLogs(runs: readonly string[]): string | null {
  if (runs.length === 0) return null;
  return `logs of ${counted(runs.length, "earlier run")} (${LIMITS.parkedDays} days old)`;
}

/** When something was last written in a log or a folder of logs; null: it is neither, or is gone. */
function lastWritten(path: string): number | null {
  try {
    const { isDirectory, isFile, mtime } = Deno.lstatSync(path);
    if (!isDirectory && !isFile) return null;
    const inside = isDirectory
      ? namesIn(path).map((name) => lastWritten(join(path, name)) ?? 0)
      : [];
    return Math.max(mtime?.getTime() ?? 0, ...inside);
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    throw thrown;
  }
}

async function isOver(calls: Calls, run: string): Promise<boolean> {
  try {
    if ((await calls.run({ action: "status", id: run })).status !== "ended") return false;
    return (await calls.attempts({ run, open: true })).attempts.length === 0;
  } catch (thrown) {
    if (asRefusal(thrown).code !== "UNKNOWN_RUN") throw thrown;
    // Another project's, whose next run clears it; or of a store that is gone: nobody can tell.
    return false;
  }
}
