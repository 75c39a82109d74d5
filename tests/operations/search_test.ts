// Searches beside writers that keep the store, and what is found of what was forgotten.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { LIMITS, TIMES } from "../../src/core/limits.ts";
import { Refusal } from "../../mod.ts";
import { bringIndexUp } from "../../src/flock/indexing.ts";
import type { Engine } from "../../src/store/engine.ts";
import { openStore } from "../../src/store/open.ts";
import { commit } from "../../src/store/unit.ts";
import { refusal } from "../support/home.ts";
import { Leader } from "../audit/tamper.ts";
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

flockTest(
  "search: of turns that are forgotten nothing is found, nor is a number given twice",
  async (flock) => {
    const lead = await flock.member("lead");
    const log = async (content: string): Promise<string> =>
      (await lead.call("log_conversation", { turn: "user", content })).id;
    const refs = async (query: string): Promise<string[]> =>
      (await lead.call("search", { query })).hits.map(({ ref }: { ref: string }) => ref);
    const first = await log("the first needle");
    assertEquals(await refs("needle"), [first]);
    let last = "";
    for (let n = 0; n < LIMITS.conversationTurns; n++) last = await log("hay");
    assertEquals(await refs("needle"), []);
    assertEquals((await refs("hay")).length > 0, true);
    const store = await openStore(flock.home);
    await store.engine.write((tx) =>
      tx.run("UPDATE conversation SET at = '2001-01-01T00:00:00.000Z'")
    );
    await new Leader(store).forget();
    assertEquals(await refs("hay"), [last]);
    const rows = await store.engine.read((tx) =>
      tx.all("SELECT d.id FROM search_doc d WHERE d.kind = 'conversation'")
    );
    assertEquals(rows.length, 1);
    assertEquals(Number(await log("hay again")), Number(last) + 1);
    store.engine.close();
  },
);

flockTest(
  "search: a store that takes no write is still searched; one that is gone is not",
  async (flock) => {
    const lead = await flock.member("lead");
    await lead.leave();
    // Nobody leads: what is recorded now waits for the search.
    const store = await openStore(flock.home);
    await commit(store, (unit) => {
      unit.record({ actor: "lead", op: "test", subject: "thing/1", detail: {} });
      return Promise.resolve();
    });
    const told = (code: "STORE_FULL" | "STORE_REPLACED"): Promise<void> => {
      const write = (): Promise<never> => Promise.reject(new Refusal(code, "as it is"));
      const unwritable: Engine = new Proxy(store.engine, {
        get: (target, name) => {
          if (name === "write") return write;
          const value: unknown = Reflect.get(target, name);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
      return bringIndexUp({ ...store, engine: unwritable });
    };
    await told("STORE_FULL");
    await refusal("STORE_REPLACED", () => told("STORE_REPLACED"));
    store.engine.close();
  },
);
