// The feed and its bell: it is quiet as long as nobody waits for anything, and loud before whoever
// begins to wait looks at the store, so that no commit after that look goes unheard.

import { assertEquals } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import { Feed } from "../../src/node/feed.ts";
import { openStore } from "../../src/store/open.ts";
import { commit, type Store } from "../../src/store/unit.ts";
import { eventually } from "../support/eventually.ts";
import { withTempFolder } from "../support/temp.ts";

/** A feed in a store of its own, and what its bell was told. */
async function withFeed(
  body: (feed: Feed, told: boolean[], store: Store) => Promise<void>,
): Promise<void> {
  await withTempFolder(async (folder) => {
    const store = await openStore(`${folder}/home`, systemClock);
    const feed = new Feed(store);
    const told: boolean[] = [];
    feed.hear({ quiet: (on) => void told.push(on) });
    try {
      await body(feed, told, store);
    } finally {
      feed.close();
      store.engine.close();
    }
  });
}

function act(store: Store): Promise<void> {
  return commit(store, (unit) => {
    unit.record({ actor: "ann", op: "test", subject: "test/1", detail: {} });
    return Promise.resolve();
  });
}

Deno.test("Feed: its bell is loud while somebody waits, and quiet otherwise", async () => {
  await withFeed(async (feed, told) => {
    assertEquals(told, [true]);
    const one = feed.changed(60_000);
    const two = feed.changed(60_000);
    assertEquals(told, [true, false], "loud at once, and once");
    one.stop();
    assertEquals(told, [true, false], "somebody still waits");
    two.stop();
    await two.happened;
    assertEquals(told, [true, false, true]);
    // A wait that is over by itself is over for the bell, too.
    await feed.changed(1).happened;
    assertEquals(told, [true, false, true, false, true]);
  });
});

Deno.test("Feed: a listener hears what is committed from the moment it asked", async () => {
  await withFeed(async (feed, told, store) => {
    const heard: number[] = [];
    const asked = feed.listen((rows) => void heard.push(...rows.map((row) => row.seq)));
    assertEquals(told, [true, false], "loud before it looks where the journal ends");
    const stop = await asked;
    await act(store);
    feed.rung();
    await eventually(() => heard.length === 1, { what: "the row" });
    stop();
    assertEquals(told, [true, false, true]);
  });
});

Deno.test("Feed: of two who begin to listen at the same time none misses what comes in between", async () => {
  await withFeed(async (_feed, _told, store) => {
    let reads = 0;
    const read: Store["engine"]["read"] = async (body) => {
      // Between the first one's look at the journal's end and the second one's.
      if (++reads === 2) await act(store);
      return await store.engine.read(body);
    };
    const feed = new Feed({ ...store, engine: { ...store.engine, read } as Store["engine"] });
    const heard: number[][] = [[], []];
    const stops = await Promise.all(
      heard.map((rows) => feed.listen((more) => void rows.push(...more.map((row) => row.seq)))),
    );
    await eventually(() => heard[0]?.length === 1, { withinMs: 3_000, what: "the row" });
    for (const stop of stops) stop();
    feed.close();
  });
});

Deno.test("Feed: once closed it tells its bell nothing", async () => {
  await withFeed(async (feed, told) => {
    const wait = feed.changed(60_000);
    feed.close();
    await wait.happened;
    assertEquals(told, [true, false]);
  });
});
