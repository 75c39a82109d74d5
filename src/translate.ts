// From a call by whatever name and with whatever parameter names to an operation and its input.
// Own names win; an identity among the parameters has to be the caller's own.

import { ALIASES, type Args, asList, cut, texts } from "./aliases.ts";
import { LIMITS } from "./core/limits.ts";

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
  log_conversation: { turn_type: "turn" },
  get_conversation: { peer_id: "peer" },
  control: { peer_id: "peer" },
  spawn_worker: { peer_id: "name", working_dir: "folder", task_id: "task" },
};

/** Fields that hold a task: some systems count them. */
const NUMBERED: ReadonlyMap<string, readonly string[]> = new Map([
  ["claim_task", ["id"]],
  ["complete_task", ["id"]],
  ["get_task", ["id"]],
  ["update_task", ["id"]],
  ["review_task", ["id"]],
  ["send", ["task"]],
  ["lock_file", ["task"]],
]);

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
  /** Who the caller says it is, if it does: as often as it does. */
  readonly claims: readonly string[];
}

/** Translates a call by whatever name and with whatever parameter names. */
export function translate(name: string, raw: unknown): Translated {
  const alias = ALIASES.get(name);
  const operation = alias?.operation ?? name;
  if (raw !== undefined && raw !== null && !isArgs(raw)) {
    return { operation, input: raw, claims: [] };
  }
  let args: Args = { ...(raw as Args | null | undefined) };
  const claims: string[] = [];
  for (const field of IDENTITY) {
    // Joining under a name is the one call in which an identity is news.
    if (args[field] === undefined || name === "register_agent") continue;
    const value = args[field];
    claims.push(typeof value === "string" ? value : JSON.stringify(value));
    delete args[field];
  }
  if (alias !== undefined) args = alias.map(args);
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
  for (const field of NUMBERED.get(operation) ?? []) {
    if (typeof args[field] === "number") args[field] = `t${args[field]}`;
  }
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
  const keys = keysOf(tasks);
  return {
    ...args,
    tasks: tasks.map((task) => isArgs(task) ? adaptTask({ ...task }, keys) : task),
  };
}

/** What the tasks of a batch are called in it: by their key, else by their place, from 1 on. */
function keysOf(tasks: readonly unknown[]): ReadonlySet<string> {
  const keys = tasks.map((task) => isArgs(task) ? task["key"] : undefined);
  // One alone without a key is called nothing: no other refers to it.
  if (keys.length === 1 && keys[0] === undefined) return new Set();
  return new Set(keys.map((key, index) => String(key ?? index + 1)));
}

function isArgs(value: unknown): value is Args {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A task that has a description and no title gets its first line as title. A number is a key of its
 * batch first, as a word is, else the number of a task that is there.
 */
function adaptTask(task: Args, keys: ReadonlySet<string> = new Set()): Args {
  rename(task, FIELDS["create_task"] ?? {});
  const rest = { ...task };
  const description = rest["description"];
  if (rest["title"] === undefined && typeof description === "string") {
    rest["title"] = cut(description.trim().split("\n")[0] ?? "", LIMITS.titleChars);
  }
  const { hints } = rest;
  if (Array.isArray(hints) && hints.every((one) => typeof one === "string")) {
    rest["hints"] = hints.join("\n");
  }
  if (Number.isInteger(rest["key"])) rest["key"] = String(rest["key"]);
  const named = rest["blocked_by"];
  const blockedBy = typeof named === "number" ? [named] : named;
  if (Array.isArray(blockedBy)) {
    rest["blocked_by"] = blockedBy.map((id) =>
      typeof id !== "number" ? id : keys.has(String(id)) ? String(id) : `t${id}`
    );
  }
  return rest;
}

function adaptCompletion(args: Args): Args {
  const { artifacts, files_modified, files_created, ...rest } = args;
  const made = isArgs(artifacts) ? artifacts : {};
  const files = [...asList(made["files_touched"] ?? made["files"]), ...asList(files_modified)];
  const created = asList(files_created);
  const taken = {
    summary: made["summary"],
    tests: text(made["tests_run"] ?? made["tests"]),
    risks: text(made["risks"]),
    files: files.length === 0 ? undefined : files,
    created: created.length === 0 ? undefined : created,
  };
  for (const [field, value] of Object.entries(taken)) {
    if (rest[field] === undefined && value !== undefined) rest[field] = value;
  }
  return rest;
}

function text(value: unknown): unknown {
  return Array.isArray(value) ? texts(value)?.join("\n") ?? value : value;
}
