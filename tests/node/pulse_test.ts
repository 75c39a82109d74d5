// The pulse of a node: how long a tick stands for when somebody begins to wait in the middle of it, and
// that a node whose home is gone or another's makes nothing there.

import { assert, assertEquals, assertFalse } from "@std/assert";
import { Refusal } from "../../mod.ts";
import { systemClock } from "../../src/core/clock.ts";
import { TIMES } from "../../src/core/limits.ts";
import { Feed } from "../../src/node/feed.ts";
import type { Life } from "../../src/node/life.ts";
import { Pulse } from "../../src/node/pulse.ts";
import { openStore } from "../../src/store/open.ts";
import { eventually } from "../support/eventually.ts";
import { withTempFolder } from "../support/temp.ts";

/** What the parts around a pulse were told. */
interface Told {
  readonly ticks: { readonly late: boolean; readonly ticks: number; readonly atMs: number }[];
  readonly trouble: unknown[];
  pulses: number;
}

/** A pulse over a real store and feed; presence and election only write down what they are told. */
async function withPulse(
  body: (feed: Feed, told: Told, home: string) => Promise<void>,
): Promise<void> {
  await withTempFolder(async (folder) => {
    const home = `${folder}/home`;
    const store = await openStore(home, systemClock);
    const feed = new Feed(store);
    const told: Told = { ticks: [], trouble: [], pulses: 0 };
    const life = {
      store,
      feed,
      hold: { pulse: () => void (told.pulses += 1), release: () => {} },
      election: {
        epoch: null,
        tick: (late: boolean, _changed: boolean, ticks: number) => {
          told.ticks.push({ late, ticks, atMs: performance.now() });
          return Promise.resolve();
        },
      },
    };
    const pulse = new Pulse(
      life as unknown as Life,
      undefined,
      (thrown) => told.trouble.push(thrown),
    );
    try {
      await body(feed, told, home);
    } finally {
      pulse.stop();
      feed.close();
      store.engine.close();
    }
  });
}

/** Resolves so many milliseconds later. */
function after(ms: number): Promise<unknown> {
  const atMs = performance.now() + ms;
  return eventually(() => performance.now() >= atMs, { what: `${ms} ms` });
}

Deno.test("Pulse: whoever begins to wait is ticked for within a tick, and no silence is counted short", async () => {
  await withPulse(async (feed, told) => {
    // A long tick is pending, and most of it is over.
    await after(TIMES.tickMs * 1.4);
    assertEquals(told.ticks, []);
    const startMs = performance.now();
    const wait = feed.changed(60_000);
    await eventually(() => told.ticks.length >= 2, { what: "two ticks" });
    wait.stop();
    const [first, second] = told.ticks;
    assert(first !== undefined && second !== undefined);
    assertEquals([first.ticks, second.ticks], [TIMES.quietTicks, 1]);
    assert(first.atMs - startMs < TIMES.tickMs, `${first.atMs - startMs} ms`);
  });
});

Deno.test("Pulse: a tick that has just begun is cut short for whoever begins to wait", async () => {
  await withPulse(async (feed, told) => {
    const startMs = performance.now();
    const wait = feed.changed(60_000);
    await eventually(() => told.ticks.length >= 1, { what: "a tick" });
    wait.stop();
    const [first] = told.ticks;
    assert(first !== undefined);
    assertEquals(first.ticks, 1);
    assertFalse(first.late);
    assert(first.atMs - startMs < TIMES.tickMs * 1.5, `${first.atMs - startMs} ms`);
  });
});

Deno.test("Pulse: in a home that is gone or another's no presence is shown", async () => {
  await withPulse(async (_feed, told, home) => {
    Deno.renameSync(home, `${home}.away`);
    await eventually(() => told.trouble.length > 0, { what: "the trouble" });
    const [first] = told.trouble;
    assert(first instanceof Refusal);
    assertEquals(first.code, "STORE_GONE");
    assertEquals(told.pulses, 0);
    // Back again, it is shown again.
    Deno.renameSync(`${home}.away`, home);
    await eventually(() => told.pulses > 0, { what: "a pulse" });
  });
});
