// A client that turns out to be another session: what was called is counted once, by whichever of the two
// lives answered it, and whoever calls in between is answered.

import { assertEquals } from "@std/assert";
import { flockTest } from "../operations/flock.ts";

flockTest("attach: calls are counted once, for whose life they were", async (flock) => {
  const old = await flock.member("old", { session: "s2" });
  await old.leave();
  const anna = await flock.member("anna", { session: "s1" });
  for (let i = 0; i < 20; i++) await anna.call("status");
  const attached = anna.node.attach("s2");
  const beside = [1, 2, 3].map((n) => anna.call("set_memory", { key: `k${n}`, value: "v" }));
  await Promise.all([attached, ...beside]);
  await anna.call("status");
  const store = await anna.node.store();
  await anna.leave();
  const rows = await store.engine.read((tx) =>
    tx.all<{ calls: number }>("SELECT used_calls AS calls FROM peer ORDER BY name")
  );
  assertEquals(rows.reduce((sum, { calls }) => sum + calls, 0), 24);
  assertEquals(rows.every(({ calls }) => calls > 0), true, "each life has its own");
});
