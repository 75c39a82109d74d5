// Putting what was made ready in a home's place. The home that was there is moved aside and never removed;
// a step that fails leaves both where they were. What a backup does not hold and the home's runs need,
// the worktrees with their unmerged work and the agents' logs, stays with the home.

import { basename, dirname, join } from "@std/path";
import type { DatabaseSync } from "node:sqlite";
import { Refusal } from "../core/errors.ts";
import { exists, namesIn } from "../core/folders.ts";
import { type Copy, residentsOf, sync, within } from "./backup.ts";
import { homeAt } from "./home.ts";
import type { Making } from "./making.ts";
import { probe } from "./presence_file.ts";

/** Folders of a home that are known by their paths, to git and to the store, and are in no backup. */
const STAYS = ["worktrees", "logs"] as const;

/**
 * Puts what was made ready in the home's place. Returns where the home is that was there, or null. Who
 * dies between the two steps leaves no home, and both of them beside it: opening it says so.
 */
export function takePlace(making: Making, home: string, stamp: string): string | null {
  let aside: string | null = `${home}.before-${stamp}`;
  making.whole();
  try {
    Deno.renameSync(home, aside);
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    aside = null;
  }
  try {
    Deno.renameSync(making.folder, home);
  } catch (thrown) {
    if (aside !== null) Deno.renameSync(aside, home);
    throw thrown;
  }
  if (aside !== null) carryOver(aside, home);
  making.placed(home);
  for (const path of [home, dirname(home)]) sync(path);
  return aside;
}

/**
 * The store that is put back finds the work of its open attempts where it knows it to be, and parks it;
 * of attempts that it does not know git goes on to know the worktrees.
 */
function carryOver(aside: string, home: string): void {
  for (const name of STAYS) {
    if (exists(join(aside, name)) && !exists(join(home, name))) {
      Deno.renameSync(join(aside, name), join(home, name));
    }
  }
}

/** What is done in a home and not in what is to take its place. */
export interface Missing {
  /** Rows of its journal; null where the two have never been one store. */
  readonly acts: number | null;
  /** Runs that are begun since. */
  readonly runs: readonly string[];
}

/** Compares the home with a backup of it; null where the home cannot be read, or is not there. */
export function missingIn(copy: Copy, home: string): Missing | null {
  if (!exists(homeAt(home).database)) return null;
  const runs = (db: DatabaseSync): string[] =>
    db.prepare("SELECT id FROM run ORDER BY created_at").all().map(({ id }) => String(id));
  const macAt = (db: DatabaseSync, seq: number): unknown =>
    db.prepare("SELECT mac FROM journal WHERE seq = ?").get(seq)?.["mac"];
  try {
    const then = within(
      homeAt(copy.folder),
      (db) => ({ runs: runs(db), mac: macAt(db, copy.seq) }),
    );
    return within(homeAt(home), (db) => {
      const { seq } = db.prepare("SELECT coalesce(max(seq), 0) AS seq FROM journal").get() as {
        seq: number;
      };
      const same = copy.seq === 0 || macAt(db, copy.seq) === then.mac;
      return {
        acts: same ? Math.max(0, seq - copy.seq) : null,
        runs: runs(db).filter((id) => !then.runs.includes(id)),
      };
    });
  } catch {
    // A home that cannot be read is a reason to restore.
    return null;
  }
}

/**
 * Refuses while a session lives in a home: it would be cut off in the middle of its work.
 * @throws Refusal `HOME_IN_USE`
 */
export function refuseLiving(folder: string): void {
  const living = livingIn(folder);
  if (living.length === 0) return;
  const who = living.map(({ name, pid }) => {
    const process = pid === null ? "" : `process ${pid}`;
    return name === null
      ? process || "a session without a name"
      : process && `${name} (${process})`;
  });
  const peers = living.map(({ name }) => name).filter((name) => name !== null);
  const pids = living.map(({ pid }) => pid).filter((pid) => pid !== null);
  throw new Refusal("HOME_IN_USE", `${folder} is in use by ${who.join(", ")}`, {
    peers,
    pids,
    ...(pids.length === 0 ? {} : {
      hint: `End what is named, then call again. A process that no list shows: kill ${
        pids.join(" ")
      }`,
    }),
  });
}

/** Who holds a presence in a home: by name where the store knows, by process where the kernel tells. */
export function livingIn(folder: string): { name: string | null; pid: number | null }[] {
  const home = homeAt(folder);
  const held = namesIn(home.peers).filter((name) => probe(join(home.peers, name)) === "held");
  if (held.length === 0) return [];
  let known: ReturnType<typeof residentsOf> = [];
  try {
    known = within(home, residentsOf);
  } catch {
    // A store that cannot be read is a reason to restore; who is there is told all the same.
  }
  const flocks = exclusiveLocks();
  return held.map((file) => {
    const path = join(home.peers, file);
    const row = known.find(({ incarnation }) => incarnation === basename(file, ".lock"));
    const ino = Deno.statSync(path).ino;
    const holder = flocks.find((one) => one.ino === ino && hasOpen(one.pid, path));
    return { name: row?.name ?? null, pid: holder?.pid ?? row?.pid ?? null };
  });
}

/** Who holds which exclusive flock; nothing where the kernel does not tell. */
function exclusiveLocks(): { pid: number; ino: number }[] {
  let text: string;
  try {
    text = Deno.readTextFileSync("/proc/locks");
  } catch {
    // Another system: the store's own word has to do.
    return [];
  }
  return [...text.matchAll(/: FLOCK +\w+ +WRITE (\d+) [0-9a-f]+:[0-9a-f]+:(\d+) /g)]
    .map(([, pid, ino]) => ({ pid: Number(pid), ino: Number(ino) }));
}

/** Two file systems may have the same number for two files: only who has this very one open counts. */
function hasOpen(pid: number, path: string): boolean {
  const real = Deno.realPathSync(path);
  try {
    return namesIn(`/proc/${pid}/fd`).some((name) => linkOf(`/proc/${pid}/fd/${name}`) === real);
  } catch {
    // Gone, or another user's.
    return false;
  }
}

function linkOf(path: string): string | null {
  try {
    return Deno.readLinkSync(path);
  } catch {
    // Closed meanwhile.
    return null;
  }
}
