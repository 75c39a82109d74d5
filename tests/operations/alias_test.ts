// The names and parameters of the systems that came before, on the shared store: who brings along
// prompts and scripts written for them finds them working, side by side with skein's own names.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { ALIASES } from "../../src/aliases.ts";
import { operationNamed } from "../../mod.ts";
import { flockTest, type Json } from "./flock.ts";

flockTest("aliases: c2-lattice, from the plan to the last task", async (flock) => {
  const { lead, anna } = await flock.crew();
  await anna.call("set_summary", { summary: "on the parser" });
  const { peers } = await lead.call("list_peers", { scope: "same_repo" });
  assertEquals(peers.find((peer: Json) => peer.name === "anna").summary, "on the parser");
  assertEquals((await lead.call("list_peers", { scope: "same_dir" })).peers.length, 3);
  assertEquals((await lead.call("list_peers", { scope: "all" })).peers.length, 3);
  const first = await lead.call("create_task", { title: "a", priority: "medium" });
  const number = Number(first.id.slice(1));
  await lead.call("create_task", { title: "b", priority: "high", blocked_by: [number] });
  assertEquals((await anna.call("get_task", { task_id: number })).task.id, first.id);
  await anna.call("claim_task", { task_id: first.id });
  const { unblocked } = await anna.call("complete_task", {
    task_id: first.id,
    artifacts: { summary: "done", files_touched: ["a.ts"], tests_run: "12 passed", risks: "few" },
  });
  assertEquals(unblocked.length, 1);
  const { task } = await lead.call("get_task", { task_id: first.id });
  assertEquals(task.artifacts, { files: ["a.ts"], tests: "12 passed", risks: "few" });
  assertEquals(task.summary, "done");
});

flockTest("aliases: c2-lattice, messages, blockers and reviews arrive", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  const { id } = await lead.call("create_task", { title: "a" });
  await anna.call("send_message", { recipient_id: "bob", category: "finding", content: "hi" });
  await anna.call("broadcast", { category: "status_update", content: "all" });
  await anna.call("claim_task", { task_id: id });
  const number = Number(id.slice(1));
  await anna.call("raise_blocker", { description: "stuck", task_id: number });
  await anna.call("request_review", { task_id: id, summary: "please look" });
  assertEquals((await bob.call("check_messages")).messages.map((it: Json) => it.content), [
    "hi",
    "all",
  ]);
  const { messages } = await lead.call("check_messages");
  assertEquals(messages.map((it: Json) => [it.category, it.task]), [
    ["status_update", undefined],
    ["blocker", id],
    ["review_request", id],
  ]);
  assertEquals((await lead.call("view_dashboard")).attention.length, 3);
});

flockTest("aliases: c2-lattice, locks, memory and runs", async (flock) => {
  const { lead, anna, bob } = await flock.crew();
  await anna.call("lock_file", { file_path: "src/a.ts" });
  await bob.refused("LOCK_HELD", "lock_file", { file_path: "./src/a.ts" });
  assertEquals((await bob.call("list_locks")).locks.length, 1);
  await anna.call("unlock_file", { file_path: "src/a.ts" });
  const entry = { key: "k", value: "v", type: "fact", confidence: "medium" };
  assertEquals((await anna.call("set_memory", entry)).version, 1);
  assertEquals((await bob.call("get_memory", { key: "k" })).entries[0].confidence, "medium");
  const { run } = await lead.call("run", { action: "start", goal: "g" });
  await lead.call("create_task", { title: "a", run_id: run.id });
  const { run: resumed } = await bob.call("resume_run", { run_id: run.id });
  assertEquals([resumed.id, resumed.total], [run.id, 1]);
});

flockTest("aliases: coordination, its six tools and their parameters", async (flock) => {
  const { lead, anna } = await flock.crew();
  const { run } = await lead.call("init_coordination", { goal: "g", master_plan: "the plan" });
  assertEquals([run.goal, run.plan], ["g", "the plan"]);
  const first = await lead.call("create_task", {
    description: "Parse it\nwith care",
    priority: 2,
    context_files: ["a.ts"],
    hints: "use the lexer",
  });
  await lead.call("create_task", { description: "Then test it", dependencies: [first.id] });
  const claim = await anna.call("claim_task", { agent_id: "anna" });
  assertEquals([claim.task.id, claim.task.title, claim.task.priority], [first.id, "Parse it", 2]);
  assertMatch(claim.task.description, /with care[^]*use the lexer/);
  assertEquals(claim.task.files, ["a.ts"]);
  const done = await anna.call("complete_task", {
    agent_id: "anna",
    task_id: first.id,
    output: "parsed",
    files_modified: ["a.ts"],
    files_created: ["b.ts"],
  });
  assertEquals(done.unblocked.length, 1);
  const { task } = await lead.call("get_task", { id: first.id });
  assertEquals([task.summary, task.artifacts.files], ["parsed", ["a.ts", "b.ts"]]);
  await anna.call("add_discovery", { agent_id: "anna", content: "it is LL(1)", tags: ["parser"] });
  const status = await lead.call("get_status");
  assertEquals([status.progress_percent, status.tasks.ready], [50, 1]);
  const { entries } = await lead.call("get_discoveries");
  assertMatch(entries[0].value, /it is LL\(1\)[^]*#parser/);
});

flockTest("aliases: coordination, the early tools", async (flock) => {
  const { lead, anna } = await flock.crew();
  const { ids } = await lead.call("create_tasks_batch", {
    tasks: [{ description: "one" }, { description: "two", priority: 1, context_files: ["x.ts"] }],
  });
  await anna.call("register_agent", { agent_id: "anna", role: "worker" });
  await anna.call("claim_task", { agent_id: "anna", task_id: ids["2"] });
  await anna.call("start_task", { agent_id: "anna", task_id: ids["2"] });
  assertEquals((await lead.call("get_task", { id: ids["2"] })).task.progress, "started");
  await anna.call("fail_task", { agent_id: "anna", task_id: ids["2"], error: "boom" });
  assertMatch((await lead.call("get_task", { id: ids["2"] })).task.failure, /boom/);
  await anna.call("heartbeat", { agent_id: "anna" });
  const available = await lead.call("get_all_tasks", { status_filter: "available" });
  assertEquals(available.tasks.length, 1, "what failed is not available until its delay is over");
  assertEquals((await lead.call("get_results")).tasks, []);
  assertEquals((await lead.call("list_tasks", { status: "done" })).tasks, []);
  await lead.call("run", { action: "start", goal: "g", master_plan: "p" });
  assertEquals((await anna.call("get_master_plan")).run.plan, "p");
});

flockTest("aliases: an identity among the parameters has to be the caller's own", async (flock) => {
  const { anna } = await flock.crew();
  const calls: [string, Json][] = [
    ["claim_task", { agent_id: "bob" }],
    ["list_tasks", { worker_id: "lead" }],
    ["send", { sender_id: "lead", to: "bob", content: "x" }],
    ["check", { terminal_id: "bob" }],
    ["claim_task", { agent_id: "bob", worker_id: "anna" }],
    ["set_summary", { agent_id: "bob", summary: "x" }],
    ["view_dashboard", { agent_id: "bob" }],
    ["get_discoveries", { agent_id: "bob" }],
    ["get_status", { agent_id: "bob" }],
    ["claim_task", { agent_id: ["anna"] }],
  ];
  const wrong: string[] = [];
  for (const [name, args] of calls) {
    const code = await anna.call(name, args).then(() => "done", (thrown) => thrown.code);
    if (!["NOT_YOU", "INVALID_INPUT"].includes(code)) wrong.push(`${name} ${JSON.stringify(args)}`);
  }
  assertEquals(wrong, [], "an identity that is not the caller's was let through");
});

flockTest("aliases: a title made of a description ends between characters", async (flock) => {
  const { lead } = await flock.crew();
  const description = `${"x".repeat(199)}\u{1f9a2} and more`;
  const { id } = await lead.call("create_task", { description });
  const { task } = await lead.call("get_task", { id });
  assert(task.title.isWellFormed() && task.title.length >= 199, task.title);
  await lead.call("set_summary", { summary: description });
});

Deno.test("ALIASES: each stands for an operation that exists, or says that it has none", () => {
  for (const [name, alias] of ALIASES) {
    assertEquals(operationNamed(name), undefined, `${name} hides an operation`);
    if (alias.operation !== null) assert(operationNamed(alias.operation) !== undefined, name);
  }
});
