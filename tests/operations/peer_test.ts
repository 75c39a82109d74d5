// join, list_peers and status: who is here under which name and role, and what needs somebody.

import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { eventually } from "../support/eventually.ts";
import { write } from "../support/git.ts";
import { type Flock, flockTest, type Json, type Member } from "./flock.ts";

async function names(member: Member, scope?: string): Promise<string[]> {
  const { peers } = await member.call("list_peers", scope === undefined ? {} : { scope });
  return peers.map((peer: Json) => peer.name).sort();
}

/** A member whose joining made the node say something about itself. */
async function roleOf(member: Member): Promise<string> {
  return (await member.call("join")).you.role;
}

flockTest("join: shows you, the leader, the others, and what there is to do", async (flock) => {
  const { lead, anna } = await flock.crew();
  await lead.call("create_task", {
    tasks: [{ key: "a", title: "a" }, { title: "b", blocked_by: ["a"] }],
  });
  await lead.call("send", { to: "anna", content: "hello" });
  const joined = await anna.call("join", { summary: "on the parser" });
  assertEquals([joined.you.name, joined.you.role], ["anna", "worker"]);
  assertEquals(joined.you.project, `${flock.project}/.git`);
  assertEquals(joined.leader, { name: "lead", url: null });
  assertEquals(joined.peers.map((peer: Json) => [peer.name, peer.role, peer.state]), [
    ["lead", "architect", "live"],
    ["bob", "worker", "live"],
  ]);
  assertEquals([joined.unread, joined.lost], [1, []]);
  assertEquals(joined.tasks, { ready: 1, in_progress: 0, blocked: 1, completed: 0 });
  const { peers } = await lead.call("join");
  assertEquals(peers.find((peer: Json) => peer.name === "anna").summary, "on the parser");
});

flockTest("join: the first in a project takes the seat, one at a time", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const far = await flock.member("far", { folder: "elsewhere" });
  assertEquals(await Promise.all([lead, anna, bob, far].map(roleOf)), [
    "architect",
    "worker",
    "worker",
    "architect",
  ]);
  const refusal = await anna.refused("ROLE_TAKEN", "join", { role: "architect" });
  assertEquals(refusal.field, "role");
  assertMatch(refusal.message, /lead/);
  await lead.call("join", { role: "worker" });
  assertEquals((await anna.call("join", { role: "architect" })).you.role, "architect");
  await anna.leave();
  assertEquals((await bob.call("join", { role: "architect" })).you.role, "architect");
});

flockTest("join: nobody joins as the operator, a given role stays", async (flock) => {
  const { anna } = await flock.crew();
  const carl = await flock.member("carl", { role: "worker" });
  const eve = await flock.member("eve", { role: "observer" });
  await anna.refused("NOT_ALLOWED", "join", { role: "operator" });
  for (const role of ["architect", "observer"]) await carl.refused("NOT_ALLOWED", "join", { role });
  await eve.refused("NOT_ALLOWED", "join", { role: "worker" });
  assertEquals((await anna.call("join", { role: "observer" })).you.role, "observer");
  await anna.refused("NOT_ALLOWED", "claim_task");
  assertEquals((await anna.call("join", { role: "worker" })).you.role, "worker");
});

flockTest("join: a wish for the seat is granted when it becomes empty", async (flock) => {
  const { lead } = await flock.crew();
  const next = await flock.member("next", { role: "architect" });
  const { you, notice } = await next.call("join");
  assertEquals(you.role, "worker");
  assertMatch(notice, /lead is the architect/);
  await lead.leave();
  assertEquals(await roleOf(next), "architect");
});

flockTest("join: a wish for the seat is granted when its holder steps down", async (flock) => {
  const { lead } = await flock.crew();
  const next = await flock.member("next", { role: "architect" });
  await lead.call("join", { role: "worker" });
  assertEquals(await roleOf(next), "architect");
});

flockTest("join: names are unique, and a bad one is refused with the reason", async (flock) => {
  const { anna, bob } = await flock.crew();
  assertEquals((await anna.refused("NAME_TAKEN", "join", { name: "bob" })).field, "name");
  for (const name of ["skein", "operator", "a b", "-x", "\u00e9", "a/b", "*"]) {
    assertEquals((await anna.refused("INVALID_INPUT", "join", { name })).field, "name");
  }
  const twin = await flock.member("bob");
  const { you, notice } = await twin.call("join");
  assertEquals(you.name, "bob-2");
  assertMatch(notice, /bob is in use/);
  await bob.call("join", { name: "robert" });
  assertEquals(await names(anna), ["anna", "bob-2", "lead", "robert"]);
  await anna.call("send", { to: "robert", content: "found you" });
  assertEquals((await bob.inbox()).length, 1);
});

flockTest("join: without a name one is made up, and it can be read", async (flock) => {
  const made = await flock.member(null);
  const { you } = await made.call("join");
  assertMatch(you.name, /^[a-z]+-[a-z]+$/);
});

flockTest("join: the name of a peer that is gone comes with its mail and claims", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  await bob.leave();
  const { id } = await anna.call("send", { to: "bob", content: "for bob" });
  const { id: task } = await lead.call("create_task", { title: "a", assign_to: "bob" });
  const made = await flock.member(null);
  const { mail } = await made.call("join", { name: "bob" });
  assertEquals(mail.messages.map((message: Json) => message.content), ["for bob"]);
  assertEquals((await made.call("claim_task")).task.id, task);
  made.node.received();
  const states = await eventually(async () => {
    const { deliveries } = await anna.call("check", { id });
    return deliveries.length > 0 && deliveries;
  }, { what: "the sender can still look up what became of it", withinMs: 1_000 });
  assertEquals(states[0].name, "bob");
});

flockTest("join: a session comes back as itself, the older life is fenced", async (flock) => {
  const old = await flock.member(null, { session: "s1" });
  const { you } = await old.call("join", { summary: "mine" });
  const { id } = await old.call("create_task", { title: "a" });
  await old.call("claim_task", { id });
  await old.call("lock_file", { paths: "a.ts" });
  const back = await flock.member(null, { session: "s1" });
  const joined = await back.call("join");
  assertEquals([joined.you.id, joined.you.name, joined.lost], [you.id, you.name, []]);
  await old.refused("FENCED", "complete_task", { id, summary: "zombie" });
  await old.refused("FENCED", "list_tasks");
  assertEquals((await back.call("list_locks")).locks[0].holder, you.name);
  await back.call("complete_task", { id, summary: "done" });
});

flockTest("list_peers: by folder, project and machine", async (flock) => {
  const { lead } = await flock.crew();
  await flock.member("sub", { folder: "project/sub" });
  await flock.member("far", { folder: "elsewhere" });
  assertEquals(await names(lead, "folder"), ["anna", "bob", "lead"]);
  assertEquals(await names(lead), ["anna", "bob", "lead", "sub"]);
  assertEquals(await names(lead, "project"), ["anna", "bob", "lead", "sub"]);
  assertEquals(await names(lead, "machine"), ["anna", "bob", "far", "lead", "sub"]);
  const { peers } = await lead.call("list_peers", { scope: "machine" });
  const far = peers.find((peer: Json) => peer.name === "far");
  assertEquals([far.project, far.folder], [
    `${flock.folder}/elsewhere`,
    `${flock.folder}/elsewhere`,
  ]);
});

flockTest("list_peers: shows the task and the git state, and who left is gone", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  write(`${flock.project}/dirty.ts`, "x");
  const { id } = await lead.call("create_task", { title: "a" });
  await anna.call("claim_task", { id });
  const peer = await eventually(async () => {
    const { peers } = await lead.call("list_peers");
    const found = peers.find((one: Json) => one.name === "anna");
    return found.git !== undefined && found;
  });
  assertEquals([peer.task, peer.git.branch, peer.git.dirty], [id, "main", ["dirty.ts"]]);
  await bob.leave();
  assertFalse((await names(lead)).includes("bob"));
});

/** A project in which everything that needs somebody is there once. */
async function trouble(flock: Flock): Promise<{ lead: Member; subjects: Json }> {
  const { lead, anna } = await flock.crew();
  const carl = await flock.member("carl", { role: "worker" });
  const make = async (title: string): Promise<string> =>
    (await lead.call("create_task", { title })).id;
  const failed = await make("fails");
  for (let n = 0; n < 3; n++) {
    flock.pass(1_000);
    await anna.call("claim_task", { id: failed });
    await anna.call("update_task", { id: failed, action: "fail", note: "no" });
  }
  const review = await make("reviewed");
  await anna.call("claim_task", { id: review });
  await anna.call("update_task", { id: review, action: "request_review" });
  const proposed = (await carl.call("create_task", { title: "idea" })).id;
  const blocker = (await anna.call("raise_blocker", { description: "stuck" })).id;
  const error = (await anna.call("send", { to: "*", content: "down", category: "error" })).id;
  return { lead, subjects: { failed, review, proposed, blocker, error } };
}

flockTest("status: attention names everything that needs somebody", async (flock) => {
  const { lead, subjects } = await trouble(flock);
  const { attention, tasks, leader, progress_percent, peers } = await lead.call("status");
  for (const [kind, subject] of Object.entries(subjects)) {
    const one = attention.find((it: Json) => it.kind === kind && it.subject === subject);
    assert(one !== undefined, `${kind} ${subject} is missing`);
    assert(one.text !== "" && !Number.isNaN(Date.parse(one.since)));
  }
  assertEquals([tasks.failed, tasks.in_review, tasks.proposed], [1, 1, 1]);
  assertEquals([leader.name, progress_percent, peers.length], ["lead", 0, 4]);
});

flockTest("status: the proposed tasks of a run are one thing, its plan", async (flock) => {
  const { lead } = await flock.crew();
  const carl = await flock.member("carl", { role: "worker" });
  const { run } = await lead.call("run", { action: "start", goal: "Ship it" });
  const plan = Array.from({ length: 30 }, (_, i) => ({ title: `step ${i}` }));
  await carl.call("create_task", { tasks: plan, run: run.id });
  const { id: idea } = await carl.call("create_task", { title: "an idea of its own" });
  const other = await lead.call("run", { action: "start", goal: "Another" });
  const { id: alone } = await carl.call("create_task", { title: "alone", run: other.run.id });
  const needs = async (): Promise<Json[]> => (await lead.call("status")).attention;
  const [first, ...rest] = await needs();
  assertEquals([first.kind, first.subject, first.count, first.peers], [
    "plan",
    run.id,
    30,
    ["carl"],
  ]);
  assertEquals(first.text, `30 proposed tasks of run ${run.id}: Ship it`);
  // One task is no plan, and what is beside plans is not pushed out by them.
  assertEquals(rest.map((one) => [one.kind, one.subject]), [
    ["proposed", idea],
    ["proposed", alone],
  ]);
  await lead.call("accept_plan", { run: run.id });
  assertEquals((await needs()).map(({ kind }) => kind), ["proposed", "proposed"]);
});
