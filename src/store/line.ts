// The line of those who wait for the write lock. SQLite has none: who finds it taken can only look again,
// and eight who do cost more than what they wait for. So the first in line looks, and the others sleep
// until they are that one; the kernel keeps their order and gives away the place of who dies. The line
// decides nothing: who writes, SQLite's lock says. Where it cannot be had or does not move, since its
// first is stopped, everybody looks for itself.

import { TIMES } from "../core/limits.ts";

/**
 * How long to wait before the next look, on average, in milliseconds. Between long transactions that follow
 * one another the lock is free for a moment, and a look finds that by chance: who looked as seldom after
 * seconds as at first would be refused in the end, although everybody else writes on.
 */
export function lookAgainMs(first: boolean, waitedMs: number): number {
  if (waitedMs >= TIMES.busyLongMs) return TIMES.busyEagerMs;
  return first ? TIMES.busyLookMs : TIMES.busyDelayMs;
}

/** How long a process writes without a pause. */
export class Turn {
  #fromMs = 0;
  #wroteMs = 0;

  /** Whether it is so long that the others are to have a look; the next turn begins then. */
  isOver(nowMs: number): boolean {
    if (1_000 * (nowMs - this.#wroteMs) > TIMES.turnGapUs) this.#fromMs = nowMs;
    if (nowMs - this.#fromMs < TIMES.turnMs) return false;
    this.#fromMs = nowMs;
    return true;
  }

  wrote(nowMs: number): void {
    this.#wroteMs = nowMs;
  }
}

export class Line {
  readonly #path: string;
  #file: Deno.FsFile | null = null;
  /** The kernel was asked for the first place and has not given it yet. */
  #asked: Promise<void> | null = null;
  #wanted = false;
  #first = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Waits for the first place, at most `ms`; whether it was given. Whoever stood in line leaves it. Never rejects. */
  async stand(ms: number): Promise<boolean> {
    if (ms <= 0) return false;
    this.#wanted = true;
    // It did not move since it was last waited for: whoever is stopped there would cost every write as much.
    if (this.#asked !== null) return false;
    try {
      const file = this.#open();
      // Nearly always nobody stands there; asking the kernel to wait costs a thread.
      if (file.tryLockSync(true)) return this.#first = true;
      this.#asked = file.lock(true).then(() => this.#given(), () => void (this.#asked = null));
    } catch {
      // No such folder, no space, no right to write: the store itself says so at the next look.
      return false;
    }
    let timer;
    const late = new Promise<void>((over) => timer = setTimeout(over, ms));
    await Promise.race([this.#asked, late]);
    clearTimeout(timer);
    return this.#first;
  }

  /** Whether somebody else stands there. */
  held(): boolean {
    if (this.#first || this.#asked !== null) return false;
    try {
      const file = this.#open();
      if (!file.tryLockSync(true)) return true;
      file.unlockSync();
    } catch {
      // Nobody can stand in a line that cannot be had.
    }
    return false;
  }

  /** Lets the next one look. */
  leave(): void {
    this.#wanted = false;
    if (!this.#first) return;
    this.#first = false;
    this.#file?.unlockSync();
  }

  close(): void {
    this.leave();
    this.#file?.close();
    this.#file = null;
  }

  #given(): void {
    this.#asked = null;
    this.#first = true;
    // It took too long, and who stood there has gone on without.
    if (!this.#wanted) this.leave();
  }

  #open(): Deno.FsFile {
    return this.#file ??= Deno.openSync(this.#path, { write: true, create: true, mode: 0o600 });
  }
}
