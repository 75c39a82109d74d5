// What has to happen inside of a transaction's body, on a machine that may be too busy for it. An engine
// that has not let the event loop turn for a while does that first, and so ends the body around it.

/** Looks at a condition that a transaction may wait for without awaiting anything else. */
export const PATIENCE = 10_000;
/** Rounds of what a busy machine may spoil. */
const ROUNDS = 50;

/** Tries it until it happened, and fails if it never does. */
export async function beside(round: (n: number) => Promise<boolean>): Promise<void> {
  for (let n = 1; n <= ROUNDS; n++) if (await round(n)) return;
  throw new Error("the one waited for the other, every time");
}
