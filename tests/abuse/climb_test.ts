// Ways up: the seat of the architect, the human's role, a role that was given, a name whose peer was
// ended. Through the node, through a server of its own, and through the command line.

import { assertEquals, assertNotEquals } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { flockTest, type Json } from "../operations/flock.ts";
import { withShell } from "../door/shell.ts";
import { withFlock } from "../cluster/flock.ts";
import { CATALOGUE } from "../../src/catalogue.ts";
import { alter, count, Guest, Tally } from "./ground.ts";
import { ROWS } from "./role_table.ts";

const tally = new Tally();

const OPERATORS = ["operator", "Operator", "OPERATOR", "skein", "SKEIN", "all", "me", "*"];
/** Names that only look like it, or are none. */
const LOOKALIKES = [
  "\u043eperator",
  "operator\u200b",
  " operator",
  "operator ",
  "operator\u0000",
  "operator\n",
  "",
  "../operator",
  "-operator",
  "a".repeat(65),
];

flockTest("climb: nobody joins as the human, by role or by name", async (flock) => {
  const { lead, anna } = await flock.crew();
  const carl = await flock.member("carl", { role: "worker" });
  const olga = await flock.member("olga", { role: "observer" });
  for (const who of [lead, anna, carl, olga]) {
    await tally.refused("NOT_ALLOWED", who, "join", { role: "operator" });
    for (const name of [...OPERATORS, ...LOOKALIKES]) {
      await tally.refused(["INVALID_INPUT", "TOO_LARGE"], who, "join", { name });
    }
  }
  for (const role of ["Architect", "admin", "root", "operator ", "", null, ["architect"], 1]) {
    await tally.refused("INVALID_INPUT", anna, "join", { role });
  }
});

flockTest(
  "climb: a role that was given stays, whatever is asked and whoever is gone",
  async (flock) => {
    const { lead, anna, bob } = await flock.crew();
    const carl = await flock.member("carl", { role: "worker" });
    const olga = await flock.member("olga", { role: "observer" });
    await tally.refused("NOT_ALLOWED", carl, "join", { role: "architect" });
    for (const one of [lead, anna, bob]) await one.leave();
    await tally.refused("NOT_ALLOWED", carl, "join", { role: "architect" });
    await tally.refused("NOT_ALLOWED", carl, "join", { role: "observer" });
    for (const role of ["architect", "worker"]) {
      await tally.refused("NOT_ALLOWED", olga, "join", { role });
    }
    assertEquals((await carl.call("join")).you.role, "worker");
    // The same name comes back without a role of its own: it keeps the one it was given.
    await carl.leave();
    await olga.leave();
    const again = await flock.member("carl");
    assertEquals((await again.call("join")).you.role, "worker");
    await tally.refused("NOT_ALLOWED", again, "join", { role: "architect" });
    const watcher = await flock.member("olga");
    assertEquals((await watcher.call("join")).you.role, "observer");
  },
);

flockTest("climb: the seat is for one, and free the moment its holder is ended", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  for (const who of [anna, bob]) {
    await tally.refused("ROLE_TAKEN", who, "join", { role: "architect" });
  }
  const wish = await flock.member("wish", { role: "architect" });
  assertEquals((await wish.call("join")).you.role, "worker");
  await tally.refused("NOT_ALLOWED", wish, "control", { action: "ping", peer: "anna" });
  await wish.leave();
  await new Guest(flock).call("control", { action: "kill", peer: "lead" });
  const both = await Promise.all(
    [anna, bob].map((who) =>
      who.call("join", { role: "architect" }).then(() => "ok", (thrown) => thrown.code)
    ),
  );
  assertEquals(both.sort(), ["ROLE_TAKEN", "ok"]);
  await tally.refused("KILLED", lead, "join", { role: "architect" });
});

flockTest("climb: a killed peer's name brings nothing, whoever takes it", async (flock) => {
  const { lead, anna } = await flock.crew();
  const bob = await flock.member("boss", { session: "s-boss" });
  const { you } = await bob.call("join");
  const { id } = await lead.call("create_task", { title: "a" });
  await bob.call("claim_task", { id });
  await lead.call("send", { to: "boss", content: "for boss alone" });
  const human = new Guest(flock);
  await human.call("control", { action: "kill", peer: "boss" });
  await tally.refused("NAME_TAKEN", anna, "join", { name: "boss" });
  const attempts = [
    () => flock.member("boss"),
    () => flock.member("boss", { role: "architect" }),
    () => flock.member(null, { session: "s-boss" }),
    () => flock.member("other", { session: "s-boss" }),
    () => new Guest(flock, { name: "boss" }).call("join"),
    () => new Guest(flock, { session: "s-boss" }).call("join"),
    () => new Guest(flock, { session: "s-boss", name: "boss", role: "architect" }).call("join"),
  ];
  for (const attempt of attempts) {
    tally.add("killed", attempt.toString());
    const code = await attempt().then(() => "ok", (thrown) => thrown.code);
    assertEquals(code, "KILLED", attempt.toString());
  }
  // Another session that is given the name is somebody else: none of the first one's comes with it.
  const heir = await flock.member("boss", { session: "s-other" });
  const joined = await heir.call("join");
  assertNotEquals(joined.you.id, you.id);
  assertEquals([joined.you.role, joined.lost, joined.unread], ["worker", [], 0]);
  assertEquals(await heir.inbox(), []);
  assertEquals((await lead.call("get_task", { id })).task.claimed_by, null);
});

/** Lets a lease run out, and waits until whoever leads has noticed. */
async function leaseOver(home: string, name: string): Promise<void> {
  alter(home, "UPDATE peer SET lease_until_s = 0 WHERE name = ?", name);
  await eventually(() => count(home, "SELECT state = 'gone' FROM peer WHERE name = ?", name) === 1);
}

flockTest("climb: the shell of a pinned worker after its lease asks for more", async (flock) => {
  const lead = await flock.member("lead");
  await flock.member("olga", { role: "observer" });
  const shell = { session: "s-worker" };
  const joined = await new Guest(flock, { ...shell, role: "worker" }).call("join");
  assertEquals(joined.you.role, "worker");
  await lead.leave();
  const more: readonly Record<string, unknown>[] = [
    { role: "architect" },
    { role: "architect", name: joined.you.name },
    { role: "architect", name: "somebody-new" },
  ];
  for (const ended of [false, true]) {
    // With a lease that runs and with one that is over.
    if (ended) await leaseOver(flock.home, joined.you.name);
    for (const one of more) {
      tally.add("shell", ended, one);
      const guest = new Guest(flock, { ...shell, ...one });
      const role = await guest.call("join").then((it: Json) => it.you.role, () => "refused");
      assertNotEquals(role, "architect", Deno.inspect(one));
    }
    const asking = new Guest(flock, shell);
    await tally.refused("NOT_ALLOWED", asking, "join", { role: "architect" });
  }
});

Deno.test("climb: through a server, roles hold for what no list shows, too", async () => {
  await withFlock(async (flock) => {
    await flock.joinAll("lead", "dummy");
    const olga = await flock.join({ name: "olga", role: "observer" });
    const paul = await flock.join({ name: "paul", role: "worker" });
    const checked: string[] = [];
    for (const [peer, kind] of [[olga, "O"], [paul, "P"]] as const) {
      for (const { what, operation, args, who } of ROWS) {
        // Of a task that is not there, that comes first.
        if (who.strict.includes(kind) || /update_task|run/.test(what)) continue;
        tally.add("mcp", kind, what);
        const { isError, json } = await peer.call(operation, args);
        if (!isError || json.error.code !== "NOT_ALLOWED") checked.push(`${kind} ${what}`);
      }
    }
    assertEquals(checked, []);
    const { tools } = await olga.client.listTools();
    const unlisted = CATALOGUE.filter(({ unlisted }) => unlisted === true).map(({ name }) => name);
    assertEquals(tools.filter(({ name }) => unlisted.includes(name)), []);
    tally.add("mcp", "a second architect");
    const second = await flock.join({ name: "second", role: "architect" });
    assertEquals((await second.ok("join")).you.role, "worker");
  });
});

Deno.test("climb: on the command line, roles hold and the human cannot be named", async () => {
  await withShell(async (shell) => {
    const eve = { SKEIN_NAME: "eve", SKEIN_ROLE: "observer" };
    const w1 = { SKEIN_NAME: "w1" };
    const decide = ["memory", "set", "k", "v", "--type", "decision"];
    await shell.ok("policy", "strict");
    const refused: readonly [Record<string, string>, string, ...string[]][] = [
      [eve, "NOT_ALLOWED", "task", "create", "x"],
      [eve, "NOT_ALLOWED", "policy", "open"],
      [eve, "NOT_ALLOWED", "control", "kill", "--all"],
      [eve, "NOT_ALLOWED", "audit", "list"],
      [eve, "NOT_ALLOWED", "join", "--role", "architect"],
      [{ ...w1, SKEIN_POLICY: "open" }, "NOT_ALLOWED", ...decide],
      [{ ...w1, SKEIN_POLICY: "lite" }, "NOT_ALLOWED", "task", "create", "x"],
      [{ SKEIN_POLICY: "anarchy" }, "INVALID_INPUT", "status"],
      [{ SKEIN_RATE: "-1" }, "INVALID_INPUT", "status"],
      [{ SKEIN_ROLE: "operator" }, "INVALID_INPUT", "status"],
      [{ SKEIN_NAME: "operator" }, "INVALID_INPUT", "status"],
      [{}, "INVALID_INPUT", "status", "--as", "operator"],
      [{}, "INVALID_INPUT", "status", "--as", "skein"],
    ];
    const got = await Promise.all(refused.map(async ([env, code, ...args]) => {
      tally.add("cli", env, args);
      const { json } = await shell.run([...args, "--json"], { env });
      return json.error?.code === code ? "" : `${args.join(" ")}: ${JSON.stringify(json)}`;
    }));
    assertEquals(got.filter((one) => one !== ""), []);
  });
});

tally.print();
