// Who gets the mail of whom. A client session that starts a second server has one identity, and
// only its newest life may read, mark or lead; a newcomer that takes over a name takes over its
// mail with it, and the sender can still look up what became of it.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import type { Peer } from "../support/peer.ts";
import { type Flock, withFlock } from "./flock.ts";
import { drain, shownIn } from "./mail.ts";

const SESSION = { clientName: "claude-code", session: "5e55-10-4" };

/** Two servers of one session, the older of which has been told nothing. */
async function twins(flock: Flock): Promise<{ ann: Peer; older: Peer; newer: Peer; name: string }> {
  const ann = await flock.join({ name: "ann" });
  const older = await flock.start(SESSION);
  const { you } = await older.ok("join");
  const newer = await flock.start(SESSION);
  const again = await newer.ok("join");
  assertEquals(again.you.name, you.name);
  assertEquals(again.you.id, you.id);
  return { ann, older, newer, name: you.name };
}

Deno.test("promise 3: of two servers of one session the older is fenced and marks nothing", async () => {
  await withFlock(async (flock) => {
    const { ann, older, newer, name } = await twins(flock);
    const { id } = await ann.ok("send", { to: name, content: "for the living only" });
    for (const tool of ["check", "status", "claim_task", "list_tasks", "check"]) {
      const reply = await older.call(tool);
      assertEquals(reply.json.error?.code, "FENCED", `${tool}: ${reply.text}`);
      assert(!reply.text.includes("for the living only"), `${tool} showed mail: ${reply.text}`);
    }
    const [before] = (await ann.ok("check", { id })).deliveries;
    assertEquals(before.state, "queued", "the fenced one has marked it");
    const { messages } = await newer.ok("check");
    assertEquals(messages.map((message: { id: string }) => message.id), [id]);
    // Now it is offered to the newer one; the older goes on asking, and must not take it over.
    for (let n = 0; n < 3; n++) await older.call("check");
    assertEquals((await newer.ok("check")).messages, [], "it was shown twice");
    await eventually(async () => (await ann.ok("check", { id })).deliveries[0].state === "seen");
    assertEquals((await ann.ok("list_peers")).peers.length, 2, "the roster has a ghost");
  });
});

Deno.test("promise 3: what the older server was shown and had not seen comes to the newer", async () => {
  await withFlock(async (flock) => {
    const ann = await flock.join({ name: "ann" });
    const older = await flock.start(SESSION);
    const { you } = await older.ok("join");
    const sent: string[] = [];
    for (let n = 0; n < 8; n++) {
      sent.push((await ann.ok("send", { to: you.name, content: `message ${n}` })).id);
    }
    assertEquals((await older.ok("check")).messages.length, sent.length);
    const newer = await flock.start(SESSION);
    const shown = shownIn(await newer.call("join")).map((message) => message.id);
    // The older one's next request comes too late to say that anything was read.
    for (let n = 0; n < 3; n++) assertEquals((await older.call("check")).isError, true);
    shown.push(...(await drain(newer)).map((message) => message.id));
    assertEquals(shown.sort(), sent);
  });
});

Deno.test("promise 3: a fenced server keeps no claim, writes nothing and leaves in peace", async () => {
  await withFlock(async (flock) => {
    const ann = await flock.join({ name: "ann" });
    const older = await flock.join(SESSION);
    const { id } = await ann.ok("create_task", { title: "handed on" });
    await older.ok("claim_task", { id });
    await older.ok("lock_file", { paths: ["a.ts"] });
    const newer = await flock.start(SESSION);
    const { lost } = await newer.ok("join");
    assertEquals(lost, []);
    assertEquals(
      (await older.call("complete_task", { id, summary: "no" })).json.error.code,
      "FENCED",
    );
    // The older one ends late: that is no end of the identity, nor of what it holds.
    await older.close();
    const { peers } = await ann.ok("list_peers");
    assertEquals(peers.length, 2);
    const [lock] = (await ann.ok("list_locks")).locks;
    assertEquals(lock.path, "a.ts");
    assertEquals((await newer.ok("complete_task", { id, summary: "yes" })).status, "completed");
  });
});

Deno.test("promise 5: a fenced server does not lead", async () => {
  await withFlock(async (flock) => {
    // The older one leads, as the first of the flock, when the newer one comes.
    const older = await flock.join(SESSION);
    const name = flock.leader().name ?? "";
    const fenced = flock.incarnation(name);
    const ann = await flock.join({ name: "ann" });
    const before = flock.leader();
    const newer = await flock.join(SESSION);
    await flock.nextLeader(before, 3_000);
    // Whoever lives is stopped or killed: the fenced one alone is awake when the seat falls free.
    await ann.kill();
    await eventually(() => flock.leader().name === name, { what: "the newer one leads" });
    const epoch = flock.leader().epoch;
    await newer.kill();
    const ben = await flock.join({ name: "ben" });
    await eventually(() => flock.leader().name === "ben", { what: "ben leads" });
    const leads = flock.rows<{ subject: string }>(
      "SELECT subject FROM journal WHERE op = 'lead' AND json_extract(detail, '$.epoch') > ?",
      epoch,
    );
    assertEquals(leads.map(({ subject }) => subject), ["peer/ben"], "the fenced one has led");
    assert(flock.leader().incarnation !== fenced);
    assertEquals((await older.call("status")).isError, true);
    assertEquals((await ben.ok("status")).leader.name, "ben");
  });
});

Deno.test("promise 3: an explicit name that lives under another session is not taken over", async () => {
  await withFlock(async (flock) => {
    const ann = await flock.join({ name: "ann" });
    const other = await flock.start({ name: "ann", clientName: "claude-code", session: "other" });
    const { you, notice } = await other.ok("join");
    assertEquals(you.name, "ann-2");
    assertStringIncludes(notice, "ann");
    assertEquals((await ann.call("status")).isError, false);
    const { id } = await other.ok("send", { to: "ann", content: "to the first" });
    assertEquals((await ann.ok("check")).messages.map((one: { id: string }) => one.id), [id]);
  });
});

Deno.test("promise 3: who takes over a dead one's name gets its mail, and the sender can tell", async () => {
  await withFlock(async (flock) => {
    const ann = await flock.join({ name: "ann" });
    const ben = await flock.join({ name: "ben" });
    const heir = await flock.start();
    const { you } = await heir.ok("join");
    const toAll = await ann.ok("send", { to: "*", content: "to everybody" });
    assertEquals(Object.keys(toAll.to).sort(), ["ben", you.name].sort());
    // The heir has read it under its own name before it takes over the other's.
    assertEquals((await heir.ok("check")).messages.length, 1);
    await heir.ok("status");
    await ben.kill();
    const { id } = await ann.ok("send", { to: "ben", content: "for ben alone" });
    const got: string[] = [];
    const renamed = await heir.call("join", { name: "ben" });
    assertEquals(renamed.json.you.name, "ben");
    for (const reply of [renamed, ...await Promise.all([heir.call("check"), heir.call("check")])]) {
      for (const one of shownIn(reply)) got.push(one.id);
    }
    assert(got.includes(id), `the mail of the name did not come: ${got}`);
    await eventually(async () => {
      await heir.ok("status");
      const { deliveries } = await ann.ok("check", { id });
      return deliveries[0]?.name === "ben" && deliveries[0]?.state === "seen";
    }, { what: "the sender sees that it was seen", withinMs: 2_000 });
    assertEquals(got.filter((one) => one === toAll.id), [], "it was shown to the same life twice");
  });
});
