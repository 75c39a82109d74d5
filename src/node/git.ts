// How often the git state of the roster is read: when the peer acts, at most every few seconds.

import { TIMES } from "../core/limits.ts";

/** Decides when to read again: not more often than every few seconds, less on slow trees. */
export class GitPace {
  #nextMs = 0;

  due(nowMs: number): boolean {
    return nowMs >= this.#nextMs;
  }

  /** Notes how long a read took. A tree that takes long is read less often. */
  took(startMs: number, endMs: number): void {
    this.#nextMs = endMs + Math.max(TIMES.gitMs, 20 * (endMs - startMs));
  }
}
