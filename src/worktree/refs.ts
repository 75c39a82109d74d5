// Refs of the user's repository as skein moves them: by compare-and-swap (git update-ref with the old
// value), so that two hosts cannot undo each other, and never from under a working tree that has one
// checked out.

import { join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import type { Fence } from "./fence.ts";
import { git } from "./git.ts";
import { linkedTrees, mainTree, type Place, readOrNull } from "./place.ts";

/** Where a ref stands; null if there is none. */
export async function tipOf(place: Place, ref: string): Promise<string | null> {
  const { code, stdout } = await git(place.tree, ["rev-parse", "--verify", "-q", ref], {
    ok: [0, 1],
  });
  return code === 0 ? stdout.trim() : null;
}

/** Makes a ref that is not there yet. @returns whether it was made; false: it exists */
export async function createRef(place: Place, ref: string, commit: string): Promise<boolean> {
  return await moveRef(place, ref, commit, null, "skein: begin");
}

/**
 * Moves a ref from `old` (null: there is none) to `commit`, or not at all.
 * @param fence has to stand where it says in the moment in which the ref moves
 * @returns false when one of them stands elsewhere
 */
export async function moveRef(
  place: Place,
  ref: string,
  commit: string,
  old: string | null,
  why: string,
  fence?: Fence,
): Promise<boolean> {
  const move = old === null ? `create ${ref}\0${commit}\0` : `update ${ref}\0${commit}\0${old}\0`;
  const held = fence === undefined ? "" : `verify ${fence.ref}\0${fence.value}\0`;
  const { code, stderr } = await git(
    place.tree,
    ["update-ref", "--create-reflog", "-m", why, "-z", "--stdin"],
    { input: held + move, ok: [0, 128] },
  );
  if (code === 0) return true;
  if (isRace(stderr)) return false;
  throw new Refusal("GIT_FAILED", `${ref} cannot be written: ${stderr.trim()}`, {
    field: "branch",
    hint: "If a branch of your own is in the way (`skein`, `skein/run`), rename it.",
  });
}

/**
 * Deletes a ref that stands at `commit`; a branch that is checked out stays.
 * @returns whether it is gone; false: it moved, or somebody has it checked out
 */
export async function dropRef(place: Place, ref: string, commit: string): Promise<boolean> {
  const held = await checkedOutAt(place, ref);
  if (held.length > 0) return false;
  const { code, stderr } = await git(place.tree, ["update-ref", "-d", ref, commit], {
    ok: [0, 1, 128],
  });
  if (code === 0) {
    // A worktree that was made on it in this moment gets it back.
    if ((await checkedOutAt(place, ref)).length === 0) return true;
    await createRef(place, ref, commit);
    return false;
  }
  // It moved, or somebody else deleted it.
  if (isRace(stderr) || /unable to resolve/.test(stderr)) return await tipOf(place, ref) === null;
  throw new Refusal("GIT_FAILED", `${ref} cannot be deleted: ${stderr.trim()}`, {
    field: "branch",
  });
}

/**
 * Gives a ref that stands at `commit` another name, in one step; a branch that is checked out stays.
 * @returns whether it is gone from where it was; false: it moved, or somebody has it checked out
 */
export async function renameRef(
  place: Place,
  ref: string,
  to: string,
  commit: string,
): Promise<boolean> {
  if ((await checkedOutAt(place, ref)).length > 0) return false;
  if (await tipOf(place, to) === commit) return await dropRef(place, ref, commit);
  const { code, stderr } = await git(place.tree, ["update-ref", "--stdin"], {
    input: `create ${to} ${commit}\ndelete ${ref} ${commit}\n`,
    ok: [0, 128],
  });
  if (code !== 0) {
    if (isRace(stderr)) return await tipOf(place, ref) === null;
    throw new Refusal("GIT_FAILED", `${ref} cannot be moved to ${to}: ${stderr.trim()}`, {
      field: "branch",
    });
  }
  if ((await checkedOutAt(place, ref)).length === 0) return true;
  await createRef(place, ref, commit);
  return false;
}

/** Every working tree in which a branch is checked out. */
export async function checkedOutAt(place: Place, ref: string): Promise<string[]> {
  const { stdout } = await git(place.tree, ["worktree", "list", "--porcelain", "-z"]);
  const found: string[] = [];
  for (const [at, record] of stdout.split("\0\0").entries()) {
    const lines = record.split("\0");
    // The first is the repository's own.
    const named = lines.find((line) => line.startsWith("worktree "))?.slice(9);
    const path = at === 0 && named !== undefined ? mainTree(place) : named;
    if (path !== undefined && lines.includes(`branch ${ref}`)) found.push(path);
  }
  return found;
}

/** A rebase leaves its branch checked out nowhere, and puts it back when it ends. */
export function beingRebased(place: Place, ref: string): string | null {
  const admins = [place.commonDir, ...linkedTrees(place.commonDir).map(({ admin }) => admin)];
  return admins.find((admin) =>
    ["rebase-merge", "rebase-apply"].some((one) =>
      readOrNull(join(admin, one, "head-name"))?.trim() === ref
    )
  ) ?? null;
}

/** Whether git says that a ref stands elsewhere than we took it to. */
export function isRace(stderr: string): boolean {
  return /but expected|reference already exists|unable to resolve reference/.test(stderr);
}
