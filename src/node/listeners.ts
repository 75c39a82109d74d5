// Who listens to the journal in this process. A listener outlives the life it began in: where a client
// turns out to be another peer, the new life takes all of them over.

import type { JournalRow } from "../store/journal.ts";
import { type Life, watch } from "./life.ts";

export type Listener = (rows: readonly JournalRow[]) => void;

export class Listeners {
  /** How each ends in the present life. */
  readonly #ends = new Map<Listener, () => void>();

  /** A new life begins: everybody listens in it. */
  async moveTo(life: Life): Promise<void> {
    for (const [one] of this.#ends) this.#ends.set(one, await life.feed.listen(one));
    if (this.#ends.size > 0) await watch(life, true);
  }

  async add(life: Life, listener: Listener): Promise<void> {
    this.#ends.set(listener, await life.feed.listen(listener));
    try {
      await watch(life, true);
    } catch (thrown) {
      this.#end(listener);
      throw thrown;
    }
  }

  /** `life`: the present one, if there is one. */
  async remove(life: Life | null, listener: Listener): Promise<void> {
    this.#end(listener);
    if (life !== null && this.#ends.size === 0) await watch(life, false);
  }

  #end(listener: Listener): void {
    this.#ends.get(listener)?.();
    this.#ends.delete(listener);
  }
}
