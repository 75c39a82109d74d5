// Whom a message reaches and what is told of it: the human before it ever acted, who is gone, who has
// just run out of lease; and of many blockers the newest of each peer, with the number of the rest, until
// they are answered, closed, or over with their task.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { commit } from "../../src/store/unit.ts";
import { flockTest, type Json, type Member } from "./flock.ts";

flockTest("send: the operator gets mail before the human has done anything", async (flock) => {
  const { anna } = await flock.crew();
  assertEquals((await anna.call("send", { to: "operator", content: "may I?" })).to, {
    operator: "queued",
  });
  const again = await anna.call("send", { to: ["operator", "bob"], content: "hello?" });
  assertEquals(again.to, { operator: "queued", bob: "queued" });
  const names = (await anna.call("list_peers", { scope: "machine" })).peers;
  assertEquals(names.map((peer: Json) => peer.name).sort(), ["anna", "bob", "lead"]);
});

flockTest("send: says of each recipient that is not here why", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  await bob.leave();
  const cyd = await flock.member("cyd");
  await lead.call("control", { action: "kill", peer: "cyd" });
  const to = ["bob", "cyd", "lead"];
  const sent = await anna.call("send", { to, content: "hello" });
  assertEquals(sent.to, { bob: "queued", cyd: "queued", lead: "queued" });
  assertEquals(sent.away, { bob: "gone", cyd: "killed" });
  assertEquals((await anna.call("send", { to: "lead", content: "hello" })).away, undefined);
  await cyd.leave();
});

flockTest(
  "status: of many blockers the newest of each peer comes first, and the rest is counted",
  async (flock) => {
    const { lead, anna, bob } = await flock.crew();
    for (let n = 1; n <= 25; n++) {
      await anna.call("send", { to: "lead", content: `old ${n}`, category: "blocker" });
    }
    await bob.call("send", { to: "lead", content: "the real one", category: "blocker" });
    const { attention } = await lead.call("status");
    assertEquals(attention.length, 20);
    assertEquals(attention.slice(0, 3).map((one: Json) => one.text), [
      "bob: the real one",
      "anna: old 25",
      "anna: old 24",
    ]);
    assertMatch(attention.at(-1).text, /^anna: old 7 \(and 6 more of this kind\)$/);
    // Answering one lets the next one up.
    await lead.call("send", { to: "bob", content: "do", reply_to: attention[0].subject });
    const { attention: left } = await lead.call("status");
    assertMatch(left.at(-1).text, /^anna: old 6 \(and 5 more of this kind\)$/);
  },
);

flockTest("locks: a lock that expires under its holder tells it", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  await anna.call("lock_file", { paths: ["a.ts", "b.ts"], ttl_s: 1 });
  await bob.call("guard_edit", { paths: ["c.ts"] });
  const { messages } = await anna.call("check", { wait_ms: 5_000 });
  assertEquals(messages.map((one: Json) => one.category), ["alert"]);
  assertStringIncludes(messages[0].content, "a.ts, b.ts");
  assertMatch(messages[0].content, /expired/);
  // What was taken for an editor ends without a word.
  await commit(await lead.node.store(), async ({ tx }) => {
    await tx.run("UPDATE lock SET expires_s = 0");
  });
  assertEquals((await bob.call("check", { wait_ms: 1_500 })).messages, []);
  assertEquals((await bob.call("list_locks")).locks, []);
});

flockTest("send: who raised a blocker closes it by a reply that says so", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const raise = async (): Promise<string> =>
    (await anna.call("send", { to: "lead", content: "no database", category: "blocker" })).id;
  const reply_to = await raise();
  const open = async (member: Member): Promise<string[]> =>
    (await member.call("status")).attention.map((one: Json) => one.subject);
  await anna.call("send", { to: "lead", content: "It is the port.", reply_to });
  assertEquals(await open(lead), [reply_to], "more about it is no end of it");
  const { attention } = await anna.call("status");
  assertStringIncludes(attention[0].text, 'reply "resolved"');
  assert(!(await lead.call("status")).attention[0].text.includes("resolved"));
  await anna.call("send", { to: "lead", content: "Resolved: it was down.", reply_to });
  assertEquals(await open(lead), []);
  // Nobody else's word for it is needed, and nobody's else counts less.
  const second = await raise();
  await lead.call("send", { to: "anna", content: "look again", reply_to: second });
  assertEquals(await open(bob), []);
});

flockTest("complete_task, cancel: a blocker about a task is over with it", async (flock) => {
  const { lead, anna } = await flock.crew();
  for (const how of ["complete", "cancel"]) {
    const { id } = await lead.call("create_task", { title: "t" });
    await anna.call("claim_task", { id });
    const about = { to: "lead", content: "no port", category: "blocker", task: id };
    await anna.call("send", about);
    await anna.call("send", { ...about, category: "error", content: "main is red" });
    assertEquals((await lead.call("status")).attention.length, 2);
    if (how === "complete") await anna.call("complete_task", { id, summary: "found it" });
    else await lead.call("update_task", { id, action: "cancel" });
    const { attention } = await lead.call("status");
    assertEquals(
      attention.map((one: Json) => one.kind),
      ["error"],
      "that is not about the task alone",
    );
    await lead.call("send", { to: "anna", content: "seen", reply_to: attention[0].subject });
  }
});
