// Finishes or takes back a fast-forward of the user's checkout whose git was killed half-way. Git writes
// the files one by one, then the index in one step, then the branch. So either files and index are
// the new ones and only the branch is missing, or the index is the old one and some files are new. In
// the second case those files are put back, but only if every file that the run changes is exactly as
// before, exactly as in the run, missing, or the beginning of the run's (cut off while it was
// written): anything else is the user's, and all is left as it stands.

import { join } from "@std/path";
import { exists } from "../core/folders.ts";
import { TIMES } from "../core/limits.ts";
import { repositoryOf } from "../core/repository.ts";
import { moveRef, tipOf } from "./refs.ts";
import { git } from "./git.ts";
import type { Place } from "./place.ts";
import { livingGit, removeIfStale } from "./stale.ts";

/** A fast-forward that was begun. */
export interface Intent {
  /** The checkout. */
  readonly path: string;
  /** Short name of the user's branch. */
  readonly target: string;
  readonly from: string;
  readonly to: string;
  /** When it was begun, in milliseconds of wall time. */
  readonly atMs: number;
}

interface Change {
  readonly path: string;
  /** Ids of the two contents; zeros where there is none. */
  readonly before: string;
  readonly after: string;
}

/**
 * Brings a checkout out of the middle of a fast-forward.
 * @returns null when it stands at one side of it; else why it is left as it is
 */
export async function recover(
  place: Place,
  intent: Intent,
): Promise<{ reason: string; hint: string } | null> {
  const { path, target, from, to } = intent;
  const ref = `refs/heads/${target}`;
  if (await tipOf(place, ref) !== from || !exists(path)) return null;
  const gitDir = repositoryOf(path)?.gitDir;
  if (gitDir === undefined) return null;
  const head = await git(path, ["symbolic-ref", "-q", "HEAD"], { ok: [0, 1] });
  if (head.stdout.trim() !== ref) return null;
  const lock = join(gitDir, "index.lock");
  // The git of a killed caller may still be at it.
  if (await mayStillRun(path, intent.atMs) || (exists(lock) && !removeIfStale(lock, [path]))) {
    return {
      reason: `a fast-forward of ${path} is under way, or its git was killed (${lock})`,
      hint: `Call again when no git runs there; if none does, delete ${lock} first.`,
    };
  }
  const same = async (args: readonly string[]) =>
    (await git(path, ["diff-index", "--quiet", "--ignore-submodules=all", ...args], { ok: [0, 1] }))
      .code === 0;
  await git(path, ["update-index", "-q", "--refresh"], { ok: [0, 1] });
  if (await same(["--cached", to, "--"]) && await same([to, "--"])) {
    await moveRef(place, ref, to, from, "skein: fast-forward, finished");
    return null;
  }
  if (!await same(["--cached", from, "--"])) {
    return unclear(intent, "its index is neither the one before nor the one after");
  }
  const changes = await changesOf(path, from, to);
  const foreign = await foreignAmong(path, to, changes);
  if (foreign.length > 0) return unclear(intent, `${foreign.slice(0, 5).join(", ")} was changed`);
  await putBack(path, changes);
  return null;
}

async function mayStillRun(path: string, atMs: number): Promise<boolean> {
  const living = livingGit([path]);
  if (living !== null) return living;
  // Where that cannot be seen: long enough for a git that was begun to have taken its lock.
  const restMs = Math.min(TIMES.gitLockMs, atMs + TIMES.gitLockMs - Date.now());
  if (restMs > 0) await new Promise((wake) => setTimeout(wake, restMs));
  return false;
}

function unclear(intent: Intent, why: string): { reason: string; hint: string } {
  return {
    reason: `a fast-forward of ${intent.path} was cut off, and ${why}`,
    hint: `Look at git -C ${intent.path} diff; keep what is yours (git stash), then call again.`,
  };
}

async function changesOf(path: string, from: string, to: string): Promise<Change[]> {
  const { stdout } = await git(path, ["diff-tree", "-r", "-z", "--raw", "--no-renames", from, to]);
  const fields = stdout.split("\0");
  const changes: Change[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [oldMode = "", mode, before = "", after = ""] = (fields[i] ?? "").split(" ");
    // A submodule's folder is not touched by a fast-forward.
    if (oldMode === ":160000" || mode === "160000") continue;
    changes.push({ path: fields[i + 1] ?? "", before, after });
  }
  return changes;
}

/** The files among the changed ones that are neither old, nor new, nor on the way from one to the other. */
async function foreignAmong(
  top: string,
  to: string,
  changes: readonly Change[],
): Promise<string[]> {
  const foreign: string[] = [];
  for (const { path, before, after } of changes) {
    const file = join(top, path);
    // A name that is no text cannot be looked at from here.
    if (path.includes("\ufffd")) {
      foreign.push(path);
      continue;
    }
    if (!exists(file)) continue;
    const id = await contentId(top, file, path);
    if (id === before || id === after) continue;
    if (!Deno.lstatSync(file).isFile || /^0+$/.test(after)) {
      foreign.push(path);
      continue;
    }
    const { stdout } = await git(top, ["cat-file", "--filters", `${to}:${path}`], {
      encoding: "latin1",
    });
    const now = new TextDecoder("latin1").decode(Deno.readFileSync(file));
    if (!stdout.startsWith(now)) foreign.push(path);
  }
  return foreign;
}

/** The id of what stands in a working tree, as git would store it. */
async function contentId(top: string, file: string, path: string): Promise<string> {
  const info = Deno.lstatSync(file);
  if (info.isDirectory) return "";
  if (info.isSymlink) {
    const { stdout } = await git(top, ["hash-object", "--stdin"], {
      input: Deno.readLinkSync(file),
    });
    return stdout.trim();
  }
  return (await git(top, ["hash-object", `--path=${path}`, "--", file])).stdout.trim();
}

async function putBack(top: string, changes: readonly Change[]): Promise<void> {
  const there = changes.filter(({ before }) => !/^0+$/.test(before)).map(({ path }) => path);
  for (const { path, before } of changes) {
    const file = join(top, path);
    if (/^0+$/.test(before) && exists(file)) Deno.removeSync(file);
  }
  if (there.length === 0) return;
  await git(top, ["checkout-index", "-f", "-q", "-z", "--stdin"], {
    input: `${there.join("\0")}\0`,
  });
}
