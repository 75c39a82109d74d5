// Who may do what, written out from the promise and from nothing else: A the architect, W a worker,
// P a worker whose role was given, O an observer, H the human.

import type { PolicyName } from "../../src/core/policy.ts";

export const KINDS = ["A", "W", "P", "O", "H"] as const;
export type Kind = typeof KINDS[number];

/** A call, and who may make it under each policy. */
export interface Row {
  readonly what: string;
  readonly operation: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly who: Readonly<Record<PolicyName, string>>;
}

const ALL = "AWPOH";
/** Everybody but who only reads. */
const WORKING = "AWPH";
const LEADING = "AH";

function row(
  what: string,
  args: Readonly<Record<string, unknown>>,
  strict: string,
  others: { readonly open?: string; readonly lite?: string } = {},
): Row {
  const who = { strict, open: others.open ?? strict, lite: others.lite ?? strict };
  return { what, operation: what.split(" ")[0] ?? what, args, who };
}

/** Where planning and doing are kept apart: the architect plans, workers do. */
const PLANS = { lite: LEADING };
const DOES = { lite: "WPH" };
/** What binds everybody: in an open flock workers may, too. */
const BINDS = { open: WORKING };
const memory = (type: string): Readonly<Record<string, unknown>> => ({
  key: `of type ${type}`,
  value: "v",
  type,
});

export const ROWS: readonly Row[] = [
  row("join", {}, ALL),
  row("send", { to: "dummy", content: "hello" }, WORKING),
  row("send *", { to: "*", content: "hello" }, WORKING),
  row("send blocker", { to: "architect", content: "stuck", category: "blocker" }, WORKING),
  row("check", {}, ALL),
  row("create_task", { title: "a task" }, WORKING, PLANS),
  row("create_task batch", { tasks: [{ title: "a" }, { title: "b" }] }, WORKING, PLANS),
  row("list_tasks", {}, ALL),
  row("claim_task", {}, WORKING, DOES),
  row("claim_task by id", { id: "t99999" }, WORKING, DOES),
  row("complete_task", { id: "t99999", summary: "done" }, WORKING, DOES),
  row("lock_file", { paths: ["of-nobody.ts"] }, WORKING),
  row("unlock_file", {}, WORKING),
  row("unlock_file of another", { holder: "dummy" }, LEADING),
  row("set_memory fact", memory("fact"), WORKING, PLANS),
  row("set_memory artifact", memory("artifact"), WORKING, PLANS),
  row("set_memory discovery", memory("discovery"), WORKING, PLANS),
  row("set_memory decision", memory("decision"), LEADING, BINDS),
  row("set_memory constraint", memory("constraint"), LEADING, BINDS),
  row("get_memory", {}, ALL),
  row("list_peers", {}, ALL),
  row("list_peers machine", { scope: "machine" }, ALL),
  row("get_task", { id: "t1" }, ALL),
  row("update_task note", { note: "seen" }, WORKING),
  row("update_task priority", { priority: 2 }, LEADING, BINDS),
  row("update_task assign", { assign_to: "" }, LEADING, BINDS),
  row("update_task accept", { action: "accept" }, LEADING, BINDS),
  row("review_task", { id: "t99999", verdict: "approve" }, WORKING),
  row("list_locks", {}, ALL),
  row("run list", { action: "list" }, ALL),
  row("run status", { action: "status" }, ALL),
  row("run start", { action: "start", goal: "a goal" }, WORKING),
  row("run update", { action: "update", plan: "a plan" }, WORKING),
  row("run end", { action: "end", id: "r1" }, WORKING),
  row("status", {}, ALL),
  row("control ping", { action: "ping", peer: "dummy" }, LEADING),
  row("control pause", { action: "pause", peer: "dummy" }, LEADING),
  row("control resume", { action: "resume", peer: "dummy" }, LEADING),
  row("control budget", { action: "budget", peer: "dummy", value: "none" }, LEADING),
  row("control kill", { action: "kill", peer: "no-such-peer" }, LEADING),
  row("control all", { action: "ping", peer: "*" }, LEADING),
  row("spawn_worker", { name: "dummy" }, LEADING),
  row("log_conversation", { turn: "user", content: "hi" }, WORKING),
  row("get_conversation", {}, ALL),
  row("get_conversation dummy", { peer: "dummy" }, LEADING),
  row("search", { query: "hello" }, ALL),
  row("report_usage", { turns: 1 }, WORKING),
  row("policy", {}, ALL),
  row("policy rate", { messages_per_minute: 1_000_000 }, "H"),
  row("issue_token", {}, ALL),
  // Only the human gets a browser signed in.
  row("issue_link", {}, "H"),
  row("list_projects", {}, "H"),
  row("flock_state", {}, LEADING),
  row("list_messages", {}, LEADING),
  row("task_graph", {}, LEADING),
  row("timeline", {}, LEADING),
  // The journal tells of every project of the home, and no architect leads them all.
  row("list_audit", {}, "H"),
  row("export_audit", {}, "H"),
  row("verify_audit", {}, LEADING),
  row("why", { what: "t1" }, ALL),
  row("acknowledge_audit", {}, "H"),
  row("note_copy", { what: "backup", folder: "/tmp/copy" }, "H"),
  row("guard_edit", { paths: ["edited.ts"] }, WORKING),
  row("guard_shell", { command: "ls" }, ALL),
  row("report_touched", { paths: ["touched.ts"] }, ALL),
  row("end_turn", {}, ALL),
  row("report_waiting", {}, ALL),
  row("conduct_run", { id: "r99999", repo: "." }, LEADING),
  row("accept_plan", { run: "r99999" }, LEADING),
  row("note_cleaning", { run: "r1", refs: ["a b"] }, LEADING),
  row("begin_attempt", { run: "r99999" }, WORKING),
  row("note_attempt", { attempt: 99999 }, WORKING),
  row("end_attempt", { attempt: 99999, outcome: "failed" }, WORKING),
  row("list_attempts", {}, ALL),
  row("stop_attempt", { task: "t99999" }, LEADING),
  row("export_project", { part: "overview" }, ALL),
  row("take_findings", { discoveries: [{ value: "it rains" }] }, WORKING, PLANS),
  row("import_project", { goal: null, plan: "", tasks: [], discoveries: [] }, LEADING),
];
