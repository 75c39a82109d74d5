// The state of a git working tree: branch, commit and dirty files, read by one git process that takes
// no locks; never by watching the tree.

import { LIMITS, TIMES } from "./limits.ts";

/** Git state of a working tree. */
export interface GitState {
  readonly branch: string;
  readonly commit: string;
  readonly dirty: readonly string[];
  /** How many dirty files there are in all. */
  readonly dirtyCount: number;
}

/** Reads the state of a working tree; null if git cannot tell. */
export async function readGit(
  folder: string,
  untracked: "normal" | "all" = "normal",
): Promise<GitState | null> {
  const command = new Deno.Command("git", {
    args: [
      "--no-optional-locks",
      "-C",
      folder,
      "status",
      "--porcelain=v2",
      "--branch",
      "-z",
      `--untracked-files=${untracked}`,
    ],
    env: { LC_ALL: "C", GIT_TERMINAL_PROMPT: "0" },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
    signal: AbortSignal.timeout(TIMES.gitTimeoutMs),
  });
  try {
    const { success, stdout } = await command.output();
    return success ? parseStatus(new TextDecoder().decode(stdout)) : null;
  } catch {
    // No git, or it took too long: the roster keeps what it had, with its age.
    return null;
  }
}

/** Reads `git status --porcelain=v2 --branch -z`. */
export function parseStatus(text: string): GitState {
  let branch = "";
  let commit = "";
  const dirty: string[] = [];
  const records = text.split("\0");
  for (let i = 0; i < records.length; i++) {
    const record = records[i] ?? "";
    if (record.startsWith("# branch.oid ")) commit = record.slice(13).slice(0, 12);
    else if (record.startsWith("# branch.head ")) branch = record.slice(14);
    else if (record.startsWith("1 ")) dirty.push(record.split(" ").slice(8).join(" "));
    else if (record.startsWith("u ")) dirty.push(record.split(" ").slice(10).join(" "));
    else if (record.startsWith("? ")) dirty.push(record.slice(2));
    else if (record.startsWith("2 ")) {
      dirty.push(record.split(" ").slice(9).join(" "));
      // A rename is followed by the old path.
      i += 1;
    }
  }
  return {
    branch,
    commit: commit.startsWith("(") ? "" : commit,
    dirty: dirty.slice(0, LIMITS.dirtyFiles),
    dirtyCount: dirty.length,
  };
}
