// What is ready is ready for whoever asks, now: not what waits for its next attempt, not what is meant for
// somebody else. Lists, counts and the answer to a claim say the same.

import { assertEquals } from "@std/assert";
import { LIMITS } from "../../mod.ts";
import { flockTest, type Json, type Member } from "./flock.ts";

async function ready(
  member: Member,
): Promise<{ listed: string[]; shown: string[]; count: number }> {
  const ids = (tasks: Json[]): string[] => tasks.map((task) => task.id);
  const { tasks: open } = await member.call("list_tasks");
  const { tasks } = await member.call("status");
  const { tasks: joined } = await member.call("join");
  assertEquals(joined.ready, tasks.ready);
  return {
    listed: ids((await member.call("list_tasks", { ready: true })).tasks),
    shown: ids(open.filter((task: Json) => task.ready)),
    count: tasks.ready,
  };
}

flockTest("list_tasks, status, join: ready is what the caller could claim now", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const { ids } = await lead.call("create_task", {
    tasks: [
      { key: "free", title: "free", priority: 9 },
      { key: "flaky", title: "flaky", priority: 1 },
      { key: "bobs", title: "bob's", assign_to: "bob" },
      { key: "later", title: "later", blocked_by: ["free"] },
    ],
  });
  await anna.call("claim_task", { id: ids.flaky });
  await anna.call("update_task", { id: ids.flaky, action: "fail", note: "no luck" });
  const one = { listed: [ids.free], shown: [ids.free], count: 1 };
  const two = { listed: [ids.bobs, ids.free], shown: [ids.bobs, ids.free], count: 2 };
  assertEquals(await ready(anna), one);
  assertEquals(await ready(bob), two);
  const { tasks, total_tasks } = await anna.call("status");
  assertEquals([tasks.ready, tasks.waiting, tasks.blocked, total_tasks], [1, 2, 1, 4]);
  assertEquals((await anna.call("get_task", { id: ids.flaky })).task.ready, false);
  assertEquals((await anna.call("list_tasks", { status: ["blocked"] })).tasks.length, 1);
  flock.pass(LIMITS.retryDelayS + 1);
  const due = [ids.flaky, ids.free];
  assertEquals(await ready(anna), { listed: due, shown: due, count: 2 });
});

flockTest(
  "claim_task: what is meant for others alone is the reason why there is nothing",
  async (flock) => {
    const { lead, anna } = await flock.crew();
    await lead.call("create_task", { title: "bob's", assign_to: "bob" });
    assertEquals((await anna.call("claim_task")).reason, "delayed");
  },
);

flockTest("list_tasks: mine is what I have claimed and what is assigned to me", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const { ids } = await lead.call("create_task", {
    tasks: [
      { key: "a", title: "claimed" },
      { key: "b", title: "assigned", assign_to: "anna" },
      { key: "c", title: "bob's", assign_to: "bob" },
    ],
  });
  await anna.call("claim_task", { id: ids.a });
  const mine = async (member: Member): Promise<string[]> =>
    (await member.call("list_tasks", { mine: true })).tasks.map((task: Json) => task.id);
  assertEquals(await mine(anna), [ids.a, ids.b]);
  assertEquals(await mine(bob), [ids.c]);
  assertEquals(await mine(lead), []);
});
