// Searches beside writers that keep the store, and what is found of what was forgotten.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { TIMES } from "../../src/core/limits.ts";
import { startHolder } from "../support/holder.ts";
import { flockTest } from "./flock.ts";

flockTest("search: waits for no writer; says that newer things may be missing", async (flock) => {
  const lead = await flock.member("lead");
  await lead.call("set_memory", { key: "old", value: "a zebra" });
  assertEquals((await lead.call("search", { query: "zebra" })).hits.length, 1);
  // Another process leads: nobody but the search itself brings the index up.
  await lead.call("set_memory", { key: "new", value: "another zebra" });
  await lead.call("send", { to: "lead", content: "a zebra by mail" });
  const holder = await startHolder("write", join(flock.home, "skein.db"));
  try {
    const startMs = performance.now();
    const found = [
      await lead.call("search", { query: "zebra" }),
      await lead.call("get_memory", { query: "zebra" }),
      await lead.call("list_messages", { query: "zebra" }),
    ];
    const tookMs = performance.now() - startMs;
    assert(tookMs < TIMES.busyMs / 4, `${tookMs} ms`);
    assertEquals(found.map(({ incomplete }) => incomplete), [true, true, true]);
    assertEquals(found[0].hits.map(({ ref }: { ref: string }) => ref), ["old"]);
    assertEquals(found[1].entries.length, 1);
  } finally {
    await holder.end();
  }
  const all = await lead.call("search", { query: "zebra" });
  assertEquals([all.hits.length, all.incomplete], [3, undefined]);
  assertEquals((await lead.call("get_memory", { query: "zebra" })).incomplete, undefined);
});
