// Trouble that comes back with every tick is told once a minute, each text for itself: a home that is
// gone must not fill a terminal or a log.

const MINUTE_MS = 60_000;
/** Texts that are remembered; whoever finds ever new words is cut off by the oldest being forgotten. */
const MOST = 100;

export class Complaints {
  /** When each text was told last, oldest first. */
  readonly #told = new Map<string, number>();

  /** Whether a text is to be told at `nowMs`; if so, it was. */
  due(text: string, nowMs: number = performance.now()): boolean {
    const before = this.#told.get(text);
    if (before !== undefined && nowMs - before < MINUTE_MS) return false;
    this.#told.delete(text);
    const [oldest] = this.#told.keys();
    if (oldest !== undefined && this.#told.size >= MOST) this.#told.delete(oldest);
    this.#told.set(text, nowMs);
    return true;
  }
}
