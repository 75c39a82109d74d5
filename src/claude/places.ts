// Where everything of an installation goes, as the environment says.

import { dirname, isAbsolute, join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { repositoryOf } from "../core/repository.ts";
import { NAME } from "./plugin.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Where everything goes. */
export interface Places {
  /** Bundle, marketplace and the note of what was installed. */
  readonly data: string;
  /** The folder of commands, on the user's PATH. */
  readonly bin: string;
  /** Claude Code's own folder. */
  readonly claude: string;
  /** The store's home, to which alone the server may write. */
  readonly home: string;
  /** The project, for scopes other than the user's. */
  readonly project: string;
}

/**
 * The places that the environment names, seen from a folder.
 * @throws Refusal `INVALID_INPUT` naming the variable
 */
export function placesOf(env: Env, cwd: string): Places {
  refuseRelative(env);
  const user = env["HOME"] ?? env["USERPROFILE"];
  if (user === undefined || user === "") {
    throw new Refusal("INVALID_INPUT", "HOME is not set", {
      field: "HOME",
      hint: "Set HOME to your home folder, then call again.",
    });
  }
  const share = env["XDG_DATA_HOME"] || join(user, ".local", "share");
  return {
    data: join(share, NAME),
    bin: env["SKEIN_BIN"] || join(user, ".local", "bin"),
    claude: env["CLAUDE_CONFIG_DIR"] || join(user, ".claude"),
    home: env["SKEIN_HOME"] || join(user, ".skein"),
    project: projectOf(cwd),
  };
}

/** The command that is installed by default. */
export function commandPath(places: Places): string {
  return join(places.bin, NAME);
}

/** A relative path would be another one in every folder, and stand in what is installed. */
function refuseRelative(env: Env): void {
  const names = ["HOME", "XDG_DATA_HOME", "SKEIN_BIN", "CLAUDE_CONFIG_DIR", "SKEIN_HOME"] as const;
  for (const field of names) {
    const path = env[field];
    if (path === undefined || path === "" || isAbsolute(path)) continue;
    throw new Refusal("INVALID_INPUT", `${field}=${path} is not absolute`, {
      field,
      hint: `Set ${field} to an absolute path. Nothing was changed.`,
    });
  }
}

/**
 * Whose settings the project's are: from the folder up the first that has some, at most up to the top of
 * its working tree, else that top. A folder inside of a project is hardly ever where sessions begin.
 */
function projectOf(cwd: string): string {
  const top = repositoryOf(cwd)?.tree ?? cwd;
  for (let folder = cwd; folder !== top; folder = dirname(folder)) {
    if (isFolder(join(folder, ".claude"))) return folder;
  }
  return top;
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    // Not there, or not ours to look at.
    return false;
  }
}
