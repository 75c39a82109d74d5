// The command in a process that ends itself by SIGKILL before the n-th time it touches a file:
// DIE_AT says which. What is left then is what any kill at that moment leaves.

import { runCli } from "../../src/door/cli.ts";

let left = Number(Deno.env.get("DIE_AT") ?? 0);

/** Counts a call that is about to be made. */
function step(path: unknown): void {
  if (!String(path).includes(".coordination") || --left !== 0) return;
  Deno.kill(Deno.pid, "SIGKILL");
}

const { renameSync, linkSync, removeSync, writeTextFileSync, mkdirSync, openSync } = Deno;

Object.assign(Deno, {
  renameSync: (from: string, to: string) => (step(to), renameSync(from, to)),
  linkSync: (from: string, to: string) => (step(to), linkSync(from, to)),
  removeSync: (
    path: string,
    options?: Deno.RemoveOptions,
  ) => (step(path), removeSync(path, options)),
  mkdirSync: (path: string, options?: Deno.MkdirOptions) => (step(path), mkdirSync(path, options)),
  writeTextFileSync: (path: string, text: string, options?: Deno.WriteFileOptions) => {
    // Half of it, as a kill in the middle of writing leaves.
    if (left === 1) writeTextFileSync(path, text.slice(0, text.length / 2), options);
    step(path);
    writeTextFileSync(path, text, options);
  },
  openSync: (path: string, options?: Deno.OpenOptions) => (step(path), openSync(path, options)),
});

Deno.exit(await runCli(Deno.args));
