// Two peers of one home, as most tests of the door need them.

import { join } from "@std/path";
import { type Peer, startPeer } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";

/** Runs `body` with two peers that have joined, and ends them however it ends. */
export async function withPair(
  body: (anna: Peer, bob: Peer) => Promise<void>,
): Promise<void> {
  await withTempFolder(async (temp) => {
    const place = { home: join(temp, "home"), folder: temp, env: { SKEIN_RATE: "1000000" } };
    const anna = await startPeer({ ...place, name: "anna" });
    try {
      const bob = await startPeer({ ...place, name: "bob" });
      try {
        await anna.ok("join");
        await bob.ok("join");
        await body(anna, bob);
      } finally {
        await bob.close();
      }
    } finally {
      await anna.close();
    }
  });
}
