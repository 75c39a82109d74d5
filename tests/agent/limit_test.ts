// Usage limits in the words of agents: which texts are one, and when they end.

import { assertEquals } from "@std/assert";
import { limitIn, resetIn } from "../../src/agent/limit.ts";

// A Saturday, 13:00 in UTC, 14:00 in Berlin, 08:00 in New York.
const NOW = Date.UTC(2026, 10, 21, 13, 0);
const HOUR = 3_600_000;

Deno.test("limitIn: what agents say of a limit, and what is none", () => {
  const limits = [
    "Claude AI usage limit reached|1790000000",
    "You've hit your session limit \u00b7 resets 3pm (Europe/Berlin)",
    "You've hit your weekly limit \u00b7 resets Nov 24, 5am (UTC)",
    "You're out of extra usage \u00b7 resets 8pm",
    "5-hour limit reached \u00b7 resets 7pm",
    "API Error: Request rejected (429) \u00b7 this may be a rate limit: rate_limit_error",
    "Rate limit exceeded, try again in 20s",
    "You exceeded your current quota: quota exceeded",
  ];
  for (const text of limits) assertEquals(limitIn(text, NOW).length, 1, text);
  const others = [
    "API Error: 400 prompt is too long: 210000 tokens > 200000 maximum",
    "the file size limit is 10 MB",
    "API Error: 529 overloaded",
    "I raised the limit in limits.ts",
    "done",
    "",
  ];
  for (const text of others) assertEquals(limitIn(text, NOW), [], text);
  assertEquals(limitIn("whatever", NOW, true).length, 1);
});

Deno.test("resetIn: numbers, spans, times of day and dates, in their zones", () => {
  const cases: [string, number | null][] = [
    ["limit reached|1790000000", 1_790_000_000_000],
    ["limit reached|1790000000123", 1_790_000_000_123],
    ["try again at 2026-11-21T15:30:00Z", NOW + 2.5 * HOUR],
    ["resets in 2h 5m", NOW + 2 * HOUR + 300_000],
    ["please try again in 20s", NOW + 20_000],
    ["retry after 30 seconds", NOW + 30_000],
    ["resets 3pm (Europe/Berlin)", NOW + HOUR],
    ["resets 1:30pm (UTC)", NOW + HOUR / 2],
    ["resets 12am (UTC)", NOW + 11 * HOUR],
    ["resets 12pm (UTC)", NOW + 23 * HOUR],
    // That time of today is past.
    ["resets 1pm (Europe/Berlin)", NOW + 23 * HOUR],
    ["resets 8am (America/New_York)", NOW],
    ["resets Nov 24, 5am (UTC)", Date.UTC(2026, 10, 24, 5)],
    ["resets Jan 2 at 10am (UTC)", Date.UTC(2027, 0, 2, 10)],
    ["resets November 30, 9am (America/New_York)", Date.UTC(2026, 10, 30, 14)],
    ["resets 25pm", null],
    ["resets Foo 3, 3pm (UTC)", null],
    ["resets soon", null],
    ["", null],
  ];
  for (const [text, at] of cases) assertEquals(resetIn(text, NOW), at, text);
});

Deno.test("resetIn: across a change of the clocks the named hour counts", () => {
  // The day before Berlin's clocks go back: 25 hours lie between this noon and the next.
  const now = Date.UTC(2026, 9, 24, 12, 0);
  assertEquals(resetIn("resets 1pm (Europe/Berlin)", now), Date.UTC(2026, 9, 25, 12, 0));
  assertEquals(resetIn("resets Oct 26, 9am (Europe/Berlin)", now), Date.UTC(2026, 9, 26, 8, 0));
  // An hour that does not exist is near enough.
  assertEquals(resetIn("resets 2:30am (Nowhere/Land)", now) !== null, true);
});
