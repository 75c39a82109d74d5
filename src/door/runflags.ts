// The flags of `skein run`, as data: parsing and help come from here.

import { parseArgs } from "node:util";
import { Refusal } from "../core/errors.ts";
import { styleOf } from "./output.ts";
import { flagFault } from "./spelling.ts";
import { hanging } from "./text.ts";

interface Flag {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: boolean;
  /** What stands for its value in the help. */
  readonly value?: string;
  readonly help: string;
}

/** Flags of everything that drives a run. */
export const RUN_FLAGS = {
  workers: { type: "string", short: "w", value: "N", help: "workers at the same time (3)" },
  tasks: {
    type: "string",
    short: "f",
    value: "FILE",
    help: "the tasks, as JSON; nothing is planned",
  },
  plan: { type: "boolean", help: "let an agent plan first (default without --tasks)" },
  "no-plan": { type: "boolean", help: "do not plan: needs --tasks" },
  "plan-only": { type: "boolean", help: "plan, show the tasks, and wait for acceptance" },
  resume: { type: "string", short: "r", value: "RUN", help: "go on with a run, accept its plan" },
  model: {
    type: "string",
    short: "m",
    multiple: true,
    value: "MODEL",
    help: "model of the first attempt; again for the second, and so on",
  },
  timeout: {
    type: "string",
    short: "t",
    value: "S",
    help: "seconds that one attempt may take (3600)",
  },
  "first-output": { type: "string", value: "S", help: "seconds to the agent's first output (120)" },
  quiet: { type: "boolean", short: "q", help: "print the end only" },
  "quiet-after": { type: "string", value: "S", help: "seconds of silence that mean stuck (900)" },
  attempts: { type: "string", value: "N", help: "attempts at each task (3)" },
  check: {
    type: "string",
    value: "CMD",
    help: "what has to succeed on each task's work, merged with the rest, before it counts as done",
  },
  "check-timeout": { type: "string", value: "S", help: "seconds that the check may take (1800)" },
  "no-worktree": { type: "boolean", help: "all workers share this folder, under locks" },
  "permission-mode": { type: "string", value: "MODE", help: "of the agents (acceptEdits)" },
  allow: { type: "string", multiple: true, value: "TOOL", help: "a tool that agents use unasked" },
  "dangerously-skip-permissions": {
    type: "boolean",
    help: "agents ask for nothing: in a sandbox only",
  },
  "max-cost": { type: "string", value: "USD", help: "what the whole run may cost" },
  "max-tokens": { type: "string", value: "N", help: "tokens of the whole run" },
  "max-turns": { type: "string", value: "N", help: "turns of the whole run" },
  "task-cost": { type: "string", value: "USD", help: "what one attempt may cost" },
  "task-tokens": { type: "string", value: "N", help: "tokens of one attempt" },
  "task-turns": { type: "string", value: "N", help: "turns of one attempt" },
  goal: { type: "string", value: "TEXT", help: "the goal, where it looks like a subcommand" },
  cwd: { type: "string", short: "C", value: "DIR", help: "the project's folder (the current one)" },
  output: { type: "string", short: "o", value: "FILE", help: "write the result as JSON" },
  json: { type: "boolean", help: "print events and result as JSON lines" },
  home: { type: "string", value: "DIR", help: "folder of the store" },
  as: { type: "string", value: "PEER", help: "act as this peer" },
  help: { type: "boolean", short: "h", help: "show this help" },
} as const satisfies Record<string, Flag>;

/** Flags of `skein run create-task`. */
export const TASK_FLAGS = {
  config: { type: "string", short: "c", value: "FILE", help: "the file (orchestration.json)" },
  priority: { type: "string", short: "p", value: "N", help: "1 first to 10 (5)" },
  depends: { type: "string", short: "d", multiple: true, value: "ID", help: "what it waits for" },
  files: { type: "string", short: "f", multiple: true, value: "FILE", help: "files to look at" },
  hints: { type: "string", value: "TEXT", help: "what helps whoever does it" },
  cwd: { type: "string", short: "C", value: "DIR", help: "folder of the file" },
  json: { type: "boolean", help: "print the answer as JSON" },
  help: { type: "boolean", short: "h", help: "show this help" },
} as const satisfies Record<string, Flag>;

/** What was typed: flags by name, and the rest in order. */
export interface TypedRun {
  readonly values: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
  readonly rest: readonly string[];
}

/**
 * Reads flags.
 * @throws Refusal `INVALID_INPUT`
 */
export function readFlags(
  command: string,
  flags: Readonly<Record<string, Flag>>,
  args: readonly string[],
): TypedRun {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { type, short, multiple }]) => [name, {
      type,
      ...(short === undefined ? {} : { short }),
      ...(multiple === undefined ? {} : { multiple }),
    }]),
  );
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
      strict: true,
    });
    return { values: values as TypedRun["values"], rest: positionals };
  } catch (thrown) {
    const why = flagFault(thrown, Object.keys(options));
    throw new Refusal("INVALID_INPUT", `skein ${command}: ${why}`, {
      hint: `skein ${command} --help shows its flags.`,
    });
  }
}

/**
 * A flag that is a number above 0.
 * @throws Refusal `INVALID_INPUT`
 */
export function numberOf(typed: TypedRun, name: string, env?: string): number | undefined {
  const text = typed.values[name] ?? (env === undefined ? undefined : Deno.env.get(env));
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new Refusal("INVALID_INPUT", `--${name} is no number above 0: ${text}`, { field: name });
}

/** A flag's text. */
export function textOf(typed: TypedRun, name: string): string | undefined {
  const value = typed.values[name];
  return typeof value === "string" ? value : undefined;
}

/** A flag that may be given several times. */
export function textsOf(typed: TypedRun, name: string): readonly string[] | undefined {
  const value = typed.values[name];
  return Array.isArray(value) ? value as readonly string[] : undefined;
}

/** Help for flags, one line each. */
export function flagHelp(flags: Readonly<Record<string, Flag>>): string[] {
  const rows = Object.entries(flags).map(([name, { short, value, help }]) => {
    const dashes = `${short === undefined ? "    " : `-${short}, `}--${name}`;
    return [value === undefined ? dashes : `${dashes} ${value}`, help] as const;
  });
  const wide = Math.max(...rows.map(([flag]) => flag.length));
  const { width } = styleOf();
  return rows.flatMap(([flag, help]) => hanging(`  ${flag.padEnd(wide)}  `, help, width));
}

/** What the operation `run` does itself; every other first word begins a goal or a subcommand. */
const ACTIONS = ["start", "resume", "status", "update", "list", "end", "conduct"];

/** Whether `skein run ...` drives a run, and is no call of the operation. */
export function isRunCommand(args: readonly string[]): boolean {
  const [first] = args;
  if (first === undefined) return false;
  return !ACTIONS.includes(first) && first !== "--action" && first !== "--json";
}

/** How the terminal is written to. */
export type Print = (text: string) => void;

/**
 * The project's folder.
 * @throws Refusal `INVALID_INPUT`
 */
export function folderOf(typed: TypedRun): string {
  const cwd = textOf(typed, "cwd") ?? Deno.env.get("SKEIN_DIR") ?? ".";
  try {
    return Deno.realPathSync(cwd);
  } catch {
    throw new Refusal("INVALID_INPUT", `skein run: there is no folder ${cwd}`, { field: "cwd" });
  }
}
