// Whether the page of whoever leads is there: a leader that was stopped keeps its port and says nothing.

/** A page on loopback answers within a few milliseconds, unless its process stands still. */
export const ANSWER_MS = 1_000;

/** Whether the page at this origin answers. Never throws. */
export async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(ANSWER_MS) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    // Refused, or silent: that is the answer.
    return false;
  }
}
