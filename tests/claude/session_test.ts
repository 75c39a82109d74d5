// A session of the client as its hooks tell of it, beside a real server: mail where the model looks
// next and only once, edits that meet locks, turns that end once, and whose session it is.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { write } from "../support/git.ts";
import type { Peer } from "../support/peer.ts";
import { type Ground, groundTest, type Session } from "./client.ts";

/** Two who talk: a peer of any client, and a session of Claude Code. */
async function pair(ground: Ground): Promise<{ bob: Peer; ann: Session }> {
  const bob = await ground.peer("bob");
  const ann = await ground.session("s-1", "ann");
  await ann.hook("UserPromptSubmit");
  return { bob, ann };
}

async function send(from: Peer, content: string, to = "ann"): Promise<string> {
  return (await from.ok("send", { to, content })).id;
}

/** How far a message has come: queued, offered, seen. */
async function stateOf(from: Peer, id: string): Promise<string> {
  return (await from.ok("check", { id })).deliveries[0].state;
}

function becomes(from: Peer, id: string, state: string): Promise<boolean> {
  const what = `${id} is ${state}`;
  return eventually(async () => await stateOf(from, id) === state, { what });
}

groundTest(
  "hooks: an answer is one JSON object, empty where there is nothing to say",
  async (ground) => {
    const { ann } = await pair(ground);
    assertEquals(await ann.hook("PostToolBatch"), null);
    assertEquals(await ann.hook("PostToolUse", { tool_name: "Bash", tool_use_id: "x" }), null);
    assertEquals(await ann.before("Bash", { command: "ls" }), null);
    assertEquals(await ann.before("mcp__plugin_skein_skein__check"), null);
    assertEquals(await ann.stop(), null);
  },
);

groundTest("hooks: nonsense lets everything through", async (ground) => {
  const { ann } = await pair(ground);
  for (
    const input of [
      {},
      { hook_event_name: "NoSuchEvent" },
      { hook_event_name: 7, session_id: {}, tool_input: [] },
      { hook_event_name: "PreToolUse", tool_name: "Edit", tool_input: "{torn" },
      { hook_event_name: "PreToolUse", tool_name: "Edit", tool_input: '{"file_path":""}' },
      { hook_event_name: "PreToolUse", tool_name: "Edit", tool_input: '{"file_path":"a\\u0000"}' },
      { hook_event_name: "PreToolUse", tool_name: "Bash", tool_input: '{"command":7}' },
      { hook_event_name: "PreToolUse", tool_name: "Bash", cwd: "/no/such", tool_input: "[]" },
      {
        hook_event_name: "PreToolUse",
        tool_name: "Bash",
        tool_input: { command: "x".repeat(1e5) },
      },
    ]
  ) assertEquals(await ann.raw(input), "{}", JSON.stringify(input).slice(0, 100));
  assertEquals((await ann.peer.ok("join")).you.name, "ann", "the session is what it was");
});

groundTest("hooks: the tool is not listed", async (ground) => {
  const { ann } = await pair(ground);
  const { tools } = await ann.peer.client.listTools();
  assert(!tools.some((tool) => tool.name === "hook"));
});

groundTest(
  "mail: comes after a batch of tools, once, and is seen with the next step",
  async (ground) => {
    const { bob, ann } = await pair(ground);
    await ann.before("Bash", { command: "ls" });
    const id = await send(bob, "the port is 8080");
    const text = await ann.context("PostToolBatch");
    for (const part of [id, "from bob", JSON.stringify("the port is 8080")]) {
      assertStringIncludes(text, part);
    }
    await becomes(bob, id, "offered");
    assertEquals(await ann.context("PostToolBatch"), "", "it was shown once");
    await ann.before("Bash", { command: "ls" });
    await becomes(bob, id, "seen");
    assertEquals((await ann.peer.ok("check")).messages, []);
  },
);

groundTest("mail: on the result of a tool is not seen by the call beside it", async (ground) => {
  const { bob, ann } = await pair(ground);
  await ann.before("mcp__plugin_skein_skein__status");
  await ann.before("mcp__plugin_skein_skein__list_tasks");
  const id = await send(bob, "rides along");
  const { mail } = await ann.peer.ok("status");
  assertEquals(mail.messages.map((one: { id: string }) => one.id), [id]);
  await becomes(bob, id, "offered");
  assertEquals((await ann.peer.ok("list_tasks")).mail, undefined);
  await ann.peer.ok("list_peers");
  assertEquals(await stateOf(bob, id), "offered", "the model has not been asked again");
  assertEquals(await ann.context("PostToolBatch"), "", "it is in the next request already");
  assertEquals(await stateOf(bob, id), "offered");
  await ann.before("Bash", { command: "ls" });
  await becomes(bob, id, "seen");
});

groundTest("mail: comes with a prompt, and holds up the end of a turn once", async (ground) => {
  const { bob, ann } = await pair(ground);
  await send(bob, "before the prompt");
  assertStringIncludes(await ann.context("UserPromptSubmit"), "before the prompt");
  const id = await send(bob, "before the end");
  assertStringIncludes(await ann.stop() ?? "", "before the end");
  await becomes(bob, id, "offered");
  assertEquals(await ann.stop(true), null);
  await becomes(bob, id, "seen");
});

groundTest("turns: a turn that a hook lets go on ends, whatever has come", async (ground) => {
  const { bob, ann } = await pair(ground);
  const id = await send(bob, "too late");
  assertEquals(await ann.stop(true), null);
  assertEquals(await stateOf(bob, id), "queued");
  assertStringIncludes(await ann.context("UserPromptSubmit"), "too late");
});

groundTest("turns: a claimed task is said at the end, together with the mail", async (ground) => {
  const { bob, ann } = await pair(ground);
  const { id } = await bob.ok("create_task", { title: "half done" });
  await ann.peer.ok("claim_task", { id });
  const reason = await ann.stop() ?? "";
  for (const part of [id, "half done", "complete_task"]) assertStringIncludes(reason, part);
  assertEquals(await ann.stop(true), null);
  await send(bob, "how far are you");
  const both = await ann.stop() ?? "";
  assertStringIncludes(both, "how far are you");
  assertStringIncludes(both, id);
  await ann.peer.ok("complete_task", { id, summary: "done" });
  assertEquals(await ann.stop(), null);
});

groundTest(
  "locks: an edit of what another holds is denied, one's own is locked",
  async (ground) => {
    const { bob, ann } = await pair(ground);
    const held = join(ground.folder, "held.ts");
    const free = join(ground.folder, "free.ts");
    await bob.ok("lock_file", { paths: ["held.ts"] });
    for (const tool of ["Edit", "Write", "MultiEdit"]) {
      assertStringIncludes(
        await ann.before(tool, { file_path: held }) ?? "",
        "bob has reserved it",
      );
    }
    assertStringIncludes(await ann.before("NotebookEdit", { notebook_path: held }) ?? "", "bob");
    assertStringIncludes(await ann.before("Bash", { command: "echo x > held.ts" }) ?? "", "bob");
    assertEquals(await ann.before("Read", { file_path: held }), null);
    assertEquals(await ann.before("Edit", { file_path: free }), null);
    const { locks } = await bob.ok("list_locks", { path: "free.ts" });
    assertEquals([locks[0].holder, locks[0].automatic], ["ann", true]);
    assertEquals(await ann.stop(), null);
    assertEquals((await bob.ok("list_locks", { path: "free.ts" })).locks, []);
  },
);

groundTest("locks: a turn that goes on keeps them", async (ground) => {
  const { bob, ann } = await pair(ground);
  assertEquals(await ann.before("Edit", { file_path: join(ground.folder, "a.ts") }), null);
  await send(bob, "wait");
  assert(await ann.stop() !== null);
  assertEquals((await bob.ok("list_locks")).locks.length, 1);
  assertEquals(await ann.stop(true), null);
  assertEquals((await bob.ok("list_locks")).locks, []);
});

groundTest("locks: what a command changed after all is told to both", async (ground) => {
  const { bob, ann } = await pair(ground);
  const path = join(ground.folder, "held.ts");
  write(path, "one\n");
  await bob.ok("lock_file", { paths: ["held.ts"] });
  const shell = { tool_use_id: "toolu_sh", tool_name: "Bash" };
  assertEquals(await ann.before("Bash", { command: "make" }, shell), null);
  write(path, "two, longer\n");
  const text = await ann.context("PostToolUse", shell);
  assertStringIncludes(text, "held by bob");
  assertEquals(await ann.context("PostToolUse", shell), "", "told once");
  const { messages } = await bob.ok("check");
  assertEquals(messages.length, 1);
  assertStringIncludes(messages[0].content, "held.ts");
  assertEquals(await ann.before("Bash", { command: "make" }, shell), null);
  assertEquals(await ann.hook("PostToolUseFailure", shell), null);
});

groundTest("subagents: carry and acknowledge nothing", async (ground) => {
  const { bob, ann } = await pair(ground);
  const agent = { agent_id: "a-1", agent_type: "Explore", tool_use_id: "toolu_sub" };
  const first = await send(bob, "for the parent");
  assertStringIncludes(await ann.context("PostToolBatch"), "for the parent");
  await becomes(bob, first, "offered");
  await ann.before("mcp__plugin_skein_skein__check", {}, agent);
  assertEquals(await stateOf(bob, first), "offered", "a subagent's step is not the parent's");
  const second = await send(bob, "still for the parent");
  const result = await ann.peer.client.callTool({
    name: "status",
    arguments: {},
    _meta: { "claudecode/toolUseId": "toolu_sub" },
  });
  assert(!JSON.stringify(result).includes("still for the parent"));
  assertEquals(await ann.context("PostToolBatch", agent), "");
  assertEquals([await stateOf(bob, first), await stateOf(bob, second)], ["offered", "queued"]);
  assertStringIncludes(await ann.context("PostToolBatch"), "still for the parent");
  await ann.before("Bash", { command: "ls" });
  await becomes(bob, second, "seen");
});

groundTest(
  "subagents: a refused call, and one after the parent's batch, carry nothing either",
  async (ground) => {
    const { bob, ann } = await pair(ground);
    const agent = { agent_id: "a-1", agent_type: "Explore", tool_use_id: "toolu_sub" };
    const asAgent = async (name: string, args: Record<string, unknown>): Promise<string> => {
      const _meta = { "claudecode/toolUseId": "toolu_sub" };
      return JSON.stringify(await ann.peer.client.callTool({ name, arguments: args, _meta }));
    };
    await ann.before("mcp__plugin_skein_skein__get_task", {}, agent);
    const first = await send(bob, "for the parent");
    for (const args of [{ id: "t99" }, { nonsense: true }]) {
      assert(!(await asAgent("get_task", args)).includes("for the parent"), JSON.stringify(args));
    }
    assertEquals(await stateOf(bob, first), "queued");
    assertStringIncludes(await ann.context("PostToolBatch"), "for the parent");
    // It works on in the background; what it does next is still not its parent's.
    await send(bob, "still for the parent");
    assert(!(await asAgent("status", {})).includes("still for the parent"));
    assertStringIncludes(await ann.context("PostToolBatch"), "still for the parent");
  },
);

groundTest("subagents: their edits meet locks, too", async (ground) => {
  const { bob, ann } = await pair(ground);
  await bob.ok("lock_file", { paths: ["held.ts"] });
  const input = { file_path: join(ground.folder, "held.ts") };
  assertStringIncludes(await ann.before("Edit", input, { agent_id: "a-1" }) ?? "", "bob");
});

groundTest("identity: after /clear it is the same peer, with all it has", async (ground) => {
  const { bob, ann } = await pair(ground);
  const { id } = await bob.ok("create_task", { title: "kept" });
  await ann.peer.ok("claim_task", { id });
  await ann.peer.ok("lock_file", { paths: ["kept.ts"] });
  await send(bob, "across the clear");
  ann.id = "s-2";
  assertStringIncludes(await ann.context("UserPromptSubmit"), "across the clear");
  const { you } = await ann.peer.ok("join");
  assertEquals(you.name, "ann");
  assertEquals(
    (await bob.ok("list_tasks", { status: ["in_progress"] })).tasks[0].claimed_by,
    "ann",
  );
  assertEquals((await bob.ok("list_locks")).locks[0].holder, "ann");
  assertEquals((await bob.ok("list_peers")).peers.length, 2, "nobody was made anew");
});

groundTest("identity: --continue under a throw-away id becomes who it was", async (ground) => {
  const bob = await ground.peer("bob");
  const old = await ground.session("s-old");
  const name = (await old.peer.ok("join")).you.name;
  const { id } = await bob.ok("create_task", { title: "begun" });
  await old.peer.ok("claim_task", { id });
  await old.peer.ok("lock_file", { paths: ["kept.ts"] });
  await old.peer.close();
  await send(bob, "while you were away", name);
  const now = await ground.session("s-throw-away");
  now.id = "s-old";
  assertStringIncludes(await now.context("UserPromptSubmit"), "while you were away");
  assertEquals((await now.peer.ok("join")).you.name, name);
  assertEquals((await bob.ok("list_locks")).locks[0].holder, name);
  await now.peer.ok("complete_task", { id, summary: "done after all" });
  const live = (await bob.ok("list_peers")).peers.map((peer: { name: string }) => peer.name);
  assertEquals(live.sort(), ["bob", name].sort());
});

groundTest("standing: a paused session edits nothing, and its turns end", async (ground) => {
  const { bob, ann } = await pair(ground);
  await bob.ok("control", { peer: "ann", action: "pause" });
  const input = { file_path: join(ground.folder, "a.ts") };
  assertStringIncludes(await ann.before("Edit", input) ?? "", "paused by bob");
  await ann.stop();
  assertEquals(await ann.stop(true), null);
});
