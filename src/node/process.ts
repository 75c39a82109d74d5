// The processes above this one. A command line in an agent's shell has the agent's client among them,
// whatever its environment says; that is how a shell is known for whose it is.

import type { ProcessId } from "../peer/table.ts";

/** More than any shell is deep. */
const DEPTH = 64;
const SESSION = "CLAUDE_CODE_SESSION_ID=";

/** What stands above this process, nearest first. */
export interface Ancestry {
  readonly processes: readonly ProcessId[];
  /** Session ids that agents' clients have put into the environments up there. */
  readonly sessions: readonly string[];
}

/** Looks up the ancestors; where the system does not tell, only the parent's number is known. */
export function ancestry(): Ancestry {
  const processes: ProcessId[] = [];
  const sessions: string[] = [];
  const table = readProc(Deno.pid, "stat") === null ? listed() : null;
  for (let pid = Deno.ppid; pid > 1 && processes.length < DEPTH;) {
    const info = table === null ? fromProc(pid) : table.get(pid);
    processes.push({ pid, start: info?.start ?? "" });
    const session = table === null ? sessionOf(pid) : null;
    if (session !== null && !sessions.includes(session)) sessions.push(session);
    if (info === undefined || info === null) break;
    pid = info.parent;
  }
  return { processes, sessions };
}

/** Programs that run a model: what is started from their shells acts for it, not for the human. */
const AGENT = /^(claude|codex|gemini|cursor|cursor-agent|copilot|opencode|aider|goose|amp|cline)$/;
const AGENT_CLIENT =
  /\b(claude|codex|gemini|cursor|copilot|opencode|aider|goose|amp|cline|windsurf)\b/i;

/**
 * The process of an agent's client, by number and start, so that a later one of the same number is
 * another; null if it is none. The system knows best what it runs; where it does not tell, what the
 * client calls itself counts.
 */
export function agentProcess(pid: number, clientName: string): ProcessId | null {
  const name = Deno.build.os === "linux" ? readProc(pid, "comm") : null;
  const words = readProc(pid, "cmdline")?.split("\0").slice(0, 3) ?? [];
  const names = [name ?? "", ...words].map((word) =>
    word.trim().split("/").at(-1)?.replace(/\.\w+$/, "") ?? ""
  );
  const agent = name === null
    ? AGENT_CLIENT.test(clientName)
    : names.some((one) => AGENT.test(one)) || words.some((word) => /\/claude-code\//.test(word));
  return agent ? { pid, start: fromProc(pid)?.start ?? "" } : null;
}

interface Info {
  readonly parent: number;
  readonly start: string;
}

function fromProc(pid: number): Info | null {
  const text = readProc(pid, "stat");
  if (text === null) return null;
  // The name in parentheses may hold anything; what counts stands behind the last one.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [parent, start] = [fields[1], fields[19]];
  return parent === undefined || start === undefined ? null : { parent: Number(parent), start };
}

function sessionOf(pid: number): string | null {
  const line = readProc(pid, "environ")?.split("\0").find((one) => one.startsWith(SESSION));
  const value = line?.slice(SESSION.length) ?? "";
  return value === "" ? null : value;
}

function readProc(pid: number, name: string): string | null {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${name}`);
  } catch {
    // Gone, another user's, or not permitted: nothing is known then.
    return null;
  }
}

/** Where there is no /proc: what `ps` says; start times differ by system and are left out. */
function listed(): Map<number, Info> {
  const found = new Map<number, Info>();
  try {
    const options: Deno.CommandOptions = { args: ["-A", "-o", "pid=,ppid="], stdin: "null" };
    const { stdout } = new Deno.Command("ps", options).outputSync();
    for (const line of new TextDecoder().decode(stdout).split("\n")) {
      const [pid, parent] = line.trim().split(/\s+/).map(Number);
      if (pid !== undefined && parent !== undefined) found.set(pid, { parent, start: "" });
    }
  } catch {
    // Not permitted or not there: the parent alone is known.
  }
  return found;
}
