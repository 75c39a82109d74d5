// Help texts and completions, derived from the commands.

import { SEED_COMMANDS } from "../coordination/commands.ts";
import { rolesUnder } from "../core/policy.ts";
import { VERSION } from "../core/version.ts";
import { VARIABLES } from "../node/settings.ts";
import { type Command, COMMANDS, dashed, GLOBAL_FLAGS } from "./commands.ts";
import type { Schema } from "./schema.ts";
import { paint, type Style } from "./text.ts";

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
  { words: "backup", summary: "copy the whole home, while everybody goes on working" },
  { words: "restore", summary: "put a backup in the home's place, when no session is there" },
  { words: "up", summary: "be a peer without an agent, until interrupted" },
  { words: "completions", summary: "print completions for bash, zsh or fish" },
  { words: "version", summary: "print the version" },
  { words: "help", summary: "show this help, or that of a command" },
];

/** What drives a run and what stands beside it. */
const RUNS: readonly string[] = ["run GOAL", "log", "wait", "stop", "retry", "tell"];
/** Operations that no list shows a model, but people call. */
const PEOPLE =
  /^(policy|why|timeline|.*_(audit|projects|messages|token|state|graph)|import_.*|export_audit)$/;
/** Commands that other programs start. */
const PROGRAMS: readonly string[] = ["mcp", "hook", "host"];

interface Group {
  readonly title: string;
  readonly rows: readonly (readonly [string, string])[];
}

/** All commands, those that a person begins with first, those of programs last. */
function groupsOf(): readonly Group[] {
  const operations = (fits: (operation: Command["operation"]) => boolean): Group["rows"] =>
    COMMANDS.filter(({ operation }) => fits(operation))
      .map(({ words, operation }) => [words.join(" "), operation.summary]);
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
      title: "For programs",
      rows: [
        ...others((words) => PROGRAMS.includes(words)),
        ...operations(({ name, unlisted }) => unlisted === true && !people(name)),
      ],
    },
  ];
}

export function generalHelp(style: Style): string {
  const groups = groupsOf();
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
    "Environment:",
    ...VARIABLES.map(({ name, meaning }) => `  ${name.padEnd(16)} ${meaning.replaceAll("`", "")}`),
    "",
    "Examples:",
    '  skein task create "Parse the config" --priority high',
    "  SKEIN_NAME=worker-1 skein task claim --json",
    '  skein run "Add rate limiting" -w 3',
    '  skein send architect "Which port?" --category question',
    "  skein check --wait-ms 30000",
    "",
    "Exit codes: 0 done, 1 failed, 2 usage or unknown, 3 timed out, 4 refused.",
  ].join("\n");
}

/** The commands that begin with a word (`skein task`); null if none does. */
export function groupHelp(first: string, style: Style): string | null {
  const rows = COMMANDS.filter(({ words }) => words.length > 1 && words[0] === first)
    .map(({ words, operation }) => [words.join(" "), operation.summary] as const);
  if (rows.length === 0) return null;
  return [...listed(rows, style), "", `skein help ${rows[0]?.[0]} shows one of them.`].join("\n");
}

/** One line about a command that is no operation; null for any other word. */
export function lineOf(first: string): string | null {
  const found = OTHER_COMMANDS.find(({ words }) => words === first);
  return found === undefined ? null : `skein ${found.words}: ${found.summary}`;
}

function listed(rows: readonly (readonly [string, string])[], style: Style, width = 0): string[] {
  const wide = Math.max(width, ...rows.map(([words]) => words.length));
  return rows.map(([words, summary]) =>
    `  ${paint(style, "cyan", words.padEnd(wide))}  ${summary}`
  );
}

export function commandHelp(command: Command, style: Style): string {
  const positionals = command.operation.positionals ?? [];
  const shown = positionals.map((name) => {
    const field = command.fields[name];
    const text = field?.type === "array" && name === positionals.at(-1) ? `${name}...` : name;
    return command.required.has(name) ? `<${text}>` : `[${text}]`;
  });
  const fields = Object.entries(command.fields).map(([name, schema]) =>
    `  ${paint(style, "cyan", `--${dashed(name)}`.padEnd(14))} ${kindOf(schema)}${
      command.required.has(name) ? " (required)" : ""
    }`
  );
  return [
    `${paint(style, "bold", `skein ${command.words.join(" ")}`)}: ${command.operation.summary}`,
    "",
    `Usage: skein ${[...command.words, ...shown].join(" ")} [--flags]`,
    "",
    ...fields,
    "",
    "Every command:",
    ...flagLines(style),
    "",
    `For: ${
      rolesUnder(command.operation.roles, "strict").join(", ")
    }. As a tool: ${command.operation.name}.`,
  ].join("\n");
}

function flagLines(style: Style): string[] {
  return Object.entries(GLOBAL_FLAGS).map(([name, flag]) =>
    `  ${paint(style, "cyan", `--${name}`.padEnd(14))} ${flag.help}`
  );
}

function kindOf(schema: Schema): string {
  if (schema.enum !== undefined) return schema.enum.join(" | ");
  if (schema.type !== "array") return schema.type ?? "text";
  if (schema.items?.type === "object") return "JSON list, @file, or - for standard input";
  return `${kindOf(schema.items ?? {})}, repeatable`;
}

/** Completions of a shell; null for a shell we know nothing of. */
export function completions(shell: string): string | null {
  const first = [
    ...new Set(
      [...COMMANDS, ...OTHER_COMMANDS].map(({ words }) =>
        typeof words === "string" ? words : words[0] ?? ""
      ),
    ),
  ];
  const pairs = [...COMMANDS, ...SEED_COMMANDS].map(({ words }) => words)
    .filter((words) => words.length > 1);
  const second = (noun: string): string =>
    pairs.filter((words) => words[0] === noun).map((words) => words[1]).join(" ");
  const nouns = [...new Set(pairs.map((words) => words[0] ?? ""))];
  if (shell === "bash") return bash(first, nouns, second);
  if (shell === "zsh") {
    return `autoload -U +X bashcompinit && bashcompinit\n${bash(first, nouns, second)}`;
  }
  if (shell !== "fish") return null;
  return [
    "complete -c skein -f",
    `complete -c skein -n __fish_use_subcommand -a '${first.join(" ")}'`,
    ...nouns.map((noun) =>
      `complete -c skein -n '__fish_seen_subcommand_from ${noun}' -a '${second(noun)}'`
    ),
    ...Object.keys(GLOBAL_FLAGS).map((flag) => `complete -c skein -l ${flag}`),
  ].join("\n");
}

function bash(first: string[], nouns: string[], second: (noun: string) => string): string {
  const cases = nouns.map((noun) => `    ${noun}) words="${second(noun)}" ;;`).join("\n");
  return `_skein() {
  local words=""
  case "$COMP_CWORD" in
  1) words="${first.join(" ")}" ;;
  2) case "\${COMP_WORDS[1]}" in
${cases}
    esac ;;
  esac
  words="$words ${Object.keys(GLOBAL_FLAGS).map((flag) => `--${flag}`).join(" ")}"
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _skein skein`;
}
