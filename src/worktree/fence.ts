// The fence of a task: refs/skein/fence/<run>/<task> names the latest attempt at it (a blob with its
// number). An attempt moves it forward before it looks where the run branch stands, and a merge is one
// ref transaction that moves the run branch only while the fence is still its attempt's. So a process
// that slept while its task went to another cannot put its work on the run branch any more, however
// late it wakes: what it would have merged before the other began, the other begins from.

import { namesIn } from "../core/folders.ts";
import { git } from "./git.ts";
import type { Place, RunTree } from "./place.ts";
import { isRace } from "./refs.ts";
import { join } from "@std/path";

/** A ref that has to stand at `value` for another one to move. */
export interface Fence {
  readonly ref: string;
  readonly value: string;
}

/** Each failed try is another attempt's success. */
const TRIES = 20;

/** Where the fences of a run are. */
export function fencesOf(run: string): string {
  return `refs/skein/fence/${run}/`;
}

/**
 * Moves a task's fence to an attempt, unless a later one has it.
 * @returns what to hold a merge against; null: a later attempt has begun
 * @throws Refusal `GIT_FAILED` when the ref cannot be written
 */
export async function takeFence(
  place: Place,
  task: string,
  attempt: number,
): Promise<Fence | null> {
  const ref = `${fencesOf(place.run)}${task}`;
  for (let tries = 1;; tries++) {
    const now = await readFence(place, ref);
    if (now !== null && now.attempt > attempt) return null;
    if (now?.attempt === attempt) return { ref, value: now.value };
    const { stdout } = await git(place.tree, ["hash-object", "-w", "--stdin"], {
      input: `attempt ${attempt}\n`,
    });
    const value = stdout.trim();
    const step = now === null ? `create ${ref} ${value}` : `update ${ref} ${value} ${now.value}`;
    // A race that never ends is none: a ref that a power failure tore is then git's refusal.
    const { code, stderr } = await git(place.tree, ["update-ref", "--stdin"], {
      input: `${step}\n`,
      ok: tries < TRIES ? [0, 128] : [0],
    });
    if (code === 0) return { ref, value };
    if (!isRace(stderr)) tries = TRIES - 1;
  }
}

/** Removes the fences of a run in which nobody works any more. */
export async function dropFences(place: Place): Promise<void> {
  const { stdout } = await git(place.tree, [
    "for-each-ref",
    "--format=delete %(refname)",
    fencesOf(place.run),
  ]);
  // Two may do it at once; what the other has deleted is no reason to complain.
  if (stdout !== "") await git(place.tree, ["update-ref", "--stdin"], { input: stdout });
}

/** Locks of a run's fences, as files; a killed git may have left them. */
export function fenceLocks({ commonDir, run }: Pick<Place, "commonDir"> & RunId): string[] {
  const folder = join(commonDir, ...fencesOf(run).split("/"));
  return namesIn(folder).filter((name) => name.endsWith(".lock")).map((name) => join(folder, name));
}

type RunId = Pick<RunTree, "run">;

async function readFence(
  place: Place,
  ref: string,
): Promise<{ attempt: number; value: string } | null> {
  const { stdout } = await git(place.tree, ["cat-file", "--batch"], { input: `${ref}\n` });
  const [head = "", text = ""] = stdout.split("\n");
  const [value = "", kind] = head.split(" ");
  if (kind === "missing") return null;
  const number = /^attempt (\d{1,15})$/.exec(text)?.[1];
  // Something else there was not written by skein: any attempt is later.
  return { attempt: number === undefined ? -1 : Number(number), value };
}
