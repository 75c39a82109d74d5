// The meter: counts, buckets and quantiles.

import { assert, assertEquals } from "@std/assert";
import { BUCKETS_MS, Meter, quantileMs } from "../../src/core/meter.ts";

Deno.test("Meter: counts calls, refusals and time apart; waits have no time", () => {
  const meter = new Meter();
  meter.note("b", 2, null);
  meter.note("a", 0.01, null);
  meter.note("a", 1_000_000, "STORE_BUSY");
  meter.note("a", null, "CANCELLED");
  const [a, b] = meter.all();
  assertEquals([a?.op, a?.calls, a?.timed, b?.op], ["a", 3, 2, "b"]);
  assertEquals([...a?.refused ?? []], [["STORE_BUSY", 1], ["CANCELLED", 1]]);
  assertEquals(a?.buckets[0], 1);
  assertEquals(a?.buckets.at(-1), 1);
  assertEquals(a?.buckets.length, BUCKETS_MS.length + 1);
});

Deno.test("quantileMs: within the bucket in which it lies", () => {
  const meter = new Meter();
  for (let i = 0; i < 90; i++) meter.note("x", 0.7, null);
  for (let i = 0; i < 10; i++) meter.note("x", 40, null);
  const [x] = meter.all();
  if (x === undefined) throw new Error("nothing measured");
  const [p50, p95] = [quantileMs(x, 0.5), quantileMs(x, 0.95)];
  assert(p50 > 0.5 && p50 <= 1, `${p50}`);
  assert(p95 > 25 && p95 <= 50, `${p95}`);
  assertEquals(quantileMs({ timed: 0, buckets: [] }, 0.5), 0);
});
