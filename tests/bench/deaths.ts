// Killing: how long until a dead worker's task can be claimed by somebody else, and until another
// leads after the leader's death.

import { join } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import type { Peer } from "../support/peer.ts";
import type { Place } from "./place.ts";
import { median, quantile, type Row } from "./row.ts";

/** Longer than any of this may take; then the benchmark fails. */
const PATIENCE_MS = 30_000;

async function until(what: string, probe: () => boolean | Promise<boolean>): Promise<number> {
  const beginMs = performance.now();
  while (!await probe()) {
    if (performance.now() - beginMs > PATIENCE_MS) throw new Error(`${what} never came`);
    await new Promise((next) => setTimeout(next, 1));
  }
  return performance.now() - beginMs;
}

export async function deadWorkers(place: Place): Promise<Row[]> {
  const home = place.newHome();
  const [architect] = await place.peers(1, home, "architect") as [Peer];
  const tookMs: number[] = [];
  for (let round = 0; round < place.pick(2, 5); round++) {
    const [worker] = await place.peers(1, home, `worker${round}x`) as [Peer];
    const { id } = await architect.ok("create_task", { title: "to be left behind" });
    await worker.ok("claim_task", { id });
    // Deaths come at any point between two looks of the leader.
    await new Promise((next) => setTimeout(next, 500 * Math.random()));
    worker.signal("SIGKILL");
    tookMs.push(
      await until("the task of the dead", async () => {
        // Without an id nothing looks at the dead one: only the leader's duty frees the task.
        const { task } = await architect.ok("claim_task");
        return task?.id === id;
      }),
    );
    await architect.ok("complete_task", { id, summary: "taken over" });
  }
  await place.dismiss([architect]);
  return [{
    name: "a dead worker's task claimable again",
    value: quantile(tookMs, 1) / 1_000,
    unit: "s",
    budget: { most: 2 },
    note: `longest of ${tookMs.length}, median ${(median(tookMs) / 1_000).toFixed(2)}`,
  }];
}

export async function deadLeaders(place: Place): Promise<Row[]> {
  const home = place.newHome();
  const peers = new Map((await place.peers(place.pick(5, 10), home)).map((peer, i) => [
    `p${i}`,
    peer,
  ]));
  const db = new DatabaseSync(join(home, "skein.db"), { readOnly: true });
  const query = db.prepare(
    "SELECT p.name, l.epoch FROM leader l JOIN peer p ON p.incarnation = l.incarnation",
  );
  const leader = (): { name: string; epoch: number } =>
    (query.get() ?? { name: "", epoch: 0 }) as { name: string; epoch: number };
  const tookMs: number[] = [];
  while (peers.size > 2) {
    await new Promise((next) => setTimeout(next, 200));
    const { name, epoch } = leader();
    const peer = peers.get(name);
    if (peer === undefined) throw new Error(`nobody of the flock leads: ${name}`);
    peers.delete(name);
    peer.signal("SIGKILL");
    tookMs.push(await until("a new leader", () => leader().epoch > epoch));
  }
  db.close();
  await place.dismiss([...peers.values()]);
  return [{
    name: "leader killed until another leads",
    value: quantile(tookMs, 1),
    unit: "ms",
    budget: { most: 100 },
    note: `longest of ${tookMs.length}, median ${median(tookMs).toFixed(1)}`,
  }];
}
