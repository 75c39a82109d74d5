// How a project looks as files: the formats of `.coordination/`, which other tools and people read
// and write, too. Pure: from what the store holds to texts, and from their words to the store's.

/** A task as an export gives it. */
export interface Exported {
  readonly id: string;
  readonly n: number;
  readonly title: string;
  readonly description: string;
  readonly hints: string;
  readonly status: string;
  readonly priority: number;
  readonly depends_on: readonly string[];
  readonly files: readonly string[];
  readonly claimed_by: string | null;
  readonly claimed_at: string | null;
  readonly progress: string;
  readonly created_by: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly completed_by: string | null;
  readonly summary: string | null;
  readonly files_modified: readonly string[];
  readonly files_created: readonly string[];
  readonly tests: string;
  readonly risks: string;
  readonly failure: string | null;
  readonly attempts: number;
  readonly run: string | null;
}

/** A goal with its plan. */
export interface Plan {
  readonly goal: string;
  readonly plan: string;
  readonly created_at: string;
  readonly status: string;
}

/** A finding. */
export interface Finding {
  readonly key: string;
  readonly author: string;
  readonly at: string;
  readonly value: string;
}

/** One act, as a log shows it. */
export interface Acted {
  readonly seq: number;
  readonly at: string;
  readonly actor: string;
  readonly op: string;
  readonly subject: string;
  readonly text: string;
}

/** States in the words of `tasks.json`, and the store's. `ready` and `blocked` are derived there. */
const WORDS: Readonly<Record<string, string>> = {
  available: "pending",
  pending: "pending",
  blocked: "pending",
  claimed: "in_progress",
  in_progress: "in_progress",
  in_review: "in_review",
  done: "completed",
  completed: "completed",
  failed: "failed",
  cancelled: "cancelled",
  proposed: "proposed",
};

/** The words a `tasks.json` may use. */
export const STATUS_WORDS: readonly string[] = Object.keys(WORDS);

/** The store's state for a word of `tasks.json`; undefined for a word nobody uses. */
export function stateOf(word: string): string | undefined {
  return Object.hasOwn(WORDS, word) ? WORDS[word] : undefined;
}

/** The word of `tasks.json` for a task: whoever has it and said nothing yet has only claimed it. */
export function wordOf(task: Pick<Exported, "status" | "progress">): string {
  if (task.status === "pending") return "available";
  if (task.status === "completed") return "done";
  if (task.status === "in_progress") return task.progress === "" ? "claimed" : "in_progress";
  return task.status;
}

/** The whole text of a task: what a title cannot hold stands in the description. */
export function textOf(task: Pick<Exported, "title" | "description">): string {
  const { title, description } = task;
  if (description === "") return title;
  return description.startsWith(title) ? description : `${title}\n\n${description}`;
}

/** `tasks.json`. The same tasks give the same text. */
export function tasksJson(tasks: readonly Exported[], omitted: number): string {
  const times = tasks.map((task) => task.updated_at).sort();
  const created = tasks.map((task) => task.created_at).sort();
  const whole = {
    version: "1.0",
    created_at: created[0] ?? null,
    last_updated: times.at(-1) ?? null,
    ...(omitted === 0 ? {} : { omitted }),
    tasks: tasks.map(taskEntry),
  };
  return `${JSON.stringify(whole, null, 2)}\n`;
}

function taskEntry(task: Exported): unknown {
  const done = task.status === "completed";
  const result = done
    ? {
      output: task.summary ?? "",
      files_modified: task.files_modified,
      files_created: task.files_created,
    }
    : task.failure === null
    ? null
    : { error: task.failure };
  return {
    id: task.id,
    description: textOf(task),
    status: wordOf(task),
    claimed_by: done ? task.completed_by : task.claimed_by,
    priority: task.priority,
    dependencies: task.depends_on,
    context: { files: task.files, hints: task.hints },
    result,
    created_at: task.created_at,
    claimed_at: task.claimed_at,
    completed_at: done ? task.updated_at : null,
  };
}

const NO_APPROACH = "To be worked out by the leader.";

/** `master-plan.md`. A plan that is a document of its own is written as it is. */
export function masterPlan(run: Plan): string {
  const isDocument = /^# /.test(run.plan) || firstWords(run.plan) === run.goal;
  if (isDocument) return run.plan.endsWith("\n") ? run.plan : `${run.plan}\n`;
  return `# Master Plan

## Objective

${run.goal}

## Approach

${run.plan === "" ? NO_APPROACH : run.plan}

## Success Criteria

- [ ] Every task in tasks.json is done
- [ ] The results are aggregated in summary.md

## Task Breakdown

See tasks.json.

## Status

- Phase: ${run.status}
- Started: ${run.created_at}

## Notes

Findings stand in context/discoveries.md, results in results/.
`;
}

/** Goal and plan of a `master-plan.md`, whoever wrote it; null where no goal is in it. */
export function readMasterPlan(text: string): { goal: string; plan: string } | null {
  const goal = section(text, "Objective") ?? section(text, "Goal") ?? firstWords(text);
  if (goal === null || goal.trim() === "") return null;
  const approach = section(text, "Approach") ?? "";
  const plan = approach === NO_APPROACH ? "" : approach;
  const started = /^- Started: (.*)$/m.exec(text)?.[1] ?? "";
  const status = /^- Phase: (.*)$/m.exec(text)?.[1] ?? "";
  const ours = masterPlan({ goal, plan, created_at: started, status }) === text;
  return { goal, plan: ours ? plan : text };
}

/** What stands under a heading of the second level. */
export function section(text: string, heading: string): string | null {
  const lines = text.split("\n");
  const from = lines.findIndex((line) =>
    line.trim().toLowerCase() === `## ${heading.toLowerCase()}`
  );
  if (from < 0) return null;
  const length = lines.slice(from + 1).findIndex((line) => /^#{1,2} /.test(line));
  return lines.slice(from + 1, length < 0 ? undefined : from + 1 + length).join("\n").trim();
}

function firstWords(text: string): string | null {
  for (const line of text.split("\n")) {
    const words = line.replace(/^#+\s*/, "").trim();
    if (words !== "" && !/^master plan$/i.test(words)) return words;
  }
  return null;
}

/** `results/<task>.md` of a task that has one: finished or failed. */
export function resultOf(task: Exported): string | null {
  if (task.status === "completed") {
    return [
      `# Task Result: ${task.id}`,
      part("Description", textOf(task)),
      part("Completed By", task.completed_by ?? ""),
      part("Completed At", task.updated_at),
      part("Output", task.summary ?? ""),
      part("Files Modified", bullets(task.files_modified)),
      part("Files Created", bullets(task.files_created)),
      ...(task.tests === "" ? [] : [part("Tests", task.tests)]),
      ...(task.risks === "" ? [] : [part("Risks", task.risks)]),
      part("Status", "SUCCESS"),
    ].join("\n\n") + "\n";
  }
  if (task.failure === null || task.status === "cancelled") return null;
  return [
    `# Task Result: ${task.id}`,
    part("Description", textOf(task)),
    part("Attempted By", /^([\w.-]+), attempt/.exec(task.failure)?.[1] ?? ""),
    part("Failed At", task.updated_at),
    part("Failure Reason", task.failure),
    part("Status", task.status === "failed" ? "FAILED" : "FAILED (to be tried again)"),
  ].join("\n\n") + "\n";
}

function part(heading: string, text: string): string {
  return `## ${heading}\n\n${text === "" ? "None" : text}`;
}

function bullets(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join("\n");
}

/** The items of a list as `results/` has it. */
export function readBullets(text: string | null): string[] {
  return (text ?? "").split("\n").map((line) => /^[-*]\s+(.+)$/.exec(line.trim())?.[1] ?? "")
    .filter((item) => item !== "");
}

const FINDINGS_HEAD = `# Shared Discoveries

What the agents of this project have found out. Add a finding at the end: skein takes it in.
`;

/** `context/discoveries.md`. */
export function discoveries(findings: readonly Finding[]): string {
  return [FINDINGS_HEAD, ...findings.map(finding)].join("\n");
}

function finding({ author, at, key, value }: Finding): string {
  return `## ${author}, ${at} (${key})\n\n${inset(value.trim())}\n`;
}

/** Headings inside of a finding stand one further in: at the margin, each begins another. */
function inset(value: string): string {
  return value.replaceAll(/^( *)## /gm, " $1## ");
}

function outset(value: string): string {
  return value.replaceAll(/^ ( *)## /gm, "$1## ");
}

const FINDING = /^## (.{1,64}), (\d{4}-\d\d-\d\dT[\d:.]+Z) \((\S{1,256})\)$/;

/** The findings in a `discoveries.md`, ours and those that people wrote. */
export function readFindings(text: string): (Partial<Finding> & { value: string })[] {
  const blocks = withoutHead(text).split(/^(?=## )/m);
  return blocks.map((block) => {
    const [first = "", ...rest] = block.split("\n");
    const ours = FINDING.exec(first);
    if (ours === null) return { value: block.trim() };
    const [, author = "", at = "", key = ""] = ours;
    return { author, at, key, value: outset(rest.join("\n").trimEnd()).trim() };
  }).filter(({ value }) => value !== "");
}

/** Without the title and what skein says under it. */
function withoutHead(text: string): string {
  const own = text.startsWith(FINDINGS_HEAD) ? text.slice(FINDINGS_HEAD.length) : text;
  return own.replace(/^\s*# .*\n?/, "");
}

/** A line of a log; the number at its end says up to where a log has come. */
export function logLine(act: Acted): string {
  const action = act.op.toUpperCase();
  const text = act.text.replaceAll(/\s+/g, " ").trim();
  const what = act.subject.replace(/^(task|run|memory)\//, "");
  return `[${act.at}] ${action}: ${what}${text === "" ? "" : ` ${text}`} #${act.seq}\n`;
}

/** The number at the end of a log's last whole line of ours; 0 if there is none. */
export function lastLogged(tail: string): number {
  const found = [...tail.matchAll(/^\[.*#(\d{1,15})$/gm)];
  return Number(found.at(-1)?.[1] ?? 0);
}

/** The name of an actor's log: the human leads, the flock itself is the system. */
export function logName(actor: string): string {
  if (actor === "operator") return "leader";
  if (actor === "skein") return "system";
  return actor.replaceAll(/[^\w.-]/g, "_").replace(/^\.+/, "_");
}

/** `summary.md`: every result in order, separated by rules. */
export function summaryOf(tasks: readonly Exported[], at: string): string {
  const parts = tasks.map((task) => [task.id, resultOf(task)] as const)
    .filter((entry): entry is readonly [string, string] => entry[1] !== null)
    .map(([id, text]) =>
      `## ${id}\n\n${text.replace(/^# .*\n+/, "").replaceAll(/^## /gm, "### ")}`
    );
  return [`# Summary of Results\n\nGenerated: ${at}\n`, ...parts].join("\n---\n\n");
}
