// Escalations: what blocks somebody reaches the architect wherever it was sent, stands in attention
// until somebody else has answered it, and waits for the next architect when there is none.

import { assert, assertEquals, assertFalse } from "@std/assert";
import { withFlock } from "../cluster/flock.ts";
import { flockTest, type Json, type Member } from "../operations/flock.ts";
import { Guest, Tally } from "./ground.ts";

const tally = new Tally();
const CATEGORIES = ["blocker", "error", "review_request"] as const;
type Asking = Pick<Member, "call">;

/** What stands in attention under escalations. */
async function open(who: Asking): Promise<string[]> {
  const { attention } = await who.call("status");
  const kinds: readonly string[] = CATEGORIES;
  return attention.filter((one: Json) => kinds.includes(one.kind)).map((one: Json) => one.subject);
}

flockTest("escalation: reaches the architect wherever it was sent", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  await flock.member("eve", { role: "observer" });
  await flock.member("far", { folder: "elsewhere" });
  const human = new Guest(flock);
  await human.call("status");
  const targets: readonly unknown[] = [
    "bob",
    "eve",
    "far",
    "operator",
    "worker",
    "observer",
    "architect",
    "lead",
    "*",
    ["bob", "far"],
    "anna",
  ];
  const sent: string[] = [];
  for (const category of CATEGORIES) {
    for (const to of targets) {
      const message = { to, content: `${category} to ${to}`, category };
      sent.push((await anna.call("send", message)).id);
      // The window of thirty a minute is none of this test's business.
      flock.pass(2);
    }
  }
  const got = new Set<string>();
  for (let n = 0; n < 3; n++) for (const { id } of await lead.inbox()) got.add(id);
  assertEquals(sent.filter((id) => !got.has(id)), []);
  // An error reaches everybody, whoever was named.
  const errors = (await bob.inbox()).filter(({ category }) => category === "error");
  assertEquals(errors.length, targets.length);
});

flockTest("escalation: stays until somebody else has answered", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  for (const category of CATEGORIES) {
    const { id } = await anna.call("send", { to: "lead", content: "help", category });
    for (const who of [lead, anna, bob]) assert((await open(who)).includes(id));
    // Reading it, saying more about it, and writing beside it are no answers.
    await lead.inbox();
    await anna.call("send", { to: "lead", content: "more", reply_to: id });
    await lead.call("send", { to: "anna", content: "beside it" });
    tally.add("own answer", category);
    assert((await open(lead)).includes(id), `${category} was answered by whoever raised it`);
    if (category !== "error") {
      const answer = { to: "anna", content: "not mine to answer", reply_to: id };
      await tally.refused("UNKNOWN_MESSAGE", bob, "send", answer);
      assert((await open(lead)).includes(id));
    }
    await lead.call("send", { to: "anna", content: "do this", reply_to: id });
    assertFalse((await open(lead)).includes(id));
  }
});

flockTest("escalation: a refused answer is none", async (flock) => {
  const { lead, anna } = await flock.crew();
  const { id } = await anna.call("send", { to: "lead", content: "help", category: "blocker" });
  const bad: readonly [string, Record<string, unknown>][] = [
    ["CONTENT_REFUSED", { content: '<invoke name="x">' }],
    ["INVALID_INPUT", { content: " " }],
    ["TOO_LARGE", { content: "x".repeat(20_000) }],
    ["UNKNOWN_PEER", { to: "nobody", content: "x" }],
    ["UNKNOWN_TASK", { content: "x", task: "t99" }],
  ];
  for (const [code, args] of bad) {
    await tally.refused(code, lead, "send", { to: "anna", reply_to: id, ...args });
  }
  for (const reply_to of ["m0", "m-1", "m999", "1e3", "m1.5", "m1 or 1=1", "", null, {}]) {
    const codes = ["UNKNOWN_MESSAGE", "INVALID_INPUT"];
    await tally.refused(codes, lead, "send", { to: "anna", content: "x", reply_to });
  }
  await lead.call("control", { action: "pause", peer: "anna" });
  assertEquals(await open(anna), [id]);
});

flockTest("escalation: waits for the next architect, and the one after", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  await lead.leave();
  const sent: string[] = [];
  for (const category of CATEGORIES) {
    for (const to of ["architect", "bob", "*"]) {
      const message = { to, content: `${category} to ${to}`, category };
      sent.push((await anna.call("send", message)).id);
    }
  }
  await tally.refused("UNKNOWN_PEER", anna, "send", { to: "architect", content: "no escalation" });
  const next = await flock.member("next", { role: "architect" });
  assertEquals((await next.inbox()).map(({ id }) => id), sent);
  // Ended before it could answer: whoever comes then is told, too.
  await new Guest(flock).call("control", { action: "kill", peer: "next" });
  const { mail } = await bob.call("join", { role: "architect" });
  const got = new Set([...mail.messages, ...await bob.inbox()].map(({ id }: Json) => id));
  assertEquals(sent.filter((id) => !got.has(id)), []);
  assertEquals(new Set(await open(anna)), new Set(sent));
  for (const id of sent) await bob.call("send", { to: "anna", content: "answered", reply_to: id });
  assertEquals(await open(anna), []);
  await bob.leave();
  const last = await flock.member("last", { role: "architect" });
  assertEquals((await last.inbox()).filter(({ from }) => from === "anna"), []);
});

flockTest("escalation: the seat that is passed on brings what is open with it", async (flock) => {
  const { lead, anna } = await flock.crew();
  const wish = await flock.member("wish", { role: "architect" });
  const { id } = await anna.call("send", { to: "lead", content: "help", category: "blocker" });
  await lead.call("join", { role: "worker" });
  assert((await wish.inbox()).some((message) => message.id === id));
});

flockTest("escalation: a flood of them hides none that is older", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const { id } = await anna.call("send", { to: "lead", content: "the one", category: "blocker" });
  for (let n = 0; n < 25; n++) {
    tally.add("flood", n);
    await bob.call("send", { to: "lead", content: `noise ${n}`, category: "error" });
  }
  assert((await open(lead)).includes(id), "the oldest blocker is no longer shown");
});

flockTest("escalation: chatter that is over its rate does not hold it up", async (flock) => {
  const { lead } = await flock.crew();
  const loud = await flock.member("loud", { rate: 1 });
  await loud.call("send", { to: "lead", content: "chatter" });
  for (let n = 0; n < 5; n++) {
    await tally.refused("RATE_LIMITED", loud, "send", { to: "lead", content: `chatter ${n}` });
  }
  const { id } = await loud.call("raise_blocker", { description: "stuck" });
  assert((await open(lead)).includes(id));
  // What only calls itself one is none.
  for (const category of ["Blocker", "BLOCKER", "blocker ", "critical", "command", "", null]) {
    await tally.refused("INVALID_INPUT", loud, "send", { to: "lead", content: "x", category });
  }
});

flockTest("escalation: of another project is not this one's", async (flock) => {
  const { lead, anna } = await flock.crew();
  const far = await flock.member("far", { folder: "elsewhere" });
  const near = await flock.member("near", { folder: "elsewhere" });
  const message = { to: "anna", content: "over here", category: "blocker" };
  const { id, to } = await near.call("send", message);
  assertEquals(Object.keys(to).sort(), ["anna", "far"]);
  assertEquals(await open(far), [id]);
  assertEquals(await open(lead), []);
  assertEquals((await anna.inbox()).map(({ content }) => content), ["over here"]);
  await tally.refused("UNKNOWN_MESSAGE", lead, "send", { to: "near", content: "x", reply_to: id });
});

Deno.test("escalation: sent by a server and by a command line, it waits for the one who comes", async () => {
  await withFlock(async (flock) => {
    const ann = await flock.join({ name: "ann" });
    const bob = await flock.join({ name: "bob" });
    await ann.kill();
    const first = await bob.ok("raise_blocker", { description: "from a server" });
    const second = await flock.cli<Json>(
      ["send", "bob", "from a shell", "--category", "blocker", "--as", "w1"],
    );
    const next = await flock.join({ name: "next", role: "architect" });
    const { messages } = await next.ok("check");
    const told = messages.map((one: Json) => one.id);
    const mail = (await next.ok("status")).attention.map((one: Json) => one.subject);
    for (const id of [first.id, second.json.id]) {
      assert(mail.includes(id), `${id} needs nobody: ${mail}`);
      const seen = (await bob.call("why", { what: id })).text;
      assert(told.includes(id) || /to next: (offered|seen)/.test(seen), `${id}: ${seen}`);
    }
  });
});

tally.print();
