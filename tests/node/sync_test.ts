// What the environment says of a node's store: how much a write has to outlive before it is acknowledged.

import { assertEquals, assertThrows } from "@std/assert";
import { Node, readEnvironment, Refusal } from "../../mod.ts";
import type { Tx } from "../../src/core/transaction.ts";
import { withHome } from "../support/home.ts";

Deno.test("SKEIN_SYNC: full has each write on the disk before it is acknowledged; normal is the default", async () => {
  await withHome(async (home) => {
    // 1 is NORMAL, 2 is FULL.
    const cases = [[undefined, 1], ["normal", 1], ["full", 2]] as const;
    for (const [value, level] of cases) {
      const env = {
        SKEIN_HOME: home.folder,
        ...(value === undefined ? {} : { SKEIN_SYNC: value }),
      };
      const node = new Node({ ...readEnvironment(env, Deno.cwd()), session: null });
      try {
        const { engine } = await node.store();
        const pragma = (tx: Tx): Promise<unknown> => tx.get("PRAGMA synchronous");
        assertEquals(await engine.write(pragma), { synchronous: level }, String(value));
      } finally {
        await node.leave();
      }
    }
    const wrong = { SKEIN_HOME: home.folder, SKEIN_SYNC: "always" };
    const { code, details } = assertThrows(() => readEnvironment(wrong, Deno.cwd()), Refusal);
    assertEquals([code, details["field"]], ["INVALID_INPUT", "SKEIN_SYNC"]);
  });
});
