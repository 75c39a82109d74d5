// A run as a document, and a project as JSON lines: what leaves skein for people and programs.

import { Refusal } from "../core/errors.ts";
import { type Exported, type Finding, textOf, wordOf } from "../mirror/rules.ts";
import { type Call, findingsOf, type Overview, overviewOf, partOf, tasksOf } from "./source.ts";

/**
 * A Markdown report of a run: who did what, how long it took, what came of it, what was found out.
 * @throws Refusal `UNKNOWN_RUN`
 */
export async function reportOf(call: Call, run: string | undefined): Promise<string> {
  const seen = await overviewOf(call, run);
  if (seen.run === null) {
    throw new Refusal("UNKNOWN_RUN", "this project has no run to report on", {
      field: "run",
      hint: "Start one: skein leader init, or skein run.",
    });
  }
  const { tasks } = await tasksOf(call, Number.MAX_SAFE_INTEGER, seen.run.id);
  return reportText(seen, tasks, await findingsOf(call, seen.run.id));
}

function reportText(seen: Overview, tasks: readonly Exported[], found: readonly Finding[]): string {
  const { run } = seen;
  const done = tasks.filter((task) => task.status === "completed").length;
  const ended = run?.ended_at ?? tasks.map((task) => task.updated_at).sort().at(-1) ?? null;
  const parts = [
    `# Report of ${run?.id}: ${oneLine(run?.goal ?? "")}`,
    [
      `- State: ${run?.status}`,
      `- Started: ${run?.created_at}`,
      `- ${run?.ended_at === null ? "Last change" : "Ended"}: ${ended ?? "none"}`,
      `- Tasks: ${done} of ${tasks.length} done (${percent(done, tasks.length)} %)`,
    ].join("\n"),
    ...(run === null || run.plan === "" ? [] : [`## Plan\n\n${quoted(run.plan)}`]),
    `## Tasks\n\n${table(tasks)}`,
    ...tasks.map(resultPart).filter((part) => part !== ""),
    `## Discoveries\n\n${found.length === 0 ? "None." : found.map(findingPart).join("\n\n")}`,
  ];
  return `${parts.join("\n\n")}\n`;
}

function table(tasks: readonly Exported[]): string {
  if (tasks.length === 0) return "None.";
  const rows = tasks.map((task) => {
    const who = task.completed_by ?? task.claimed_by ?? "";
    return `| ${task.id} | ${cell(task.title)} | ${wordOf(task)} | ${cell(who)} | ${
      tookOf(task)
    } |`;
  });
  return ["| task | title | state | who | how long |", "| --- | --- | --- | --- | --- |", ...rows]
    .join("\n");
}

/** How long a task took from its last claim to its end; empty while it goes on. */
export function tookOf(task: Exported): string {
  if (task.status !== "completed" || task.claimed_at === null) return "";
  const seconds = Math.round((Date.parse(task.updated_at) - Date.parse(task.claimed_at)) / 1_000);
  if (!(seconds >= 0)) return "";
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function resultPart(task: Exported): string {
  const { summary, failure, files_modified: modified, files_created: created } = task;
  if (task.status !== "completed" && failure === null) return "";
  const lines = [
    `### ${task.id}: ${oneLine(task.title)}`,
    quoted(textOf(task)),
    task.status === "completed" ? summary ?? "" : `Failed: ${failure}`,
    ...(modified.length === 0 ? [] : [`Files modified: ${modified.join(", ")}`]),
    ...(created.length === 0 ? [] : [`Files created: ${created.join(", ")}`]),
    ...(task.tests === "" ? [] : [`Tests: ${task.tests}`]),
    ...(task.risks === "" ? [] : [`Risks: ${task.risks}`]),
  ];
  return lines.join("\n\n");
}

function findingPart({ author, at, value }: Finding): string {
  return `- ${author}, ${at}:\n\n${quoted(value).replaceAll(/^/gm, "  ")}`;
}

function quoted(text: string): string {
  return text.trim().split("\n").map((line) => `> ${line}`.trimEnd()).join("\n");
}

function cell(text: string): string {
  return oneLine(text).replaceAll("|", "\\|");
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}

export function percent(done: number, total: number): number {
  return total === 0 ? 0 : Math.floor((100 * done) / total);
}

/** The parts of a project, and what one of their items is called. */
const LINES = [
  ["runs", "run"],
  ["open", "task"],
  ["closed", "task"],
  ["notes", "note"],
  ["memory", "memory"],
  ["messages", "message"],
  ["conversation", "turn"],
  ["peers", "peer"],
  ["locks", "lock"],
  ["acts", "act"],
] as const;

/** Everything of a project, one object a line: `record` says what it is. */
export async function jsonLines(call: Call, say: (line: string) => void): Promise<number> {
  const { project, seq, tasks } = await overviewOf(call);
  say(JSON.stringify({ record: "project", project, seq, tasks }));
  let count = 1;
  for (const [part, record] of LINES) {
    // All acts there are, not only the newest.
    const items = await partOf<object>(call, part, undefined, part === "acts" ? "0" : undefined);
    for (const item of items) say(JSON.stringify({ record, ...item }));
    count += items.length;
  }
  return count;
}
