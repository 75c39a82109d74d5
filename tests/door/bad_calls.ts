// Bad calls that no schema tells: names of nothing, values beyond their bounds, claims of being
// somebody else. The other peer
// holds `held.ts` and the task t2; t1 is free, t3 was made by the caller.

import { type BadCall, GIANT } from "./bad_fields.ts";
import { paths, plans, type Row } from "./bad_plans.ts";
import type { Json } from "./wire.ts";

/** Names of what does not exist. */
function unknowns(): Row[] {
  return [
    ["a tool nobody has", "no_such_tool", {}, "UNKNOWN_TOOL", null],
    ["a tool named like a property of objects", "constructor", {}, "UNKNOWN_TOOL", null],
    ["a tool named __proto__", "__proto__", {}, "UNKNOWN_TOOL", null],
    ["a tool with an empty name", "", {}, "UNKNOWN_TOOL", null],
    ["a tool with a giant name", GIANT, {}, "UNKNOWN_TOOL", null],
    ["a task to read", "get_task", { id: "t999" }, "UNKNOWN_TASK", "id"],
    ["a task by a number", "get_task", { id: 999 }, "UNKNOWN_TASK", "id"],
    ["a task to claim", "claim_task", { id: "nope" }, "UNKNOWN_TASK", "id"],
    ["a task to complete", "complete_task", { id: "t999", summary: "x" }, "UNKNOWN_TASK", "id"],
    ["a task to change", "update_task", { id: "t999", note: "x" }, "UNKNOWN_TASK", "id"],
    ["a task to review", "review_task", { id: "t9", verdict: "approve" }, "UNKNOWN_TASK", "id"],
    ["a task to lock for", "lock_file", { paths: "a", task: "t999" }, "UNKNOWN_TASK", "task"],
    [
      "a task to write about",
      "send",
      { to: "other", content: "x", task: "t999" },
      "UNKNOWN_TASK",
      "task",
    ],
    [
      "a task to wait for",
      "create_task",
      { title: "x", blocked_by: "t999" },
      "UNKNOWN_TASK",
      "blocked_by",
    ],
    ["a peer to write to", "send", { to: "nobody", content: "x" }, "UNKNOWN_PEER", "to"],
    [
      "one peer of several",
      "send",
      { to: ["other", "nobody"], content: "x" },
      "UNKNOWN_PEER",
      "to",
    ],
    ["a role nobody has", "send", { to: "observer", content: "x" }, "UNKNOWN_PEER", "to"],
    [
      "a peer to assign to",
      "create_task",
      { title: "x", assign_to: "nobody" },
      "UNKNOWN_PEER",
      "assign_to",
    ],
    [
      "a peer to hand over to",
      "update_task",
      { id: "t3", assign_to: "nobody" },
      "UNKNOWN_PEER",
      "assign_to",
    ],
    [
      "a message to answer",
      "send",
      { to: "other", content: "x", reply_to: "m999" },
      "UNKNOWN_MESSAGE",
      "reply_to",
    ],
    [
      "an id that is none",
      "send",
      { to: "other", content: "x", reply_to: "-1" },
      "UNKNOWN_MESSAGE",
      "reply_to",
    ],
    ["a message to look up", "check", { id: "m999" }, "UNKNOWN_MESSAGE", "id"],
    ["a run to resume", "run", { action: "resume", id: "r999" }, "UNKNOWN_RUN", "id"],
    ["a run to end", "run", { action: "end", id: "r999" }, "UNKNOWN_RUN", "id"],
    ["a run to join", "join", { run: "r999" }, "UNKNOWN_RUN", "run"],
    ["a run for a task", "create_task", { title: "x", run: "r999" }, "UNKNOWN_RUN", "run"],
    ["a run to list", "list_tasks", { run: "r999" }, "UNKNOWN_RUN", "run"],
    [
      "memory to supersede",
      "set_memory",
      { key: "a", value: "b", supersedes: "nothing" },
      "INVALID_INPUT",
      "supersedes",
    ],
  ];
}

function bounds(): Row[] {
  const row = (tool: string, args: Json, field: string, codes = "INVALID_INPUT"): Row => [
    `${tool} ${JSON.stringify(args).slice(0, 60)}`,
    tool,
    args,
    codes,
    field,
  ];
  const send = (more: Json): Json => ({ to: "other", content: "x", ...more });
  return [
    row("check", { wait_ms: -1 }, "wait_ms"),
    row("check", { wait_ms: 50_001 }, "wait_ms"),
    row("check", { wait_ms: 1e300 }, "wait_ms"),
    row("check", { wait_ms: "9".repeat(400) }, "wait_ms"),
    row("lock_file", { paths: "a", wait_ms: -5 }, "wait_ms"),
    row("lock_file", { paths: "a", wait_ms: 1e15 }, "wait_ms"),
    row("check", { limit: 0 }, "limit"),
    row("check", { limit: 51 }, "limit"),
    row("list_tasks", { limit: 201 }, "limit"),
    row("list_tasks", { cursor: "nonsense" }, "cursor"),
    row("list_tasks", { cursor: "1.2.3" }, "cursor"),
    row("list_tasks", { cursor: "-1.5" }, "cursor"),
    row("list_tasks", { cursor: "5.1'; DROP TABLE task" }, "cursor"),
    row("list_tasks", { status: ["ready", "made_up"] }, "status"),
    row("complete_task", { id: "t1", summary: "x", epoch: -1 }, "epoch"),
    row("complete_task", { id: "t1", summary: "x", epoch: 2 ** 60 }, "epoch"),
    row("send", send({ category: "command" }), "category"),
    row("send", send({ category: "COMMAND" }), "category"),
    row("send", send({ content: "" }), "content"),
    row("send", send({ content: " \n\t " }), "content"),
    row("send", send({ content: "\u{1f9a2}".repeat(2_561) }), "content", "TOO_LARGE"),
    row("send", send({ content: "x".repeat(1_000_000) }), "content", "TOO_LARGE"),
    row("send", send({ to: [] }), "to"),
    row("send", send({ to: "" }), "to"),
    row("send", send({ to: Array(65).fill("other") }), "to"),
    row("create_task", { title: "" }, "title"),
    row("create_task", { title: "   " }, "title"),
    row("create_task", { title: "two\nlines" }, "title"),
    row("create_task", { title: "x".repeat(201) }, "title", "TOO_LARGE"),
    row("create_task", { description: " " }, "title"),
    row("complete_task", { id: "t1", summary: "" }, "summary"),
    row("claim_task", { id: "" }, "id"),
    row("get_task", { id: "" }, "id"),
    row("set_memory", { key: "", value: "v" }, "key"),
    row("set_memory", { key: "k", value: "" }, "value"),
    row("set_memory", { key: "k\n", value: "v" }, "key"),
    row("set_memory", { key: "x".repeat(257), value: "v" }, "key", "TOO_LARGE"),
    row("set_memory", { key: "k", value: "v", type: "opinion" }, "type"),
    row("search", { query: "" }, "query"),
    row("join", { name: "" }, "name"),
    row("join", { name: "skein" }, "name"),
    row("join", { name: "../../etc" }, "name"),
    row("join", { name: "other" }, "name", "NAME_TAKEN"),
    row("join", { role: "operator" }, "role", "NOT_ALLOWED"),
    row("run", { action: "start" }, "goal"),
    row("run", { action: "start", goal: "" }, "goal"),
    row("review_task", { id: "t1", verdict: "maybe" }, "verdict"),
  ];
}

/** Who somebody says it is, what it keeps its keys for, and what objects inherit. */
function identities(): Row[] {
  const proto = (text: string): Json => JSON.parse(text);
  const pollution = "INVALID_INPUT";
  return [
    ["another's agent_id", "claim_task", { agent_id: "other" }, "NOT_YOU", null],
    [
      "another's sender_id",
      "send",
      { sender_id: "other", to: "other", content: "x" },
      "NOT_YOU",
      null,
    ],
    ["an empty agent_id", "claim_task", { agent_id: "" }, "NOT_YOU INVALID_INPUT", null],
    ["an agent_id that is none", "claim_task", { agent_id: {} }, "NOT_YOU INVALID_INPUT", null],
    ["a list as agent_id", "claim_task", { agent_id: ["victim"] }, "NOT_YOU INVALID_INPUT", null],
    [
      "two identities, one of them another's",
      "claim_task",
      { agent_id: "other", worker_id: "victim" },
      "NOT_YOU",
      null,
    ],
    ["an identity where none is used", "view_dashboard", { agent_id: "other" }, "NOT_YOU", null],
    ["an own __proto__", "create_task", proto('{"__proto__": {"title": "x"}}'), pollution, null],
    [
      "an own __proto__ beside what is due",
      "create_task",
      proto('{"title": "x", "__proto__": {"admin": true}}'),
      pollution,
      "__proto__",
    ],
    [
      "a constructor field",
      "create_task",
      { title: "x", constructor: { prototype: { admin: true } } },
      pollution,
      "constructor",
    ],
    [
      "__proto__ in a task of a batch",
      "create_task",
      proto('{"tasks": [{"title": "x", "__proto__": {"a": 1}}]}'),
      pollution,
      "__proto__",
    ],
    ["a scope that objects inherit", "list_peers", { scope: "constructor" }, pollution, "scope"],
    [
      "a priority that objects inherit",
      "create_task",
      { title: "x", priority: "toString" },
      pollution,
      "priority",
    ],
    ["a status that objects inherit", "list_tasks", { status: "valueOf" }, pollution, "status"],
    ["a task of another's", "complete_task", { id: "t2", summary: "x" }, "NOT_YOUR_CLAIM", null],
    ["a task that is taken", "claim_task", { id: "t2" }, "TASK_TAKEN", null],
    [
      "an epoch of the future",
      "complete_task",
      { id: "t2", summary: "x", epoch: 99 },
      "STALE_EPOCH",
      null,
    ],
  ];
}

function keys(): BadCall[] {
  const key = (what: string, value: Json): BadCall => ({
    what: `idempotency key: ${what}`,
    tool: "create_task",
    args: { title: "x" },
    meta: { "skein/key": value },
    codes: ["INVALID_INPUT", "TOO_LARGE"],
    field: "key",
  });
  return [
    { ...key("used for another request", "used"), codes: ["KEY_REUSED"] },
    key("empty", ""),
    key("giant", GIANT),
    key("an object", {}),
    key("a list", ["a"]),
    key("null", null),
    key("half a character", "\ud800"),
    key("a control character", "a\u0000"),
  ];
}

/** All of them. */
export function badCalls(folder: string): BadCall[] {
  const rows = [...unknowns(), ...plans(), ...paths(folder), ...bounds(), ...identities()];
  const calls = rows.map(([what, tool, args, codes, field]) => ({
    what,
    tool,
    args,
    codes: codes.split(" "),
    field,
  }));
  return [...calls, ...keys()];
}
