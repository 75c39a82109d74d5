// Help texts, derived from the commands.

import { rolesUnder } from "../core/policy.ts";
import { VERSION } from "../core/version.ts";
import { VARIABLES } from "../node/settings.ts";
import { type Command, COMMANDS, dashed, GLOBAL_FLAGS } from "./commands.ts";
import { meaningOf } from "./meanings.ts";
import type { Schema } from "./schema.ts";
import { hanging, paint, type Style } from "./text.ts";

/** Subcommands that are no operations. */
export const OTHER_COMMANDS: readonly { words: string; summary: string }[] = [
  { words: "mcp", summary: "serve MCP on stdin and stdout (what an agent's client starts)" },
  {
    words: "install",
    summary: "make Claude Code know skein: command, server, hooks, slash commands",
  },
  { words: "uninstall", summary: "take out exactly what install has put in" },
  { words: "doctor", summary: "how things stand on this machine, and what to do about it" },
  { words: "prompt", summary: "a prompt to paste into an agent that has no slash commands" },
  { words: "git-hook", summary: "refuse commits of files that another peer holds (opt-in)" },
  { words: "hook", summary: "answer a hook of the client (what skein install sets up)" },
  { words: "run GOAL", summary: "plan a goal and drive a team of agents to its end (run --help)" },
  { words: "log", summary: "what the agent of a task or run said and did; -f follows" },
  { words: "wait", summary: "until a task or a run has ended" },
  { words: "stop", summary: "stop a task or a run: its agents end, their work is kept" },
  { words: "retry", summary: "put a stopped or failed task back to be done" },
  { words: "tell", summary: "a message to whoever works on a task" },
  { words: "host", summary: "be a worker's process of a run (what skein run starts)" },
  { words: "dashboard", summary: "open the page of the flock in a browser (--print: the link)" },
  { words: "leader", summary: "init, add-task, status, aggregate: lead by plain commands" },
  { words: "worker", summary: "claim, start, complete, fail, list: work by plain commands" },
  { words: "mirror", summary: "keep .coordination/ up to date, until interrupted" },
  { words: "import", summary: "take a .coordination/ over into the store" },
  { words: "export", summary: "write the project as .coordination/, JSON lines or a report" },
  { words: "backup", summary: "copy the home's store, while everybody goes on working" },
  { words: "restore", summary: "put a backup in the home's place, when no session is there" },
  { words: "up", summary: "be a peer without an agent, an observer, until interrupted" },
  { words: "completions", summary: "print completions for bash, zsh or fish" },
  { words: "version", summary: "print the version" },
  { words: "help", summary: "show this help, or that of a command" },
];

/** What drives a run and what stands beside it. */
const RUNS: readonly string[] = ["run GOAL", "log", "wait", "stop", "retry", "tell"];
/** Operations that no list shows a model, but people call. */
const PEOPLE =
  /^(policy|why|timeline|.*_(audit|projects|messages|token|state|graph)|export_audit)$/;
/** Commands that other programs start. */
const PROGRAMS: readonly string[] = ["mcp", "hook", "host"];
const FOR_PROGRAMS = "For programs";
const MORE =
  "skein help COMMAND tells more of one; skein help all also lists the commands of programs " +
  "and the variables of the environment.";

interface Group {
  readonly title: string;
  readonly rows: readonly (readonly [string, string])[];
}

/** All commands, those that a person begins with first, those of programs last. */
function groupsOf(): readonly Group[] {
  const operations = (fits: (operation: Command["operation"]) => boolean): Group["rows"] =>
    COMMANDS.filter(({ operation }) => fits(operation))
      .map((
        { words, operation },
      ) => [words.join(" "), summaryOf(operation.name, operation.summary)]);
  const others = (fits: (words: string) => boolean): Group["rows"] =>
    OTHER_COMMANDS.filter(({ words }) => fits(words))
      .map(({ words, summary }) => [words, summary]);
  const people = (name: string): boolean => PEOPLE.test(name);
  return [
    { title: "Work together", rows: operations(({ unlisted }) => unlisted !== true) },
    { title: "Run a team", rows: others((words) => RUNS.includes(words)) },
    {
      title: "Look and govern",
      rows: operations(({ name, unlisted }) => unlisted === true && people(name)),
    },
    {
      title: "This machine and its files",
      rows: others((words) => !RUNS.includes(words) && !PROGRAMS.includes(words)),
    },
    {
      title: FOR_PROGRAMS,
      rows: [
        ...others((words) => PROGRAMS.includes(words)),
        ...operations(({ name, unlisted }) => unlisted === true && !people(name)),
      ],
    },
  ];
}

/** The commands of people; with `all` those of programs, and the environment, too. */
export function generalHelp(style: Style, all = false): string {
  const groups = groupsOf().filter(({ title }) => all || title !== FOR_PROGRAMS);
  const width = Math.max(...groups.flatMap(({ rows }) => rows.map(([words]) => words.length)));
  const list = groups.flatMap(({ title, rows }) => [
    paint(style, "bold", `${title}:`),
    ...listed(rows, style, width),
    "",
  ]);
  return [
    `${paint(style, "bold", "skein")} ${VERSION}: coding agents as one flock`,
    "",
    "Usage: skein <command> [arguments] [--flags]",
    "",
    ...list,
    "Every command:",
    ...flagLines(style),
    "",
    ...(all ? ["Environment:", ...variables(style), ""] : []),
    "Examples:",
    '  skein task create "Parse the config" --priority high',
    "  SKEIN_NAME=worker-1 skein task claim --json",
    '  skein run "Add rate limiting" -w 3',
    '  skein send architect "Which port?" --category question',
    "  skein check --wait-ms 30000",
    "",
    "Exit codes: 0 done, 1 failed, 2 usage or unknown, 3 timed out, 4 refused.",
    ...(all ? [] : ["", ...hanging("", MORE, style.width)]),
  ].join("\n");
}

function variables(style: Style): string[] {
  return VARIABLES.flatMap(({ name, meaning }) =>
    hanging(`  ${name.padEnd(16)} `, meaning.replaceAll("`", ""), style.width)
  );
}

/** The commands that begin with a word (`skein task`); null if none does. */
export function groupHelp(first: string, style: Style): string | null {
  const rows = COMMANDS.filter(({ words }) => words.length > 1 && words[0] === first)
    .map(({ words, operation: { name, summary } }) =>
      [words.join(" "), summaryOf(name, summary)] as const
    );
  if (rows.length === 0) return null;
  return [...listed(rows, style), "", `skein help ${rows[0]?.[0]} tells more of one.`].join("\n");
}

/** A tool's line in the words of the command line: its fields are flags. */
function summaryOf(name: string, summary: string): string {
  const fields = COMMANDS.find(({ operation }) => operation.name === name)?.fields ?? {};
  return Object.keys(fields).filter((field) => field.includes("_"))
    .reduce((text, field) => text.replaceAll(field, `--${dashed(field)}`), summary)
    .replace("tasks[]", "--tasks");
}

/** One line about a command that is no operation; null for any other word. */
export function lineOf(first: string): string | null {
  const found = OTHER_COMMANDS.find(({ words }) => words === first);
  return found === undefined ? null : `skein ${found.words}: ${found.summary}`;
}

function listed(rows: readonly (readonly [string, string])[], style: Style, width = 0): string[] {
  const wide = Math.max(width, ...rows.map(([words]) => words.length));
  return rows.flatMap(([words, summary]) => labelled(words.padEnd(wide), summary, style));
}

/** A word or flag with what it is beside it, however many lines that takes. */
function labelled(label: string, text: string, style: Style): string[] {
  const lines = hanging(" ".repeat(label.length + 4), text, style.width);
  const first = (lines[0] ?? "").trimStart();
  return [`  ${paint(style, "cyan", label)}  ${first}`.trimEnd(), ...lines.slice(1)];
}

export function commandHelp(command: Command, style: Style): string {
  const { name, summary, roles, positionals = [] } = command.operation;
  const shown = positionals.map((name) => {
    const field = command.fields[name];
    const text = field?.type === "array" && name === positionals.at(-1) ? `${name}...` : name;
    return command.required.has(name) ? `<${text}>` : `[${text}]`;
  });
  const rows = Object.entries(command.fields).map(([field, schema]) =>
    [
      `--${dashed(field)} ${placeholderOf(schema)}`,
      [
        `${meaningOf(name, field) ?? ""}${wordsFor(schema)}`,
        ...(schema.type === "array" && !isJson(schema) ? ["(repeatable)"] : []),
        ...(isJson(schema) ? ["(JSON, @file, or - for standard input)"] : []),
        ...(command.required.has(field) ? ["(required)"] : []),
      ].join(" "),
    ] as const
  );
  const wide = Math.max(12, ...rows.map(([flag]) => flag.length));
  return [
    ...hanging("", `skein ${command.words.join(" ")}: ${summaryOf(name, summary)}`, style.width)
      .map((line, i) =>
        i > 0 ? line : line.replace(/^[^:]+/, (words) => paint(style, "bold", words))
      ),
    "",
    `Usage: skein ${[...command.words, ...shown].join(" ")}${rows.length > 0 ? " [--flags]" : ""}`,
    "",
    ...rows.flatMap(([flag, text]) => labelled(flag.padEnd(wide), text, style)),
    ...(rows.length > 0 ? [""] : []),
    "Every command:",
    ...flagLines(style),
    "",
    `For: ${rolesUnder(roles, "strict").join(", ")}. As a tool: ${name}.`,
  ].join("\n");
}

/** The help of a command that takes the flags of every command and no others. */
export function plainHelp(words: string, style: Style): string {
  return [lineOf(words), "", `Usage: skein ${words} [--flags]`, "", ...flagLines(style)].join("\n");
}

function flagLines(style: Style): string[] {
  return Object.entries(GLOBAL_FLAGS).flatMap(([name, flag]) =>
    labelled(`--${name} ${"value" in flag ? flag.value : ""}`.padEnd(12), flag.help, style)
  );
}

/** The words that a field takes, where there are but few. */
function wordsFor(schema: Schema): string {
  const words = schema.enum ?? schema.items?.enum;
  return words === undefined ? "" : `: ${words.join(" | ")}`;
}

function isJson(schema: Schema): boolean {
  return schema.type === "object" || schema.items?.type === "object";
}

/** What stands for a flag's value. */
function placeholderOf(schema: Schema): string {
  if (schema.type === "boolean") return "";
  if (isJson(schema)) return "JSON";
  if (schema.type === "array") return placeholderOf(schema.items ?? {});
  if (schema.enum !== undefined) return "WORD";
  return schema.type === "integer" || schema.type === "number" ? "N" : "TEXT";
}
