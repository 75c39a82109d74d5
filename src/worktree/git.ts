// Runs git for skein's own work in a user's repository: nothing of the surroundings leaks in (no
// GIT_DIR of a hook we may have been started from, no hooks, no signing, no prompt, no background
// maintenance), and what goes wrong comes back as a refusal that says what to do. Nothing is pushed, and
// nothing is fetched but contents that a partial clone has left on its remote, or a filter of the user's
// (LFS) elsewhere: without them its files could not be checked out. A file `x.lock` that another git holds is waited for; one whose owner is gone is
// cleared if it stands among what only skein writes (stale.ts).

import { Refusal } from "../core/errors.ts";
import { TIMES } from "../core/limits.ts";
import { head as firstOf } from "../core/text.ts";
import { clearStaleLock } from "./stale.ts";

/** What git left behind. */
export interface GitResult {
  /** Exit code. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How one git command is run. */
export interface GitOptions {
  /** Variables besides those that every command gets. */
  readonly env?: Readonly<Record<string, string>>;
  /** Text for its standard input. */
  readonly input?: string;
  /**
   * Input and output are bytes one by one (`latin1`): contents of files, and paths, which need not be
   * text in any encoding.
   */
  readonly encoding?: "latin1";
  /** Exit codes that are answers; any other is a refusal. */
  readonly ok?: readonly number[];
}

/** As the old value of `git update-ref`, in whatever format ids have: there must be no such ref yet. */
export const NO_COMMIT = "";

/** What tells git which repository is meant, and what leaks from a git that runs us as its hook. */
const LOCAL = [
  "GIT_ALTERNATE_OBJECT_DIRECTORIES",
  "GIT_ATTR_SOURCE",
  "GIT_COMMON_DIR",
  "GIT_CONFIG",
  "GIT_CONFIG_PARAMETERS",
  "GIT_DIR",
  "GIT_GRAFT_FILE",
  "GIT_IMPLICIT_WORK_TREE",
  "GIT_INDEX_FILE",
  "GIT_INDEX_VERSION",
  "GIT_INTERNAL_SUPER_PREFIX",
  "GIT_LITERAL_PATHSPECS",
  "GIT_NAMESPACE",
  "GIT_NOGLOB_PATHSPECS",
  "GIT_GLOB_PATHSPECS",
  "GIT_ICASE_PATHSPECS",
  "GIT_NO_REPLACE_OBJECTS",
  "GIT_OBJECT_DIRECTORY",
  "GIT_PREFIX",
  "GIT_QUARANTINE_PATH",
  "GIT_REFLOG_ACTION",
  "GIT_REPLACE_REF_BASE",
  "GIT_SHALLOW_FILE",
  "GIT_WORK_TREE",
  "GIT_AUTHOR_DATE",
  "GIT_COMMITTER_DATE",
];

/** Settings of the user that must not reach skein's own commands, each with its reason. */
const SETTINGS = [
  // The user's hooks are written for the user's own commits.
  "core.hooksPath=/dev/null",
  // It would leave a watching process for each worktree.
  "core.fsmonitor=false",
  // It would refuse to store files whose line ends are converted.
  "core.safecrlf=false",
  // The temporary index of a save must be whole in one file.
  "core.splitIndex=false",
  // No maintenance in the background while worktrees come and go.
  "gc.auto=0",
  "maintenance.auto=false",
  // A signature asks for a key, or for a person.
  "commit.gpgSign=false",
  // No identity is guessed from host names: skein has one to fall back to.
  "user.useConfigOnly=true",
  "i18n.commitEncoding=UTF-8",
  // A resolution recorded elsewhere is not this worker's.
  "rerere.enabled=false",
  "submodule.recurse=false",
  "worktree.useRelativePaths=false",
  // Sorts what people read; where its file is missing nothing can be compared, nor committed.
  "diff.orderFile=/dev/null",
  // Who resolves a conflict sees what stood there before either side.
  "merge.conflictStyle=zdiff3",
].flatMap((setting) => ["-c", setting]);

/** Who commits when git knows nobody. */
const NOBODY = {
  GIT_AUTHOR_NAME: "skein",
  GIT_AUTHOR_EMAIL: "skein@localhost",
  GIT_COMMITTER_NAME: "skein",
  GIT_COMMITTER_EMAIL: "skein@localhost",
};

const STDERR_CHARS = 400;

/** What git says while another git writes or removes the record of a worktree, file by file. */
const TORN =
  /failed to read (\S*worktrees\/\S+\/commondir)|Invalid path '([^']*\/worktrees\/[^']+)': No such file/;

/**
 * Runs git in `folder`.
 * @returns exit code and both outputs
 * @throws Refusal `GIT_FAILED` with git's own words when it ends otherwise than `options.ok` (0)
 *   allows or takes longer than 10 min; `STORE_FULL` where the disk is; `GIT_BUSY` when another git
 *   keeps what it needs locked
 */
export async function git(
  folder: string,
  args: readonly string[],
  options: GitOptions = {},
): Promise<GitResult> {
  const deadline = performance.now() + TIMES.gitLockMs;
  for (let pauseMs = 5;; pauseMs = Math.min(pauseMs * 2, 200)) {
    const result = await once(folder, args, options);
    if (result.code === 0) return result;
    const lock = /Unable to create '(.+\.lock)': File exists/.exec(result.stderr)?.[1] ??
      TORN.exec(result.stderr)?.slice(1).find((path) => path !== undefined);
    if (lock === undefined) {
      if ((options.ok ?? [0]).includes(result.code)) return result;
      throw failed(folder, args, result);
    }
    const cleared = lock.endsWith(".lock") && clearStaleLock(lock);
    // One that comes back again and again belongs to somebody who lives: patience has an end too.
    const patienceMs = cleared ? 3 * TIMES.gitLockMs : 0;
    if (performance.now() > deadline + patienceMs) throw busy(lock, args);
    await new Promise((wake) => setTimeout(wake, pauseMs * (0.5 + Math.random())));
  }
}

/** The same, for commands that write a commit: falls back to `skein <skein@localhost>`. */
export async function gitCommitting(
  folder: string,
  args: readonly string[],
  options: GitOptions = {},
): Promise<GitResult> {
  const ok = options.ok ?? [0];
  const result = await git(folder, args, { ...options, ok: [...ok, 128] });
  if (ok.includes(result.code)) return result;
  if (
    !/who you are|auto-detection is disabled|empty ident name|disallowed characters/
      .test(result.stderr)
  ) {
    throw failed(folder, args, result);
  }
  return await git(folder, args, { ...options, env: { ...NOBODY, ...options.env } });
}

/** The first line that git printed. */
export async function gitLine(folder: string, args: readonly string[]): Promise<string> {
  return (await git(folder, args)).stdout.split("\n", 1)[0] ?? "";
}

async function once(
  folder: string,
  args: readonly string[],
  options: GitOptions,
): Promise<GitResult> {
  const environment = Deno.env.toObject();
  for (const name of LOCAL) delete environment[name];
  const command = new Deno.Command("git", {
    args: ["--no-optional-locks", ...SETTINGS, ...args],
    cwd: folder,
    clearEnv: true,
    env: { ...environment, LC_ALL: "C", GIT_TERMINAL_PROMPT: "0", GIT_EDITOR: ":", ...options.env },
    stdin: options.input === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(TIMES.gitLongMs),
  });
  try {
    const child = command.spawn();
    if (options.input !== undefined) {
      await feed(child.stdin, bytesOf(options.input, options.encoding));
    }
    const { code, stdout, stderr } = await child.output();
    return {
      code,
      stdout: new TextDecoder(options.encoding ?? "utf-8").decode(stdout),
      stderr: new TextDecoder().decode(stderr),
    };
  } catch (thrown) {
    if (thrown instanceof Refusal) throw thrown;
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Refusal("GIT_FAILED", `git ${args[0]} could not be run in ${folder}: ${why}`, {
      field: "git",
      path: folder,
    });
  }
}

/** Text as it is written to git: as UTF-8, or each character as the byte it stands for. */
export function bytesOf(text: string, encoding?: "latin1"): Uint8Array {
  if (encoding === undefined) return new TextEncoder().encode(text);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A git that ended before it read all says why by its exit code. */
async function feed(stdin: WritableStream<Uint8Array>, bytes: Uint8Array): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(bytes);
    await writer.close();
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.BrokenPipe)) throw thrown;
  }
}

function busy(lock: string, args: readonly string[]): Refusal {
  const torn = !lock.endsWith(".lock");
  const message = torn
    ? `git ${args[0]} cannot read ${lock}: the record of a worktree is incomplete`
    : `git ${args[0]} needs ${lock}, which another git holds`;
  const remedy = torn ? `the folder of ${lock}` : lock;
  return new Refusal("GIT_BUSY", message, {
    field: "lock",
    path: lock,
    hint: `Wait for the other git to end. If none runs any more, delete ${remedy}.`,
  });
}

function failed(folder: string, args: readonly string[], result: GitResult): Refusal {
  const words = firstOf((result.stderr.trim() || result.stdout.trim()).slice(-STDERR_CHARS), 400);
  return new Refusal(
    // The one failure that is neither the repository's nor the work's, and passes.
    /No space left on device|Disk quota exceeded/.test(result.stderr) ? "STORE_FULL" : "GIT_FAILED",
    `git ${args[0]} in ${folder} ended with ${result.code}: ${words}`,
    {
      field: "git",
      path: folder,
      exitCode: result.code,
    },
  );
}
