// The two clocks: what expires counts from boot, what is shown is ISO 8601 in UTC.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { iso, systemClock } from "../../src/core/clock.ts";

Deno.test("systemClock: seconds since boot do not go back, wall time is the machine's", () => {
  const first = systemClock.upS();
  assert(first > 0);
  assert(systemClock.upS() >= first);
  assert(Math.abs(systemClock.wallMs() - Date.now()) < 1_000);
});

Deno.test("iso: UTC with milliseconds, which sorts as text", () => {
  assertEquals(iso(0), "1970-01-01T00:00:00.000Z");
  assertEquals(iso(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
  assertMatch(iso(systemClock.wallMs()), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert(iso(999) < iso(1_000));
});
