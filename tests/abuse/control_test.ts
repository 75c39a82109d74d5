// Control: what was paused changes nothing and goes on reading, what the human stopped no agent lets
// go, what was ended is over at once, and what may be used is not raised by whoever uses it.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { CATALOGUE } from "../../src/catalogue.ts";
import { withFlock } from "../cluster/flock.ts";
import { withShell } from "../door/shell.ts";
import { type Flock, flockTest, type Json } from "../operations/flock.ts";
import { eventually } from "../support/eventually.ts";
import { codeOf, count, Guest, rows, Tally } from "./ground.ts";
import { ROWS } from "./role_table.ts";

const tally = new Tally();

/** Operations that write; of some of them only some calls do. */
const READING = /^(run (list|status)|policy|control (ping|all))$/;
const WRITES = new Set(CATALOGUE.filter((one) => one.effect === "write").map(({ name }) => name));

flockTest("pause: stops every write through every operation, and no read", async (flock) => {
  const { lead, anna } = await flock.crew();
  await flock.member("dummy");
  const human = new Guest(flock);
  // As the architect it may everything that an agent may.
  await lead.call("join", { role: "worker" });
  await anna.call("join", { role: "architect" });
  await anna.call("create_task", { title: "one" });
  await anna.call("claim_task", { id: "t1" });
  await human.call("control", { action: "pause", peer: "anna", value: "wait" });
  const wrong: string[] = [];
  const before = rows(flock.home, "SELECT * FROM task");
  for (const { what, operation, args } of ROWS) {
    const exempt = ["report_usage", "report_waiting", "note_attempt", "end_attempt"]
      .includes(operation);
    const writes = WRITES.has(operation) && !READING.test(what) && !exempt;
    const given = operation === "update_task" ? { id: "t1", ...args } : args;
    if (writes) tally.add("paused", what);
    const code = await codeOf(anna.call(operation, given));
    if ((code === "PAUSED") !== writes) wrong.push(`${what}: ${code}`);
  }
  assertEquals(wrong, []);
  assertEquals(rows(flock.home, "SELECT * FROM task"), before);
  await tally.refused("PAUSED", anna, "complete_task", { id: "t1", summary: "done" });
  await human.call("control", { action: "resume", peer: "anna" });
  await anna.call("complete_task", { id: "t1", summary: "done" });
});

flockTest("pause: mail comes, status shows it, and usage is still reported", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  await lead.call("control", { action: "pause", peer: "anna", value: "too fast" });
  await bob.call("send", { to: "anna", content: "read me" });
  const contents = (await anna.inbox()).map((message) => message.content);
  assert(contents.some((text) => /lead paused you: too fast/.test(text)), contents.join());
  assert(contents.includes("read me"));
  const { attention, peers } = await bob.call("status");
  assert(attention.some((one: Json) => one.kind === "paused" && one.subject === "anna"));
  assertMatch(peers.find((one: Json) => one.name === "anna").paused, /lead: too fast/);
  assertEquals((await anna.call("report_usage", { tokens: 7 })).used.tokens, 7);
  for (const action of ["resume", "pause", "kill", "budget"]) {
    await tally.refused("PAUSED", anna, "control", { action, peer: "bob", value: "none" });
  }
});

flockTest("pause: of everybody spares whoever has to undo it", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const far = await flock.member("far", { folder: "elsewhere" });
  const human = new Guest(flock);
  await human.call("status");
  await lead.call("control", { action: "pause", peer: "*" });
  for (const who of [anna, bob]) await tally.refused("PAUSED", who, "create_task", { title: "x" });
  for (const who of [lead, far, human]) await who.call("create_task", { title: "x" });
  await human.call("control", { action: "pause", peer: "*" });
  await tally.refused("PAUSED", lead, "create_task", { title: "x" });
  await human.call("create_task", { title: "x" });
  await human.call("control", { action: "resume", peer: "*" });
  for (const who of [lead, anna, bob]) await who.call("create_task", { title: "x" });
});

flockTest("control: nobody controls itself, nor whoever is above it", async (flock) => {
  const { lead, anna } = await flock.crew();
  const paul = await flock.member("paul", { role: "worker" });
  const olga = await flock.member("olga", { role: "observer" });
  const far = await flock.member("far", { folder: "elsewhere" });
  const human = new Guest(flock);
  await human.call("status");
  for (const action of ["pause", "resume", "kill", "budget", "ping"]) {
    for (const who of [anna, paul, olga]) {
      for (const peer of ["lead", "anna", "olga", "*", "operator"]) {
        await tally.refused("NOT_ALLOWED", who, "control", { action, peer, value: "none" });
      }
    }
    if (action !== "ping") {
      await tally.refused("NOT_ALLOWED", lead, "control", { action, peer: "lead", value: "none" });
    }
    const unfit = ["NOT_ALLOWED", "UNKNOWN_PEER"];
    await tally.refused(unfit, lead, "control", { action, peer: "operator", value: "none" });
    await tally.refused(unfit, human, "control", { action, peer: "operator", value: "none" });
    await tally.refused("UNKNOWN_PEER", lead, "control", { action, peer: "far", value: "none" });
    for (const peer of ["LEAD", "nobody", "architect", "%", "a*", "' OR 1=1 --"]) {
      await tally.refused("UNKNOWN_PEER", lead, "control", { action, peer, value: "none" });
    }
  }
  for (const action of ["stop", "KILL", "", null, 1, ["kill"]]) {
    await tally.refused("INVALID_INPUT", lead, "control", { action, peer: "anna" });
  }
  for (const who of [lead, anna, far]) await who.call("create_task", { title: "x" });
});

/** What the human has done to bob; then everything the architect can think of; is bob still stopped? */
async function undone(
  flock: Flock,
  before: readonly string[],
  actions: readonly string[],
): Promise<boolean> {
  const { lead, bob } = await flock.crew();
  const human = new Guest(flock);
  if (before[0] === "architect first") await lead.call("control", { action: "pause", peer: "bob" });
  await human.call("control", { action: before.at(-1), peer: "bob" });
  for (const action of actions) {
    for (const peer of ["bob", "*"]) {
      tally.add(before, action, peer);
      await codeOf(lead.call("control", { action, peer, value: "none" }));
    }
  }
  if (before.at(-1) === "pause") {
    return await codeOf(bob.call("create_task", { title: "x" })) === "ok";
  }
  return await codeOf(flock.member("bob")) === "ok";
}

const STOPS: readonly [string, readonly string[], readonly string[]][] = [
  ["paused, the architect resumes", ["pause"], ["resume"]],
  ["paused, the architect pauses and resumes", ["pause"], ["pause", "resume"]],
  ["paused, the architect sets a budget and resumes", ["pause"], ["budget", "resume"]],
  ["paused after the architect had, the architect resumes", ["architect first", "pause"], [
    "resume",
  ]],
  ["killed, the architect resumes", ["kill"], ["resume"]],
  ["killed, the architect kills again and resumes", ["kill"], ["kill", "resume"]],
  ["killed, the architect pauses and resumes", ["kill"], ["pause", "resume"]],
];

for (const [what, before, actions] of STOPS) {
  flockTest(`control: what the human has done no agent undoes: ${what}`, async (flock) => {
    assertEquals(await undone(flock, before, actions), false);
  });
}

flockTest("pause: leaving and coming back changes nothing about it", async (flock) => {
  const { lead } = await flock.crew();
  const carl = await flock.member("carl", { session: "s1" });
  await lead.call("control", { action: "pause", peer: "carl" });
  await carl.leave();
  const ways = [
    () => flock.member("carl"),
    () => flock.member(null, { session: "s1" }),
    () => flock.member("carl", { session: "s1", role: "worker" }),
  ];
  for (const way of ways) {
    tally.add("paused", way.toString());
    const back = await way();
    await tally.refused("PAUSED", back, "create_task", { title: "x" });
    await back.leave();
  }
});

flockTest(
  "pause: coming back under no name and taking the old one changes nothing",
  async (flock) => {
    const { lead, bob } = await flock.crew();
    await lead.call("control", { action: "budget", peer: "bob", value: "tokens=10" });
    await bob.call("report_usage", { tokens: 10 });
    await lead.call("control", { action: "pause", peer: "bob" });
    await bob.leave();
    const back = await flock.member(null);
    tally.add("paused and back by way of another name");
    if (await codeOf(back.call("join", { name: "bob" })) === "ok") {
      await tally.refused("PAUSED", back, "create_task", { title: "x" });
      await lead.call("control", { action: "resume", peer: "bob" });
      await tally.refused("BUDGET_SPENT", back, "claim_task");
    }
  },
);

flockTest("pause: ends a wait for a lock, and nothing of the wait is left", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  await anna.call("lock_file", { paths: ["a.ts"] });
  const waiting = codeOf(bob.call("lock_file", { paths: ["a.ts"], wait_ms: 20_000 }));
  const waits = (): number => count(flock.home, "SELECT count(*) FROM lock_wait");
  await eventually(() => waits() === 1);
  await lead.call("control", { action: "pause", peer: "bob" });
  assertEquals(await waiting, "PAUSED");
  assertEquals(waits(), 0, "the wait of a paused peer stands in others' way");
});

flockTest(
  "kill: ends claims, locks and waits at once; the same one does not come back",
  async (flock) => {
    const { lead, anna } = await flock.crew();
    const bob = await flock.member("bert", { session: "s-bert" });
    const { id } = await lead.call("create_task", { title: "a" });
    await bob.call("claim_task", { id });
    await bob.call("lock_file", { paths: ["a.ts"] });
    const wait = codeOf(bob.call("check", { wait_ms: 20_000 }));
    const { peers } = await lead.call("control", { action: "kill", peer: "bert" });
    assertEquals(peers[0].state, "killed");
    assertEquals((await lead.call("list_locks")).locks, []);
    assertEquals((await anna.call("claim_task", { id })).task.id, id);
    assertEquals(await wait, "KILLED");
    for (const { operation, args } of ROWS) {
      const given = operation === "update_task" ? { id: "t1", ...args } : args;
      await tally.refused("KILLED", bob, operation, given);
    }
    const ways = [() => flock.member("bert"), () => flock.member(null, { session: "s-bert" })];
    for (const way of ways) {
      tally.add(way.toString());
      assertEquals(await codeOf(way()), "KILLED");
    }
    await new Guest(flock).call("control", { action: "resume", peer: "bert" });
    // The life that was ended stays so; the next one may come.
    await tally.refused("NOT_JOINED", bob, "status");
    const back = await flock.member(null, { session: "s-bert" });
    assertEquals((await back.call("join")).you.name, "bert");
  },
);

flockTest("kill: of the leading node moves the lead", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  assertEquals((await anna.call("status")).leader.name, "lead");
  await new Guest(flock).call("control", { action: "kill", peer: "lead" });
  const name = await eventually(async () => {
    const { leader } = await bob.call("status");
    return leader !== null && leader.name !== "lead" && leader.name;
  });
  assert(["anna", "bob"].includes(name));
  await eventually(() => lead.node.epoch === null, { what: "the ended one stops leading" });
});

Deno.test("kill: by the human of a server that leads: it is over, and another leads", async () => {
  await withFlock(async (flock) => {
    const [lead] = await flock.joinAll("lead", "ann");
    const before = flock.leader();
    assertEquals((await flock.cli(["control", "kill", "lead"])).code, 0);
    for (const tool of ["status", "send", "join", "list_audit"]) {
      tally.add("mcp", tool);
      assertEquals(
        (await lead?.call(tool, {}))?.json.error.code,
        tool === "send" ? "INVALID_INPUT" : "KILLED",
      );
    }
    assertEquals((await flock.nextLeader(before, 5_000)).name, "ann");
    const again = await flock.start({ name: "lead" });
    tally.add("mcp", "the same name");
    assertEquals((await again.call("join")).json.error?.code, "KILLED");
    assertEquals((await flock.cli(["control", "resume", "lead"])).code, 0);
    assertEquals((await again.ok("join")).you.name, "lead");
    assertEquals((await lead?.call("status"))?.isError, true);
  });
});

Deno.test("control: pause --all and its like on the command line", async () => {
  await withShell(async (shell) => {
    for (const name of ["w1", "w2"]) await shell.ok("join", "--as", name);
    const { peers } = await shell.ok("control", "pause", "--all", "lunch");
    assertEquals(peers.map((one: Json) => [one.name, one.paused]), [
      ["w1", "operator: lunch"],
      ["w2", "operator: lunch"],
    ]);
    for (const name of ["w1", "w2"]) {
      tally.add("cli", name);
      const ran = await shell.run(["task", "create", "x", "--as", name, "--json"]);
      assertEquals([ran.code, ran.json.error?.code], [4, "PAUSED"]);
    }
    await shell.ok("task", "create", "by the human");
    await shell.ok("control", "resume", "--all");
    await shell.ok("task", "create", "again", "--as", "w1");
    tally.add("cli: neither peer nor --all");
    assertEquals((await shell.run(["control", "pause", "--json"])).code, 2);
  });
});

tally.print();
