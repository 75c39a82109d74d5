// The six tools of the Claude Multi-Agent Coordination System, through real MCP servers that list
// them under their own names and parameters: the shared store behind them is the same for all.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { type Peer, startPeer } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";

interface Tools {
  readonly leader: Peer;
  readonly worker: Peer;
  readonly other: Peer;
}

/** Three servers in one folder, as three terminals have them. */
async function withTools(body: (tools: Tools) => Promise<void>): Promise<void> {
  await withTempFolder(async (temp) => {
    const peers: Peer[] = [];
    const start = async (name: string): Promise<Peer> => {
      const place = { home: join(temp, "home"), folder: temp };
      const peer = await startPeer({ ...place, name, tools: "coordination" });
      peers.push(peer);
      return peer;
    };
    try {
      const leader = await start("terminal-1");
      const worker = await start("terminal-2");
      await body({ leader, worker, other: await start("terminal-3") });
    } finally {
      for (const peer of peers) await peer.close();
    }
  });
}

const PARAMS: Readonly<Record<string, [required: string[], optional: string[]]>> = {
  init_coordination: [["goal"], ["master_plan"]],
  create_task: [["description"], ["priority", "dependencies", "context_files", "hints"]],
  claim_task: [["agent_id"], []],
  complete_task: [["agent_id", "task_id", "output"], ["files_modified", "files_created"]],
  get_status: [[], []],
  add_discovery: [["agent_id", "content"], ["tags"]],
};

Deno.test("SKEIN_TOOLS=coordination: lists the six under their names, with their parameters", async () => {
  await withTools(async ({ leader }) => {
    const { tools } = await leader.client.listTools();
    assertEquals(tools.map((tool) => tool.name), Object.keys(PARAMS));
    for (const { name, inputSchema } of tools) {
      const [required = [], optional = []] = PARAMS[name] ?? [];
      assertEquals(inputSchema.required ?? [], required, name);
      assertEquals(Object.keys(inputSchema.properties ?? {}), [...required, ...optional], name);
    }
  });
});

Deno.test("coordination: goal, tasks, claims, results and findings are one for all servers", async () => {
  await withTools(async ({ leader, worker, other }) => {
    await leader.ok("init_coordination", { goal: "Build it", master_plan: "# Plan\n\nsteps" });
    const { id: first } = await leader.ok("create_task", {
      description: "Parse it\nwith care",
      priority: 2,
      context_files: ["a.ts"],
      hints: "use the lexer",
    });
    const { id: second } = await leader.ok("create_task", {
      description: "Then test it",
      priority: 1,
      dependencies: [first],
    });
    const { id: third } = await leader.ok("create_task", { description: "Last, by default" });
    const claim = await worker.ok("claim_task", { agent_id: "terminal-2" });
    assertEquals([claim.task.id, claim.task.title, claim.task.priority], [first, "Parse it", 2]);
    assertEquals(claim.task.files, ["a.ts"]);
    assertMatch(claim.task.description, /with care[^]*use the lexer/);
    // What waits is never claimable; the default priority is 5.
    const next = await other.ok("claim_task", { agent_id: "terminal-3" });
    assertEquals([next.task.id, next.task.priority], [third, 5]);
    const done = await worker.ok("complete_task", {
      agent_id: "terminal-2",
      task_id: first,
      output: "parsed",
      files_modified: ["a.ts"],
      files_created: ["b.ts"],
    });
    assertEquals(done.unblocked, [second]);
    await worker.ok("add_discovery", {
      agent_id: "terminal-2",
      content: "it is LL(1)",
      tags: ["parser", "grammar"],
    });
    await other.ok("add_discovery", { agent_id: "terminal-3", content: "it rains" });
    for (const peer of [leader, worker, other]) {
      const status = await peer.ok("get_status");
      assertEquals([status.goal, status.total_tasks, status.progress_percent], ["Build it", 3, 33]);
      assertEquals([status.discoveries, status.tasks.completed, status.tasks.ready], [2, 1, 1]);
      assertEquals(status.peers.length, 3);
    }
    const { task } = await leader.ok("get_task", { task_id: first });
    assertEquals(task.artifacts, {
      files: ["a.ts", "b.ts"],
      created: ["b.ts"],
      tests: "",
      risks: "",
    });
    const tagged = await leader.ok("get_discoveries", { tags: ["grammar"] });
    assertEquals(tagged.entries.length, 1);
    assertMatch(tagged.entries[0].value, /it is LL\(1\)/);
    assertEquals(tagged.entries[0].by, "terminal-2");
    assert(Date.parse(tagged.entries[0].at) > 0);
    assertEquals((await leader.ok("get_discoveries", { limit: 1 })).entries.length, 1);
    assertEquals((await leader.ok("get_discoveries", { tags: ["gram"] })).entries.length, 0);
    const { run } = await other.ok("get_master_plan");
    assertEquals([run.goal, run.plan], ["Build it", "# Plan\n\nsteps"]);
  });
});

Deno.test("coordination: what is missing or wrong is an error that names the parameter", async () => {
  await withTools(async ({ leader, worker }) => {
    await leader.ok("init_coordination", { goal: "g" });
    const { id } = await leader.ok("create_task", { description: "a" });
    const cases: [string, unknown, RegExp][] = [
      ["init_coordination", {}, /goal/],
      ["create_task", {}, /description/],
      ["create_task", { priority: 3 }, /description/],
      ["create_task", { description: "x", priority: 11 }, /priority must be an integer from 1/],
      ["create_task", { description: "x", priority: "soon" }, /priority/],
      ["create_task", { description: "x", dependencies: ["t99"] }, /t99/],
      ["claim_task", { agent_id: "terminal-1" }, /you are terminal-2, not terminal-1/],
      ["complete_task", { agent_id: "terminal-2" }, /task_id/],
      ["complete_task", { agent_id: "terminal-2", task_id: id }, /output/],
      ["complete_task", { agent_id: "terminal-2", task_id: id, output: "x" }, /nobody has claimed/],
      ["add_discovery", { agent_id: "terminal-2" }, /content/],
      ["add_discovery", { agent_id: "terminal-2", content: "x", color: "red" }, /color/],
    ];
    for (const [name, args, message] of cases) {
      const { isError, json } = await worker.call(name, args);
      assertEquals(isError, true, `${name} ${JSON.stringify(args)}`);
      assertMatch(`${json.error.message} ${json.error.field}`, message);
    }
    assertEquals((await leader.ok("get_status")).total_tasks, 1);
    assertEquals((await leader.ok("get_status")).discoveries, 0);
  });
});

Deno.test("promise 2: coordination: three servers claim at once, no task goes to two", async () => {
  await withTools(async ({ leader, worker, other }) => {
    const count = 60;
    const tasks = Array.from({ length: count }, (_, n) => ({ description: `task ${n}` }));
    await leader.ok("create_tasks_batch", { tasks });
    const peers: [Peer, string][] = [[leader, "terminal-1"], [worker, "terminal-2"], [
      other,
      "terminal-3",
    ]];
    const claims = await Promise.all(peers.map(async ([peer, agent_id]) => {
      const own: string[] = [];
      for (;;) {
        const { task } = await peer.ok("claim_task", { agent_id });
        if (task === null) return own;
        own.push(task.id);
        await peer.ok("complete_task", { agent_id, task_id: task.id, output: "done" });
      }
    }));
    const all = claims.flat();
    assertEquals([new Set(all).size, all.length], [count, count]);
    assertEquals((await leader.ok("get_status")).progress_percent, 100);
  });
});
