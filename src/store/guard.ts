// A transaction may await nothing but itself: it would hold up every writer. Its statements answer at
// once, so a body that is honest is over before the event loop turns. Whoever is still open then has
// awaited something else, and is failed.

/** A body that runs. */
interface Open {
  fail(why: Error): void;
}

export class Guard {
  readonly #open = new Set<Open>();
  #armed = false;

  /** Runs a body that has to be over within this turn of the event loop. */
  run<T>(body: () => Promise<T>): Promise<T> {
    // One callback for all the bodies of a turn. Not a timer: that would wake an idle process again.
    if (!this.#armed) {
      this.#armed = true;
      setImmediate(() => this.#fire());
    }
    return new Promise<T>((done, fail) => {
      const open: Open = { fail };
      this.#open.add(open);
      const over = (): void => void this.#open.delete(open);
      body().then((value) => {
        over();
        done(value);
      }, (thrown) => {
        over();
        fail(thrown);
      });
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
