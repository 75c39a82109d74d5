// The names that other coordination tools use, on skein's operations: prompts and scripts that
// were written for them keep working. Aliases are answered always and listed only in the profile
// of their system. Parameter names are translated wherever the own name is missing; an identity
// among the parameters has to be the caller's own.

import { hash } from "node:crypto";
import { Refusal } from "./core/errors.ts";
import { LIMITS } from "./core/limits.ts";

type Args = Record<string, unknown>;

/** A JSON schema of parameters, as it is listed. */
export interface Params {
  readonly [name: string]: "string" | "string!" | "integer" | "integer!" | "strings" | "object";
}

export interface Alias {
  /** The operation it stands for; null: this build has none. */
  readonly operation: string | null;
  readonly summary: string;
  /** Parameters by name; `!` marks the required ones. */
  readonly params: Params;
  readonly map: (args: Args) => Args;
}

const same = (args: Args): Args => args;

/** Alias names and what they stand for. */
export const ALIASES: ReadonlyMap<string, Alias> = new Map<string, Alias>([
  ["set_summary", {
    operation: "join",
    summary: "Say what you are working on.",
    params: { summary: "string!" },
    map: (args) => ({ summary: cut(args["summary"], LIMITS.summaryChars) }),
  }],
  ["view_dashboard", {
    operation: "status",
    summary: "Who is here, tasks, what needs attention.",
    params: {},
    map: () => ({}),
  }],
  ["send_message", {
    operation: "send",
    summary: "Message a peer.",
    params: { recipient_id: "string!", category: "string!", content: "string!" },
    map: same,
  }],
  ["check_messages", {
    operation: "check",
    summary: "Read new messages.",
    params: {},
    map: same,
  }],
  ["broadcast", {
    operation: "send",
    summary: "Message everybody in the project.",
    params: { category: "string!", content: "string!" },
    map: (args) => ({ ...args, to: ["*"] }),
  }],
  ["raise_blocker", {
    operation: "send",
    summary: "Tell the architect what blocks you.",
    params: { description: "string!", task_id: "string" },
    map: ({ description, ...args }) => ({
      ...args,
      to: ["architect"],
      category: "blocker",
      content: args["content"] ?? description,
    }),
  }],
  ["request_review", {
    operation: "update_task",
    summary: "Ask for a review of your task.",
    params: { task_id: "string!", summary: "string!" },
    map: ({ summary, ...args }) => ({ ...args, action: "request_review", note: summary }),
  }],
  ["resume_run", {
    operation: "run",
    summary: "Resume a run with everything needed to go on.",
    params: { run_id: "string!" },
    map: (args) => ({ ...args, action: "resume" }),
  }],
  [
    "spawn_worker",
    unavailable("Start a worker session.", "Open a terminal and start an agent there."),
  ],
  ["log_conversation", unavailable("Log a turn.", "Use set_memory for what others should know.")],
  ["get_conversation", unavailable("Read logged turns.", "Ask the peer with send.")],
  ["init_coordination", {
    operation: "run",
    summary: "Set the goal and the master plan.",
    params: { goal: "string!", master_plan: "string" },
    map: ({ master_plan, ...args }) => ({
      ...args,
      action: "start",
      ...(master_plan === undefined ? {} : { plan: master_plan }),
    }),
  }],
  ["get_status", {
    operation: "status",
    summary: "Progress, tasks by state, peers.",
    params: {},
    map: same,
  }],
  ["add_discovery", {
    operation: "set_memory",
    summary: "Share a finding.",
    params: { agent_id: "string!", content: "string!", tags: "strings" },
    map: discovery,
  }],
  ["create_tasks_batch", {
    operation: "create_task",
    summary: "Add several tasks.",
    params: { tasks: "object" },
    map: same,
  }],
  ["get_all_tasks", {
    operation: "list_tasks",
    summary: "All tasks.",
    params: { status_filter: "string" },
    map: ({ status_filter, ...args }) => ({
      ...args,
      status: status_filter ??
        ["proposed", "pending", "in_progress", "in_review", "completed", "failed", "cancelled"],
    }),
  }],
  ["get_results", {
    operation: "list_tasks",
    summary: "Completed tasks.",
    params: {},
    map: () => ({ status: ["completed"] }),
  }],
  ["register_agent", {
    operation: "join",
    summary: "Say who you are.",
    params: { agent_id: "string!", role: "string!" },
    map: ({ agent_id, role }) => ({ name: agent_id, role: role === "leader" ? "architect" : role }),
  }],
  ["start_task", {
    operation: "update_task",
    summary: "Say that you started.",
    params: { agent_id: "string!", task_id: "string!" },
    map: (args) => ({ ...args, progress: "started" }),
  }],
  ["fail_task", {
    operation: "update_task",
    summary: "Give a task up as failed.",
    params: { agent_id: "string!", task_id: "string!", error: "string!" },
    map: ({ error, ...args }) => ({ ...args, action: "fail", note: error }),
  }],
  ["heartbeat", {
    operation: "status",
    summary: "Not needed: the kernel tells who lives.",
    params: {},
    map: same,
  }],
  ["get_discoveries", {
    operation: "get_memory",
    summary: "Read shared findings.",
    params: {},
    map: () => ({ type: "discovery" }),
  }],
  ["get_master_plan", {
    operation: "run",
    summary: "The goal and the plan.",
    params: {},
    map: () => ({ action: "status" }),
  }],
]);

function unavailable(summary: string, hint: string): Alias {
  return {
    operation: null,
    summary,
    params: {},
    map: () => {
      throw new Refusal("NOT_AVAILABLE", "this build of skein cannot do that", { hint });
    },
  };
}

/** The names of a system, exactly; which names are listed is all that a profile decides. */
export const PROFILES: Readonly<Record<string, readonly string[]>> = {
  "c2-lattice": [
    "list_peers",
    "set_summary",
    "view_dashboard",
    "send_message",
    "check_messages",
    "broadcast",
    "create_task",
    "list_tasks",
    "get_task",
    "claim_task",
    "complete_task",
    "lock_file",
    "unlock_file",
    "list_locks",
    "set_memory",
    "get_memory",
    "raise_blocker",
    "request_review",
    "spawn_worker",
    "log_conversation",
    "get_conversation",
    "resume_run",
  ],
  coordination: [
    "init_coordination",
    "create_task",
    "claim_task",
    "complete_task",
    "get_status",
    "add_discovery",
  ],
};

/** Fields that say who calls; they may only repeat what the token says. */
const IDENTITY = ["agent_id", "sender_id", "terminal_id", "worker_id", "from_peer"];

/** Other names of an operation's fields. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  send: { recipient_id: "to", recipient: "to", message: "content", task_id: "task" },
  claim_task: { task_id: "id" },
  get_task: { task_id: "id" },
  update_task: { task_id: "id" },
  review_task: { task_id: "id" },
  complete_task: { task_id: "id", output: "summary" },
  create_task: {
    dependencies: "blocked_by",
    depends_on: "blocked_by",
    context_files: "files",
    run_id: "run",
    assigned_to: "assign_to",
  },
  list_tasks: { run_id: "run" },
  lock_file: { file_path: "paths", path: "paths", task_id: "task" },
  unlock_file: { file_path: "paths", path: "paths" },
  list_locks: { file_path: "path" },
  run: { run_id: "id", master_plan: "plan" },
};

const STATUS_WORDS: Readonly<Record<string, string>> = {
  available: "ready",
  claimed: "in_progress",
  done: "completed",
};

const SCOPE_WORDS: Readonly<Record<string, string>> = {
  all: "machine",
  same_dir: "folder",
  same_repo: "project",
};

/** A call in skein's own words. */
export interface Translated {
  readonly operation: string;
  readonly input: unknown;
  /** Who the caller says it is, if it does. */
  readonly claims: string | null;
}

/** Translates a call by whatever name and with whatever parameter names. */
export function translate(name: string, raw: unknown): Translated {
  if (raw !== undefined && raw !== null && (typeof raw !== "object" || Array.isArray(raw))) {
    return { operation: ALIASES.get(name)?.operation ?? name, input: raw, claims: null };
  }
  const alias = ALIASES.get(name);
  let args: Args = { ...(raw as Args | null | undefined) };
  if (alias !== undefined) args = alias.map(args);
  const operation = alias?.operation ?? name;
  let claims: string | null = null;
  for (const field of IDENTITY) {
    const value = args[field];
    if (value === undefined) continue;
    claims = String(value);
    delete args[field];
  }
  rename(args, FIELDS[operation] ?? {});
  return { operation, input: adapt(operation, args), claims };
}

function rename(args: Args, names: Readonly<Record<string, string>>): void {
  for (const [other, own] of Object.entries(names)) {
    if (!(other in args) || own in args) continue;
    args[own] = args[other];
    delete args[other];
  }
}

/** What a change of name alone does not translate. */
function adapt(operation: string, args: Args): Args {
  if (typeof args["id"] === "number") args["id"] = `t${args["id"]}`;
  if (operation === "list_peers" && typeof args["scope"] === "string") {
    args["scope"] = SCOPE_WORDS[args["scope"]] ?? args["scope"];
  }
  if (operation === "list_tasks" && typeof args["status"] === "string") {
    args["status"] = STATUS_WORDS[args["status"]] ?? args["status"];
  }
  if (operation === "complete_task") return adaptCompletion(args);
  if (operation !== "create_task") return args;
  const tasks = args["tasks"];
  if (!Array.isArray(tasks)) return adaptTask(args);
  return { ...args, tasks: tasks.map((task) => isArgs(task) ? adaptTask({ ...task }) : task) };
}

function isArgs(value: unknown): value is Args {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A task that has a description and no title gets its first line as title. */
function adaptTask(task: Args): Args {
  rename(task, FIELDS["create_task"] ?? {});
  const { hints, ...rest } = task;
  const description = rest["description"];
  if (rest["title"] === undefined && typeof description === "string") {
    rest["title"] = cut(description.trim().split("\n")[0] ?? "", LIMITS.titleChars);
  }
  if (hints !== undefined) {
    const text = Array.isArray(hints) ? hints.join("\n") : String(hints);
    rest["description"] = [description, `Hints: ${text}`].filter(Boolean).join("\n\n");
  }
  const blockedBy = rest["blocked_by"];
  if (Array.isArray(blockedBy)) {
    rest["blocked_by"] = blockedBy.map((id) => typeof id === "number" ? `t${id}` : id);
  }
  return rest;
}

function adaptCompletion(args: Args): Args {
  const { artifacts, files_modified, files_created, ...rest } = args;
  const made = isArgs(artifacts) ? artifacts : {};
  const files = [
    ...asList(made["files_touched"] ?? made["files"]),
    ...asList(files_modified),
    ...asList(files_created),
  ];
  const taken = {
    summary: made["summary"],
    tests: text(made["tests_run"] ?? made["tests"]),
    risks: text(made["risks"]),
    files: files.length === 0 ? undefined : files,
  };
  for (const [field, value] of Object.entries(taken)) {
    if (rest[field] === undefined && value !== undefined) rest[field] = value;
  }
  return rest;
}

function asList(value: unknown): unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

function text(value: unknown): unknown {
  return Array.isArray(value) ? value.join("\n") : value;
}

/** A finding is memory of its own key: the same finding twice is one entry. */
function discovery(args: Args): Args {
  const { content, tags, ...rest } = args;
  const words = asList(tags).map((tag) => `#${String(tag)}`).join(" ");
  const value = typeof content === "string" && words !== "" ? `${content}\n${words}` : content;
  const key = `discovery/${hash("sha256", String(content), "hex").slice(0, 10)}`;
  return { ...rest, key, value, type: "discovery" };
}

function cut(value: unknown, characters: number): unknown {
  return typeof value === "string" ? value.slice(0, characters) : value;
}
