// The command line as data: every operation as a subcommand, its fields as flags. Help, parsing
// and completions all come from here.

import { parseArgs } from "node:util";
import { CATALOGUE } from "../catalogue.ts";
import { Refusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { AnyOperation } from "../core/operation.ts";
import { type Schema, schemaOf } from "./schema.ts";
import { flagFault } from "./spelling.ts";

/** A subcommand that runs an operation. */
export interface Command {
  /** One or two words: `task create`. */
  readonly words: readonly string[];
  readonly operation: AnyOperation;
  readonly fields: Readonly<Record<string, Schema>>;
  readonly required: ReadonlySet<string>;
}

/** `create_task` becomes `task create`, `list_tasks` becomes `task list`, `join` stays. */
export function wordsOf(name: string): string[] {
  const [verb, noun] = name.split("_");
  if (verb === undefined || noun === undefined) return [name];
  return [noun.replace(/s$/, ""), verb];
}

export const COMMANDS: readonly Command[] = CATALOGUE.map((operation) => {
  const schema = schemaOf(operation.input);
  return {
    words: wordsOf(operation.name),
    operation,
    fields: schema.properties ?? {},
    required: new Set(schema.required ?? []),
  };
});

/** Flags that every subcommand takes. */
export const GLOBAL_FLAGS = {
  json: { type: "boolean", help: "print the answer as one JSON object" },
  as: {
    type: "string",
    value: "PEER",
    help: "act as this peer (default: SKEIN_NAME, the agent's, or you)",
  },
  key: { type: "string", value: "TEXT", help: "idempotency key: the same key does nothing twice" },
  home: {
    type: "string",
    value: "DIR",
    help: "folder of the store (default: SKEIN_HOME or ~/.skein)",
  },
  dir: {
    type: "string",
    value: "DIR",
    help: "folder to act in (default: SKEIN_DIR or the current one)",
  },
  help: { type: "boolean", help: "show this help" },
} as const;

/** Flags of every command that stand before it, put behind it: `skein --json status`. */
export function commandFirst(args: readonly string[]): readonly string[] {
  let end = 0;
  while (end < args.length) {
    const [name = "", value] = (args[end] ?? "").split("=", 2);
    const flag = Object.entries(GLOBAL_FLAGS).find(([one]) => name === `--${one}`);
    if (flag === undefined || flag[0] === "help") break;
    end += flag[1].type === "string" && value === undefined ? 2 : 1;
  }
  if (end === 0) return args;
  const rest = args.slice(end);
  const literal = rest.indexOf("--");
  const at = literal === -1 ? rest.length : literal;
  return [...rest.slice(0, at), ...args.slice(0, end), ...rest.slice(at)];
}

/** What was typed after the subcommand. */
export interface Typed {
  readonly input: Record<string, unknown>;
  readonly flags: Readonly<{
    json: boolean;
    help: boolean;
    as?: string | undefined;
    key?: string | undefined;
    home?: string | undefined;
    dir?: string | undefined;
  }>;
}

/** Finds the subcommand and what is left of the arguments. */
export function findCommand(args: readonly string[]): { command: Command; rest: string[] } | null {
  // `run conduct` before `run`.
  for (const command of COMMANDS.toSorted((a, b) => b.words.length - a.words.length)) {
    const { words } = command;
    if (words.every((word, i) => args[i] === word)) {
      return { command, rest: args.slice(words.length) };
    }
    // The tool's own name is a subcommand, too.
    if (args[0] === command.operation.name) return { command, rest: args.slice(1) };
  }
  return null;
}

/**
 * Reads flags and positionals of a subcommand.
 * @throws Refusal `INVALID_INPUT`
 */
export function readArguments(command: Command, args: readonly string[]): Typed {
  const options: Record<string, { type: "boolean" | "string"; multiple?: boolean }> = {};
  for (const [name, flag] of Object.entries(GLOBAL_FLAGS)) options[name] = { type: flag.type };
  for (const [field, schema] of Object.entries(command.fields)) {
    options[dashed(field)] = optionOf(schema);
    if (dashed(field) !== field) options[field] = optionOf(schema);
  }
  if (command.operation.allField !== undefined) options["all"] = { type: "boolean" };
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true }) as {
      values: Record<string, unknown>;
      positionals: string[];
    };
  } catch (thrown) {
    throw usage(command, flagFault(thrown, Object.keys(options).map(dashed)));
  }
  const { values, positionals } = parsed;
  const input: Record<string, unknown> = {};
  const { allField } = command.operation;
  if (allField !== undefined && values["all"] === true) input[allField] = "*";
  for (const [field, schema] of Object.entries(command.fields)) {
    const value = values[dashed(field)] ?? values[field];
    if (value !== undefined) input[field] = valueOf(command, field, schema, value);
  }
  place(command, input, positionals);
  return { input, flags: globals(values) };
}

/**
 * Reads the flags of a command that is no operation.
 * @throws Refusal `INVALID_INPUT`
 */
export function readGlobals(name: string, args: readonly string[]): Typed["flags"] {
  const options: Record<string, { type: "boolean" | "string" }> = {};
  for (const [flag, { type }] of Object.entries(GLOBAL_FLAGS)) options[flag] = { type };
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true });
    return globals(values as Record<string, unknown>);
  } catch (thrown) {
    const why = flagFault(thrown, Object.keys(options));
    throw new Refusal("INVALID_INPUT", `skein ${name}: ${why}`, {
      hint: `skein ${name} --help shows its flags.`,
    });
  }
}

function globals(values: Readonly<Record<string, unknown>>): Typed["flags"] {
  const text = (name: string): string | undefined => values[name] as string | undefined;
  return {
    json: values["json"] === true,
    help: values["help"] === true,
    as: text("as"),
    key: text("key"),
    home: text("home"),
    dir: text("dir"),
  };
}

export function dashed(field: string): string {
  return field.replaceAll("_", "-");
}

function optionOf(schema: Schema): { type: "boolean" | "string"; multiple?: boolean } {
  if (schema.type === "boolean") return { type: "boolean" };
  return isStringList(schema) ? { type: "string", multiple: true } : { type: "string" };
}

function isStringList(schema: Schema): boolean {
  return schema.type === "array" && schema.items?.type !== "object";
}

/** Objects and lists of them are given as JSON, or as `@file`, or as `-` for standard input. */
function valueOf(command: Command, field: string, schema: Schema, value: unknown): unknown {
  if (schema.type !== "object" && (schema.type !== "array" || isStringList(schema))) return value;
  try {
    return JSON.parse(readText(String(value)));
  } catch (thrown) {
    if (thrown instanceof Refusal) throw thrown;
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw usage(command, `--${dashed(field)} takes JSON, @file or -: ${why}`);
  }
}

/**
 * A text, or what stands in `@file` or on standard input (`-`).
 * @throws Refusal `TOO_LARGE`
 */
export function readText(value: string, maxBytes: number = LIMITS.fileBytes): string {
  if (value !== "-" && !value.startsWith("@")) return value;
  const name = value === "-" ? "standard input" : value.slice(1);
  const file = value === "-" ? Deno.stdin : Deno.openSync(name, { read: true });
  const chunks: Uint8Array[] = [];
  const buffer = new Uint8Array(65_536);
  let bytes = 0;
  try {
    for (let n = file.readSync(buffer); n !== null; n = file.readSync(buffer)) {
      bytes += n;
      if (bytes > maxBytes) {
        throw new Refusal("TOO_LARGE", `${name} is larger than ${maxBytes} bytes`, {
          field: value === "-" ? "stdin" : name,
          hint: "Split it, or name files for the worker to read instead of their contents.",
        });
      }
      chunks.push(buffer.slice(0, n));
    }
  } finally {
    if (value !== "-") file.close();
  }
  const decoder = new TextDecoder();
  const text = chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("");
  return text + decoder.decode();
}

/** Puts positionals into the fields that take them. */
function place(command: Command, input: Record<string, unknown>, positionals: string[]): void {
  const names = positionalsOf(command, positionals, input);
  for (const name of names) {
    if (positionals.length === 0) return;
    const schema = command.fields[name];
    if (input[name] !== undefined) continue;
    const last = name === names.at(-1);
    if (schema !== undefined && isStringList(schema)) {
      input[name] = last ? positionals.splice(0) : positionals.shift()?.split(",");
    } else input[name] = positionals.shift();
  }
  if (positionals.length > 0) throw usage(command, `unexpected argument ${positionals[0]}`);
}

/** `skein run resume r1`, but `skein run "a goal"`: the first word decides. */
function positionalsOf(
  command: Command,
  positionals: readonly string[],
  input: Record<string, unknown>,
): readonly string[] {
  const names = command.operation.positionals ?? [];
  if (command.operation.name !== "run") return names;
  const actions = command.fields["action"]?.enum ?? [];
  const first = positionals[0];
  if (first === undefined && input["goal"] === undefined) input["action"] ??= "status";
  if (first !== undefined && !actions.includes(first)) {
    input["action"] ??= "start";
    return ["goal"];
  }
  if (first === undefined) input["action"] ??= "start";
  return first === "start" ? ["action", "goal"] : names;
}

function usage(command: Command, why: string): Refusal {
  return new Refusal("INVALID_INPUT", `skein ${command.words.join(" ")}: ${why}`, {
    hint: `skein ${command.words.join(" ")} --help shows how to call it.`,
  });
}
