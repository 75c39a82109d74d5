// Claude Code, the real client, offline: one run of `claude -p`, any other of its commands, and the
// interactive client in a tmux of its own. Its environment is only what stands here; its home and
// its configuration are fresh unless a test goes on with those of an earlier session.

import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { clientCommand, PINS } from "./install.ts";
import {
  type Ended,
  jsonLines,
  type Place,
  type Running,
  searchPath,
  type ServerEntry,
  start,
} from "./program.ts";
import type { Json, ScriptedApi } from "./script.ts";
import { type Tmux, tmuxSession } from "./tmux.ts";

const API_KEY = `sk-ant-dummy-${"0".repeat(24)}`;
const READY_MS = 20_000;

/** Who runs the client: pass it on to resume a session. */
export interface ClaudeUser {
  readonly home: string;
  readonly config: string;
}

export interface ClaudeOptions {
  readonly place: Place;
  readonly api: ScriptedApi;
  /** Where the client works (the place's project). */
  readonly project?: string;
  readonly user?: ClaudeUser;
  /** Id of the new session, a UUID: scripts of the API are chosen by it. */
  readonly session?: string;
  /** Servers of `--mcp-config`, alone unless there are plugins; null: no such flag. */
  readonly servers?: Readonly<Record<string, ServerEntry>> | null;
  readonly allowedTools?: readonly string[];
  /** Content of a `--settings` file: hooks, permissions. */
  readonly settings?: Json;
  readonly pluginDirs?: readonly string[];
  /** More flags, as they are. */
  readonly args?: readonly string[];
  /** More variables: what hooks and plugin servers are to inherit. */
  readonly env?: Readonly<Record<string, string>>;
  readonly limitMs?: number;
}

export interface PrintEnded extends Ended {
  /** The lines of the stream. */
  readonly lines: readonly Json[];
  /** The line that tells servers, tools and plugins. */
  readonly init: Json;
  /** The last line; `result` in it is the final text. */
  readonly result: Json;
}

export interface PrintRun extends Omit<Running, "ended"> {
  readonly ended: Promise<PrintEnded>;
}

export function freshUser(place: Place): ClaudeUser {
  return { home: place.fresh("home"), config: place.fresh("claude") };
}

/** One turn with `prompt`; resolves at the end of the client. */
export async function runPrint(prompt: string, options: ClaudeOptions): Promise<PrintEnded> {
  return await (await startPrint(prompt, options)).ended;
}

/** Starts `claude -p`; for tests that do something while it runs. */
export async function startPrint(prompt: string, options: ClaudeOptions): Promise<PrintRun> {
  const format = ["--output-format", "stream-json", "--verbose"];
  const run = await startClaude(["-p", prompt, ...format, ...flags(options)], options);
  const ended = run.ended.then((end) => {
    const lines = jsonLines(end.stdout) as Json[];
    return {
      ...end,
      lines,
      init: lines.find((line) => line.subtype === "init"),
      result: lines.findLast((line) => line.type === "result"),
    };
  });
  return { ...run, ended };
}

/** Starts any command of the client, `mcp list` for example, in the same environment. */
export async function startClaude(
  args: readonly string[],
  options: ClaudeOptions,
): Promise<Running> {
  const user = options.user ?? freshUser(options.place);
  return start(await program(), args, {
    cwd: options.project ?? options.place.project,
    env: environment(options, user),
    ...(options.limitMs === undefined ? {} : { limitMs: options.limitMs }),
  });
}

export async function program(): Promise<string> {
  const command = await clientCommand("claude");
  if (command === null) throw new Error("there is no claude");
  return command;
}

/** What the client is given of an environment: nothing else reaches it. */
export function environment(
  { api, env }: Pick<ClaudeOptions, "api" | "env">,
  user: ClaudeUser,
  term = "xterm-256color",
): Record<string, string> {
  return {
    PATH: searchPath(),
    TERM: term,
    LANG: "C.UTF-8",
    HOME: user.home,
    CLAUDE_CONFIG_DIR: user.config,
    ANTHROPIC_BASE_URL: api.url,
    ANTHROPIC_API_KEY: API_KEY,
    DISABLE_TELEMETRY: "1",
    DISABLE_AUTOUPDATER: "1",
    DISABLE_ERROR_REPORTING: "1",
    DISABLE_BUG_COMMAND: "1",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    // The interactive client would fetch a list of plugins all the same.
    CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL: "1",
    ...env,
  };
}

function flags(options: ClaudeOptions): string[] {
  const { place, pluginDirs = [], allowedTools = [] } = options;
  const found: string[] = [];
  const servers = options.servers === undefined ? { skein: place.server } : options.servers;
  if (servers !== null) {
    found.push("--mcp-config", writeJson(place, "mcp", { mcpServers: servers }));
    if (pluginDirs.length === 0) found.push("--strict-mcp-config");
  }
  for (const folder of pluginDirs) found.push("--plugin-dir", folder);
  if (options.settings !== undefined) {
    found.push("--settings", writeJson(place, "settings", options.settings));
  }
  if (options.session !== undefined) found.push("--session-id", options.session);
  if (allowedTools.length > 0) found.push("--allowedTools", allowedTools.join(","));
  return [...found, ...options.args ?? []];
}

function writeJson(place: Place, name: string, content: Json): string {
  const path = join(place.fresh(name), `${name}.json`);
  Deno.writeTextFileSync(path, JSON.stringify(content));
  return path;
}

/** The interactive client. */
export interface Tui extends Tmux {
  readonly user: ClaudeUser;
  /** Types a line and sends it. */
  say(text: string): Promise<void>;
  /** Leaves with /exit and waits for the end of the client. */
  exit(): Promise<void>;
}

/** Starts the interactive client and waits for its prompt; end it with `await using`. */
export async function startTui(options: ClaudeOptions): Promise<Tui> {
  const user = options.user ?? freshUser(options.place);
  const project = options.project ?? options.place.project;
  seed(user, project);
  const tmux = await tmuxSession({
    folder: options.place.fresh("tmux"),
    command: [await program(), "--permission-mode", "default", ...flags(options)],
    cwd: project,
    env: environment(options, user, "tmux-256color"),
  });
  const say = async (text: string): Promise<void> => {
    await tmux.type(text);
    await tmux.enter();
  };
  try {
    await tmux.waitForScreen(/^\s*\u276f/m, READY_MS);
  } catch (thrown) {
    await tmux.end();
    throw thrown;
  }
  return {
    ...tmux,
    user,
    say,
    exit: async () => {
      await say("/exit");
      await eventually(async () => !await tmux.lives(), { withinMs: 10_000, what: "/exit" });
    },
  };
}

/** What the client asks on its first start, answered beforehand. */
export function seed(user: ClaudeUser, project: string): void {
  const path = join(user.config, ".claude.json");
  let before: Json = {};
  try {
    before = JSON.parse(Deno.readTextFileSync(path));
  } catch {
    // A fresh user.
  }
  const trusted = {
    hasTrustDialogAccepted: true,
    hasCompletedProjectOnboarding: true,
    projectOnboardingSeenCount: 4,
  };
  Deno.writeTextFileSync(
    path,
    JSON.stringify({
      ...before,
      hasCompletedOnboarding: true,
      lastOnboardingVersion: PINS.claude.version,
      theme: "dark",
      numStartups: 5,
      customApiKeyResponses: { approved: [API_KEY.slice(-20)], rejected: [] },
      projects: { ...before.projects, [project]: { ...before.projects?.[project], ...trusted } },
    }),
  );
}
