// One agent that runs: a process that leads a group of its own, is told things on its standard input,
// and whose stream is read as it comes. Its input stays open while it works, since messages may come,
// and is closed at its result; should we die, it sees the end of its input. However it ends, nothing
// of its group is left when `ended` resolves.

import { Refusal } from "../core/errors.ts";
import { LIMITS, TIMES } from "../core/limits.ts";
import { excerpt } from "../core/text.ts";
import type { AgentEvent, Protocol, ResultEvent } from "./event.ts";
import { Group, type GroupRecord, MARK, recordOf } from "./group.ts";
import { LineCutter } from "./lines.ts";
import { AgentLog } from "./log.ts";
import { type ReadLine, readStream, type StreamCounts, type StreamReader } from "./stream.ts";

/** How an agent is started. */
export interface AgentStart {
  /** Program and arguments; nothing of it is parsed by a shell. */
  readonly argv: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly protocol: Protocol;
  /** Path of the log. */
  readonly log: string;
  /**
   * Mark of its processes, made anew unless given. One that is stored before the start finds what a
   * host left that died before it could store the record: see `recordOfMark`.
   */
  readonly mark?: string;
  /** How long it may take to leave after its result (`TIMES.agentLeaveMs`). */
  readonly leaveMs?: number;
  /** The first words, as a user message; null: none, and input ends at once where lines of text are spoken. */
  readonly prompt: string | null;
  /** Called for each event, in order. If it throws, the agent is ended and `ended` rejects. */
  readonly onEvent: (event: AgentEvent) => void;
  /** Called once, when nothing of the agent is left. */
  readonly onExit?: (exit: AgentExit) => void;
}

/** How an agent's process ended. */
export interface AgentExit {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  /** Why skein ended it; null where it left by itself. */
  readonly endedFor: string | null;
  /** The last result of its stream; null if there was none. */
  readonly result: ResultEvent | null;
  /** The last limit that its stream told of. */
  readonly limit: AgentEvent & { kind: "limit" } | null;
  /** The end of what it wrote to its standard error, and of its text where it speaks lines of text. */
  readonly lastWords: string;
  readonly counts: StreamCounts;
  /** Processes of its group that could not be ended. */
  readonly left: readonly number[];
  /** Why its log lacks lines; null if it lacks none. */
  readonly logFault: string | null;
}

/** A running agent. */
export class AgentProcess {
  /** What to store, so that whoever comes after us can end what we leave: see `endGroup`. */
  readonly record: GroupRecord;
  readonly log: string;
  /** Resolves when nothing of the agent is left. */
  readonly ended: Promise<AgentExit>;
  readonly #child: Deno.ChildProcess;
  readonly #group: Group;
  readonly #start: AgentStart;
  readonly #log: AgentLog;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: StreamReader;
  #inputOpen = true;
  #unread = 0;
  #endedFor: string | null = null;
  #ending: Promise<readonly number[]> | null = null;
  #left = false;
  #leaveTimer: ReturnType<typeof setTimeout> | undefined;
  #result: ResultEvent | null = null;
  #limit: AgentEvent & { kind: "limit" } | null = null;
  #lastWords = "";
  #thrown: { readonly cause: unknown } | null = null;

  /**
   * Starts an agent.
   * @throws Refusal `NOT_AVAILABLE` when its program cannot be started; nothing is left then
   */
  static start(start: AgentStart): AgentProcess {
    const mark = start.mark ?? crypto.randomUUID();
    const log = new AgentLog(start.log);
    try {
      return new AgentProcess(start, log, spawn(start, mark), mark);
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : String(thrown);
      log.close(`could not be started: ${why}`);
      if (thrown instanceof Refusal) throw thrown;
      throw new Refusal(
        "NOT_AVAILABLE",
        `the agent ${start.argv[0]} could not be started: ${why}`,
        {
          field: "SKEIN_AGENT",
          hint: "Install Claude Code, or name the agent's program in SKEIN_AGENT.",
        },
      );
    }
  }

  private constructor(start: AgentStart, log: AgentLog, child: Deno.ChildProcess, mark: string) {
    this.#start = start;
    this.#log = log;
    this.log = log.path;
    this.#child = child;
    this.record = recordOf(child.pid, mark);
    this.#group = new Group(this.record);
    // It is known from now on, whatever becomes of its leader.
    this.#group.look();
    this.#input = child.stdin.getWriter();
    this.#input.closed.catch(() => this.#inputOpen = false);
    this.#reader = readStream(start.protocol, Date.now);
    log.write("skein", `started ${excerpt(JSON.stringify(start.argv), LIMITS.agentExcerptChars)}`);
    this.ended = this.#run();
    this.ended.catch(() => {});
    if (start.prompt !== null) this.say(start.prompt);
    if (start.protocol === "text") this.closeInput();
  }

  /**
   * Tells the agent something, as a user message; it is taken at its next step.
   * @returns false when it can hear nothing any more: its input is closed, or too much waits unread
   */
  say(text: string): boolean {
    const line = this.#start.protocol === "text" ? text : JSON.stringify({
      type: "user",
      message: { role: "user", content: [{ type: "text", text: text.toWellFormed() }] },
    });
    const bytes = new TextEncoder().encode(`${line}\n`);
    // The first words may be long.
    const full = this.#unread > 0 && this.#unread + bytes.length > LIMITS.agentUnreadBytes;
    if (!this.#inputOpen || full) return false;
    this.#unread += bytes.length;
    this.#log.write("in", line);
    this.#input.write(bytes).then(
      () => this.#unread -= bytes.length,
      () => this.#inputOpen = false,
    );
    return true;
  }

  /** Ends the agent's input, after what was said: it finishes what it does and leaves. */
  closeInput(): void {
    if (!this.#inputOpen) return;
    this.#inputOpen = false;
    // It may have closed its end before.
    this.#input.close().catch(() => {});
  }

  /**
   * Ends the agent and everything it has started: SIGTERM to all, after `graceMs` SIGKILL.
   * @param why for `AgentExit.endedFor`; the first one counts
   * @returns how it ended
   */
  async end(
    { graceMs = TIMES.agentGraceMs, why = "ended" }: { graceMs?: number; why?: string } = {},
  ): Promise<AgentExit> {
    if (!this.#left) this.#endedFor ??= why;
    this.closeInput();
    await this.#endGroup(graceMs);
    return await this.ended;
  }

  /** Ends all of the group; a shorter grace than that of an end in progress is not for us to give. */
  #endGroup(graceMs: number): Promise<readonly number[]> {
    return this.#ending ??= this.#group.end(graceMs).then(({ left }) => left);
  }

  async #run(): Promise<AgentExit> {
    const out = this.#drain(this.#child.stdout, (chunk) => {
      for (const one of this.#reader.pushLines(chunk)) this.#hear(one);
    });
    const cutter = new LineCutter(LIMITS.agentLineBytes);
    const err = this.#drain(this.#child.stderr, (chunk) => {
      for (const { text } of cutter.push(chunk)) this.#complain(text);
    });
    const { code, signal } = await this.#child.status;
    this.#left = true;
    this.#group.claim();
    clearTimeout(this.#leaveTimer);
    // What it has left behind may hold its output open, and would outlive it.
    const left = this.#sweep();
    const timer = setTimeout(() => {
      out.cancel();
      err.cancel();
    }, TIMES.agentDrainMs);
    await left;
    await Promise.all([out.done, err.done]);
    clearTimeout(timer);
    for (const one of this.#reader.endLines()) this.#hear(one);
    for (const { text } of cutter.end()) this.#complain(text);
    await this.#input.abort().catch(() => {});
    const exit: AgentExit = {
      code,
      signal,
      endedFor: this.#endedFor,
      result: this.#result,
      limit: this.#limit,
      lastWords: this.#lastWords,
      counts: { ...this.#reader.counts },
      left: await left,
      logFault: this.#log.fault,
    };
    this.#log.close(lastLine(exit));
    if (this.#thrown !== null) throw this.#thrown.cause;
    this.#start.onExit?.(exit);
    return exit;
  }

  /** Ends what the agent has left. One that is being ended already: that goes on. */
  async #sweep(): Promise<readonly number[]> {
    const before = await this.#ending ?? [];
    if (before.length === 0 && this.#group.look().ours.length === 0) return [];
    return (await this.#group.end(TIMES.agentLeftMs)).left;
  }

  #hear({ line, events }: ReadLine): void {
    this.#log.write("out", line);
    if (this.#start.protocol === "text") this.#remember(line);
    for (const event of events) {
      if (event.kind === "result") this.#settle(event);
      // The same limit may be told twice, once without its end.
      if (event.kind === "limit" && (event.resetsAtMs !== null || this.#limit === null)) {
        this.#limit = event;
      }
      this.#guard(() => this.#start.onEvent(event));
    }
  }

  #complain(line: string): void {
    this.#log.write("err", line);
    this.#remember(line);
  }

  #remember(line: string): void {
    this.#lastWords = `${this.#lastWords}${line}\n`.slice(-LIMITS.noteChars).toWellFormed();
  }

  /** The agent has its result: it hears no more, and has some time to leave. */
  #settle(result: ResultEvent): void {
    this.#result = result;
    // What it was told meanwhile is answered first.
    if (result.queued > 0) return;
    this.closeInput();
    this.#leaveTimer ??= setTimeout(() => {
      this.#guardEnd("did not leave after its result");
    }, this.#start.leaveMs ?? TIMES.agentLeaveMs);
  }

  #guard(body: () => void): void {
    if (this.#thrown !== null) return;
    try {
      body();
    } catch (cause) {
      this.#thrown = { cause };
      this.#guardEnd("its events could not be taken");
    }
  }

  #guardEnd(why: string): void {
    // Whoever waits for `ended` is told of what fails.
    this.end({ why }).catch((cause) => this.#thrown ??= { cause });
  }

  #drain(
    stream: ReadableStream<Uint8Array>,
    take: (chunk: Uint8Array) => void,
  ): { readonly done: Promise<void>; readonly cancel: () => void } {
    const reader = stream.getReader();
    const done = (async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        take(value);
      }
    })().catch((thrown) => this.#complain(`its output could not be read: ${thrown}`));
    return { done, cancel: () => void reader.cancel().catch(() => {}) };
  }
}

function spawn({ argv, env, cwd }: AgentStart, mark: string): Deno.ChildProcess {
  const [program = "", ...args] = argv;
  return new Deno.Command(program, {
    args,
    cwd,
    env: { ...env, [MARK]: mark },
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
}

function lastLine({ code, signal, endedFor, left }: AgentExit): string {
  const how = signal === null ? `left with code ${code}` : `ended by ${signal}`;
  const why = endedFor === null ? "" : `, because: ${endedFor}`;
  const rest = left.length === 0 ? "" : `; processes that could not be ended: ${left.join(", ")}`;
  return `${how}${why}${rest}`;
}
