// The names that other coordination tools use, on skein's operations: prompts and scripts that
// were written for them keep working. Aliases are answered always and listed only in the profile
// of their system. Parameter names are translated wherever the own name is missing; an identity
// among the parameters has to be the caller's own.

import { sha256 } from "./core/digest.ts";
import { LIMITS } from "./core/limits.ts";
import { head } from "./core/text.ts";

/** Parameters of a call. */
export type Args = Record<string, unknown>;

/** A JSON schema of parameters, as it is listed. */
export interface Params {
  readonly [name: string]: "string" | "string!" | "integer" | "integer!" | "strings" | "object";
}

export interface Alias {
  /** The operation it stands for. */
  readonly operation: string;
  readonly summary: string;
  /** What it risks, if not what its operation does. */
  readonly risk?: "low" | "medium" | "high";
  /** Parameters by name; `!` marks the required ones. */
  readonly params: Params;
  /** The operation's fields for the required parameters: a refusal names what the caller knows. */
  readonly own?: Readonly<Record<string, string>>;
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
    risk: "high",
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
    risk: "high",
    params: { task_id: "string!", summary: "string!" },
    map: ({ summary, ...args }) => ({ ...args, action: "request_review", note: summary }),
  }],
  ["resume_run", {
    operation: "run",
    summary: "Resume a run with everything needed to go on.",
    risk: "low",
    params: { run_id: "string!" },
    map: (args) => ({ ...args, action: "resume" }),
  }],
  ["init_coordination", {
    operation: "run",
    summary: "Set the goal and the master plan.",
    params: { goal: "string!", master_plan: "string" },
    own: { goal: "goal" },
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
    own: { content: "value" },
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
    params: { tags: "strings", limit: "integer" },
    map: ({ tags, limit }) => ({
      type: "discovery",
      limit: limit ?? 20,
      ...(tags === undefined || asList(tags).length === 0 ? {} : { tags }),
    }),
  }],
  ["get_master_plan", {
    operation: "run",
    summary: "The goal and the plan.",
    params: {},
    map: () => ({ action: "status" }),
  }],
]);

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

/** Tools that another system has under the same name, as its prompts know their parameters. */
export const LISTED: Readonly<Record<string, Readonly<Record<string, Alias>>>> = {
  coordination: {
    create_task: {
      operation: "create_task",
      summary: "Add a task to the queue: priority 1 (first) to 10, dependencies are task ids.",
      params: {
        description: "string!",
        priority: "integer",
        dependencies: "strings",
        context_files: "strings",
        hints: "string",
      },
      own: { description: "title" },
      map: same,
    },
    claim_task: {
      operation: "claim_task",
      summary: "Claim the best task that can be done now; its dependencies are done.",
      params: { agent_id: "string!" },
      map: same,
    },
    complete_task: {
      operation: "complete_task",
      summary: "Finish a task that you have claimed, with its result.",
      params: {
        agent_id: "string!",
        task_id: "string!",
        output: "string!",
        files_modified: "strings",
        files_created: "strings",
      },
      own: { task_id: "id", output: "summary" },
      map: same,
    },
  },
};

/** The alias, or the operation as a profile lists it. */
export function listedAs(profile: string, name: string): Alias | undefined {
  const listed = Object.hasOwn(LISTED, profile) ? LISTED[profile] : undefined;
  return (listed !== undefined && Object.hasOwn(listed, name) ? listed[name] : undefined) ??
    ALIASES.get(name);
}

/** A finding is memory of its own key: the same finding twice is one entry. */
function discovery(args: Args): Args {
  const { content, tags, ...rest } = args;
  const words = texts(tags)?.map((tag) => `#${tag}`).join(" ");
  const tagged = typeof content === "string" && words !== "" ? `${content}\n${words}` : content;
  // What is no text is handed on as it is: the field says what it has to be.
  const value = words === undefined ? tags : tagged;
  const key = `discovery/${sha256(typeof content === "string" ? content : "").slice(0, 10)}`;
  return { ...rest, key, value, type: "discovery" };
}

/** One text or several; undefined if anything among them is none. */
export function texts(value: unknown): string[] | undefined {
  const list = asList(value);
  const plain = list.every((one) => ["string", "number", "boolean"].includes(typeof one));
  return plain ? list.map((one) => `${one}`) : undefined;
}

/** The start of a text. */
export function cut(value: unknown, characters: number): unknown {
  return typeof value === "string" ? head(value, characters) : value;
}

/** A value as a list. */
export function asList(value: unknown): unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}
