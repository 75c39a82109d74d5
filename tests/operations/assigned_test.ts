// Tasks that are meant for somebody: what becomes of them where that peer never comes, is stalled, or
// has left.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { reserve } from "../../src/peer/lives.ts";
import { setStalled } from "../../src/peer/table.ts";
import { commit } from "../../src/store/unit.ts";
import { setAssigned } from "../../src/task/table.ts";
import { eventually } from "../support/eventually.ts";
import { flockTest, type Json } from "./flock.ts";

flockTest(
  "reserve: what waits for a worker that never comes is anybody's in the end",
  async (flock) => {
    const { lead, anna } = await flock.crew();
    const { id } = await lead.call("create_task", { title: "for the new one" });
    await commit(await lead.node.store(), async ({ tx, at, upS }) => {
      const { project, folder, tree } = { ...flock, folder: flock.project, tree: flock.project };
      const peer = await reserve(tx, {
        name: "new-one",
        project: `${project}/.git`,
        folder,
        tree,
        at,
        untilS: upS + 2,
      });
      await setAssigned(tx, id, peer, at);
    });
    await anna.refused("TASK_TAKEN", "claim_task", { id });
    assertEquals((await lead.call("status")).attention, [], "it may still come");
    await eventually(async () => (await anna.call("claim_task")).task?.id === id, {
      withinMs: 8_000,
      what: "the task is free",
    });
    const [told] = await lead.inbox();
    assertStringIncludes(told.content, "new-one was to be started and has not come");
    // It comes all the same: it is who it was to be, and finds the task with another.
    const late = await flock.member("new-one");
    assertEquals((await late.call("join")).you.name, "new-one");
  },
);

flockTest(
  "claim_task: a task assigned to whoever has long been stalled at it is free",
  async (flock) => {
    const { lead, anna, bob } = await flock.crew();
    const { id } = await lead.call("create_task", { title: "anna's", assign_to: "anna" });
    await anna.call("claim_task");
    const { incarnation } = await anna.node.place();
    await commit(await lead.node.store(), async ({ tx, upS }) => {
      await setStalled(tx, incarnation, upS - 301);
    });
    // The leader sees that it goes on: both in one moment.
    assertEquals((await bob.call("claim_task", { id })).task.claimed_by, "bob");
    await anna.refused("STALE_EPOCH", "complete_task", { id, summary: "too late" });
  },
);

flockTest(
  "status: what is assigned to somebody who has left is told until it is not",
  async (flock) => {
    const { lead, anna, bob } = await flock.crew();
    const { id } = await lead.call("create_task", { title: "anna's", assign_to: "anna" });
    assertEquals((await lead.call("status")).attention, []);
    await anna.leave();
    const { attention } = await lead.call("status");
    assertEquals(attention.map((one: Json) => [one.kind, one.subject, one.peers]), [
      ["stuck", id, ["anna"]],
    ]);
    const refusal = await bob.refused("TASK_TAKEN", "claim_task", { id });
    assertStringIncludes(refusal.message, "assigned to anna, who is not here");
    await flock.member("anna");
    assertEquals((await lead.call("status")).attention, []);
  },
);

flockTest(
  "review_task: changes to the work of somebody who is gone are anybody's to make",
  async (flock) => {
    const { lead, anna, bob } = await flock.crew();
    const { id } = await lead.call("create_task", { title: "anna's", assign_to: "anna" });
    await anna.call("claim_task");
    await anna.call("update_task", { id, action: "request_review" });
    await anna.leave();
    await lead.call("review_task", { id, verdict: "request_changes", findings: "no tests" });
    assertEquals((await bob.call("claim_task")).task.id, id);
  },
);
