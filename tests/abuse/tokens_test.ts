// Tokens: what was not signed here, not for this, or not for this life gets nowhere and leaves nothing;
// what holds acts as its peer and as nobody else; whoever has a node never notices that tokens end.

import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { LIMITS } from "../../src/core/limits.ts";
import { issueToken, readToken } from "../../src/peer/token.ts";
import { openStore } from "../../src/store/open.ts";
import { withFlock } from "../cluster/flock.ts";
import { type Shell, withShell } from "../door/shell.ts";
import { Stored } from "../door/stored.ts";
import { type Flock, flockTest, type Json, type Member } from "../operations/flock.ts";
import { withHome } from "../support/home.ts";
import { type BadToken, forged, malformed, untrue } from "./bad_tokens.ts";
import { alter, Bearer, codeOf, Guest, Tally } from "./ground.ts";

const tally = new Tally();

async function tokenOf(who: { call(name: string): Promise<Json> }): Promise<string> {
  return (await who.call("issue_token")).token;
}

/** What is tried with every bad token: a write, another write, a read, a way to get a better one. */
const TRIES: readonly [string, Record<string, unknown>][] = [
  ["send", { to: "lead", content: "unfit words" }],
  ["create_task", { title: "unfit words" }],
  ["status", {}],
  ["issue_token", {}],
];

async function refuseAll(flock: Flock, lead: Member, bad: readonly BadToken[]): Promise<void> {
  const store = await lead.node.store();
  const stored = new Stored(flock.home);
  try {
    const before = stored.look();
    const wrong: string[] = [];
    for (const { what, token, codes } of bad) {
      tally.add(what, token);
      for (const [name, args] of TRIES) {
        const code = await codeOf(new Bearer(store, token).call(name, args));
        if (!codes.includes(code)) wrong.push(`${what}: ${name} gave ${code}`);
      }
    }
    assertEquals(wrong, []);
    assertEquals(stored.look(), before, "something was stored");
    assertEquals(/unfit words/.test(stored.refusals()), false, "a refusal tells what was said");
  } finally {
    stored.close();
  }
}

flockTest("token: what this home has not signed is refused and leaves nothing", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const good = await tokenOf(anna);
  const claims = readToken((await lead.node.store()).secret, good);
  await refuseAll(flock, lead, [...malformed(good, await tokenOf(bob)), ...forged(claims, good)]);
});

flockTest("token: what is signed and not so is refused and leaves nothing", async (flock) => {
  const { lead, anna } = await flock.crew();
  await new Guest(flock).call("status");
  await new Guest(flock).call("join");
  const { secret } = await lead.node.store();
  await refuseAll(flock, lead, untrue(secret, readToken(secret, await tokenOf(anna))));
});

flockTest("token: of a life that is over it is refused", async (flock) => {
  const lead = await flock.member("lead");
  const { secret } = await lead.node.store();
  const bad: BadToken[] = [];
  const left = await flock.member("left");
  bad.push({ what: "left", token: await tokenOf(left), codes: ["NOT_JOINED"] });
  await left.leave();
  const killed = await flock.member("killed");
  bad.push({ what: "killed", token: await tokenOf(killed), codes: ["KILLED"] });
  await lead.call("control", { action: "kill", peer: "killed" });
  const old = await flock.member(null, { session: "s1" });
  bad.push({ what: "superseded", token: await tokenOf(old), codes: ["FENCED"] });
  await flock.member(null, { session: "s1" });
  const gone = await flock.member("gone");
  bad.push({ what: "back again", token: await tokenOf(gone), codes: ["FENCED"] });
  await gone.leave();
  await flock.member("gone");
  const role = await flock.member("role");
  bad.push({ what: "other role", token: await tokenOf(role), codes: ["TOKEN_STALE"] });
  await role.call("join", { role: "observer" });
  await refuseAll(flock, lead, bad);
  // Let back by the human, it still is the old life's.
  await new Guest(flock).call("control", { action: "resume", peer: "killed" });
  const again = bad.filter(({ what }) => what === "killed");
  await refuseAll(flock, lead, again.map((one) => ({ ...one, codes: ["NOT_JOINED"] })));
  assertEquals(readToken(secret, bad[0]?.token ?? "").role, "worker");
});

flockTest("token: of another home it is refused, the names being the same", async (flock) => {
  const { lead } = await flock.crew();
  await withHome(async (home) => {
    const store = await home.open();
    const mine = readToken((await lead.node.store()).secret, await tokenOf(lead));
    const token = issueToken(store.secret, mine);
    await refuseAll(flock, lead, [{ what: "another home's", token, codes: ["TOKEN_INVALID"] }]);
  });
});

flockTest("token: holds as long as it says", async (flock) => {
  const { lead, anna } = await flock.crew();
  const store = await lead.node.store();
  const { token, expires_in_s } = await anna.call("issue_token", { ttl_s: 60 });
  assertEquals(expires_in_s, 60);
  const bearer = new Bearer(store, token);
  assertEquals((await bearer.call("join")).you.name, "anna");
  flock.pass(50);
  assertEquals((await bearer.call("join")).you.name, "anna");
  flock.pass(11);
  for (const [name, args] of TRIES) await tally.refused("TOKEN_EXPIRED", bearer, name, args);
  for (const ttl_s of [0, -1, 59, 7 * LIMITS.tokenS + 1, 1e300, Number.NaN, "forever", null]) {
    await tally.refused("INVALID_INPUT", anna, "issue_token", { ttl_s });
  }
});

flockTest("token: cannot renew itself beyond the human's reach", async (flock) => {
  const { anna, lead } = await flock.crew();
  const store = await lead.node.store();
  const first = new Bearer(store, (await anna.call("issue_token", { ttl_s: 60 })).token);
  const second = new Bearer(store, await tokenOf(first));
  await lead.call("control", { action: "kill", peer: "anna" });
  for (const who of [first, second, anna]) await tally.refused("KILLED", who, "status");
});

Deno.test("token: after a reboot, which counts seconds anew, none lives longer than it said", async () => {
  await withHome(async (home) => {
    const wallMs = Date.now();
    const before = await home.open({ wallMs: () => wallMs, upS: () => 1_000_000 });
    home.addPeer("anna", { kind: "leased", leaseUntilS: 1_000_900 });
    const claims = {
      peer: "id-anna",
      role: "worker" as const,
      project: "/p",
      incarnation: "life-of-anna",
      issuedS: 1_000_000,
      expiresS: 1_000_060,
    };
    const token = issueToken(before.secret, claims);
    assertEquals((await new Bearer(before, token).call("join")).you.name, "anna");
    before.engine.close();
    const after = await openStore(home.folder, {
      wallMs: () => wallMs + 3_600_000,
      upS: () => 300,
    });
    try {
      tally.add("of an earlier boot");
      const code = await codeOf(new Bearer(after, token).call("join"));
      assertMatch(code, /^(TOKEN_|NOT_JOINED|FENCED)/, "an hour later a token of a minute holds");
    } finally {
      after.engine.close();
    }
  });
});

flockTest("token: a node's own is renewed unnoticed, by time and by role", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  for (const seconds of [LIMITS.tokenS / 2 + 10, 10 * LIMITS.tokenS, 1]) {
    flock.pass(seconds);
    assertEquals((await anna.call("send", { to: "bob", content: "still here" })).to.bob, "queued");
    assertEquals((await anna.call("join")).you.role, "worker");
  }
  for (const role of ["observer", "worker", "observer", "worker"]) {
    await anna.call("join", { role });
    assertEquals((await anna.call("join")).you.role, role);
  }
  // The role changes by the hand of others: the seat is passed on.
  const next = await flock.member("next", { role: "architect" });
  await lead.call("join", { role: "worker" });
  await next.call("control", { action: "ping", peer: "anna" });
  assertEquals((await lead.call("join")).you.role, "worker");
  await tally.refused("NOT_ALLOWED", lead, "control", { action: "ping", peer: "anna" });
  // What a node hands out after that is of the present role.
  const bearer = new Bearer(await bob.node.store(), await tokenOf(next));
  assertEquals((await bearer.call("join")).you.role, "architect");
});

const SPOOFS: readonly unknown[] = ["bob", "lead", "operator", "ANNA", "", " anna", 1, null, {}, [
  "anna",
]];
const FIELDS = ["agent_id", "sender_id", "terminal_id", "worker_id", "from_peer"];

flockTest("identity: who a call says it is has to be who it is", async (flock) => {
  const { anna, lead } = await flock.crew();
  const bearer = new Bearer(await lead.node.store(), await tokenOf(anna));
  for (const who of [anna, bearer]) {
    for (const field of FIELDS) {
      for (const value of SPOOFS) {
        await tally.refused("NOT_YOU", who, "status", { [field]: value });
        const message = { to: "lead", content: "x", [field]: value };
        await tally.refused("NOT_YOU", who, "send_message", message);
      }
      assertNotEquals(await who.call("list_tasks", { [field]: "anna" }), null);
    }
    await tally.refused("NOT_YOU", who, "status", { agent_id: "anna", from_peer: "bob" });
    for (const field of ["from", "sender", "actor", "as", "token", "incarnation", "__proto__x"]) {
      await tally.refused("INVALID_INPUT", who, "status", { [field]: "bob" });
    }
  }
  assertEquals(await lead.inbox(), []);
});

async function forgeries(shell: Shell, good: string, other: string): Promise<BadToken[]> {
  const secret = await Deno.readFile(`${shell.home}/secret`);
  const claims = readToken(secret, good);
  const some = malformed(good, other).filter(({ what }, i) =>
    /giant|mac of|payload of|U\+(1|a|200b) |signed/.test(what) || i % 40 === 0
  );
  const all = [...some, ...forged(claims, good).slice(6, 9), ...untrue(secret, claims)];
  return all.filter(({ what, token }) => what !== "empty" && !token.includes("\0"));
}

Deno.test("token: on the command line SKEIN_TOKEN decides, and a bad one is refused", async () => {
  await withShell(async (shell) => {
    await shell.ok("join");
    await shell.ok("join", "--as", "w1");
    await shell.ok("join", "--as", "w2");
    const { token: good } = await shell.ok("token", "issue", "--as", "w1");
    const { token: other } = await shell.ok("token", "issue", "--as", "w2");
    const bad = await forgeries(shell, good, other);
    const wrong: string[] = [];
    const work = bad.values();
    const worker = async (): Promise<void> => {
      for (const { what, token, codes } of work) {
        tally.add("cli", what);
        const env = { SKEIN_TOKEN: token };
        const { json, code } = await shell.run(["task", "create", "unfit", "--json"], { env });
        if (code !== 4 || !codes.includes(json.error?.code)) {
          wrong.push(`${what}: ${JSON.stringify(json)}`);
        }
      }
    };
    await Promise.all([worker(), worker(), worker()]);
    assertEquals(wrong, []);
    assertEquals((await shell.ok("task", "list")).tasks, []);
    const env = { SKEIN_TOKEN: good };
    assertEquals((await shell.run(["join", "--json"], { env })).json.you.name, "w1");
    const masked = await shell.run(["status", "--as", "w2", "--json"], { env });
    assertEquals(masked.json.error?.code, "NOT_YOU");
    tally.add("--as with a token");
    const named = await shell.run(["status", "--json"], { env: { ...env, SKEIN_NAME: "w2" } });
    assertEquals(named.json.error?.code, "NOT_YOU");
  });
});

Deno.test("token: an empty SKEIN_TOKEN is not the human", async () => {
  await withShell(async (shell) => {
    await shell.ok("join");
    tally.add("an empty SKEIN_TOKEN");
    const env = { SKEIN_TOKEN: "" };
    const { json } = await shell.run(["task", "create", "by whom?", "--json"], { env });
    assertMatch(json.error?.code ?? `it acted: ${JSON.stringify(json)}`, /^TOKEN_/);
  });
});

Deno.test("token: of a process that was killed outright it is refused", async () => {
  await withFlock(async (flock) => {
    const ann = await flock.join({ name: "ann" });
    const { token } = await ann.ok("issue_token");
    const env = { SKEIN_TOKEN: token };
    const act = (): Promise<{ json: Json; stdout: string }> =>
      flock.cli<Json>(["task", "create", "by whom?"], { env });
    assertEquals((await act()).json.error, undefined);
    await ann.kill();
    tally.add("of a dead process");
    const { json, stdout } = await act();
    assertMatch(json.error?.code ?? `it acted: ${stdout}`, /^(NOT_JOINED|TOKEN_|FENCED)/);
  });
});

flockTest("token: a life that the store no longer names has none", async (flock) => {
  const { lead, anna } = await flock.crew();
  const token = await tokenOf(anna);
  const { id } = (await anna.call("join")).you;
  alter(flock.home, "UPDATE peer SET incarnation = 'somebody-else' WHERE id = ?", id);
  await tally.refused("FENCED", new Bearer(await lead.node.store(), token), "status");
  await tally.refused("FENCED", anna, "status");
  await tally.refused("FENCED", anna, "send", { to: "lead", content: "x" });
});

tally.print();
