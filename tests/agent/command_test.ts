// The command lines of agents, and the environment they get.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { agentCommand, parseAgent, protocolOf } from "../../src/agent/command.ts";
import { agentEnvironment } from "../../src/agent/environment.ts";
import { Refusal } from "../../src/core/errors.ts";
import { LIMITS } from "../../src/core/limits.ts";

const CLAUDE = { command: "/opt/bin/claude", args: ["--effort", "low"] };
const ORDER = { prompt: "do $(it) {model}", model: "sonnet", folder: "/srv/tree" };

Deno.test("agentCommand: Claude Code by its stream; its prompt is no argument", () => {
  const { argv, protocol, prompt } = agentCommand(CLAUDE, {
    ...ORDER,
    allowedTools: ["Bash(git *)", "mcp__skein__*"],
    deniedTools: ["WebFetch"],
    servers: { skein: { command: "skein", args: ["mcp"] } },
    settings: { hooks: {} },
    session: "3ffbb563-bd9a-49f3-ada6-a0348bd31070",
    maxCostUsd: 2.5,
  });
  assertEquals([protocol, prompt], ["claude", ORDER.prompt]);
  assertEquals(argv, [
    "/opt/bin/claude",
    "--effort",
    "low",
    "-p",
    "--input-format",
    "stream-json",
    "--output-format",
    "stream-json",
    "--verbose",
    "--model",
    "sonnet",
    "--permission-mode",
    "acceptEdits",
    "--allowedTools=Bash(git *),mcp__skein__*",
    "--disallowedTools=WebFetch",
    "--mcp-config",
    '{"mcpServers":{"skein":{"command":"skein","args":["mcp"]}}}',
    "--strict-mcp-config",
    "--settings",
    '{"hooks":{}}',
    "--session-id",
    "3ffbb563-bd9a-49f3-ada6-a0348bd31070",
    "--max-budget-usd",
    "2.5",
  ]);
});

Deno.test("agentCommand: permissions are skipped only for who asked for it", () => {
  const flag = "--dangerously-skip-permissions";
  const line = (more: object): readonly string[] =>
    agentCommand(CLAUDE, { ...ORDER, ...more }).argv;
  assert(!line({}).includes(flag));
  assert(!line({ skipPermissions: false }).includes(flag));
  const asked = line({ skipPermissions: true, permissionMode: "plan" });
  assert(asked.includes(flag) && !asked.includes("--permission-mode"));
});

Deno.test("agentCommand: other agents as they are written, filled in without a shell", () => {
  const line = (words: string, model: string | null = "m"): readonly string[] =>
    agentCommand(parseAgent(words), { ...ORDER, model }).argv;
  assertEquals(line("codex exec -m {model} -C {folder} {prompt}"), [
    "codex",
    "exec",
    "-m",
    "m",
    "-C",
    "/srv/tree",
    // What is filled in is not filled in again.
    "do $(it) {model}",
  ]);
  assertEquals(line("codex exec -m {model} {prompt}", null), ["codex", "exec", ORDER.prompt]);
  assertEquals(line("aider --model={model} go", null), ["aider", "go"]);
  assertEquals(line('["my agent","a b"]'), ["my agent", "a b"]);
});

Deno.test("agentCommand: without a place for it the prompt comes on the input", () => {
  const told = (words: string): string | null => agentCommand(parseAgent(words), ORDER).prompt;
  assertEquals(told("codex exec -"), ORDER.prompt);
  assertEquals(told("codex exec {prompt}"), null);
  const long = { ...ORDER, prompt: "x".repeat(LIMITS.argumentChars + 1) };
  assertEquals(agentCommand(parseAgent("codex -"), long).prompt, long.prompt);
  const refused = assertThrows(() => agentCommand(parseAgent("codex {prompt}"), long), Refusal);
  assertEquals(refused.code, "TOO_LARGE");
});

Deno.test("parseAgent: words, JSON, and what is neither", () => {
  assertEquals(parseAgent("  claude   --a b "), { command: "claude", args: ["--a", "b"] });
  assertEquals(parseAgent('["c", ""]'), { command: "c", args: [] });
  assertEquals(parseAgent(""), { command: "claude", args: [] });
  for (const text of ["[", "[1]", '["a", null]', '["a"']) {
    assertEquals(assertThrows(() => parseAgent(text), Refusal).code, "INVALID_INPUT", text);
  }
});

Deno.test("protocolOf: Claude Code is known by its program's name alone", () => {
  const of = (command: string): string => protocolOf({ command, args: [] });
  assertEquals(["claude", "/x/claude", "claude.exe"].map(of), ["claude", "claude", "claude"]);
  assertEquals(["codex", "/claude/run", "my-claude"].map(of), ["text", "text", "text"]);
});

Deno.test("agentEnvironment: who the agent is, and nothing of who we are or where git stands", () => {
  const env = agentEnvironment(
    {
      PATH: "/bin",
      SKEIN_NAME: "boss",
      SKEIN_TOKEN: "boss's",
      CLAUDE_CODE_SESSION_ID: "s",
      CLAUDE_CODE_USE_BEDROCK: "1",
      CLAUDE_CODE_OAUTH_TOKEN: "t",
      SKEIN_AGENTS: "2",
      GIT_DIR: "/user/.git",
      GIT_INDEX_FILE: "/user/.git/index",
      GIT_AUTHOR_NAME: "A",
      SKEIN_RATE: "5",
    },
    { home: "/h", name: "w-1", role: "worker", folder: "/t" },
    { EXTRA: "1", SKEIN_ROLE: "architect" },
  );
  assertEquals(env, {
    PATH: "/bin",
    GIT_AUTHOR_NAME: "A",
    SKEIN_RATE: "5",
    // How the user reaches the model, and what the machine may run.
    CLAUDE_CODE_USE_BEDROCK: "1",
    CLAUDE_CODE_OAUTH_TOKEN: "t",
    SKEIN_AGENTS: "2",
    GIT_TERMINAL_PROMPT: "0",
    GIT_EDITOR: "true",
    EXTRA: "1",
    SKEIN_HOME: "/h",
    SKEIN_NAME: "w-1",
    SKEIN_ROLE: "worker",
    SKEIN_DIR: "/t",
  });
});
