// A folder that is being made: a copy of a home holds its secret, so nothing half-made may lie about. Who
// makes one keeps a lock inside of it; what lies there unlocked was left by somebody who has died, and the
// next backup or restore removes it. A signal ends the making between two steps, and what was made with it.

import { basename, dirname, join } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { exists, namesIn } from "../core/folders.ts";
import { probe } from "./presence_file.ts";

/** Locked by whoever makes the folder around it; then by whoever puts it in a home's place. */
const MAKING = "making";
const MADE = "made";
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** What `HOME.restoring-PID` is called after. */
const RESTORING = /\.restoring-\d+$/;
const COPYING = /\.\d+\.new$/;

export class Making implements Disposable {
  readonly folder: string;
  #marker: string;
  readonly #lock: Deno.FsFile;
  #placed = false;
  #ended: Deno.Signal | null = null;
  readonly #listeners = SIGNALS.map((signal) => ({
    signal,
    heard: () => void (this.#ended = signal),
  }));

  /** Makes the folder, with those around it; `name` ends in `.PID.new` or `.restoring-PID`. */
  constructor(name: string) {
    this.folder = name;
    Deno.mkdirSync(dirname(name), { recursive: true, mode: 0o700 });
    for (const { signal, heard } of this.#listeners) Deno.addSignalListener(signal, heard);
    try {
      Deno.mkdirSync(name, { mode: 0o700 });
      this.#marker = join(name, MAKING);
      // Locked under another name first: nobody ever sees it unlocked.
      const unnamed = `${this.#marker}.new`;
      this.#lock = Deno.openSync(unnamed, { write: true, createNew: true, mode: 0o600 });
      this.#lock.lockSync(true);
      Deno.renameSync(unnamed, this.#marker);
    } catch (thrown) {
      this.#deaf();
      throw thrown;
    }
  }

  /**
   * Lets the event loop turn, so that a signal is heard.
   * @throws Refusal `CANCELLED` if there was one
   */
  async step(): Promise<void> {
    await new Promise((next) => setTimeout(next, 0));
    if (this.#ended === null) return;
    throw new Refusal("CANCELLED", `ended by ${this.#ended}; what was half made is removed`);
  }

  /** It is whole: from here on it may be what a home is made of, should this process die. */
  whole(): void {
    const marker = join(this.folder, MADE);
    Deno.renameSync(this.#marker, marker);
    this.#marker = marker;
  }

  /** It stands at `path` now. */
  placed(path: string): void {
    this.#placed = true;
    Deno.removeSync(join(path, basename(this.#marker)));
  }

  /** Removes what was not put in its place. */
  [Symbol.dispose](): void {
    this.#deaf();
    // Unlocked at the end: until then nobody takes it for left behind.
    if (!this.#placed) Deno.removeSync(this.folder, { recursive: true });
    this.#lock.close();
  }

  #deaf(): void {
    for (const { signal, heard } of this.#listeners) Deno.removeSignalListener(signal, heard);
  }
}

/** What the dead have left of their copies in a folder; each holds a secret. */
export function leftIn(folder: string): string[] {
  return namesIn(folder).filter((name) => COPYING.test(name) || RESTORING.test(name))
    .map((name) => join(folder, name)).filter(isLeft).sort();
}

/** Removes them, and returns their paths. */
export function sweepLeft(folder: string): string[] {
  const left = leftIn(folder);
  for (const path of left) Deno.removeSync(path, { recursive: true });
  return left;
}

/** What a restore that was cut off was about to put in the home's place, whole. */
export function readyFor(home: string): string[] {
  return namesIn(dirname(home))
    .filter((name) => name.startsWith(`${basename(home)}.`) && RESTORING.test(name))
    .map((name) => join(dirname(home), name)).filter((path) => exists(join(path, MADE))).sort();
}

function isLeft(path: string): boolean {
  if (probe(join(path, MAKING)) === "free") return true;
  // Where its home is missing it may be all there is.
  return probe(join(path, MADE)) === "free" && exists(path.replace(RESTORING, ""));
}
