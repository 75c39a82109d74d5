// The bounds hold together: promises about time are sums of several of them, so changing one alone
// has to show here.

import { assert } from "@std/assert";
import { LIMITS, TIMES } from "../../src/core/limits.ts";

Deno.test("LIMITS, TIMES: every bound is a positive integer", () => {
  for (const [name, value] of [...Object.entries(LIMITS), ...Object.entries(TIMES)]) {
    assert(Number.isInteger(value) && value > 0, `${name} is ${value}`);
  }
});

Deno.test("LIMITS: defaults lie within what may be asked for", () => {
  assert(LIMITS.pageRowsDefault <= LIMITS.pageRows);
  assert(LIMITS.checkMessagesDefault <= LIMITS.checkMessages);
  assert(LIMITS.mailMessages <= LIMITS.checkMessages);
  assert(LIMITS.lockTtlS <= LIMITS.lockTtlMaxS);
  assert(LIMITS.retryDelayS <= LIMITS.retryDelayMaxS);
  assert(LIMITS.retentionDays <= LIMITS.journalDays);
});

Deno.test("LIMITS: a request has room for the largest thing it may carry", () => {
  assert(LIMITS.messageBytes < LIMITS.requestBytes);
  assert(LIMITS.valueChars * 4 < LIMITS.requestBytes);
  assert(LIMITS.planChars * 4 < LIMITS.requestBytes);
});

Deno.test("TIMES: a dead resident is noticed within 2 s, two probes included", () => {
  assert(TIMES.reapMs * 2 <= 2_000);
});

Deno.test("TIMES: a leader that does not react is usurped within 15 s, a live one never", () => {
  // The pulse may be fresh at the stop; the look that sees it last comes a tick later at most.
  assert((TIMES.stalledTicks + 2 * TIMES.quietTicks) * TIMES.tickMs <= 15_000);
  assert(TIMES.stalledTicks * TIMES.tickMs >= 2 * TIMES.pulseMs - TIMES.tickMs);
  // Nor a node in which nobody waits, whose pulse comes with fewer ticks.
  assert(TIMES.stalledTicks >= 2 * TIMES.quietTicks + TIMES.pulseMs / TIMES.tickMs);
  assert(TIMES.lateTickMs > TIMES.tickMs);
});

Deno.test("TIMES: long polls and busy waits end before the client gives up after a minute", () => {
  assert(LIMITS.waitMs + TIMES.busyMs <= 60_000);
  assert(TIMES.busySleepMs <= 10, "SQLite's wait sleeps the whole thread");
});
