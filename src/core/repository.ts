// Where a folder stands in git, read from the file system alone: no process is started. All
// worktrees of a repository share its common directory, which is what makes them one project.

import { dirname, join, resolve } from "@std/path";

export interface Repository {
  /** Top folder of the working tree. */
  readonly tree: string;
  /** Git directory of this working tree. */
  readonly gitDir: string;
  /** Git directory that all working trees share. */
  readonly commonDir: string;
}

/** The repository that contains `folder` (a real path), or null. */
export function repositoryOf(folder: string): Repository | null {
  for (let tree = folder;; tree = dirname(tree)) {
    const found = repositoryAt(tree);
    if (found !== null) return found;
    if (dirname(tree) === tree) return null;
  }
}

function repositoryAt(tree: string): Repository | null {
  const dotGit = join(tree, ".git");
  const info = statOrNull(dotGit);
  if (info === null) return null;
  if (info.isDirectory) {
    if (statOrNull(join(dotGit, "HEAD")) === null) return null;
    const gitDir = realOrSame(dotGit);
    return { tree, gitDir, commonDir: gitDir };
  }
  const link = readOrNull(dotGit)?.match(/^gitdir: (.+)$/m)?.[1];
  if (link === undefined) return null;
  const gitDir = resolve(tree, link.trim());
  const common = readOrNull(join(gitDir, "commondir"));
  const commonDir = common === null ? gitDir : resolve(gitDir, common.trim());
  return { tree, gitDir, commonDir: realOrSame(commonDir) };
}

function statOrNull(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch {
    // Missing, or not ours to look at: not a repository for us either way.
    return null;
  }
}

function readOrNull(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return null;
  }
}

function realOrSame(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}
