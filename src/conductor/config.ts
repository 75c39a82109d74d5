// The file of a run that is not begun yet: goal, settings and tasks, as `skein run init` and `skein run
// create-task` write it and `skein run from-config` reads it.

import { isAbsolute, resolve } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { type PlannedTask, tasksOf } from "./plan.ts";

/** What a file says; everything but the goal is optional. */
export interface RunConfig {
  readonly goal: string;
  readonly folder: string;
  readonly plan?: string;
  readonly workers?: number;
  readonly model?: string;
  /** Seconds that one attempt may take. */
  readonly timeoutS?: number;
  readonly attempts?: number;
  /** What has to succeed before work is merged. */
  readonly check?: string;
  readonly tasks: readonly PlannedTask[];
}

/** A file larger than this is no plan. */
export const FILE_BYTES = 1024 * 1024;

/**
 * Reads a file of at most a megabyte.
 * @throws Refusal `INVALID_INPUT`, `TOO_LARGE`
 */
export function readSmall(path: string): string {
  let size: number;
  try {
    size = Deno.statSync(path).size;
    if (size <= FILE_BYTES) return Deno.readTextFileSync(path);
  } catch (thrown) {
    throw new Refusal("INVALID_INPUT", `${path} cannot be read: ${messageOf(thrown)}`, {
      field: path,
    });
  }
  throw new Refusal("TOO_LARGE", `${path} has ${size} bytes, at most ${FILE_BYTES}`, {
    field: path,
  });
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

type Raw = Record<string, unknown>;

/**
 * The file as it is.
 * @throws Refusal `INVALID_INPUT`
 */
export function readRaw(path: string): Raw {
  const text = readSmall(path);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Raw;
  } catch (thrown) {
    throw new Refusal("INVALID_INPUT", `${path} is no JSON: ${messageOf(thrown)}`, { field: path });
  }
  throw new Refusal("INVALID_INPUT", `${path} is no JSON object`, { field: path });
}

/**
 * Reads a whole configuration.
 * @throws Refusal `INVALID_INPUT` naming the field
 */
export function readConfig(path: string, cwd: string): RunConfig {
  const raw = readRaw(path);
  const goal = raw["goal"];
  if (typeof goal !== "string" || goal.trim() === "") {
    throw new Refusal("INVALID_INPUT", `${path}: goal is required`, { field: "goal" });
  }
  const folder = raw["working_directory"];
  const tasks = raw["tasks"];
  return {
    goal,
    folder: typeof folder !== "string" ? cwd : isAbsolute(folder) ? folder : resolve(cwd, folder),
    ...text(raw, "master_plan", "plan"),
    ...text(raw, "model", "model"),
    ...text(raw, "check", "check"),
    ...number(raw, "max_workers", "workers", path),
    ...number(raw, "task_timeout", "timeoutS", path),
    ...number(raw, "max_attempts", "attempts", path),
    tasks: Array.isArray(tasks) && tasks.length > 0 ? tasksOf(tasks) : [],
  };
}

function text<K extends string>(raw: Raw, from: string, to: K): { [key in K]?: string } {
  const value = raw[from];
  return (typeof value === "string" && value !== "" ? { [to]: value } : {}) as {
    [key in K]?: string;
  };
}

function number<K extends string>(
  raw: Raw,
  from: string,
  to: K,
  path: string,
): { [key in K]?: number } {
  const value = raw[from];
  if (value === undefined || value === null) return {};
  if (typeof value === "number" && value > 0) return { [to]: value } as { [key in K]?: number };
  throw new Refusal("INVALID_INPUT", `${path}: ${from} is no number above 0`, { field: from });
}

/** Writes a file whole or not at all. */
export function writeConfig(path: string, value: Raw): void {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  Deno.writeTextFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`);
  Deno.renameSync(temporary, path);
}

/** Adds a task to a file and returns its id; of several at once each adds its own. */
export function addTask(path: string, task: Raw): string {
  for (;;) {
    readRaw(path);
    using file = Deno.openSync(path);
    file.lockSync(true);
    // Another has put a new file in its place while we waited: its lock is the one that counts.
    if (file.statSync().ino !== Deno.statSync(path).ino) continue;
    const raw = readRaw(path);
    const before = Array.isArray(raw["tasks"]) ? raw["tasks"] as unknown[] : [];
    const id = `task-${before.length + 1}`;
    const tasks = [...before, { id, ...task }];
    tasksOf(tasks);
    writeConfig(path, { ...raw, tasks });
    return id;
  }
}

/** A file to begin from. */
export const EXAMPLE = {
  goal: "Add rate limiting to the API",
  max_workers: 3,
  task_timeout: 600,
  tasks: [
    {
      id: "limits",
      description: "Write the token bucket in src/limits.ts with tests",
      priority: 1,
    },
    {
      id: "wire",
      description: "Apply it to every route",
      dependencies: ["limits"],
      context_files: ["src/routes.ts"],
    },
    { id: "docs", description: "Document the limits", priority: 8, dependencies: ["wire"] },
  ],
};
