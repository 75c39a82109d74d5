// Plans as people and models write them: a JSON array of tasks, alone, in an object or inside of
// prose. They become the tasks of one create_task, or a refusal that names the place. Pure.

import { Refusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import { excerpt } from "../core/text.ts";
import { findCycle, priorityOf } from "../task/rules.ts";

/** One task of a plan, in the fields of create_task. */
export interface PlannedTask {
  readonly key: string;
  readonly title: string;
  readonly description?: string;
  readonly priority?: number;
  readonly blocked_by: readonly string[];
  readonly files?: readonly string[];
  readonly accept?: string;
}

/** A plan may hold a goal and more; only its tasks count. */
type Raw = Readonly<Record<string, unknown>>;

/**
 * Reads a plan from a text that is JSON.
 * @throws Refusal `INVALID_INPUT` naming task and field
 */
export function readTasks(text: string): PlannedTask[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw fault(`is no JSON: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  return tasksOf(value);
}

/**
 * Reads a plan from what a model said: the last JSON in it that is one; null if there is none.
 * @throws Refusal `INVALID_INPUT` if what is there is faulty
 */
export function findTasks(text: string): PlannedTask[] | null {
  const fenced = [...text.matchAll(/```(?:json)?\s*\n([\s\S]*?)```/g)].map(([, body]) =>
    body ?? ""
  );
  const whole = [text, ...fenced.reverse(), bracketed(text)];
  for (const candidate of whole) {
    let value: unknown;
    try {
      value = JSON.parse(candidate);
    } catch {
      continue;
    }
    if (listOf(value) !== null) return tasksOf(value);
  }
  return null;
}

/** From the first bracket to the last one. */
function bracketed(text: string): string {
  return text.slice(text.indexOf("["), text.lastIndexOf("]") + 1);
}

function listOf(value: unknown): readonly unknown[] | null {
  if (Array.isArray(value)) return value;
  const tasks = isObject(value) ? value["tasks"] : undefined;
  return Array.isArray(tasks) ? tasks : null;
}

/** The tasks of a plan that was read already. */
export function tasksOf(value: unknown): PlannedTask[] {
  const list = listOf(value);
  if (list === null) throw fault("is no list of tasks, and has no list `tasks`");
  if (list.length === 0) throw fault("has no tasks");
  if (list.length > LIMITS.tasksPerBatch) {
    throw fault(`has ${list.length} tasks, at most ${LIMITS.tasksPerBatch}`);
  }
  const raws = list.map((one, i) => {
    if (!isObject(one)) throw fault(`tasks[${i}] is no object`);
    return one;
  });
  const keys = raws.map((raw, i) => keyOf(raw, i));
  const known = new Set(keys);
  for (const [i, key] of keys.entries()) {
    if (keys.indexOf(key) !== i) throw fault(`tasks[${i}]: the id ${key} stands twice`);
  }
  const tasks = raws.map((raw, i) => taskOf(raw, i, keys, known));
  const cycle = findCycle(new Map(tasks.map(({ key, blocked_by }) => [key, blocked_by])));
  if (cycle !== null) throw fault(`has a cycle: ${cycle.join(" waits for ")}`);
  return tasks;
}

function keyOf(raw: Raw, i: number): string {
  const given = raw["id"] ?? raw["key"];
  return typeof given === "string" || typeof given === "number" ? String(given) : `task-${i + 1}`;
}

function taskOf(
  raw: Raw,
  i: number,
  keys: readonly string[],
  known: ReadonlySet<string>,
): PlannedTask {
  const text = (name: string): string | undefined => {
    const value = raw[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value === "string") return value;
    if (Array.isArray(value)) return value.map(String).join("\n");
    throw fault(`tasks[${i}].${name} is no text`);
  };
  const description = text("description");
  const title = text("title") ?? description;
  if (title === undefined || title.trim() === "") {
    throw fault(`tasks[${i}] has neither title nor description`);
  }
  const hints = text("hints");
  const body = [raw["title"] === undefined && fitsTitle(title) ? undefined : description, hints]
    .filter((part) => part !== undefined && part !== "").join("\n\n");
  const files = strings(raw["files"] ?? raw["context_files"] ?? contextFiles(raw), i, "files");
  const accept = text("accept");
  const priority = priorityIn(raw, i);
  return {
    key: keys[i] ?? "",
    title: fitsTitle(title) ? title.trim() : excerpt(firstLine(title), LIMITS.titleChars - 3),
    blocked_by: dependencies(raw, i, keys, known),
    ...(body === "" ? {} : { description: body }),
    ...(files.length === 0 ? {} : { files }),
    ...(accept === undefined ? {} : { accept }),
    ...(priority === undefined ? {} : { priority }),
  };
}

function priorityIn(raw: Raw, i: number): number | undefined {
  const given = raw["priority"];
  if (given === undefined || given === null) return undefined;
  const value = priorityOf(given);
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 10) {
    return value;
  }
  throw fault(`tasks[${i}].priority is ${JSON.stringify(given)}, no number from 1 to 10`);
}

function contextFiles(raw: Raw): unknown {
  const context = raw["context"];
  return isObject(context) ? context["files"] : undefined;
}

function fitsTitle(text: string): boolean {
  return text.trim().length <= LIMITS.titleChars && !/[\r\n\t]/.test(text.trim());
}

function firstLine(text: string): string {
  return text.trim().split(/[\r\n]/, 1)[0]?.replaceAll("\t", " ") ?? "";
}

/** An explicit id first, then `task-N` by position, counted from 1; everything else is refused. */
function dependencies(
  raw: Raw,
  i: number,
  keys: readonly string[],
  known: ReadonlySet<string>,
): string[] {
  const given = raw["blocked_by"] ?? raw["dependencies"] ?? raw["depends_on"] ?? raw["depends"];
  return strings(given, i, "dependencies").map((one) => {
    if (known.has(one)) return one;
    const position = /^(?:task-)?(\d{1,6})$/.exec(one)?.[1];
    const key = position === undefined ? undefined : keys[Number(position) - 1];
    if (key !== undefined) return key;
    throw fault(`tasks[${i}] depends on ${one}, which is not in the plan`);
  });
}

function strings(value: unknown, i: number, name: string): string[] {
  if (value === undefined || value === null) return [];
  const list = Array.isArray(value) ? value : [value];
  return list.map((one) => {
    if (typeof one === "string" || typeof one === "number") return String(one);
    throw fault(`tasks[${i}].${name} is no list of texts`);
  });
}

function isObject(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fault(what: string): Refusal {
  return new Refusal("INVALID_INPUT", `plan: it ${what}`.replace("it tasks", "tasks"), {
    field: "tasks",
    hint: 'A plan is a list like [{"id":"a","description":"...","dependencies":[]}].',
  });
}
