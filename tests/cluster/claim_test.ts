// One claim. Sixteen processes that embed the node race for two thousand tasks, half of them for
// the very same task at every moment; servers driven through MCP and plain command line calls take
// part as well. The store says who won, and has to agree with what every winner was told.

import { assert, assertEquals } from "@std/assert";
import type { Peer } from "../support/peer.ts";
import { type Flock, withFlock } from "./flock.ts";

const RACERS = 16;
const TASKS = 2_000;

interface Won {
  readonly by: string;
  readonly id: string;
  readonly epoch: number;
}

interface ClaimAnswer {
  readonly task: { readonly id: string } | null;
  readonly epoch?: number;
}

Deno.test("promise 2: 2,000 claims raced for by 16 processes have one winner each", async () => {
  await withFlock(async (flock) => {
    const boss = await flock.join({ name: "boss", role: "architect" });
    for (let made = 0; made < TASKS; made += 1_000) {
      const tasks = Array.from({ length: 1_000 }, (_, i) => ({ title: `task ${made + i}` }));
      await boss.ok("create_task", { tasks });
    }
    const racers = Array.from({ length: RACERS }, (_, i) => {
      const way = i % 2 === 0 ? "named" : "best";
      return flock.script("racer.ts", { name: `racer-${i}` }, [way, String(TASKS)]);
    });
    await Promise.all(racers.map((one) => one.line((line) => line.includes("joined"))));
    const servers = await flock.joinAll("mcp-1", "mcp-2");
    // Somebody without a process begins, so that it takes part and does not come to a cleared table.
    const first = await byCommand(flock, "cli-1");
    assert(first !== null);
    for (const racer of racers) await racer.say("go");
    const others = await Promise.all([
      ...servers.map((peer, i) => claimAll(`mcp-${i + 1}`, () => byServer(peer, `mcp-${i + 1}`))),
      ...["cli-1", "cli-2"].map((name) => claimAll(name, () => byCommand(flock, name))),
    ]);
    const won = [first, ...others.flat()];
    for (const [i, racer] of racers.entries()) {
      const line = await racer.line((text) => text.includes("won"));
      const { won: mine } = JSON.parse(line) as { won: Omit<Won, "by">[] };
      for (const one of mine) won.push({ ...one, by: `racer-${i}` });
    }
    assertOneWinnerEach(flock, won);
  });
});

async function claimAll(_name: string, claim: () => Promise<Won | null>): Promise<Won[]> {
  const won: Won[] = [];
  for (let one = await claim(); one !== null; one = await claim()) won.push(one);
  return won;
}

function wonBy(by: string, { task, epoch }: ClaimAnswer): Won | null {
  return task === null ? null : { by, id: task.id, epoch: epoch ?? Number.NaN };
}

async function byServer(peer: Peer, name: string): Promise<Won | null> {
  return wonBy(name, await peer.ok("claim_task") as ClaimAnswer);
}

async function byCommand(flock: Flock, name: string): Promise<Won | null> {
  const { code, json, stdout, stderr } = await flock.cli<ClaimAnswer>([
    "task",
    "claim",
    "--as",
    name,
  ]);
  assertEquals(code, 0, stdout + stderr);
  return wonBy(name, json);
}

function assertOneWinnerEach(flock: Flock, won: readonly Won[]): void {
  assertEquals(won.length, TASKS, "winners");
  assertEquals(new Set(won.map(({ id }) => id)).size, TASKS, "tasks that were won");
  const rows = flock.rows<{ id: string; name: string; claim_epoch: number; attempts: number }>(
    `SELECT t.id, p.name, t.claim_epoch, t.attempts FROM task t
     LEFT JOIN peer p ON p.id = t.claimed_by`,
  );
  const told = new Map(won.map((one) => [one.id, one]));
  for (const row of rows) {
    const one = told.get(row.id);
    assertEquals(
      { by: row.name, epoch: row.claim_epoch, attempts: row.attempts },
      { by: one?.by, epoch: 1, attempts: 1 },
      `${row.id} was won by ${JSON.stringify(one)}`,
    );
  }
  const journal = flock.rows<{ subject: string; n: number }>(
    "SELECT subject, count(*) AS n FROM journal WHERE op = 'claim_task' GROUP BY subject",
  );
  assertEquals(journal.length, TASKS);
  assertEquals(journal.filter(({ n }) => n !== 1), []);
  for (const kind of ["racer", "mcp", "cli"]) {
    assert(won.some(({ by }) => by.startsWith(kind)), `no ${kind} won anything`);
  }
}
