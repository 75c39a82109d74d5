// A transaction may await nothing but itself: it would hold up every writer. Its statements answer at
// once, so a body that is honest is over before the event loop turns. Whoever is still open when a
// timer fires has awaited something else, and is failed.

/** A body that runs. */
interface Open {
  fail(why: Error): void;
}

export class Guard {
  readonly #open = new Set<Open>();
  #armed = false;

  /** Runs a body that has to be over within this turn of the event loop. */
  run<T>(body: () => Promise<T>): Promise<T> {
    // One timer for all the bodies of a turn, set before any of their own.
    if (!this.#armed) {
      this.#armed = true;
      setTimeout(() => this.#fire(), 0);
    }
    return new Promise<T>((done, fail) => {
      const open: Open = { fail };
      this.#open.add(open);
      body().then(done, fail).finally(() => this.#open.delete(open));
    });
  }

  #fire(): void {
    this.#armed = false;
    for (const open of this.#open) {
      open.fail(new Error("invariant broken: a transaction awaited something outside of it"));
    }
    this.#open.clear();
  }
}
