// The promises of skein as data. Tests cite them by number in their names ("promise 2: ..."); a
// test fails if a promise is cited by none.

/** Something skein promises its users. */
export interface Promised {
  readonly number: number;
  readonly promise: string;
}

export const PROMISES: readonly Promised[] = [
  {
    number: 1,
    promise:
      "Acknowledged means kept: what an operation acknowledged is there after kill -9 of any " +
      "or all processes; a node whose home is gone or replaced acknowledges nothing.",
  },
  {
    number: 2,
    promise:
      "One claim: of N racing claimers exactly one wins; an answer with a stale claim epoch " +
      "is refused.",
  },
  {
    number: 3,
    promise:
      "A message is never lost: queued, offered, seen; offered once to an incarnation, again " +
      "only to a later one; a cancelled call offers nothing.",
  },
  {
    number: 4,
    promise:
      "Death is noticed: a dead resident's locks are free and its tasks claimable within 2 s, " +
      "each exactly once; a live one is never reaped.",
  },
  {
    number: 5,
    promise:
      "Leadership moves: after kill -9 of the leader another leads at once and the page answers " +
      "on the same port within 1 s, after SIGSTOP within 15 s on the next one; the old one steps " +
      "down without writing.",
  },
  {
    number: 6,
    promise:
      "Refusals teach: what was asked, why not, who or what stands in the way, what next; of " +
      "what was refused nothing is stored.",
  },
  {
    number: 7,
    promise:
      "The agent's context is precious: few tools, terse results, no polling; an idle flock " +
      "costs 0 tokens.",
  },
  {
    number: 8,
    promise:
      "Files are the user's: skein never deletes, overwrites or commits user work it did not " +
      "make.",
  },
];
