// Whether reading an inbox stays as fast when it is full: the same reads at 1,000 and at 400,000
// messages, in turns. The messages are put into the store directly, in one transaction.

import { join } from "@std/path";
import { DatabaseSync } from "node:sqlite";
import type { Node } from "../../mod.ts";
import { CONTENT } from "./content.ts";
import type { Place } from "./place.ts";
import { median, type Row } from "./row.ts";
import { callOf, localNode } from "./tasks.ts";

const READS = 40;

/** Messages to a peer that has read none of them. */
function fill(home: string, peer: string, count: number): void {
  const db = new DatabaseSync(join(home, "skein.db"), { timeout: 5_000 });
  try {
    db.exec("BEGIN IMMEDIATE");
    db.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
       INSERT INTO message (id, sender, sender_name, sender_role, project, category, content,
         recipients, at, up_s)
       SELECT i, 'filler', 'filler', 'worker', '/filler', 'status_update', ?, json_array(?),
         '2030-01-01T00:00:00.000Z', 0 FROM n`,
    ).run(count, CONTENT, peer);
    db.prepare("INSERT INTO delivery (peer, message) SELECT ?, id FROM message").run(peer);
    db.exec("COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
  } finally {
    db.close();
  }
}

function markAllSeen(home: string): void {
  const db = new DatabaseSync(join(home, "skein.db"), { timeout: 5_000 });
  try {
    db.exec("UPDATE delivery SET state = 2; PRAGMA wal_checkpoint(TRUNCATE)");
  } finally {
    db.close();
  }
}

async function timed(node: Node): Promise<number> {
  const before = performance.now();
  await callOf(node, "check", { limit: 20 });
  return performance.now() - before;
}

/** Median times of both nodes, which read in turns. */
async function inTurns(nodes: readonly Node[]): Promise<number[]> {
  const tookMs = nodes.map((): number[] => []);
  for (let read = 0; read < READS; read++) {
    for (const [i, node] of nodes.entries()) tookMs[i]?.push(await timed(node));
    // The marks of what was read are written behind.
    await new Promise((next) => setTimeout(next, 10));
  }
  return tookMs.map(median);
}

function rowOf(name: string, [few = NaN, many = NaN]: readonly number[], most: number): Row {
  return {
    name,
    value: many / few,
    unit: "x",
    budget: { most },
    note: `${(1_000 * few).toFixed(0)} us and ${(1_000 * many).toFixed(0)} us`,
  };
}

export async function inbox(place: Place): Promise<Row[]> {
  const counts = [1_000, place.pick(50_000, 400_000)] as const;
  const homes = counts.map(() => place.newHome());
  const nodes: Node[] = [];
  for (const [i, home] of homes.entries()) {
    const node = localNode(place, home, "reader");
    const { id } = await node.enter();
    fill(home, id, counts[i] ?? 0);
    nodes.push(node);
  }
  const many = counts[1].toLocaleString("en-US");
  const unread = await inTurns(nodes);
  for (const home of homes) markAllSeen(home);
  const nothing = await inTurns(nodes);
  for (const node of nodes) await node.leave();
  return [
    rowOf(`an inbox read, ${many} unread to 1,000`, unread, 1.5),
    rowOf(`an empty check, ${many} seen to 1,000`, nothing, 1.5),
  ];
}
