// What of a user's checkout a run does not see, since it begins at a commit: what is not committed.

import { git, gitLine } from "./git.ts";

/** Files of a checkout by what stands in the way of seeing them. */
export interface Unseen {
  /** Tracked, and changed since the commit; they also keep the checkout from being forwarded. */
  readonly changed: number;
  /** Not tracked, and not ignored. */
  readonly untracked: number;
}

/** Counts them; a folder full of untracked files counts as one. */
export async function unseenIn(checkout: string): Promise<Unseen> {
  const { stdout } = await git(checkout, [
    "status",
    "--porcelain=v2",
    "-z",
    "--untracked-files=normal",
    "--ignore-submodules=all",
  ]);
  const records = stdout.split("\0");
  return {
    changed: records.filter((record) => /^[12u] /.test(record)).length,
    untracked: records.filter((record) => record.startsWith("? ")).length,
  };
}

/** In words, with what to do about it; null where everything is committed. */
export function unseenText({ changed, untracked }: Unseen, target: string | null): string | null {
  const files = (count: number, what: string): string =>
    `${count} ${what} ${count === 1 ? "file" : "files"}`;
  if (changed > 0) {
    const more = untracked === 0 ? "" : ` (nor ${files(untracked, "untracked")})`;
    const bar = target === null ? "" : `, and ${target} cannot get its result while they are there`;
    return `the run does not see ${files(changed, "changed")}${more}${bar}: commit or stash them`;
  }
  return untracked === 0 ? null : `the run does not see ${files(untracked, "untracked")}`;
}

/**
 * Whether a worktree holds anything that was not in the commit it began at. One that git cannot read (its
 * index is torn) may: whoever saves it mends that, and sees.
 */
export async function hasChanged(folder: string, base: string): Promise<boolean> {
  const words = ["status", "--porcelain", "-z"];
  if (await gitLine(folder, ["rev-parse", "HEAD"]) !== base) return true;
  const { code, stdout } = await git(folder, words, { ok: [0, 128] });
  return code !== 0 || stdout !== "";
}
