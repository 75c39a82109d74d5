// Holding something while something is done. `using` says the same, but the bundler of installations takes a
// variable that is looked at once for nothing but its value: it writes the value in its place, and what was
// to be let go at the end of the block is held for good.

/** Runs `body` and lets go of `held` afterwards, whatever comes of it. */
export async function during<T>(held: Disposable, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } finally {
    held[Symbol.dispose]();
  }
}
