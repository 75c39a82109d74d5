// Starts workers' hosts: `skein host RUN`, a process of its own that outlives whoever starts it.

import { join } from "@std/path";
import { inherited } from "../agent/environment.ts";
import { folderIn } from "../core/folders.ts";

export interface HostOrder {
  readonly run: string;
  /** Where the store is, and the user's checkout. */
  readonly home: string;
  readonly repo: string;
  /** The command that is skein. */
  readonly command: readonly string[];
}

/** A host that was started, as far as its starter knows. */
export interface StartedHost {
  readonly pid: number;
  /** Resolves when it has ended: whether it left because nothing was left to do. */
  readonly ended: Promise<boolean>;
}

/** Starts a host; what it has to say of itself goes to a log in the home. */
export function startHost({ run, home, repo, command }: HostOrder): StartedHost {
  const logs = folderIn(home, "logs");
  const log = join(logs, `${run}-hosts.log`);
  Deno.openSync(log, { append: true, create: true, mode: 0o600 }).close();
  const child = new Deno.Command("sh", {
    // A shell in between only for the log: nothing of the arguments is parsed again.
    args: [
      "-c",
      'log=$1; shift; exec "$@" >>"$log" 2>&1 </dev/null',
      "sh",
      log,
      ...command,
      "host",
      run,
    ],
    cwd: repo,
    env: { ...inherited(Deno.env.toObject()), SKEIN_HOME: home, SKEIN_DIR: repo },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  child.unref();
  return { pid: child.pid, ended: child.status.then(({ success }) => success, () => false) };
}
