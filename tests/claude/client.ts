// A stand-in for Claude Code beside a real server: it calls the hooks' tool with the inputs that the
// generated plugin declares, and starts command hooks as processes the way the client does.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { hooksFile } from "../../src/claude/plugin.ts";
import { makeRepository } from "../support/git.ts";
import { type Peer, type PeerOptions, SOURCE_COMMAND, startPeer } from "../support/peer.ts";
import { testEnv } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";

/** What a hook is given, by field; values as the client has them. */
export type Fields = Readonly<Record<string, unknown>>;

interface Declared {
  readonly type: string;
  readonly command?: string;
  readonly input?: Readonly<Record<string, string>>;
}

/** The hooks of the plugin, by event. */
function hooksOf(skein: string, wake: string): Record<string, { hooks: Declared[] }[]> {
  return hooksFile(skein, wake)["hooks"] as Record<string, { hooks: Declared[] }[]>;
}

/** Inputs of the tool hooks as the plugin declares them, by event. */
const INPUTS = new Map<string, Readonly<Record<string, string>>>();
for (const [event, groups] of Object.entries(hooksOf("skein", "wake"))) {
  for (const { input } of groups.flatMap((group) => group.hooks)) {
    if (input !== undefined) INPUTS.set(event, input);
  }
}

/** The declared input with what is known put in; everything arrives as text. */
function substituted(event: string, fields: Fields): Record<string, string> {
  const declared = INPUTS.get(event);
  assert(declared !== undefined, `the plugin has a tool hook for ${event}`);
  return Object.fromEntries(
    Object.entries(declared).map(([name, template]) => {
      const field = /^\$\{(\w+)\}$/.exec(template)?.[1];
      const value = field === undefined ? undefined : fields[field];
      if (value === undefined) return [name, template];
      return [name, typeof value === "string" ? value : JSON.stringify(value)];
    }),
  );
}

/** What a hook's tool answers: the JSON that the client reads, or null for nothing. */
// deno-lint-ignore no-explicit-any -- answers of every shape
export type HookJson = any;

/** A session of the client: its server, and its hooks. */
export class Session {
  readonly peer: Peer;
  readonly folder: string;
  id: string;
  #calls = 0;

  constructor(peer: Peer, folder: string, id: string) {
    this.peer = peer;
    this.folder = folder;
    this.id = id;
  }

  /** Calls the hooks' tool; the answer has to have the one form that the client honours. */
  async raw(input: Record<string, unknown>): Promise<string> {
    const result = await this.peer.client.callTool({ name: "hook", arguments: input });
    assertEquals([result.isError, result.structuredContent], [undefined, undefined]);
    const content = result.content as { type: string; text: string }[];
    assertEquals(content.map((block) => block.type), ["text"]);
    return content[0]?.text ?? "";
  }

  async hook(event: string, fields: Fields = {}): Promise<HookJson> {
    const known = { session_id: this.id, cwd: this.folder, ...fields };
    const text = await this.raw(substituted(event, known));
    return text === "{}" ? null : JSON.parse(text);
  }

  /** What the hook adds to the model's next request; empty if it adds nothing. */
  async context(event: string, fields: Fields = {}): Promise<string> {
    const answer = await this.hook(event, fields);
    if (answer === null) return "";
    assertEquals(answer.hookSpecificOutput?.hookEventName, event, JSON.stringify(answer));
    return answer.hookSpecificOutput.additionalContext;
  }

  /** A tool is about to run; gives the reason if it is refused. */
  async before(tool: string, input: Fields = {}, more: Fields = {}): Promise<string | null> {
    const id = `toolu_${this.#calls++}`;
    const fields = { tool_name: tool, tool_input: input, tool_use_id: id, ...more };
    const answer = await this.hook("PreToolUse", fields);
    if (answer === null) return null;
    assertEquals(answer.hookSpecificOutput.permissionDecision, "deny", JSON.stringify(answer));
    return answer.hookSpecificOutput.permissionDecisionReason;
  }

  /** The end of a turn: why it goes on, or null. */
  async stop(active = false): Promise<string | null> {
    const answer = await this.hook("Stop", { stop_hook_active: active });
    if (answer === null) return null;
    assertEquals(answer.decision, "block", JSON.stringify(answer));
    return answer.reason;
  }
}

/** A home and a repository with sessions in it. */
export class Ground {
  readonly home: string;
  readonly folder: string;
  readonly #peers: Peer[] = [];
  readonly #hooks: CommandHook[] = [];

  constructor(temp: string) {
    this.home = join(temp, "home");
    this.folder = join(temp, "project");
  }

  /** A peer that is no session of the client: it sends mail, holds locks, looks. */
  async peer(name: string, more: Partial<PeerOptions> = {}): Promise<Peer> {
    const peer = await startPeer({
      home: this.home,
      folder: this.folder,
      name,
      ...more,
      env: { SKEIN_RATE: "1000000", ...more.env },
    });
    this.#peers.push(peer);
    await peer.ok("join");
    return peer;
  }

  /** A session of the client. Without a name it is called what skein calls it. */
  async session(
    id: string,
    name?: string,
    command: readonly string[] = SOURCE_COMMAND,
    env: Readonly<Record<string, string>> = {},
  ): Promise<Session> {
    const peer = await startPeer({
      home: this.home,
      folder: this.folder,
      clientName: "claude-code",
      session: id,
      command,
      ...(name === undefined ? {} : { name }),
      env: { SKEIN_RATE: "1000000", ...env },
    });
    this.#peers.push(peer);
    await peer.ok("join");
    return new Session(peer, this.folder, id);
  }

  /** Starts `skein hook EVENT` as the client does. */
  commandHook(
    event: string,
    input: Fields,
    env: Readonly<Record<string, string>> = {},
  ): CommandHook {
    const hook = new CommandHook(
      [...SOURCE_COMMAND, "hook", event],
      JSON.stringify(input),
      testEnv({ SKEIN_HOME: this.home, ...env }),
      this.folder,
    );
    this.#hooks.push(hook);
    return hook;
  }

  /** Starts the waiter of an idle session, by the very line that the plugin has for it. */
  waiter(session: string, env: Readonly<Record<string, string>> = {}): CommandHook {
    const word = (text: string): string => `'${text}'`;
    const skein = SOURCE_COMMAND.map(word).join(" ");
    const declared = hooksOf(skein, word(join(this.home, "wake")))["Stop"] ?? [];
    const line = declared.flatMap((one) => one.hooks).find((one) => one.type === "command");
    assert(line?.command !== undefined, "the plugin has a waiter");
    const known = { CLAUDE_CODE_ENTRYPOINT: "cli", CLAUDE_PID: `${Deno.pid}`, ...env };
    const hook = new CommandHook(
      ["sh", "-c", line.command],
      JSON.stringify({ session_id: session, hook_event_name: "Stop", cwd: this.folder }),
      testEnv({ SKEIN_HOME: this.home, ...known }),
      this.folder,
    );
    this.#hooks.push(hook);
    return hook;
  }

  async endAll(): Promise<void> {
    await Promise.all([
      ...this.#hooks.map((hook) => hook.kill()),
      ...this.#peers.map((peer) => peer.kill()),
    ]);
  }
}

/** The fields of a process in /proc behind its name: state, parent and so on. */
export function procStat(pid: number): string[] {
  return Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ").at(-1)?.split(" ") ?? [];
}

function descendants(pid: number): number[] {
  const found = [pid];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (Number(procStat(Number(name))[1]) === pid) found.push(...descendants(Number(name)));
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

/** A command hook that runs. */
export class CommandHook {
  readonly pid: number;
  readonly ended: Promise<{ code: number; stdout: string; stderr: string }>;
  readonly #child: Deno.ChildProcess;
  /** Its exit code, once it has one. */
  code: number | null = null;

  constructor(
    command: readonly string[],
    stdin: string,
    env: Record<string, string>,
    folder: string,
  ) {
    const [program = "", ...args] = command;
    this.#child = new Deno.Command(program, {
      args,
      cwd: folder,
      env,
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.ended = this.#run(stdin);
  }

  async #run(stdin: string): Promise<{ code: number; stdout: string; stderr: string }> {
    const writer = this.#child.stdin.getWriter();
    try {
      await writer.write(new TextEncoder().encode(stdin));
      await writer.close();
    } catch {
      // It has ended without reading: there was nothing to do.
    }
    const { code, stdout, stderr } = await this.#child.output();
    this.code = code;
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  signal(signal: Deno.Signal): void {
    Deno.kill(this.pid, signal);
  }

  /** Everything that it has started and that still runs, and it itself. */
  family(): number[] {
    return descendants(this.pid);
  }

  /** Ends it and what it has started; `more` are processes of it that lost their parent. */
  async kill(more: readonly number[] = []): Promise<void> {
    if (this.code !== null) return;
    for (const pid of [...this.family(), ...more]) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch {
        // It has ended already.
      }
    }
    await this.ended;
  }
}

/** A test on a ground of its own. */
export function groundTest(name: string, body: (ground: Ground) => Promise<void>): void {
  Deno.test(name, () =>
    withTempFolder(async (temp) => {
      const ground = new Ground(temp);
      await makeRepository(ground.folder);
      try {
        await body(ground);
      } finally {
        await ground.endAll();
      }
    }));
}
