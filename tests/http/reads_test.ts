// What the page reads: projects, messages, the graph of tasks, the timeline, the flock's state. Right in
// content, in pages that lose nothing, and quick where there is much.

import { assert, assertEquals } from "@std/assert";
import { LIMITS } from "../../src/core/limits.ts";
import { post } from "../../src/message/table.ts";
import { commit } from "../../src/store/unit.ts";
import { Guest } from "../abuse/ground.ts";
import { flockTest, type Json, type Member } from "../operations/flock.ts";
import { report } from "../cluster/flock.ts";
import { eventually } from "../support/eventually.ts";

/** All pages of a list of messages, as ids. */
async function allMessages(who: Member, input: Json): Promise<string[]> {
  const ids: string[] = [];
  for (let before: string | undefined = undefined;;) {
    const page: Json = await who.call("list_messages", { ...input, ...(before ? { before } : {}) });
    ids.push(...page.messages.map((one: Json) => one.id));
    if (page.next === null) return ids;
    before = page.next;
  }
}

flockTest(
  "list_messages: newest first, with every delivery's state, offering nothing",
  async (flock) => {
    const { lead, anna, bob } = await flock.crew();
    // Whoever is no agent gets no mail with its answers.
    const human = new Guest(flock);
    const { id: task } = await lead.call("create_task", { title: "a" });
    await anna.call("send", { to: "*", content: "one" });
    await bob.call("send", { to: "anna", content: "two", category: "question", task });
    await anna.inbox();
    await anna.call("status");
    const { messages, next } = await human.call("list_messages");
    assertEquals([messages.map((one: Json) => one.content), next], [["two", "one"], null]);
    const [two, one] = messages;
    assertEquals([two.from, two.to, two.category, two.task], ["bob", ["anna"], "question", task]);
    assertEquals(one.to.sort(), ["bob", "lead"]);
    // It rode on the answer to bob's own message; marks are written behind the answers.
    const stateOf = (peer: string): string =>
      one.states.find((it: Json) => it.peer === peer)?.state;
    assert(["queued", "offered"].includes(stateOf("bob")), stateOf("bob"));
    assertEquals(stateOf("lead"), "queued");
    await eventually(async () => {
      const [now] = (await human.call("list_messages")).messages;
      return now.states[0].state === "seen" && !Number.isNaN(Date.parse(now.states[0].at));
    });
    // Looking is not being told.
    assertEquals((await lead.inbox()).map((it: Json) => it.content), ["one"]);
    await anna.refused("NOT_ALLOWED", "list_messages");
  },
);

flockTest("list_messages: by peer, task, category, thread, words; in pages", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const { id: task } = await lead.call("create_task", { title: "a" });
  const root = await anna.call("send", { to: "bob", content: "the parser, please", task });
  const reply = await bob.call("send", { to: "anna", content: "which one?", reply_to: root.id });
  const third = await anna.call("send", { to: "bob", content: "the old one", reply_to: reply.id });
  const alert = await lead.call("send", { to: "bob", content: "parser broken", category: "alert" });
  const ids = (input: Json): Promise<string[]> => allMessages(lead, input);
  assertEquals(await ids({}), [alert.id, third.id, reply.id, root.id]);
  assertEquals(await ids({ limit: 1 }), [alert.id, third.id, reply.id, root.id]);
  assertEquals(await ids({ peer: "lead" }), [alert.id]);
  assertEquals(await ids({ peer: "nobody" }), []);
  assertEquals(await ids({ task }), [root.id]);
  assertEquals(await ids({ category: "alert" }), [alert.id]);
  for (const { id } of [root, reply, third]) {
    assertEquals(await ids({ thread: id }), [third.id, reply.id, root.id]);
    assertEquals(await ids({ thread: id, limit: 2 }), [third.id, reply.id, root.id]);
  }
  assertEquals(await ids({ query: "parser" }), [alert.id, root.id]);
  assertEquals(
    (await lead.call("list_messages", { thread: reply.id })).messages[0].thread,
    root.id,
  );
  await lead.refused("UNKNOWN_MESSAGE", "list_messages", { thread: "m99" });
});

flockTest("list_messages: what was said of a task long ago is on its first page", async (flock) => {
  const { lead, anna } = await flock.crew();
  const { id: task } = await lead.call("create_task", { title: "a" });
  const { id } = await anna.call("send", { to: "bob", content: "of the task", task });
  const store = await lead.node.store();
  const row = {
    sender: "x",
    sender_name: "x",
    sender_role: "worker",
    category: "finding" as const,
  };
  const about = { task: null, run: null, reply_to: null, chain: null, upS: 0 };
  await commit(store, async ({ tx, at }) => {
    for (let i = 0; i < 6_000; i++) {
      await post(tx, { ...row, ...about, project: flock.folder, content: "of others", at }, []);
    }
  });
  const page: Json = await lead.call("list_messages", { task });
  assertEquals([page.messages.map((one: Json) => one.id), page.next], [[id], null]);
});

flockTest(
  "list_messages: of another project only what came from or went to this one",
  async (flock) => {
    const { lead, anna } = await flock.crew();
    const far = await flock.member("far", { folder: "far" });
    await flock.member("near", { folder: "far" });
    await far.call("send", { to: "near", content: "not for you" });
    await far.call("send", { to: "anna", content: "for you" });
    await anna.call("send", { to: "far", content: "from you" });
    const here = (await lead.call("list_messages")).messages.map((one: Json) => one.content);
    assertEquals(here, ["from you", "for you"]);
    assertEquals((await far.call("list_messages")).messages.length, 3);
  },
);

flockTest("list_messages: what is rare is found behind thousands, page by page", async (flock) => {
  const { lead, anna } = await flock.crew();
  const rare = await anna.call("send", { to: "lead", content: "rare", category: "finding" });
  for (let i = 0; i < 4_200; i++) await anna.call("send", { to: "bob", content: `chatter ${i}` });
  const startMs = performance.now();
  const page = await lead.call("list_messages", { category: "finding" });
  report("a rare message looked for among 4,200", performance.now() - startMs);
  assertEquals(page.messages, []);
  assert(page.next !== null);
  assertEquals(await allMessages(lead, { category: "finding" }), [rare.id]);
});

flockTest("task_graph: open tasks with edges, done ones on request, some by id", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const { ids } = await lead.call("create_task", {
    tasks: [
      { key: "a", title: "a", priority: 1 },
      { key: "b", title: "b", blocked_by: ["a"] },
      { key: "c", title: "c", blocked_by: ["a", "b"], assign_to: "bob" },
    ],
  });
  await anna.call("claim_task", { id: ids.a });
  await anna.call("update_task", { id: ids.a, progress: "half" });
  const graph = await lead.call("task_graph");
  assertEquals(graph.tasks.map((one: Json) => one.id).sort(), [ids.a, ids.b, ids.c].sort());
  const a = graph.tasks.find((one: Json) => one.id === ids.a);
  assertEquals([a.status, a.claimed_by, a.progress, a.attempts], [
    "in_progress",
    "anna",
    "half",
    1,
  ]);
  assertEquals(graph.tasks.find((one: Json) => one.id === ids.c).assigned_to, "bob");
  const edges = graph.edges.map((one: Json) => `${one.task}>${one.on}`).sort();
  assertEquals(edges, [`${ids.b}>${ids.a}`, `${ids.c}>${ids.a}`, `${ids.c}>${ids.b}`]);
  await anna.call("complete_task", { id: ids.a, summary: "done" });
  const open = await lead.call("task_graph");
  assertEquals(open.tasks.map((one: Json) => [one.id, one.ready]), [[ids.b, true], [ids.c, false]]);
  assertEquals(open.edges.length, 1);
  assertEquals((await lead.call("task_graph", { done: true })).tasks.length, 3);
  const one = await lead.call("task_graph", { ids: [ids.b, "t99"] });
  assertEquals([one.tasks.length, one.edges], [1, [{ task: ids.b, on: ids.a }]]);
  const far = await flock.member("far", { folder: "far" });
  assertEquals((await far.call("task_graph", { ids: [ids.b] })).tasks, []);
  await bob.refused("NOT_ALLOWED", "task_graph");
});

flockTest("task_graph: 5,000 tasks and their edges in one answer, not one more", async (flock) => {
  const lead = await flock.member("lead");
  for (let batch = 0; batch < 6; batch++) {
    const tasks = Array.from({ length: 1_000 }, (_, i) => ({
      key: `k${i}`,
      title: `task ${batch}-${i} of a plan of thousands`,
      ...(i === 0 ? {} : { blocked_by: [`k${i >> 1}`] }),
    })).map((task, i) => i === 1 ? { ...task, blocked_by: ["k0"] } : task);
    await lead.call("create_task", { tasks });
    if (batch === 4) {
      const startMs = performance.now();
      const { tasks: all, edges, truncated } = await lead.call("task_graph");
      report("a graph of 5,000 tasks", performance.now() - startMs);
      assertEquals([all.length, edges.length, truncated], [LIMITS.graphTasks, 4_995, false]);
    }
  }
  const { tasks, truncated } = await lead.call("task_graph");
  assertEquals([tasks.length, truncated], [LIMITS.graphTasks, true]);
});

flockTest("task_graph: some by id cost the same in a project of thousands", async (flock) => {
  const lead = await flock.member("lead");
  const { id } = await lead.call("create_task", { title: "one" });
  const costMs = async (): Promise<number> => {
    const times: number[] = [];
    for (let i = 0; i < 60; i++) {
      const startMs = performance.now();
      await lead.call("task_graph", { ids: [id] });
      times.push(performance.now() - startMs);
    }
    return times.sort((a, b) => a - b)[10] ?? 0;
  };
  await costMs();
  const before = await costMs();
  for (let batch = 0; batch < 8; batch++) {
    const tasks = Array.from(
      { length: 1_000 },
      (_, i) => ({ title: `${batch}-${i} of thousands` }),
    );
    await lead.call("create_task", { tasks });
  }
  const after = await costMs();
  report("one of 8,000 tasks", after);
  assert(after < before * 3 + 0.3, `${before} ms, then ${after} ms`);
});

flockTest("timeline: who worked on what when, of a run or lately", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const run = (await lead.call("run", { action: "start", goal: "a goal" })).run.id;
  const { id } = await lead.call("create_task", { title: "of the run" });
  const other = await bob.call("create_task", { title: "of nothing" });
  await anna.call("claim_task", { id });
  await anna.call("update_task", { id, action: "release" });
  await bob.call("claim_task", { id });
  await bob.call("complete_task", { id, summary: "done" });
  await bob.call("claim_task", { id: other.id });
  const ofRun = await lead.call("timeline", { run });
  assertEquals(ofRun.spans.map((one: Json) => [one.peer, one.task, one.outcome]), [
    ["anna", id, "released"],
    ["bob", id, "completed"],
  ]);
  assertEquals(ofRun.rows.map((one: Json) => `${one.peer} ${one.op}`), [
    "lead create_task",
    "anna claim_task",
    "anna update_task",
    "bob claim_task",
    "bob complete_task",
  ]);
  const { spans } = await lead.call("timeline", { peer: "bob" });
  assertEquals(spans.map((one: Json) => [one.task, one.outcome, one.to === null]), [
    [id, "completed", false],
    [other.id, "working", true],
  ]);
  const far = await flock.member("far", { folder: "far" });
  assertEquals(await far.call("timeline"), { rows: [], spans: [], truncated: false });
});

flockTest("list_projects, flock_state: the whole home at a glance", async (flock) => {
  const { lead, anna } = await flock.crew();
  const far = await flock.member("far", { folder: "far/away" });
  await lead.call("create_task", { title: "a" });
  await anna.call("send", { to: "lead", content: "stuck", category: "blocker" });
  await far.call("set_memory", { key: "k", value: "v" });
  const human = new Guest(flock);
  const { projects } = await human.call("list_projects");
  const mine = projects.find((one: Json) => one.id.startsWith(flock.project));
  assertEquals([mine.name, mine.peers, mine.tasks_open, mine.attention], ["project", 3, 1, 1]);
  assert(projects.some((one: Json) => one.name === "away" && one.peers === 1));
  await lead.refused("NOT_ALLOWED", "list_projects");
  const state = await lead.call("flock_state");
  assertEquals([state.leader.name, state.leader.epoch, state.leader.url], ["lead", 1, null]);
  assertEquals(state.takeovers.map((one: Json) => one.name), ["lead"]);
  assertEquals(state.nodes.map((one: Json) => one.name).sort(), ["anna", "bob", "far", "lead"]);
  assert(state.store.journal_seq > 4 && state.store.bytes > 0 && state.store.wal_bytes > 0);
  const create = state.operations.find((one: Json) => one.op === "create_task");
  assert(create.count >= 1 && create.p50_ms <= create.p99_ms);
  const total = (name: string): number =>
    state.series[name].reduce((sum: number, count: number) => sum + count, 0);
  assertEquals([total("acts"), total("messages")], [state.store.journal_seq, 1]);
  assertEquals(state.series.minute.length, 60);
  await lead.call("create_task", { title: "b" });
  const later = await lead.call("flock_state");
  const acts = later.series.acts.reduce((sum: number, count: number) => sum + count, 0);
  assertEquals(acts, later.store.journal_seq, "nothing is counted twice");
});

flockTest("status: each need names whom and what it is about", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const { ids } = await lead.call("create_task", {
    tasks: [{ key: "a", title: "a" }, { key: "b", title: "b", blocked_by: ["a"] }, {
      key: "c",
      title: "c",
    }],
  });
  await bob.call("send", { to: "lead", content: "stuck", category: "blocker", task: ids.c });
  await lead.call("update_task", { id: ids.a, action: "cancel" });
  await anna.call("claim_task", { id: ids.c });
  await anna.call("update_task", { id: ids.c, action: "request_review" });
  await lead.call("control", { action: "pause", peer: "bob", value: "wait" });
  const { attention } = await lead.call("status");
  const about = (kind: string): Json => attention.find((one: Json) => one.kind === kind);
  assertEquals([about("blocker").peers, about("blocker").task], [["bob"], ids.c]);
  assertEquals([about("review").peers, about("review").task], [["anna"], ids.c]);
  assertEquals([about("stuck").task, about("stuck").on], [ids.b, ids.a]);
  assertEquals(about("paused").peers, ["bob"]);
  // In review or not: it goes to somebody else.
  const { task } = await lead.call("update_task", { id: ids.c, assign_to: "bob" });
  assertEquals([task.status, task.assigned_to, task.claimed_by], ["pending", "bob", null]);
});
