// An existing `.coordination/`, read to be taken over: everything is checked before anything is
// stored, and what is wrong is named with its file, its line and the reason.

import { Refusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { excerpt, head } from "../core/text.ts";
import {
  readBullets,
  readFindings,
  readMasterPlan,
  section,
  stateOf,
  STATUS_WORDS,
} from "../mirror/rules.ts";
import { withHints } from "../task/rules.ts";
import type { Folder } from "./folder.ts";
import { lineOfItem, lineOfPosition } from "./lines.ts";
import { FINDINGS } from "./mirror.ts";

type Entry = Readonly<Record<string, unknown>>;

/** What `import_project` takes, and what the user should know. */
export interface Found {
  readonly input: {
    readonly goal: string | null;
    readonly plan: string;
    readonly tasks: readonly unknown[];
    readonly discoveries: readonly unknown[];
  };
  readonly warnings: readonly string[];
  /** A refusal of the store with the file and line that it is about, if it is about one. */
  placed(refusal: Refusal): Refusal;
}

/**
 * Reads a folder.
 * @throws Refusal `INVALID_INPUT` with file, line and reason; `TOO_LARGE`, `PATH_OUTSIDE`
 */
export function readFolder(folder: Folder): Found {
  const tasksText = folder.read("tasks.json", LIMITS.importBytes);
  const planText = folder.read("master-plan.md", LIMITS.fileBytes);
  const findings = folder.read(FINDINGS, LIMITS.importBytes);
  if (tasksText === null && planText === null && findings === null) {
    throw new Refusal("INVALID_INPUT", `${folder.path} has no tasks.json and no master-plan.md`, {
      field: "path",
      hint: "Name the .coordination folder that is to be taken over.",
    });
  }
  const warnings: string[] = [];
  const plan = planText === null ? null : readMasterPlan(planText);
  if (planText !== null && plan === null) warnings.push("master-plan.md has no goal: passed over");
  const tasks = tasksText === null ? [] : readTasks(folder, tasksText, warnings);
  orphans(folder, tasks, warnings);
  return {
    input: {
      goal: plan === null ? null : head(plan.goal, LIMITS.goalChars),
      plan: head(plan?.plan ?? "", LIMITS.planChars),
      tasks,
      discoveries: findings === null ? [] : discoveriesOf(findings),
    },
    warnings,
    placed: (refused) => placed(refused, tasksText ?? "", tasks),
  };
}

/** Names of the store's fields in the file. */
const FIELDS: Readonly<Record<string, string>> = {
  depends_on: "dependencies",
  summary: "output",
  title: "description",
};

function placed(refused: Refusal, text: string, tasks: readonly { id: string }[]): Refusal {
  const { task, field } = refused.details;
  const [, at, name] = /^tasks\.(\d+)(?:\.(\w+))?/.exec(String(field)) ?? [];
  const index = at === undefined ? tasks.findIndex(({ id }) => id === task) : Number(at);
  if (index < 0) return refused;
  const own = name ?? String(field);
  const line = lineOfItem(text, index, FIELDS[own] ?? own);
  return new Refusal(refused.code, `tasks.json, line ${line}: ${refused.message}`, {
    ...refused.details,
    file: "tasks.json",
    line,
    hint: `${refused.hint} Nothing was taken over.`,
  });
}

function discoveriesOf(text: string): unknown[] {
  return readFindings(text).map((finding) => {
    if (finding.value.length <= LIMITS.valueChars) return finding;
    const line = text.slice(0, Math.max(0, text.indexOf(finding.value))).split("\n").length;
    throw refusal(FINDINGS, line, `a finding has more than ${LIMITS.valueChars} characters`);
  });
}

function readTasks(folder: Folder, text: string, warnings: string[]): { id: string }[] {
  let whole: unknown;
  try {
    whole = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw refusal("tasks.json", lineOfPosition(text, why), `no JSON: ${why}`);
  }
  const list = Array.isArray(whole) ? whole : (whole as { tasks?: unknown } | null)?.tasks;
  if (!Array.isArray(list)) throw refusal("tasks.json", 1, 'has no list "tasks"');
  if (list.length > LIMITS.importTasks) {
    throw refusal("tasks.json", 1, `has ${list.length} tasks, at most ${LIMITS.importTasks}`);
  }
  const seen = new Map<string, number>();
  const tasks = list.map((entry: unknown, index) => {
    const at = (field?: string): number => lineOfItem(text, index, field);
    const task = taskOf(folder, entry, at, warnings);
    const before = seen.get(task.id);
    if (before !== undefined) {
      const line = lineOfItem(text, before, "id");
      throw refusal("tasks.json", at("id"), `id ${task.id} stands in line ${line} already`, "id");
    }
    seen.set(task.id, index);
    return task;
  });
  for (const [index, { id, depends_on: on }] of tasks.entries()) {
    // What is not in the file may be a task that is here already: the store knows.
    if (!on.includes(id)) continue;
    throw refusal("tasks.json", lineOfItem(text, index, "dependencies"), `${id} waits for itself`);
  }
  return tasks;
}

interface Task {
  readonly id: string;
  readonly depends_on: readonly string[];
}

function taskOf(
  folder: Folder,
  entry: unknown,
  at: (field?: string) => number,
  warnings: string[],
): Task & Record<string, unknown> {
  const fail = (field: string, why: string): never => {
    throw refusal("tasks.json", at(field), `${field} ${why}`, field);
  };
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    throw refusal("tasks.json", at(), "a task is an object");
  }
  const task = entry as Entry;
  const textIn = (field: string, fallback: string | null): string => {
    const value = task[field] ?? fallback;
    return typeof value === "string" && value.trim() !== "" ? value : fail(field, "is required");
  };
  const id = textIn("id", null);
  if (!/^[A-Za-z0-9][\w.-]{0,127}$/.test(id)) {
    fail("id", "has to be at most 128 letters, digits, '_', '-' and '.'");
  }
  const description = textIn("description", null);
  const status = stateOf(textIn("status", "available")) ??
    fail("status", `${excerpt(String(task["status"]), 40)} is none of ${STATUS_WORDS.join(", ")}`);
  const priority = task["priority"] ?? 5;
  if (!Number.isInteger(priority) || Number(priority) < 1 || Number(priority) > 10) {
    fail("priority", "has to be an integer from 1 to 10");
  }
  const claimedBy = task["claimed_by"] ?? null;
  if (claimedBy !== null && typeof claimedBy !== "string") fail("claimed_by", "has to be a name");
  const context = objectIn(task["context"]) ?? {};
  const hints = context["hints"] ?? task["hints"] ?? "";
  const hintText = Array.isArray(hints) ? hints.join("\n") : hints;
  if (typeof hintText !== "string") return fail("hints", "has to be a text");
  if (hintText.length > LIMITS.hintsChars) fail("hints", `is longer than ${LIMITS.hintsChars}`);
  if (description.length > LIMITS.descriptionChars) {
    fail("description", `is longer than ${LIMITS.descriptionChars} characters`);
  }
  const title = head(description.trim().split("\n")[0] ?? "", LIMITS.titleChars).trim();
  const result = resultIn(folder, id, objectIn(task["result"]) ?? {}, warnings);
  const words = (field: string, value: unknown): string[] => {
    const list = value ?? [];
    const good = Array.isArray(list) && list.every((one) => typeof one === "string" && one !== "");
    return good ? list as string[] : fail(field, "has to be a list of texts");
  };
  return {
    id,
    title,
    description: withHints(description === title ? "" : description, hintText),
    status,
    priority,
    depends_on: words("dependencies", task["dependencies"]),
    files: words("files", context["files"] ?? task["context_files"] ?? task["files"]),
    claimed_by: claimedBy,
    started: task["status"] === "in_progress",
    created_at: timeOf(task["created_at"]),
    completed_at: timeOf(task["completed_at"]),
    ...result,
  };
}

/** What came of a task: from `tasks.json`, else from its file in `results/`. */
function resultIn(
  folder: Folder,
  id: string,
  result: Entry,
  warnings: string[],
): Record<string, unknown> {
  const name = `results/${id}.md`;
  const file = folder.has(name) ? folder.read(name, LIMITS.fileBytes) : null;
  const named = (field: string, heading: string): string[] => {
    const own = result[field];
    if (Array.isArray(own)) return own.filter((one) => typeof one === "string");
    return file === null ? [] : readBullets(section(file, heading));
  };
  const output = textOf(result["output"]) ?? (file === null ? null : section(file, "Output")) ??
    (file === null || section(file, "Status") !== null ? null : file.trim());
  const error = textOf(result["error"]) ??
    (file === null ? null : section(file, "Failure Reason"));
  const cut = (text: string | null): string | null => {
    if (text === null || text.length <= LIMITS.noteChars) return text;
    warnings.push(`${name}: longer than ${LIMITS.noteChars} characters; its beginning is taken`);
    return `${head(text, LIMITS.noteChars - 80)}\n... (the rest stands in ${name}.yours)`;
  };
  return {
    summary: cut(output),
    failure: cut(error),
    files_modified: named("files_modified", "Files Modified").slice(0, LIMITS.listItems),
    files_created: named("files_created", "Files Created").slice(0, LIMITS.listItems),
  };
}

/** Results of tasks that nobody knows stay files. */
function orphans(folder: Folder, tasks: readonly { id: string }[], warnings: string[]): void {
  const known = new Set(tasks.map(({ id }) => `${id}.md`));
  const left = folder.names("results").filter((name) => name.endsWith(".md") && !known.has(name));
  if (left.length === 0) return;
  warnings.push(`results of no known task stay files: ${left.slice(0, 10).join(", ")}`);
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value.trim() !== "" ? value : null;
}

function objectIn(value: unknown): Entry | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Entry
    : null;
}

/** A time without a zone is a local one. */
function timeOf(value: unknown): string | null {
  if (typeof value !== "string") return null;
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}

function refusal(file: string, line: number, why: string, field = file): Refusal {
  return new Refusal("INVALID_INPUT", `${file}, line ${line}: ${why}`, {
    field,
    file,
    line,
    hint: "Mend it and import again. Nothing was taken over.",
  });
}
