// `skein run init` and `skein run create-task`: a run's file, written before anything is begun.

import { resolve } from "@std/path";
import { addTask, writeConfig } from "../conductor/config.ts";
import { Refusal } from "../core/errors.ts";
import {
  flagHelp,
  folderOf,
  numberOf,
  type Print,
  readFlags,
  TASK_FLAGS,
  textOf,
  textsOf,
  type TypedRun,
} from "./runflags.ts";

/** Writes a file with a goal and no tasks yet. */
export function init(typed: TypedRun, print: Print): number {
  const goal = textOf(typed, "goal") ?? typed.rest[0];
  if (goal === undefined) {
    throw new Refusal("INVALID_INPUT", "skein run init: a goal is required", { field: "goal" });
  }
  const folder = folderOf(typed);
  const file = resolve(folder, textOf(typed, "output") ?? "orchestration.json");
  if (exists(file)) {
    throw new Refusal("INVALID_INPUT", `${file} is there already`, {
      field: "output",
      hint: "Name another file with -o, or remove it.",
    });
  }
  writeConfig(file, {
    goal,
    working_directory: folder,
    max_workers: numberOf(typed, "workers") ?? 3,
    task_timeout: numberOf(typed, "timeout") ?? 600,
    tasks: [],
  });
  print(typed.values["json"] === true ? JSON.stringify({ file }) : `wrote ${file}`);
  return 0;
}

/** Adds a task to a file. */
export function createTask(args: readonly string[], print: Print): number {
  const typed = readFlags("run create-task", TASK_FLAGS, args);
  const description = typed.rest[0];
  if (typed.values["help"] === true || description === undefined) {
    print(["skein run create-task DESCRIPTION", "", ...flagHelp(TASK_FLAGS)].join("\n"));
    return typed.values["help"] === true ? 0 : 2;
  }
  const file = resolve(folderOf(typed), textOf(typed, "config") ?? "orchestration.json");
  const hints = textOf(typed, "hints");
  const id = addTask(file, {
    description,
    priority: numberOf(typed, "priority") ?? 5,
    dependencies: textsOf(typed, "depends") ?? [],
    context_files: textsOf(typed, "files") ?? [],
    ...(hints === undefined ? {} : { hints }),
  });
  print(typed.values["json"] === true ? JSON.stringify({ id }) : `added ${id} to ${file}`);
  return 0;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
