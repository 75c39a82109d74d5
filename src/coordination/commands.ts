// The commands of the Claude Multi-Agent Coordination System on skein's operations: one table,
// which parsing, help and the README are made from. What a command means is the operation's.

import { parseArgs } from "node:util";
import type { Args } from "../aliases.ts";
import { Refusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";

/** A flag: `many` takes every word up to the next flag, as the original does. */
interface Flag {
  readonly short?: string;
  readonly many?: boolean;
  readonly meaning: string;
}

export interface SeedCommand {
  readonly words: readonly [string, string];
  /** What is given without a flag, in order; `?` marks what may be left out. */
  readonly positionals: readonly string[];
  readonly flags: Readonly<Record<string, Flag>>;
  /** The alias or operation that it calls. */
  readonly operation: string;
  readonly summary: string;
  /** What was typed as the operation's input, in the names that translate.ts knows. */
  readonly input: (typed: Args) => Args;
  /** Whether the first positional is who acts. */
  readonly terminal?: boolean;
  /** Whether it changes nothing. */
  readonly reads?: boolean;
}

const PLAIN = (typed: Args): Args => typed;

export const SEED_COMMANDS: readonly SeedCommand[] = [
  {
    words: ["leader", "init"],
    positionals: ["goal"],
    flags: { approach: { meaning: "how to go about it; @file reads a file, - standard input" } },
    operation: "init_coordination",
    summary: "begin a run with this goal; tasks that are there stay",
    input: ({ goal, approach }) => ({ goal, master_plan: approach }),
  },
  {
    words: ["leader", "add-task"],
    positionals: ["description"],
    flags: {
      priority: { short: "p", meaning: "1 (first) to 10; default 5" },
      depends: { short: "d", many: true, meaning: "ids of tasks that have to be done before" },
      files: { short: "f", many: true, meaning: "files that matter" },
      hints: { meaning: "how to do it; @file reads a file, - standard input" },
    },
    operation: "create_task",
    summary: "add a task, print its id",
    input: ({ description, priority, depends, files, hints }) => ({
      description,
      priority,
      dependencies: depends,
      context_files: files,
      hints,
    }),
  },
  {
    words: ["leader", "status"],
    positionals: [],
    flags: {},
    operation: "get_status",
    summary: "tasks by state, progress, agents, findings",
    input: () => ({}),
    reads: true,
  },
  {
    words: ["leader", "aggregate"],
    positionals: [],
    flags: {},
    operation: "export_project",
    summary: "join all results into .coordination/summary.md",
    input: () => ({ part: "overview" }),
  },
  {
    words: ["worker", "claim"],
    positionals: ["terminal_id", "task_id?"],
    flags: { task: { meaning: "claim this task; default: the best that can be done now" } },
    operation: "claim_task",
    summary: "claim a task and show it",
    input: ({ terminal_id, task_id, task }) => ({ terminal_id, task_id: task_id ?? task }),
    terminal: true,
  },
  {
    words: ["worker", "start"],
    positionals: ["terminal_id", "task_id"],
    flags: {},
    operation: "start_task",
    summary: "say that the work on a claimed task has begun",
    input: PLAIN,
    terminal: true,
  },
  {
    words: ["worker", "complete"],
    positionals: ["terminal_id", "task_id", "output"],
    flags: {
      modified: { short: "m", many: true, meaning: "files that were changed" },
      created: { short: "c", many: true, meaning: "files that were made" },
    },
    operation: "complete_task",
    summary: "finish a claimed task with its result",
    input: ({ modified, created, ...typed }) => ({
      ...typed,
      files_modified: modified,
      files_created: created,
    }),
    terminal: true,
  },
  {
    words: ["worker", "fail"],
    positionals: ["terminal_id", "task_id", "reason"],
    flags: {},
    operation: "fail_task",
    summary: "give a claimed task up; it is tried again after a while, three times in all",
    input: ({ reason, ...typed }) => ({ ...typed, error: reason }),
    terminal: true,
  },
  {
    words: ["worker", "list"],
    positionals: ["terminal_id?"],
    flags: {},
    operation: "list_tasks",
    summary: "tasks that can be claimed now, best first",
    input: ({ terminal_id }) => ({ terminal_id, ready: true, limit: LIMITS.pageRows }),
    terminal: true,
    reads: true,
  },
];

/** Texts that may be read from `@file` or standard input, and how large they may be, in bytes. */
export const FROM_FILE: Readonly<Record<string, number>> = {
  hints: LIMITS.hintsChars,
  approach: LIMITS.fileBytes,
};

/** Finds the command that the words name. */
export function seedCommand(first: string, second: string | undefined): SeedCommand | undefined {
  return SEED_COMMANDS.find(({ words }) => words[0] === first && words[1] === second);
}

/** What was typed: its input, and the flags that every command takes. */
export interface SeedTyped {
  readonly typed: Args;
  readonly globals: Readonly<Record<string, unknown>>;
}

/**
 * Reads the arguments of a command.
 * @param globals flags that every command takes, and whether they take a value
 * @throws Refusal `INVALID_INPUT` naming what is missing or too much
 */
export function readSeed(
  command: SeedCommand,
  args: readonly string[],
  globals: Readonly<Record<string, "boolean" | "string">>,
): SeedTyped {
  const options: Record<
    string,
    { type: "boolean" | "string"; short?: string; multiple?: boolean }
  > = {};
  for (const [name, type] of Object.entries(globals)) options[name] = { type };
  for (const [name, { short, many }] of Object.entries(command.flags)) {
    const more = short === undefined ? {} : { short };
    options[name] = { type: "string", multiple: many === true, ...more };
  }
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    const spread = spreadMany(command, args);
    parsed = parseArgs({ args: spread, options, allowPositionals: true, strict: true }) as {
      values: Record<string, unknown>;
      positionals: string[];
    };
  } catch (thrown) {
    throw usage(command, thrown instanceof Error ? thrown.message.split("\n")[0] ?? "" : "");
  }
  const own: Record<string, unknown> = {};
  const common: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(parsed.values)) {
    (Object.hasOwn(globals, name) ? common : own)[name] = value;
  }
  if (common["help"] === true) return { typed: own, globals: common };
  const { positionals } = parsed;
  for (const name of command.positionals) {
    const value = positionals.shift();
    const field = name.replace("?", "");
    if (value !== undefined) own[field] = value;
    else if (field === name) throw usage(command, `${field} is required`, field);
  }
  if (positionals.length > 0) throw usage(command, `unexpected argument ${positionals[0]}`);
  return { typed: own, globals: common };
}

/** `-d a b` becomes `-d a -d b`: a flag that takes many takes every word up to the next flag. */
function spreadMany(command: SeedCommand, args: readonly string[]): string[] {
  const found: string[] = [];
  let flag: string | null = null;
  let literal = false;
  for (const arg of args) {
    const isFlag = !literal && arg.startsWith("-") && arg !== "-";
    if (arg === "--") literal = true;
    if (isFlag) {
      const many = Object.entries(command.flags).find(([name, { short, many }]) =>
        many === true && (arg === `--${name}` || arg === `-${short}`)
      );
      flag = many === undefined ? null : arg;
      if (flag === null) found.push(arg);
      continue;
    }
    if (flag !== null) found.push(flag);
    found.push(arg);
  }
  return found;
}

function usage(command: SeedCommand, why: string, field?: string): Refusal {
  const words = command.words.join(" ");
  return new Refusal("INVALID_INPUT", `skein ${words}: ${why}`, {
    ...(field === undefined ? {} : { field }),
    hint: usageOf(command),
  });
}

/** `skein worker claim TERMINAL_ID [TASK_ID] [--task TASK]` */
export function usageOf({ words, positionals, flags }: SeedCommand): string {
  const given = positionals.map((name) =>
    name.endsWith("?") ? `[${name.slice(0, -1).toUpperCase()}]` : name.toUpperCase()
  );
  const named = Object.entries(flags).map(([name, { short, many }]) =>
    `[${short === undefined ? "" : `-${short}, `}--${name} ${name.toUpperCase()}${
      many ? "..." : ""
    }]`
  );
  return ["skein", ...words, ...given, ...named].join(" ");
}

/** The help of one command. */
export function seedHelp(command: SeedCommand): string {
  const flags = Object.entries(command.flags).map(([name, { short, meaning }]) =>
    `  ${`${short === undefined ? "" : `-${short}, `}--${name}`.padEnd(16)} ${meaning}`
  );
  return [`${usageOf(command)}`, "", command.summary, ...(flags.length > 0 ? ["", ...flags] : [])]
    .join("\n");
}
