// skein as `skein install` leaves it: installed into a fresh home and configuration, and seen by the
// real client from there alone.

import { fromFileUrl, join } from "@std/path";
import { searchPath } from "./program.ts";
import { denoEnv, type Place } from "./program.ts";
import { type ClaudeUser, freshUser } from "./claude.ts";

const MAIN = fromFileUrl(new URL("../../src/door/main.ts", import.meta.url));

/** Rules with which a scripted model needs nobody to ask. */
export const TOOLS = "mcp__plugin_skein_skein__";

/** Runs `skein install` (or another set-up command) for a user of the place. */
export async function setUp(
  place: Place,
  user: ClaudeUser,
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", MAIN, ...args],
    cwd: place.project,
    env: installEnv(place, user),
    clearEnv: true,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** What installing and the installed need of the environment. */
export function installEnv(place: Place, user: ClaudeUser): Record<string, string> {
  return {
    ...denoEnv(),
    PATH: searchPath(),
    HOME: user.home,
    CLAUDE_CONFIG_DIR: user.config,
    SKEIN_HOME: place.home,
    NO_COLOR: "1",
  };
}

/** A user for whom skein is installed. */
export async function installedUser(place: Place): Promise<ClaudeUser> {
  const user = freshUser(place);
  const { code, stderr } = await setUp(place, user, "install");
  if (code !== 0) throw new Error(`skein install: ${code} ${stderr}`);
  return user;
}

/** The installed command. */
export function commandOf(user: ClaudeUser): string {
  return join(user.home, ".local", "bin", "skein");
}

/** The command line beside the clients, as the human or under a name; to be run when it is needed. */
export function shell(place: Place, ...args: string[]): () => Promise<string> {
  return async () => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", MAIN, ...args],
      cwd: place.project,
      env: { ...denoEnv(), PATH: searchPath(), SKEIN_HOME: place.home, NO_COLOR: "1" },
      clearEnv: true,
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    if (code !== 0) throw new Error(`skein ${args.join(" ")}: ${code} ${decoder.decode(stderr)}`);
    return decoder.decode(stdout);
  };
}
