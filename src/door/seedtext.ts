// What `skein leader` and `skein worker` print for people and for agents that read a terminal: as
// much as is needed to go on, and the command that goes on.

import type { Args } from "../aliases.ts";
import { type Call, type Overview, tasksOf } from "../coordination/source.ts";
import { LIMITS } from "../core/limits.ts";
import { type Exported, textOf, wordOf } from "../mirror/rules.ts";
import type { Answer } from "../perform.ts";
import { splitHints } from "../task/rules.ts";
import { safe } from "./text.ts";

interface Beside {
  readonly call: Call;
  /** The project before the command. */
  readonly before: Overview | null;
  readonly typed: Args;
}

/** The text for the answer of a command. */
export async function seedText(words: string, answer: Answer, beside: Beside): Promise<string> {
  return safe(await textFor(words, answer, beside));
}

async function textFor(words: string, answer: Answer, beside: Beside): Promise<string> {
  const typed = (field: string): string => String(beside.typed[field] ?? "");
  switch (words) {
    case "leader init":
      return initText(answer, beside.before);
    case "leader add-task":
      return `Added task: ${answer["id"]}${
        answer["status"] === "proposed" ? " (proposed: the architect accepts it)" : ""
      }`;
    case "leader status":
      return await statusText(answer, beside.call);
    case "worker claim":
      return claimText(answer, typed("terminal_id"));
    case "worker start":
      return `Started: ${typed("task_id")}`;
    case "worker complete": {
      const unblocked = answer["unblocked"] as readonly string[];
      const free = unblocked.length === 0 ? "" : `\nNow ready: ${unblocked.join(", ")}`;
      return `Completed: ${typed("task_id")}${free}`;
    }
    case "worker fail":
      return failText(answer);
    default:
      return listText(answer);
  }
}

function initText(answer: Answer, before: Overview | null): string {
  const run = answer["run"] as { id: string; goal: string };
  const counts = before?.tasks ?? {};
  const open = ["proposed", "ready", "blocked", "in_progress", "in_review"]
    .reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  const again = before?.run?.id === run.id;
  return [
    `${again ? "Already initialised" : "Initialised"}: ${run.goal} (run ${run.id})`,
    ...(open === 0 ? [] : [`${open} open tasks of this project stay as they are.`]),
    'Next: skein leader add-task "what to do" -p 1',
  ].join("\n");
}

function claimText(answer: Answer, terminal: string): string {
  const task = answer["task"] as {
    id: string;
    title: string;
    description?: string;
    priority: number;
    files?: readonly string[];
  } | null;
  if (task === null) {
    const why = {
      empty: "no task is left",
      blocked: "every task left waits for another",
      delayed: "a failed task is tried again in a while",
      assigned: "what is ready is for somebody else",
    }[String(answer["reason"])] ?? "no task can be claimed";
    return `No task available: ${why}.`;
  }
  const { description, hints } = splitHints(task.description ?? "");
  const files = task.files ?? [];
  const briefing = String(answer["briefing"] ?? "");
  return [
    `Claimed task: ${task.id}`,
    `Description: ${textOf({ title: task.title, description })}`,
    `Priority: ${task.priority}`,
    ...(files.length === 0 ? [] : [`Files: ${files.join(", ")}`]),
    ...(hints === "" ? [] : [`Hints: ${hints}`]),
    ...(briefing === "" ? [] : ["", briefing]),
    "",
    `Next: skein worker complete ${terminal} ${task.id} "what was done" -m FILES -c FILES`,
  ].join("\n");
}

function failText(answer: Answer): string {
  const task = answer["task"] as { id: string; status: string; attempts: number };
  return task.status === "failed"
    ? `Failed: ${task.id}, for good after ${task.attempts} attempts.`
    : `Failed: ${task.id}; it is tried again after a delay (attempt ${task.attempts} of ` +
      `${LIMITS.attempts}).`;
}

function listText(answer: Answer): string {
  const tasks = answer["tasks"] as readonly { id: string; title: string; priority: number }[];
  if (tasks.length === 0) return "No task available.";
  const more = typeof answer["next"] === "string" ? ["... and more"] : [];
  return [
    ...tasks.map(({ id, title, priority }) => `  ${id}  [${priority}] ${title}`),
    ...more,
  ].join("\n");
}

/** States in the order in which a leader looks at them. */
const STATES = [
  "claimed",
  "in_progress",
  "in_review",
  "available",
  "blocked",
  "proposed",
  "failed",
  "done",
  "cancelled",
] as const;
/** Tasks that are named one by one for each state. */
const SHOWN = 30;

async function statusText(answer: Answer, call: Call): Promise<string> {
  const { tasks } = await tasksOf(call, LIMITS.mirrorTasks);
  const open = new Set(tasks.filter((task) => task.status !== "completed").map(({ id }) => id));
  const groups = new Map<string, Exported[]>();
  for (const task of tasks) {
    const waits = task.status === "pending" && task.depends_on.some((id) => open.has(id));
    const state = waits ? "blocked" : wordOf(task);
    groups.set(state, [...groups.get(state) ?? [], task]);
  }
  const peers = answer["peers"] as readonly { name: string; role: string }[];
  const done = groups.get("done")?.length ?? 0;
  const lines = [
    `Goal: ${answer["goal"] ?? "none yet: skein leader init"}`,
    `Progress: ${done}/${answer["total_tasks"]} (${answer["progress_percent"]} %)`,
    `Agents: ${peers.map(({ name, role }) => `${name} (${role})`).join(", ") || "none"}`,
    `Discoveries: ${answer["discoveries"]}`,
  ];
  for (const state of STATES) {
    const group = groups.get(state) ?? [];
    if (group.length === 0) continue;
    lines.push("", `${state} (${group.length})`);
    for (const task of group.slice(0, SHOWN)) lines.push(`  ${rowOf(task, open)}`);
    if (group.length > SHOWN) lines.push(`  ... and ${group.length - SHOWN} more`);
  }
  return lines.join("\n");
}

function rowOf(task: Exported, open: ReadonlySet<string>): string {
  const who = task.completed_by ?? task.claimed_by;
  const waits = task.depends_on.filter((id) => open.has(id));
  const waiting = task.status === "pending" && waits.length > 0;
  return `${task.id}  [${task.priority}] ${task.title}${who === null ? "" : ` (${who})`}` +
    (waiting ? ` waits for ${waits.join(", ")}` : "") +
    (task.failure === null || task.status === "completed" ? "" : `: ${task.failure}`);
}
