// Stalled or not is counted in the watcher's own ticks: the watcher's sleep, a clock that jumps and
// a pulse that nobody can read say nothing about anybody else.

import { assert, assertEquals, assertFalse } from "@std/assert";
import { LIMITS, TIMES } from "../../src/core/limits.ts";
import { pulseDue, SleepWatch, StallWatch, Ticker } from "../../src/node/presence.ts";

/** Looks at the same pulse so many times and returns the last count. */
function watch(stall: StallWatch, pulse: number | null, times: number, late = false): number {
  let ticks = 0;
  for (let i = 0; i < times; i++) ticks = stall.observe(pulse, late);
  return ticks;
}

Deno.test("StallWatch: counts the ticks after the first look at a pulse that stands still", () => {
  const stall = new StallWatch();
  assertEquals([1, 1, 1, 2, 2].map((pulse) => stall.observe(pulse, false)), [0, 1, 2, 0, 1]);
});

Deno.test("StallWatch: a pulse that changes starts the count again, backwards too", () => {
  const stall = new StallWatch();
  assertEquals(watch(stall, 1_000, 9), 8);
  assertEquals(stall.observe(500, false), 0);
  assertEquals(watch(stall, 500, 3), 3);
});

Deno.test("StallWatch: the watcher's own late tick starts the count again", () => {
  const stall = new StallWatch();
  assertEquals(watch(stall, 1, 10), 9);
  assertEquals(stall.observe(1, true), 0);
  assertEquals(watch(stall, 1, 9), 9);
});

Deno.test("StallWatch: a pulse that comes in time is never a stall, however long it goes on", () => {
  const stall = new StallWatch();
  const ticksPerPulse = TIMES.pulseMs / TIMES.tickMs;
  for (let tick = 0; tick < 1_000; tick++) {
    const ticks = stall.observe(Math.floor(tick / ticksPerPulse), false);
    assertFalse(StallWatch.stalled(ticks), `tick ${tick}`);
  }
});

Deno.test("StallWatch: one look at an unknown pulse is no proof of a stall", () => {
  const stall = new StallWatch();
  assertEquals(stall.observe(null, false), 0);
  assertEquals(stall.observe(1, false), 0);
  assertEquals(watch(stall, 1, 5), 5);
});

Deno.test("StallWatch.stalled: from the tenth tick on", () => {
  assertFalse(StallWatch.stalled(0));
  assertFalse(StallWatch.stalled(TIMES.stalledTicks - 1));
  assert(StallWatch.stalled(TIMES.stalledTicks));
  assert(StallWatch.stalled(TIMES.stalledTicks + 1));
});

Deno.test("Ticker: a tick is late when the gap before it was too long", () => {
  const ticker = new Ticker(5_000);
  const gaps: readonly [number, boolean][] = [
    [TIMES.tickMs, false],
    [TIMES.lateTickMs, false],
    [TIMES.lateTickMs + 1, true],
    [TIMES.tickMs, false],
    [3_600_000, true],
    [1, false],
  ];
  let nowMs = 5_000;
  for (const [gap, late] of gaps) {
    nowMs += gap;
    assertEquals(ticker.late(nowMs), late, `a gap of ${gap} ms`);
  }
});

Deno.test("Ticker, StallWatch: a tick that stands for several may come later, and counts for all", () => {
  const ticker = new Ticker(0);
  assertFalse(ticker.late(TIMES.lateTickMs + TIMES.tickMs, 2));
  assert(ticker.late(2 * (TIMES.lateTickMs + TIMES.tickMs) + 1, 2));
  const stall = new StallWatch();
  stall.observe(7, false, 2);
  assertEquals(stall.observe(7, false, 2), 2);
  assertEquals(stall.observe(7, false), 3);
});

Deno.test("pulseDue: whatever the ticks, nobody is silent for as long as it takes to be called stalled", () => {
  for (const ticks of [1, TIMES.quietTicks]) {
    let sinceMs = 0;
    let longestMs = 0;
    for (let i = 0; i < 100; i++) {
      sinceMs += ticks * TIMES.tickMs;
      longestMs = Math.max(longestMs, sinceMs);
      if (pulseDue(sinceMs, ticks)) sinceMs = 0;
    }
    assert(longestMs <= TIMES.pulseMs, `${longestMs} ms with ${ticks} ticks`);
  }
});

Deno.test("SleepWatch: a sleep gives a grace, also to who looked before it and leads after it", () => {
  let upS = 1_000;
  const watch = new SleepWatch({ upS: () => upS });
  assertEquals(watch.look(), false);
  upS += 8 * 3_600;
  assertEquals(watch.look(), true);
  upS += LIMITS.sleptS;
  assertEquals(watch.look(), true, "and while it lasts");
  upS += LIMITS.sleptS;
  const steps = Math.ceil(LIMITS.graceS / LIMITS.sleptS);
  const looks = [];
  for (let i = 0; i < steps; i++) {
    looks.push(watch.look());
    upS += LIMITS.sleptS;
  }
  assertEquals([looks[0], looks.at(-1)], [true, false]);
});
