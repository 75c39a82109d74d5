// Presence: a file that a process holds locked for as long as it lives. The kernel frees an
// exclusive flock when its process dies, however it dies, and nothing else does; child processes
// do not inherit it.

import { dirname } from "@std/path";
import { invariant } from "../core/invariant.ts";
import type { Presence } from "../core/transaction.ts";
import type { Hold } from "./engine.ts";

/** Whether somebody holds the file; `missing` proves nothing. */
export function probe(path: string): Presence {
  const file = openOrNull(path);
  if (file === null) return "missing";
  try {
    return file.tryLockSync(false) ? "free" : "held";
  } finally {
    file.close();
  }
}

/**
 * Waits, with a shared lock, until nobody holds the file: a waiter that is stopped is in nobody's
 * way. A wait is a thread that nothing cancels but the end of the process.
 */
export async function waitUntilFree(path: string): Promise<"freed" | "missing"> {
  const file = openOrNull(path);
  if (file === null) return "missing";
  try {
    await file.lock(false);
    return "freed";
  } finally {
    file.close();
  }
}

/** When the holder last showed that it reacts; null if nobody can tell. */
export function pulseAt(path: string): number | null {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? null;
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    throw thrown;
  }
}

/** A presence lock: an exclusive flock that the kernel frees when the process dies. */
export class PresenceFile implements Hold {
  readonly #path: string;
  #file: Deno.FsFile;
  #ino: number | null;

  constructor(path: string) {
    this.#path = path;
    [this.#file, this.#ino] = this.#make();
  }

  /** Locks the file under another name first, so that nobody ever sees it unlocked. */
  #make(): [Deno.FsFile, number | null] {
    const temporary = `${this.#path}.${crypto.randomUUID().slice(0, 8)}`;
    const file = create(temporary);
    invariant(file.tryLockSync(true), "a new presence file is not locked");
    Deno.renameSync(temporary, this.#path);
    return [file, file.statSync().ino];
  }

  pulse(): void {
    let ino: number | null | undefined;
    try {
      ino = Deno.statSync(this.#path).ino;
    } catch (thrown) {
      if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
    }
    if (ino !== this.#ino) {
      const old = this.#file;
      [this.#file, this.#ino] = this.#make();
      old.close();
    }
    const now = new Date();
    this.#file.utimeSync(now, now);
  }

  release(told: boolean): void {
    if (told) removeIfThere(this.#path);
    this.#file.close();
  }
}

/** Makes a file, and the folder around it where somebody removed that; never the home itself. */
function create(path: string): Deno.FsFile {
  const options = { read: true, write: true, createNew: true, mode: 0o600 };
  try {
    return Deno.openSync(path, options);
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
  try {
    Deno.mkdirSync(dirname(path), { mode: 0o700 });
  } catch (thrown) {
    // Another node was faster.
    if (!(thrown instanceof Deno.errors.AlreadyExists)) throw thrown;
  }
  return Deno.openSync(path, options);
}

function openOrNull(path: string): Deno.FsFile | null {
  try {
    return Deno.openSync(path, { read: true });
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    throw thrown;
  }
}

/** Removes a file that may be gone already. */
export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (thrown) {
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
}
