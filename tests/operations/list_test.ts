// list_tasks and search: filters that agree with the states, pages that lose and repeat nothing,
// and hits that only those see who may.

import { assert, assertEquals, assertFalse } from "@std/assert";
import { type Flock, flockTest, type Json, type Member } from "./flock.ts";

async function idsOf(member: Member, filter: Json): Promise<string[]> {
  return (await member.call("list_tasks", filter)).tasks.map((task: Json) => task.id);
}

flockTest("list_tasks: 120 tasks by cursor, each once, in the order of the list", async (flock) => {
  const { lead } = await flock.crew();
  const tasks = Array.from({ length: 120 }, (_, n) => ({
    title: `task ${n}`,
    priority: 1 + (n * 7) % 10,
  }));
  const { ids } = await lead.call("create_task", { tasks });
  const seen: Json[] = [];
  let cursor: string | null = null;
  let pages = 0;
  do {
    const { tasks, next }: Json = await lead.call("list_tasks", {
      limit: 17,
      ...(cursor === null ? {} : { cursor }),
    });
    assert(tasks.length <= 17);
    seen.push(...tasks);
    cursor = next;
    pages += 1;
    // What comes in between must not shift the pages.
    await lead.call("create_task", { title: "meanwhile", priority: 1 });
  } while (cursor !== null && pages < 20);
  const old = seen.filter((task) => task.title !== "meanwhile");
  assertEquals(new Set(old.map((task) => task.id)), new Set(Object.values(ids)));
  assertEquals(old.length, 120);
  const order = old.map((task) => task.priority * 1_000 + Number(task.id.slice(1)));
  assertEquals(order, order.toSorted((a, b) => a - b));
});

flockTest("list_tasks: 50 a page unless asked otherwise", async (flock) => {
  const { lead } = await flock.crew();
  const tasks = Array.from({ length: 51 }, (_, n) => ({ title: `${n}` }));
  await lead.call("create_task", { tasks });
  const first = await lead.call("list_tasks");
  assertEquals(first.tasks.length, 50);
  const second = await lead.call("list_tasks", { cursor: first.next });
  assertEquals([second.tasks.length, second.next], [1, null]);
  assertEquals((await lead.call("list_tasks", { limit: 51 })).next, null);
});

/** One task in every state. */
async function everyState(flock: Flock): Promise<{ lead: Member; anna: Member; ids: Json }> {
  const { lead, anna } = await flock.crew();
  const carl = await flock.member("carl", { role: "worker" });
  const names = ["ready", "progress", "review", "completed", "failed", "cancelled"];
  const { ids } = await lead.call("create_task", {
    tasks: [
      ...names.map((key) => ({ key, title: key })),
      { key: "blocked", title: "blocked", blocked_by: ["ready"] },
    ],
  });
  ids.proposed = (await carl.call("create_task", { title: "proposed" })).id;
  for (const key of ["progress", "review", "completed"]) {
    await anna.call("claim_task", { id: ids[key] });
  }
  await anna.call("update_task", { id: ids.review, action: "request_review" });
  await anna.call("complete_task", { id: ids.completed, summary: "done" });
  for (let n = 0; n < 3; n++) {
    flock.pass(1_000);
    await anna.call("claim_task", { id: ids.failed });
    await anna.call("update_task", { id: ids.failed, action: "fail" });
  }
  await lead.call("update_task", { id: ids.cancelled, action: "cancel" });
  return { lead, anna, ids };
}

flockTest("list_tasks: every filter gives exactly its states", async (flock) => {
  const { lead, anna, ids } = await everyState(flock);
  const open = ["ready", "progress", "review", "blocked", "proposed"];
  const cases: [Json, string[]][] = [
    [{}, open],
    [{ status: "open" }, open],
    [{ status: "pending" }, ["ready", "blocked"]],
    [{ status: "ready" }, ["ready"]],
    [{ ready: true }, ["ready"]],
    [{ status: "blocked" }, ["blocked"]],
    [{ status: ["ready", "blocked"] }, ["ready", "blocked"]],
    [{ status: "in_progress" }, ["progress"]],
    [{ status: "in_review" }, ["review"]],
    [{ status: ["completed", "failed"] }, ["completed", "failed"]],
    [{ status: "cancelled" }, ["cancelled"]],
    [{ status: "proposed" }, ["proposed"]],
    [{ status: ["ready", "in_progress"] }, ["ready", "progress"]],
    [{ status: ["open", "failed"] }, [...open, "failed"]],
  ];
  for (const [filter, keys] of cases) {
    const expected = keys.map((key) => ids[key]).sort();
    assertEquals((await idsOf(lead, filter)).sort(), expected, JSON.stringify(filter));
  }
  assertEquals((await idsOf(anna, { mine: true })).sort(), [ids.progress, ids.review].sort());
  assertEquals(await idsOf(lead, { mine: true }), []);
  assertEquals((await lead.call("list_tasks", { status: "blocked" })).tasks[0].blocked_by, [
    ids.ready,
  ]);
});

flockTest(
  "list_tasks: a filter that names nothing is refused, not answered with nothing",
  async (flock) => {
    const { lead } = await flock.crew();
    await lead.call("create_task", { title: "a" });
    assertEquals((await lead.refused("UNKNOWN_RUN", "list_tasks", { run: "r99" })).field, "run");
    const { field } = await lead.refused("INVALID_INPUT", "list_tasks", { status: [] });
    assertEquals(field, "status");
  },
);

flockTest("search: finds messages, tasks and memory by word and by prefix", async (flock) => {
  const { lead, anna } = await flock.crew();
  const { id } = await lead.call("create_task", { title: "Parse configuration" });
  const sent = await anna.call("send", { to: "lead", content: "the parser eats configurations" });
  await anna.call("set_memory", { key: "config", value: "configuration is TOML" });
  const { hits, incomplete } = await lead.call("search", { query: "configur" });
  assertEquals(incomplete, undefined);
  const found = hits.map((hit: Json) => `${hit.kind} ${hit.ref}`).sort();
  assertEquals(found, [`message ${sent.id}`, `task ${id}`, "memory config"].sort());
  assertEquals((await lead.call("search", { query: "eats parser" })).hits.length, 1);
  assertEquals((await lead.call("search", { query: '!!! "(' })).hits, []);
  await anna.call("claim_task", { id });
  await anna.call("complete_task", { id, summary: "wrote a tokenizer" });
  assertEquals((await lead.call("search", { query: "tokenizer" })).hits[0].ref, id);
});

flockTest("search: messages only for who sent or got them, and the architect", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const carl = await flock.member("carl", { role: "worker" });
  await anna.call("send", { to: "bob", content: "between us: zebra" });
  const hits = async (member: Member): Promise<number> =>
    (await member.call("search", { query: "zebra" })).hits.length;
  assertEquals([await hits(anna), await hits(bob), await hits(carl), await hits(lead)], [
    1,
    1,
    0,
    1,
  ]);
});

flockTest("search: hits that others may not read do not push out one's own", async (flock) => {
  const { anna, bob } = await flock.crew();
  const carl = await flock.member("carl", { role: "worker" });
  await anna.call("send", { to: "carl", content: "one zebra among many other words in here" });
  for (let n = 0; n < 60; n++) await anna.call("send", { to: "bob", content: "zebra zebra" });
  assertEquals((await carl.call("search", { query: "zebra" })).hits.length, 1);
  assertEquals((await bob.call("search", { query: "zebra" })).hits.length, 50);
});

flockTest("search: stays inside the project", async (flock) => {
  const { lead } = await flock.crew();
  const far = await flock.member("far", { folder: "elsewhere" });
  await far.call("create_task", { title: "zebra" });
  await far.call("set_memory", { key: "zebra", value: "zebra" });
  assertEquals((await lead.call("search", { query: "zebra" })).hits, []);
  assertFalse((await far.call("search", { query: "zebra" })).hits.length === 0);
});

flockTest("run: its digest shows a worker no messages that search hides from it", async (flock) => {
  const { lead, anna } = await flock.crew();
  const carl = await flock.member("carl", { role: "worker" });
  await lead.call("run", { action: "start", goal: "g" });
  await lead.call("send", { to: "anna", content: "between us" });
  assertEquals((await anna.call("run", { action: "status" })).run.messages.length, 1);
  assertEquals((await carl.call("run", { action: "status" })).run.messages, []);
});
