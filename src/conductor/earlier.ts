// What runs have left in a home: folders of their worktrees, logs of their agents. A store that is begun
// anew in an old home counts its runs from the beginning, and must not take those of an earlier store for
// its own: a new run gets a number above all that are there.

import { join } from "@std/path";
import { asRefusal } from "../core/errors.ts";
import { namesIn } from "../core/folders.ts";
import type { Calls } from "./calls.ts";

/** What a new run has to come after. */
export interface Earlier {
  /** The highest number of a run (`r<number>`) that left something; 0 without any. */
  readonly above: number;
  /** What the user should know; null where all of it is this store's. */
  readonly note: string | null;
}

/** Looks at what is in a home. */
export async function earlierRuns(calls: Calls, home: string): Promise<Earlier> {
  const left = new Map<number, string>();
  const logs = join(home, "logs");
  const worktrees = join(home, "worktrees");
  for (const folder of [logs, ...namesIn(worktrees).map((name) => join(worktrees, name))]) {
    for (const name of namesIn(folder)) {
      const number = Number(/^r(\d{1,9})(?:-hosts\.log)?$/.exec(name)?.[1] ?? 0);
      if (number > 0) left.set(number, join(folder, name));
    }
  }
  const above = Math.max(0, ...left.keys());
  const path = left.get(above);
  // Asking makes the store, where there is none yet.
  if (path === undefined || await isKnown(calls, `r${above}`)) return { above, note: null };
  if (!isOlder(path, join(home, "skein.db"))) return { above, note: null };
  const note =
    `runs up to r${above} are of an earlier store: their logs and branches stay, and no ` +
    "number is used again";
  return { above, note };
}

async function isKnown(calls: Calls, run: string): Promise<boolean> {
  try {
    await calls.run({ action: "status", id: run });
    return true;
  } catch (thrown) {
    if (asRefusal(thrown).code === "UNKNOWN_RUN") return false;
    throw thrown;
  }
}

/** Whether something was last changed before a file was made; no, where that is not known. */
function isOlder(path: string, file: string): boolean {
  const { mtime } = Deno.statSync(path);
  const { birthtime } = Deno.statSync(file);
  return mtime !== null && birthtime !== null && mtime < birthtime;
}
