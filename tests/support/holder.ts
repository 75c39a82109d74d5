// A process that stands in everybody's way, for the tests that need one to stop or to kill:
//   write FILE  keeps a write transaction open on the database
//   hold FILE   keeps an exclusive lock on the file, as a presence does
// It says "ready" and then lives until its standard input ends.

import { DatabaseSync } from "node:sqlite";

/** A running holder. */
export interface Holder {
  readonly child: Deno.ChildProcess;
  /** Lets go and waits until the process has ended. */
  end(): Promise<void>;
}

/** Starts a holder and resolves when it holds. */
export async function startHolder(what: "write" | "hold", file: string): Promise<Holder> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", new URL(import.meta.url).pathname, what, file],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const end = async (): Promise<void> => {
    // A stopped process ends, too, and one that is gone already is no trouble.
    await child.stdin.close().catch(() => {});
    try {
      child.kill("SIGKILL");
    } catch {
      // Ended before.
    }
    await child.status;
    await child.stdout.cancel().catch(() => {});
  };
  const reader = child.stdout.getReader();
  const { done } = await reader.read();
  reader.releaseLock();
  if (!done) return { child, end };
  await end();
  throw new Error(`the holder of ${file} ended before it was ready`);
}

if (import.meta.main) {
  const [what, file = ""] = Deno.args;
  const keep = what === "write" ? new DatabaseSync(file) : Deno.openSync(file, { write: true });
  if (keep instanceof DatabaseSync) keep.exec("BEGIN IMMEDIATE");
  else if (!keep.tryLockSync(true)) Deno.exit(1);
  Deno.stdout.writeSync(new TextEncoder().encode("ready\n"));
  for await (const _ of Deno.stdin.readable);
  Deno.exit(0);
}
