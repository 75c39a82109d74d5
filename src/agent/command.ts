// An agent's command line: Claude Code's, driven by its stream, or that of any other agent, as the
// user wrote it in SKEIN_AGENT. Words are handed over as they are; no shell parses them.

import { basename, join, resolve } from "@std/path";
import { Refusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Protocol } from "./event.ts";

/** The agent's program and what it is started with. */
export interface Agent {
  readonly command: string;
  readonly args: readonly string[];
}

/** What an agent is to do, and how it may. */
export interface AgentOrder {
  readonly prompt: string;
  readonly model: string | null;
  readonly folder: string;
  /** Claude Code's `--permission-mode`; `acceptEdits` lets it edit without anybody to ask. */
  readonly permissionMode?: string;
  /** Claude Code's permission rules, such as `Bash(git *)`. */
  readonly allowedTools?: readonly string[];
  readonly deniedTools?: readonly string[];
  /** It asks for nothing at all. Only where the user asked for that. */
  readonly skipPermissions?: boolean;
  /** MCP servers by name; who the agent is comes by its environment, never in here. */
  readonly servers?: Readonly<Record<string, { command: string; args: readonly string[] }>>;
  /** Whether the user's own MCP servers are left out (yes, unless told otherwise). */
  readonly onlyTheseServers?: boolean;
  /** Content of `--settings`: hooks, for example. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly systemPrompt?: string;
  /** Id of the new session, a UUID. */
  readonly session?: string;
  /** Id of the session that goes on. */
  readonly resume?: string;
  readonly maxCostUsd?: number | null;
}

/** What is started, and what it is told first on its input. */
export interface AgentLine {
  readonly argv: readonly string[];
  readonly protocol: Protocol;
  /** The first words on its input; null where they are among its arguments. */
  readonly prompt: string | null;
}

/**
 * The agent's program: `SKEIN_AGENT`, a program and its arguments as JSON or words, else claude.
 * @param folder what a path to the program is relative to: the top of the project, where workers start
 * @throws Refusal `INVALID_INPUT` if it cannot be read, `NOT_AVAILABLE` if there is no such program
 */
export function agentOf(folder = Deno.cwd()): Agent {
  const { command, args } = parseAgent(Deno.env.get("SKEIN_AGENT") ?? "claude");
  // A path is the same wherever the agent works.
  const path = command.includes("/") ? resolve(folder, command) : null;
  if (path === null ? onPath(command) : isFile(path)) return { command: path ?? command, args };
  throw new Refusal("NOT_AVAILABLE", `spawn: there is no program ${command}`, {
    field: "SKEIN_AGENT",
    hint: "Install Claude Code, or name the agent's program in SKEIN_AGENT.",
  });
}

/**
 * Reads `SKEIN_AGENT`: words, or a list of words in JSON.
 * @throws Refusal `INVALID_INPUT`
 */
export function parseAgent(text: string): Agent {
  const [command = "claude", ...args] = wordsOf(text.trim()).filter((word) => word !== "");
  return { command, args };
}

function wordsOf(text: string): string[] {
  if (!text.startsWith("[")) return text.split(/\s+/);
  try {
    const words: unknown = JSON.parse(text);
    if (Array.isArray(words) && words.every((word) => typeof word === "string")) return words;
  } catch {
    // Refused below, like a list of other things.
  }
  throw new Refusal("INVALID_INPUT", "SKEIN_AGENT begins like JSON and is no list of words", {
    field: "SKEIN_AGENT",
    hint: 'Write it as ["program", "argument"], or as words with spaces in between.',
  });
}

/** Whether a program is on the PATH. */
export function onPath(program: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((folder) => isFile(join(folder, program)));
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Whether an agent is Claude Code: known by its program's name. */
export function protocolOf({ command }: Agent): Protocol {
  return /^claude(\.exe|\.cmd)?$/i.test(basename(command)) ? "claude" : "text";
}

/**
 * The command line by which an agent does what is ordered.
 * @throws Refusal `TOO_LARGE` for a prompt that no argument can hold, where it has to be one
 */
export function agentCommand(agent: Agent, order: AgentOrder): AgentLine {
  return protocolOf(agent) === "claude" ? claudeLine(agent, order) : otherLine(agent, order);
}

function claudeLine({ command, args }: Agent, order: AgentOrder): AgentLine {
  const stream = ["--input-format", "stream-json", "--output-format", "stream-json", "--verbose"];
  const given = (flag: string, value: string | null | undefined): string[] =>
    value === null || value === undefined || value === "" ? [] : [flag, value];
  // One word each, bound to its flag: a rule may hold spaces and would else swallow what follows.
  const rules = (flag: string, list: readonly string[] = []): string[] =>
    list.length === 0 ? [] : [`${flag}=${list.join(",")}`];
  const servers = order.servers ?? {};
  const permission = order.skipPermissions === true
    ? ["--dangerously-skip-permissions"]
    : given("--permission-mode", order.permissionMode ?? "acceptEdits");
  const argv = [
    command,
    ...args,
    "-p",
    ...stream,
    ...given("--model", order.model),
    ...permission,
    ...rules("--allowedTools", order.allowedTools),
    ...rules("--disallowedTools", order.deniedTools),
    "--mcp-config",
    JSON.stringify({ mcpServers: servers }),
    ...(order.onlyTheseServers === false ? [] : ["--strict-mcp-config"]),
    ...(order.settings === undefined ? [] : ["--settings", JSON.stringify(order.settings)]),
    ...given("--append-system-prompt", order.systemPrompt),
    ...given("--session-id", order.session),
    ...given("--resume", order.resume),
    ...given("--max-budget-usd", order.maxCostUsd ? String(order.maxCostUsd) : null),
  ];
  return { argv, protocol: "claude", prompt: order.prompt };
}

/**
 * Another agent's line: `{prompt}`, `{model}` and `{folder}` are filled in wherever they stand. Where
 * no model is wanted, a word with `{model}` is left out, with the flag before it if it stands alone.
 * Without `{prompt}` the prompt comes on its input, which ends then.
 * @throws Refusal `TOO_LARGE` for a prompt that no argument can hold
 */
function otherLine({ command, args }: Agent, order: AgentOrder): AgentLine {
  const filled: string[] = [];
  for (const word of args) {
    if (word.includes("{model}") && order.model === null) {
      if (word === "{model}" && filled.at(-1)?.startsWith("-")) filled.pop();
      continue;
    }
    filled.push(fill(word, order));
  }
  const told = args.some((word) => word.includes("{prompt}"));
  if (told && order.prompt.length > LIMITS.argumentChars) {
    throw new Refusal("TOO_LARGE", "the prompt is too long to be an argument of the agent", {
      field: "SKEIN_AGENT",
      hint: "Leave {prompt} out of SKEIN_AGENT: the agent then gets the prompt on its input.",
    });
  }
  return {
    argv: [command, ...filled],
    protocol: "text",
    prompt: told ? null : order.prompt,
  };
}

/** All at once: what is filled in is not looked at again. */
function fill(word: string, { prompt, model, folder }: AgentOrder): string {
  return word.replaceAll(/\{(prompt|model|folder)\}/g, (_, name: string) => {
    if (name === "prompt") return prompt;
    return name === "model" ? model ?? "" : folder;
  });
}
