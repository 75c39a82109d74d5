// Programs under test: a clean environment, a time limit, and an end by process id, whatever the
// test does. Also what every client needs to start skein: its entry, and the folders around it.

import { dirname, join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { MOD } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";

export const LIMIT_MS = 60_000;
/** How long a program that takes too long has to leave before it is killed. */
const GRACE_MS = 2_000;
/** How long output may still come after a program's end: a child may hold the pipe. */
const DRAIN_MS = 1_000;

export interface Ended {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
  /** It was ended because it took too long. */
  readonly late: boolean;
}

export interface Running {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** Sends a signal, SIGKILL unless given; harmless after the end. */
  kill(signal?: Deno.Signal): void;
  readonly ended: Promise<Ended>;
}

export interface StartOptions {
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Ended after this long (60 s). */
  readonly limitMs?: number;
}

export function start(command: string, args: readonly string[], options: StartOptions): Running {
  const began = performance.now();
  const child = new Deno.Command(command, {
    args: [...args],
    cwd: options.cwd,
    env: { ...options.env },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [out, err] = [collect(child.stdout), collect(child.stderr)];
  let late = false;
  let timer = setTimeout(() => {
    late = true;
    // Codex is a wrapper that passes this on, but could not pass on SIGKILL.
    endProcess(child.pid, "SIGTERM");
    timer = setTimeout(() => endProcess(child.pid), GRACE_MS);
  }, options.limitMs ?? LIMIT_MS);
  const ended = (async () => {
    const { code, signal } = await child.status;
    const ms = performance.now() - began;
    clearTimeout(timer);
    await Promise.all([out.finish(), err.finish()]);
    return { code, signal, stdout: out.text(), stderr: err.text(), ms, late };
  })();
  return {
    pid: child.pid,
    stdout: out.text,
    stderr: err.text,
    kill: (signal) => endProcess(child.pid, signal),
    ended,
  };
}

function collect(stream: ReadableStream<Uint8Array>) {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let text = "";
  const drained = (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
    }
  })();
  const finish = async (): Promise<void> => {
    const timer = setTimeout(() => void reader.cancel(), DRAIN_MS);
    await drained;
    clearTimeout(timer);
  };
  return { text: (): string => text, finish };
}

/** Sends a signal to a process, if it is still there. */
export function endProcess(pid: number, signal: Deno.Signal = "SIGKILL"): void {
  try {
    Deno.kill(pid, signal);
  } catch {
    // It has ended already.
  }
}

/** The PATH with this deno in front: configurations of clients say just `deno`. */
export function searchPath(): string {
  return `${dirname(Deno.execPath())}:${Deno.env.get("PATH") ?? ""}`;
}

let denoDir: string | undefined;

/** What a deno needs whose home is not the one with the cache. */
export function denoEnv(): Record<string, string> {
  if (denoDir === undefined) {
    const { stdout } = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync();
    denoDir = (JSON.parse(new TextDecoder().decode(stdout)) as { denoDir: string }).denoDir;
  }
  return { DENO_DIR: denoDir, DENO_NO_UPDATE_CHECK: "1" };
}

/** How a client starts an MCP server. */
export interface ServerEntry {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The folders of one test, all fresh, and the skein server that clients start there. */
export interface Place {
  readonly folder: string;
  /** Where clients work. */
  readonly project: string;
  /** SKEIN_HOME of the server. */
  readonly home: string;
  readonly server: ServerEntry;
  /** A fresh folder beside these. */
  fresh(prefix: string): string;
  /** Ids of the skein servers that live (on Linux; elsewhere none are seen). */
  servers(): number[];
  /** Waits until no skein server lives. */
  serversGone(withinMs: number): Promise<void>;
}

/** Runs `body` in fresh folders; ends the servers that are left and removes the folders. */
export async function withPlace<T>(body: (place: Place) => Promise<T>): Promise<T> {
  return await withTempFolder(async (folder) => {
    const project = join(folder, "project");
    Deno.mkdirSync(project);
    const home = join(folder, "skein");
    const servers = (): number[] => processesWith(`SKEIN_HOME=${home}`);
    try {
      return await body({
        folder,
        project,
        home,
        server: skeinServer(home),
        fresh: (prefix) => Deno.makeTempDirSync({ dir: folder, prefix: `${prefix}-` }),
        servers,
        serversGone: async (withinMs) => {
          await eventually(() => servers().length === 0, {
            withinMs,
            what: "the end of every skein server",
          });
        },
      });
    } finally {
      for (const pid of servers()) endProcess(pid);
    }
  });
}

/** This repository's server on the home `home`. */
export function skeinServer(home: string, env: Readonly<Record<string, string>> = {}): ServerEntry {
  return {
    command: Deno.execPath(),
    args: ["run", "-A", "--no-check", "--quiet", MOD, "mcp"],
    env: { ...denoEnv(), SKEIN_HOME: home, ...env },
  };
}

/** Processes that were started with this variable. */
function processesWith(variable: string): number[] {
  if (Deno.build.os !== "linux") return [];
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const variables = Deno.readTextFileSync(`/proc/${name}/environ`).split("\0");
      if (variables.includes(variable)) found.push(Number(name));
    } catch {
      // It has ended meanwhile, or is not ours.
    }
  }
  return found;
}

/** Lines of JSON; what is none is kept as text. */
export function jsonLines(text: string): unknown[] {
  return text.split("\n").filter((line) => line !== "").map((line) => {
    try {
      return JSON.parse(line) as unknown;
    } catch {
      return line;
    }
  });
}
