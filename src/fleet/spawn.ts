// How a worker's process is started: as an argument vector for a terminal, a tmux window, or headless
// with its output in a log. Its identity goes to that one process, by its environment; nothing is
// left lying about for another to pick up. Pure, but for `start`.

import { basename, join } from "@std/path";
import type { Agent } from "../agent/command.ts";
import { inherited } from "../agent/environment.ts";
import { Refusal } from "../core/errors.ts";
import { folderIn } from "../core/folders.ts";
import { shellWord } from "../core/shellword.ts";

export const WAYS = ["terminal", "tmux", "headless"] as const;
export type Way = typeof WAYS[number];

/** A worker that is to be started. */
export interface Order {
  readonly name: string;
  readonly folder: string;
  readonly how: Way;
  readonly home: string;
  readonly task: string | null;
  readonly model: string | null;
}

/** One process to start. */
export interface Start {
  readonly argv: readonly string[];
  /** Whether this process is the worker, and not only what opens a window for it. */
  readonly isWorker: boolean;
}

/** What tells the new session who it is. */
export function identityOf(order: Order): Record<string, string> {
  return {
    SKEIN_HOME: order.home,
    SKEIN_NAME: order.name,
    SKEIN_ROLE: "worker",
    SKEIN_DIR: order.folder,
  };
}

/** What the worker is told first. */
export function firstWords(order: Order): string {
  const work = order.task === null
    ? "Claim ready tasks with claim_task, do them, complete them with complete_task, until none is left."
    : `Claim ${order.task} with claim_task, do it, and complete it with complete_task.`;
  return `You are ${order.name}, a worker of this project's flock. Call join with a one-line summary. ${work} ` +
    "Reserve files with lock_file before you edit them. If you cannot go on, send a blocker.";
}

/** skein's own tools, which a worker may use unasked: nobody may be there to be asked. */
export const TOOLS = "mcp__plugin_skein_skein";

/** The agent's own command line. */
export function agentLine(order: Order, agent: Agent): string[] {
  const model = order.model === null ? [] : ["--model", order.model];
  // One word, since the flag would take whatever follows it for more tools.
  const tools = /^claude(\.exe)?$/.test(basename(agent.command)) ? [`--allowedTools=${TOOLS}`] : [];
  const line = [agent.command, ...agent.args, ...model, ...tools];
  return [...line, ...order.how === "headless" ? ["-p"] : [], firstWords(order)];
}

/** The terminal programs of Linux, in the order in which they are tried. */
const TERMINALS: readonly (readonly [string, readonly string[]])[] = [
  ["x-terminal-emulator", ["-e"]],
  ["gnome-terminal", ["--"]],
  ["konsole", ["-e"]],
  ["xterm", ["-e"]],
];

/**
 * How to start it on a system. `has` tells whether a program is there.
 * @throws Refusal `NOT_AVAILABLE` when nothing here can
 */
export function startOf(
  order: Order,
  agent: Agent,
  os: typeof Deno.build.os,
  has: (program: string) => boolean,
): Start {
  const line = agentLine(order, agent);
  const env = Object.entries(identityOf(order)).map(([name, value]) => `${name}=${value}`);
  if (order.how === "headless") return { argv: line, isWorker: true };
  if (order.how === "tmux") {
    if (!has("tmux")) throw unavailable("tmux is not installed");
    const given = env.flatMap((one) => ["-e", one]);
    const session = `skein-${order.name}`.replaceAll(/[.:]/g, "-");
    return {
      argv: ["tmux", "new-session", "-d", "-s", session, "-c", order.folder, ...given, ...line],
      isWorker: false,
    };
  }
  if (os === "darwin") {
    const inside = `cd ${shellWord(order.folder)} && exec env ${
      [...env, ...line].map(shellWord).join(" ")
    }`;
    const script = `tell application "Terminal" to do script ${appleText(inside)}`;
    return { argv: ["osascript", "-e", script], isWorker: false };
  }
  if (os === "windows") {
    const program = has("wt") ? ["wt", "-d", order.folder] : ["cmd", "/c", "start", order.name];
    return { argv: [...program, ...line], isWorker: false };
  }
  const found = TERMINALS.find(([program]) => has(program));
  if (found === undefined) throw unavailable("no terminal program is installed");
  const [program, before] = found;
  return { argv: [program, ...before, "env", ...env, ...line], isWorker: false };
}

function unavailable(why: string): Refusal {
  return new Refusal("NOT_AVAILABLE", `spawn_worker: ${why}`, {
    field: "how",
    hint: "Use another way (headless needs nothing), or start the agent yourself.",
  });
}

/** A text of AppleScript. */
function appleText(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** A process that was started. */
export interface Started {
  readonly pid: number;
  readonly log: string | null;
}

/** Starts it; it outlives who started it. */
export function start(order: Order, { argv, isWorker }: Start): Started {
  const [command = "", ...args] = argv;
  const log = isWorker ? logOf(order) : null;
  const out = log === null ? null : Deno.openSync(log, { append: true, create: true, mode: 0o600 });
  out?.close();
  // A shell in between only for the log: argv stays what it is, nothing of it is parsed again.
  const [program, words] = log === null ? [command, args] : ["sh", [
    "-c",
    'log=$1; shift; exec "$@" >>"$log" 2>&1 </dev/null',
    "sh",
    log,
    command,
    ...args,
  ]];
  const child = new Deno.Command(program, {
    args: words,
    cwd: order.folder,
    env: { ...inherited(Deno.env.toObject()), ...identityOf(order) },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  child.unref();
  return { pid: child.pid, log };
}

function logOf(order: Order): string {
  return join(folderIn(order.home, "logs"), `${order.name}.log`);
}
