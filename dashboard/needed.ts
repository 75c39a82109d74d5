// Parts of the page that are loaded when they are first needed, so that the first view is there
// early. Browsers remember an import that failed, for as long as the page is open: so a part is asked
// for only when the leader answers, which may be changing just then.

const TRIES = 20;
const PAUSE_MS = 500;
const PATIENCE_MS = 2_000;

/** A part of the page. */
export interface Needed<T> {
  /** The part, once it is there. */
  readonly now: T | undefined;
  /** @throws Error when it cannot be had: another version of the page may be served by now */
  load(): Promise<T>;
}

class Part<T> implements Needed<T> {
  now: T | undefined;
  #loading: Promise<T> | null = null;
  readonly #import: () => Promise<T>;

  constructor(load: () => Promise<T>) {
    this.#import = load;
  }

  load(): Promise<T> {
    this.#loading ??= answered().then(() => this.#import()).then(
      (part) => this.now = part,
      (thrown) => {
        this.#loading = null;
        throw thrown;
      },
    );
    return this.#loading;
  }
}

/** Resolves when the leader answers. @throws whatever stood in the way last */
async function answered(): Promise<void> {
  for (let tries = 1;; tries++) {
    try {
      await fetch("/healthz", { signal: AbortSignal.timeout(PATIENCE_MS) });
      return;
    } catch (thrown) {
      if (tries >= TRIES) throw thrown;
      await new Promise((next) => setTimeout(next, PAUSE_MS));
    }
  }
}

/** A part that `load` imports. */
export function needed<T>(load: () => Promise<T>): Needed<T> {
  return new Part(load);
}
