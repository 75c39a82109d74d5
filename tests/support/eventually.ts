// Waiting for something that happens elsewhere, without guessing how long it takes: tests poll for
// the condition and give up at a deadline, naming what they saw last. The only sleep in the tests.

const WITHIN_MS = 15_000;
const LONGEST_PAUSE_MS = 20;

/**
 * Polls `probe` and resolves with its first truthy value. A probe that throws counts as "not yet".
 * @param options `withinMs` is the deadline (15 s unless given), `what` names the condition
 * @throws Error after the deadline, with what the probe returned or threw last
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  options: { withinMs?: number; what?: string } = {},
): Promise<T> {
  const withinMs = options.withinMs ?? WITHIN_MS;
  const deadline = performance.now() + withinMs;
  for (let pauseMs = 1;; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    let seen: string;
    let cause: unknown;
    try {
      const value = await probe();
      if (value) return value;
      seen = `last seen: ${Deno.inspect(value)}`;
    } catch (thrown) {
      cause = thrown;
      seen = `last thrown: ${thrown instanceof Error ? thrown.message : Deno.inspect(thrown)}`;
    }
    if (performance.now() >= deadline) {
      throw new Error(`${options.what ?? "condition"} not met within ${withinMs} ms; ${seen}`, {
        cause,
      });
    }
    await new Promise((wake) => setTimeout(wake, pauseMs));
  }
}
