// What starts skein once it is installed: with which rights, and by which Deno. The Deno that it was
// installed with may be gone after an upgrade; then the one on the PATH does, and without any the
// launcher says what to do.

import { join } from "@std/path";
import { shellWord } from "../core/shellword.ts";
import { commandPath, type Places } from "./places.ts";

/** In every launcher: by this a file is known to be ours. */
export const MARK = "# made by skein install";

/** What the server may do: read, write to its home, loopback, and run git and skein. */
export function serverFlags(places: Places): string[] {
  return [
    "--allow-read",
    `--allow-write=${places.home}`,
    "--allow-env",
    "--allow-net=127.0.0.1",
    "--allow-sys=hostname,osUptime,uid,gid,osRelease,systemMemoryInfo,statfs",
    `--allow-run=git,ps,${commandPath(places)}`,
  ];
}

/** What the command may do: it installs, spawns and mirrors, too. */
export const COMMAND_FLAGS: readonly string[] = [
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-net=127.0.0.1",
  "--allow-sys",
  "--allow-run",
];
export const RUN_FLAGS: readonly string[] = [
  "--no-check",
  "--quiet",
  "--no-config",
  "--no-lock",
  "--no-prompt",
  // A request is aborted when its caller goes, and not by being answered.
  "--unstable-no-legacy-abort",
];
/** A session's young generation is small: memory is what every session pays. */
export const V8_FLAGS = "--v8-flags=--max-semi-space-size=1";

/** What stands in for Deno where the client starts the server: it is there for as long as skein is. */
export function runnerPath(places: Places): string {
  return join(places.data, "deno");
}

/** A script that runs Deno with these arguments and its own. */
export function launcherText(deno: string, args: readonly string[]): string {
  const gone = `skein: ${deno} is gone, and no other deno is on the PATH. Install Deno ` +
    "(https://deno.com), then run: skein install";
  return [
    "#!/bin/sh",
    MARK,
    `deno=${shellWord(deno)}`,
    '[ -x "$deno" ] || deno=$(command -v deno) || {',
    `  echo ${shellWord(gone)} >&2`,
    "  exit 1",
    "}",
    `exec "$deno" ${[...args.map(shellWord), '"$@"'].join(" ")}`,
    "",
  ].join("\n");
}
