// Keeps what would be lost: work that nobody committed becomes a commit under refs/skein/parked/, and
// so do commits that only the worktree's own record still knows (a reset, an amended commit, a detached
// HEAD, what a rebase has put aside). The worktree itself is left as it is. A parked commit is named by
// its content, so that parking twice keeps one.

import { join } from "@std/path";
import { sha256 } from "../core/digest.ts";
import { git, gitCommitting, gitLine, NO_COMMIT } from "./git.ts";
import { adminOf, nameOf, readMark, readOrNull, type Try } from "./place.ts";
import { lookAt, mergeHead, stageAll, type TreeState } from "./snapshot.ts";

/** Work that was kept. */
export interface Parked {
  /** The full name of the ref that keeps it. */
  readonly ref: string;
  readonly commit: string;
}

/** Where a worktree's record names commits; what git puts aside while it rebases or merges is only there. */
const ONLY_THERE = [
  "HEAD",
  "ORIG_HEAD",
  "MERGE_AUTOSTASH",
  "rebase-merge/autostash",
  "rebase-merge/orig-head",
  "rebase-apply/autostash",
  "rebase-apply/orig-head",
];
/** More lines of history than this keep their newest. */
const KEPT_TIPS = 100;

/**
 * Keeps uncommitted and untracked work of a worktree (what git ignores is not work).
 * @returns where it is; null when there is none, or no such worktree any more
 * @throws Refusal when it cannot be read
 */
export async function park(
  path: string,
  whose: Try & { readonly run: string },
): Promise<Parked | null> {
  const admin = adminOf(path);
  return admin === null ? null : await parkState(path, admin, await lookAt(path), whose);
}

/** The same for a worktree that was just looked at. */
export async function parkState(
  path: string,
  admin: string,
  state: TreeState,
  { run, ...one }: Try & { readonly run: string },
): Promise<Parked | null> {
  if (!state.dirty) return null;
  // Without a branch under it, it stands on what it began with.
  const head = state.head ?? readMark(admin)?.base ?? null;
  using staged = await stageAll(path, admin, head, state.nested);
  const tree = (await git(path, ["write-tree"], { env: { GIT_INDEX_FILE: staged.index } })).stdout
    .trim();
  if (head !== null && tree === await gitLine(path, ["rev-parse", `${head}^{tree}`])) return null;
  const merging = mergeHead(admin);
  const parents = [head, merging].filter((parent) => parent !== null);
  const ref = `${parkedPrefix(run, one)}/${tree.slice(0, 12)}`;
  return await keep(path, ref, tree, parents, `skein: uncommitted work of ${nameOf(one)}`);
}

/** A worktree's own refs (refs/worktree/ and the like), as files; git packs none of them. */
function filesUnder(admin: string, folder: string): string[] {
  try {
    return [...Deno.readDirSync(join(admin, folder))].flatMap(({ name, isDirectory }) =>
      isDirectory ? filesUnder(admin, join(folder, name)) : [join(folder, name)]
    );
  } catch (thrown) {
    // None, or the record is just being removed by another call.
    if (thrown instanceof Deno.errors.NotFound) return [];
    throw thrown;
  }
}

/** Where the parked work of a try is. */
export function parkedPrefix(run: string, one: Try): string {
  return `refs/skein/parked/${run}/${nameOf(one)}`;
}

/**
 * Keeps the commits that only this worktree's HEAD and its history know, before they go with it.
 * @param folder where git is run: the worktree, or the user's checkout when that is gone
 * @returns where they are; null when some branch, tag or other ref has each of them
 */
export async function keepHistory(
  folder: string,
  admin: string,
  { run, branch, base, ...one }: Try & { run: string; branch: string; base: string },
): Promise<Parked | null> {
  const known = new Set<string>();
  for (const line of (readOrNull(join(admin, "logs", "HEAD")) ?? "").split("\n")) {
    const [from, to] = line.split(" ", 2);
    if (from !== undefined && /^[0-9a-f]{40,64}$/.test(from)) known.add(from);
    if (to !== undefined && /^[0-9a-f]{40,64}$/.test(to)) known.add(to);
  }
  for (const file of [...ONLY_THERE, ...filesUnder(admin, "refs")]) {
    const commit = readOrNull(join(admin, file))?.trim();
    if (commit !== undefined && /^[0-9a-f]{40,64}$/.test(commit)) known.add(commit);
  }
  known.delete(base);
  for (const each of known) if (/^0+$/.test(each)) known.delete(each);
  if (known.size === 0) return null;
  const tip = await git(folder, ["rev-parse", "--verify", "-q", `refs/heads/${branch}`], {
    ok: [0, 1],
  });
  known.delete(tip.stdout.trim());
  return await keepCommits(folder, { run, ...one }, [...known], base);
}

/**
 * Keeps commits that no ref has.
 * @param based whose files the keeping commit shows
 */
export async function keepCommits(
  folder: string,
  { run, ...one }: Try & { readonly run: string },
  commits: readonly string[],
  based: string,
): Promise<Parked | null> {
  if (commits.length === 0) return null;
  // Each commit that no ref reaches, with its parents; those that are nobody's parent are the tips.
  const { stdout } = await git(folder, [
    "rev-list",
    "--parents",
    "--ignore-missing",
    // Refs alone: a worktree's HEAD is about to go.
    "--not",
    "--glob=refs/*",
    "--not",
    "--stdin",
  ], { input: `${commits.join("\n")}\n` });
  const lines = stdout.split("\n").filter((line) => line !== "").map((line) => line.split(" "));
  const parents = new Set(lines.flatMap(([, ...rest]) => rest));
  const tips = lines.flatMap(([commit]) =>
    commit !== undefined && !parents.has(commit) ? [commit] : []
  )
    .slice(0, KEPT_TIPS);
  if (tips.length === 0) return null;
  const ref = `${parkedPrefix(run, one)}/history-${sha256(tips.join(" ")).slice(0, 12)}`;
  const tree = await gitLine(folder, ["rev-parse", `${based}^{tree}`]);
  return await keep(folder, ref, tree, tips, `skein: commits that ${nameOf(one)} left behind`);
}

async function keep(
  folder: string,
  ref: string,
  tree: string,
  parents: readonly string[],
  message: string,
): Promise<Parked> {
  const before = await tip(folder, ref);
  if (before !== null) return { ref, commit: before };
  const { stdout } = await gitCommitting(
    folder,
    ["commit-tree", tree, ...parents.flatMap((parent) => ["-p", parent])],
    { input: `${message}\n` },
  );
  const commit = stdout.trim();
  const { code } = await git(folder, ["update-ref", ref, commit, NO_COMMIT], { ok: [0, 128] });
  if (code === 0) return { ref, commit };
  const other = await tip(folder, ref);
  if (other !== null) return { ref, commit: other };
  // Not a race: once more, to hear git's reason.
  await git(folder, ["update-ref", ref, commit, NO_COMMIT]);
  return { ref, commit };
}

async function tip(folder: string, ref: string): Promise<string | null> {
  const { code, stdout } = await git(folder, ["rev-parse", "--verify", "-q", ref], { ok: [0, 1] });
  return code === 0 ? stdout.trim() : null;
}
