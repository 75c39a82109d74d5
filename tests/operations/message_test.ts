// send and check: who gets a message, in which state it is, who hears of an escalation, and where
// chains of replies and floods end.

import { assert, assertEquals, assertFalse, assertMatch, assertNotEquals } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { flockTest, type Json, type Member } from "./flock.ts";

/** The state of a message for one recipient, as its sender sees it. */
async function stateOf(sender: Member, id: string, name: string): Promise<string | undefined> {
  const { deliveries } = await sender.call("check", { id });
  return (deliveries as Json[]).find((delivery) => delivery.name === name)?.state;
}

flockTest("send: queued, then offered, then seen, and the sender can look it up", async (flock) => {
  const { anna, bob } = await flock.crew();
  const sent = await anna.call("send", { to: "bob", content: "hello" });
  assertMatch(sent.id, /^m\d+$/);
  assertEquals(sent.to, { bob: "queued" });
  assertEquals(await stateOf(anna, sent.id, "bob"), "queued");
  const { messages, more } = await bob.call("check");
  assertEquals(messages[0].content, "hello");
  assertEquals([messages.length, more, messages[0].from, messages[0].role], [
    1,
    false,
    "anna",
    "worker",
  ]);
  await eventually(async () => await stateOf(anna, sent.id, "bob") === "offered");
  bob.node.received();
  await eventually(async () => await stateOf(anna, sent.id, "bob") === "seen");
  assertEquals(await bob.inbox(), []);
});

flockTest("send: what its sender was shown before is marked in the same write", async (flock) => {
  const { anna, bob } = await flock.crew();
  const { id } = await anna.call("send", { to: "bob", content: "hello" });
  await bob.call("check");
  // The request itself shows that the answer was read.
  await bob.call("send", { to: "anna", content: "seen" });
  assertEquals(await stateOf(anna, id, "bob"), "seen");
});

flockTest("send: a limit beyond what any machine commits is not counted", async (flock) => {
  const { anna } = await flock.crew();
  const loud = await flock.member("loud", { rate: 6_000_000 });
  const bucketOf = async (name: string): Promise<unknown> => {
    const { engine } = await anna.node.store();
    return await engine.read((tx) =>
      tx.get("SELECT rate_tokens AS n FROM peer WHERE name = ?", name)
    );
  };
  await loud.call("send", { to: "bob", content: "hello" });
  await anna.call("send", { to: "bob", content: "hello" });
  assertEquals(await bucketOf("loud"), await bucketOf("bob"));
  assertNotEquals(await bucketOf("anna"), await bucketOf("bob"));
});

flockTest("send: a peer that is gone gets its mail when its name comes back", async (flock) => {
  const { anna, bob } = await flock.crew();
  await bob.leave();
  await anna.call("send", { to: "bob", content: "for later" });
  const again = await flock.member("bob");
  assertEquals((await again.inbox()).map((message) => message.content), ["for later"]);
});

flockTest(
  "send: names, lists, roles and * reach whom they name, never the sender",
  async (flock) => {
    const { lead, anna, bob } = await flock.crew();
    const eve = await flock.member("eve", { role: "observer" });
    const to = async (who: unknown): Promise<string[]> =>
      Object.keys((await anna.call("send", { to: who, content: "x" })).to).sort();
    assertEquals(await to(["bob", "eve"]), ["bob", "eve"]);
    assertEquals(await to("worker"), ["bob"]);
    assertEquals(await to("architect"), ["lead"]);
    assertEquals(await to("observer"), ["eve"]);
    assertEquals(await to("*"), ["bob", "eve", "lead"]);
    for (const [member, count] of [[lead, 2], [bob, 3], [eve, 3]] as const) {
      assertEquals((await member.inbox()).length, count);
    }
  },
);

flockTest("send: crosses projects by name, * stays inside", async (flock) => {
  const { anna } = await flock.crew();
  const far = await flock.member("far", { folder: "elsewhere" });
  assertEquals(await anna.call("send", { to: "far", content: "over there" }).then((it) => it.to), {
    far: "queued",
  });
  assertFalse("far" in (await anna.call("send", { to: "*", content: "here" })).to);
  assertEquals((await far.inbox()).map((message) => message.content), ["over there"]);
});

flockTest("send: content comes back as it was sent", async (flock) => {
  const { anna, bob } = await flock.crew();
  const contents = [
    "  two spaces, tab\tand end  \r\n\n",
    "cafe\u0301 and caf\u00e9 \u{1f9a2} \u200b",
    '<div class="x">{"name": "x"}</div> \\ %s ${x} \'; DROP TABLE peer; --',
    "/srv/u/a/very/deep/path.ts https://example.org/a/b/c?d=e#f 0123456789abcdef",
  ];
  for (const content of contents) await anna.call("send", { to: ["bob"], content });
  assertEquals((await bob.inbox()).map((message) => message.content), contents);
});

flockTest("send: blockers and review requests are copied to the architect", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  for (const category of ["blocker", "review_request"]) {
    const { to } = await anna.call("send", { to: "bob", content: `a ${category}`, category });
    assertEquals(to, { bob: "queued", lead: "queued" });
  }
  for (const category of ["status_update", "question", "finding", "alert"]) {
    const { to } = await anna.call("send", { to: "bob", content: `a ${category}`, category });
    assertEquals(to, { bob: "queued" });
  }
  assertEquals((await lead.inbox()).map(({ category }) => category), ["blocker", "review_request"]);
  assertEquals((await bob.inbox()).length, 6);
});

flockTest("send: an error reaches everyone in the project, observers included", async (flock) => {
  const { lead, anna } = await flock.crew();
  await flock.member("eve", { role: "observer" });
  const { to } = await anna.call("send", { to: "bob", content: "broken", category: "error" });
  assertEquals(Object.keys(to).sort(), ["bob", "eve", "lead"]);
  assertEquals((await lead.inbox())[0].category, "error");
});

flockTest("send: a blocker without an architect waits for the next one", async (flock) => {
  const anna = await flock.member("anna", { role: "worker" });
  const { id } = await anna.call("raise_blocker", { description: "no database" });
  const { attention } = await anna.call("status");
  assertEquals(attention.map((one: Json) => [one.kind, one.subject]), [["blocker", id]]);
  const lead = await flock.member("lead", { role: "architect" });
  assertEquals((await lead.inbox()).map((message) => message.id), [id]);
});

flockTest("send: a message that would reach nobody is refused, not acknowledged", async (flock) => {
  const lead = await flock.member("lead");
  const refusal = await lead.refused("UNKNOWN_PEER", "send", { to: "architect", content: "me?" });
  assertEquals(refusal.field, "to");
});

flockTest("send: a flood is refused with the wait, escalations still go", async (flock) => {
  const lead = await flock.member("lead");
  const anna = await flock.member("anna", { rate: 3 });
  for (let n = 0; n < 3; n++) await anna.call("send", { to: "lead", content: `${n}` });
  const { retry_after_s } = await anna.refused("RATE_LIMITED", "send", {
    to: "lead",
    content: "4",
  });
  assert(retry_after_s >= 1 && retry_after_s <= 20, `${retry_after_s} s`);
  for (const category of ["blocker", "error", "review_request"]) {
    for (let n = 0; n < 5; n++) await anna.call("send", { to: "lead", content: "!", category });
  }
  assertEquals((await lead.inbox()).length, 18);
  flock.pass(21);
  await anna.call("send", { to: "lead", content: "after the wait" });
  await anna.refused("RATE_LIMITED", "send", { to: "lead", content: "one too many" });
});

flockTest(
  "send: two who answer each other are stopped after 20 replies in a chain",
  async (flock) => {
    const { anna, bob } = await flock.crew();
    let last = (await anna.call("send", { to: "bob", content: "ping" })).id;
    for (let n = 0; n < 20; n++) {
      const [from, to] = n % 2 === 0 ? [bob, "anna"] as const : [anna, "bob"] as const;
      last = (await from.call("send", { to, content: "thanks", reply_to: last })).id;
    }
    await bob.refused("REPLY_STORM", "send", { to: "anna", content: "thanks", reply_to: last });
    await bob.call("send", { to: "anna", content: "a first message is never held up" });
    flock.pass(3_601);
    await bob.call("send", { to: "anna", content: "an hour later", reply_to: last });
  },
);

flockTest("send: the storm of one pair does not silence another pair", async (flock) => {
  const { lead, anna } = await flock.crew();
  const { id } = await lead.call("send", { to: ["anna", "bob"], content: "question" });
  for (let n = 0; n < 20; n++) {
    await anna.call("send", { to: "lead", content: "reply", reply_to: id });
  }
  await anna.refused("REPLY_STORM", "send", { to: "lead", content: "reply", reply_to: id });
  await anna.call("send", { to: "bob", content: "to another", reply_to: id });
});

flockTest("send: only who took part in a message can reply to it", async (flock) => {
  const { lead, anna } = await flock.crew();
  const far = await flock.member("far", { folder: "elsewhere" });
  const { id } = await anna.call("send", { to: "lead", content: "stuck", category: "blocker" });
  const reply = { to: "anna", content: "never mind", reply_to: id };
  assertEquals((await far.refused("UNKNOWN_MESSAGE", "send", reply)).field, "reply_to");
  assertEquals((await lead.call("status")).attention.length, 1);
});

flockTest("send: a blocker stays open until somebody else answers it", async (flock) => {
  const { lead, anna } = await flock.crew();
  const { id } = await anna.call("send", { to: "lead", content: "stuck", category: "blocker" });
  await lead.inbox();
  assertEquals((await lead.call("status")).attention.length, 1, "reading is not answering");
  await anna.call("send", { to: "lead", content: "more about it", reply_to: id });
  assertEquals((await lead.call("status")).attention.length, 1, "its sender adds to it");
  await lead.call("send", { to: "anna", content: "solved", reply_to: id });
  assertEquals((await lead.call("status")).attention, []);
});
