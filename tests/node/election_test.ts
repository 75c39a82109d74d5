// The election between its looks: what a tick has seen before the seat was won must not depose the
// winner, and what a skipped tick has seen must not be lost.

import { assertEquals } from "@std/assert";
import { Election, type Seat } from "../../src/node/election.ts";

/** An election whose ballot is this test's own: a take waits at the gate, and the old leader can be let die. */
function gatedElection(): {
  election: Election;
  log: string[];
  die: () => void;
  open: () => void;
  usurp: () => void;
} {
  let row: Seat = { incarnation: "old", epoch: 1, current: true };
  let open = (): void => {};
  const gate = new Promise<void>((done) => open = done);
  let freed = (): void => {};
  const free = new Promise<void>((done) => freed = done);
  let dead = false;
  const log: string[] = [];
  const election = new Election({
    me: "me",
    seat: () => Promise.resolve({ ...row }),
    take: async (epoch) => {
      await gate;
      if (row.epoch !== epoch) return null;
      row = { incarnation: "me", epoch: epoch + 1, current: true };
      return row.epoch;
    },
    held: (name) => name === "old" && dead ? "free" : "held",
    pulseOf: () => 1,
    freed: (name) => name === "old" ? free : new Promise(() => {}),
    holdBackMs: () => Promise.resolve(0),
    sleep: () => Promise.resolve(),
    leading: (epoch) => void log.push(`leading ${epoch}`),
    deposed: () => void log.push("deposed"),
  });
  const usurp = (): void =>
    void (row = { incarnation: "other", epoch: row.epoch + 1, current: true });
  return { election, log, open, usurp, die: () => (dead = true, freed()) };
}

Deno.test("Election: a tick that looked before the seat was won does not depose the winner", async () => {
  const { election, log, die, open } = gatedElection();
  await election.look();
  die();
  // Let it come to the gate: what follows is queued behind it.
  for (let i = 0; i < 10; i++) await Promise.resolve();
  const tick = election.tick(false, false, 2);
  open();
  await tick;
  await election.look();
  assertEquals(log, ["leading 2"]);
});

Deno.test("Election: what a skipped tick has seen is looked at by the next one", async () => {
  const { election, log, die, open, usurp } = gatedElection();
  await election.look();
  die();
  open();
  await election.look();
  assertEquals(log, ["leading 2"]);
  await election.tick(false, false);
  usurp();
  const first = election.tick(false, false);
  const skipped = election.tick(false, true);
  await Promise.all([first, skipped]);
  await election.tick(false, false);
  assertEquals(log, ["leading 2", "deposed"]);
});
