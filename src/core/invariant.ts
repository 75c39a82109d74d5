// Things that must hold whatever the input is. A broken invariant is a defect of skein, never the
// caller's mistake: those are refusals (errors.ts).

/** Throws an `Error` that names the broken invariant when `condition` is falsy. */
export function invariant(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${what}`);
}
