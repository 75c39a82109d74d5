// Whether the session waits for its human. A hook says that the client asks for a permission; nothing
// says that it was refused, and a hook only after the tool has run that it was granted. The client's own
// note about its session does: it is read while somebody is asked, and never relied upon. Where it is
// missing, the next hook of the same agent is what ends a wait.

import { join } from "@std/path";

/** Between two looks at the client's note, while somebody is asked. */
const LOOK_MS = 500;
/** The note follows the hook, and a granted tool the note: one look may come in between. */
const QUIET_LOOKS = 2;
/** Requests that are remembered at a time; each agent of a session has one. */
const MOST = 100;

/** A tool of an MCP server is named by both. */
const TOOL_CHARS = 128;

/** What is told of a wait; null when there is none any more. */
export type Wait = { readonly tool: string; readonly unsure: boolean } | null;

/** What the client notes of its session: `waiting` while a dialog is open; null where nothing is known. */
export type ClientStatus = () => string | null;

export class Permission {
  readonly #tell: (wait: Wait) => Promise<void>;
  readonly #status: ClientStatus;
  /** Tools that were asked for, by the agent that asks: the session itself or one of its subagents. */
  readonly #asked = new Map<string, string>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #quiet = 0;
  #told: Wait = null;
  #telling: Promise<void> = Promise.resolve();

  constructor(tell: (wait: Wait) => Promise<void>, status: ClientStatus) {
    this.#tell = tell;
    this.#status = status;
  }

  /** The client asks its human whether an agent may use a tool. */
  asked(agent: string | null, tool: string): void {
    if (this.#asked.size >= MOST) this.#asked.clear();
    // What the client calls a tool, and nothing else that could come this way.
    this.#asked.set(agent ?? "", tool.replaceAll(/[^\w.:-]/g, "_").slice(0, TOOL_CHARS));
    this.#quiet = 0;
    // Not at once: whoever is answered by a rule or a hook has not waited.
    this.#later();
  }

  /** A hook of an agent came; `sure` if it cannot come while the agent waits. */
  went(agent: string | null, sure: boolean): void {
    if (this.#asked.size === 0) return;
    if (sure || this.#status() === null) this.#asked.delete(agent ?? "");
    if (this.#asked.size === 0) this.#settle(null);
  }

  close(): void {
    this.#stop();
    this.#asked.clear();
  }

  #later(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#look();
    }, LOOK_MS);
  }

  #stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #look(): void {
    const status = this.#status();
    this.#quiet = status === null || status === "waiting" ? 0 : this.#quiet + 1;
    if (this.#quiet >= QUIET_LOOKS) this.#asked.clear();
    const [tool] = this.#asked.values();
    if (tool === undefined) this.#settle(null);
    else {
      if (this.#quiet === 0) this.#settle({ tool, unsure: status === null });
      this.#later();
    }
  }

  /** Tells what is new, one after another. What could not be told is told with the next look. */
  #settle(wait: Wait): void {
    if (wait === null) this.#stop();
    if (same(wait, this.#told)) return;
    const before = this.#told;
    this.#told = wait;
    this.#telling = this.#telling.then(() => this.#tell(wait)).catch(() => {
      if (this.#told === wait) this.#told = before;
    });
  }
}

function same(a: Wait, b: Wait): boolean {
  return a?.tool === b?.tool && a?.unsure === b?.unsure;
}

/**
 * What Claude Code notes of the session with this process. The file is not documented: anything else
 * than expected is nothing.
 */
export function clientStatus(
  env: { get(name: string): string | undefined },
  pid: number,
): string | null {
  const folder = env.get("CLAUDE_CONFIG_DIR") ?? join(env.get("HOME") ?? "", ".claude");
  try {
    const note: unknown = JSON.parse(
      Deno.readTextFileSync(join(folder, "sessions", `${pid}.json`)),
    );
    if (typeof note !== "object" || note === null) return null;
    const { pid: whose, status } = note as { pid?: unknown; status?: unknown };
    return whose === pid && typeof status === "string" ? status : null;
  } catch {
    // Not there, or being written: the next look is soon.
    return null;
  }
}

/** Where the human has to go, as far as the environment tells. */
export function terminalOf(env: { get(name: string): string | undefined }, pid: number): string {
  const pane = env.get("TMUX_PANE");
  const program = pane === undefined ? env.get("TERM_PROGRAM") : `tmux pane ${pane}`;
  const process = `process ${pid}`;
  return program === undefined || !/^[\w .%-]{1,40}$/.test(program)
    ? process
    : `${program}, ${process}`;
}
