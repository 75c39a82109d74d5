// Files of the folder of wakes: names of locks, small and empty, that sessions and their waiters leave
// when they are killed. Each session clears away those of the dead as it becomes idle first.

import { join } from "@std/path";
import type { Presence } from "../core/transaction.ts";

/** The folder of these locks inside the home. */
export const WAKE_FOLDER = "wake";
/** Younger ones may be of a session that is just starting, or of a waiter that is. */
const OLD_MS = 3_600_000;
const WAITER = ".waiter";
const CLIENT = "client-";

/** The lock of one life. */
export function wakePath(home: string, incarnation: string): string {
  return join(home, WAKE_FOLDER, incarnation);
}

/** The lock of a client's server, for a waiter that knows no more than its client's process. */
export function wakeName(clientPid: number): string {
  return `${CLIENT}${clientPid}`;
}

/** Removes what the dead have left. `held` says whether the process of a life still holds its lock. */
export function sweepWakes(home: string, held: (incarnation: string) => Presence): void {
  const folder = join(home, WAKE_FOLDER);
  for (const { name } of [...Deno.readDirSync(folder)]) {
    try {
      sweep(folder, name, held);
    } catch (thrown) {
      // Another session sweeps, too.
      if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    }
  }
}

function sweep(folder: string, name: string, held: (incarnation: string) => Presence): void {
  const path = join(folder, name);
  const file = Deno.openSync(path, { read: true });
  try {
    const ageMs = Date.now() - (file.statSync().mtime?.getTime() ?? 0);
    if (ageMs < OLD_MS || !file.tryLockSync(true)) return;
    // A waiter's lock is free and old: it waits no more. The others' names or words say whose they are.
    const life = name.startsWith(CLIENT) ? Deno.readTextFileSync(path) : name;
    if (name.endsWith(WAITER) || held(life) !== "held") Deno.removeSync(path);
  } finally {
    file.close();
  }
}
