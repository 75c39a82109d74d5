// A command of the user's that runs to its end, such as a check. Its output goes to a file as it comes, up
// to a bound, and its end is kept; however much it says, nobody else has to wait for that. It leads a
// group of its own, and when `ended` resolves nothing of that is left.

import { dirname } from "@std/path";
import { sizeOf } from "../core/folders.ts";
import { LIMITS, TIMES } from "../core/limits.ts";
import { Group, type GroupRecord, MARK, recordOf } from "./group.ts";
import { olderLog } from "./log.ts";

/** Colours and the like are taken out of it before it is told. */
const TAIL_CHARS = 4 * LIMITS.checkTailChars;

export interface ShellStart {
  /** What `sh` is given. */
  readonly command: string;
  readonly cwd: string;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Mark of its processes: see `GroupRecord`. */
  readonly mark: string;
  /** The file that its output is added to. */
  readonly log: string;
}

export interface ShellExit {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  /** The end of its output. */
  readonly tail: string;
}

export class ShellRun {
  /** What to store, so that whoever comes after us can end what we leave: see `endGroup`. */
  readonly record: GroupRecord;
  /** Resolves when nothing of it is left. */
  readonly ended: Promise<ShellExit>;
  readonly #child: Deno.ChildProcess;
  readonly #group: Group;
  readonly #output: Output;
  #ending: Promise<unknown> | null = null;

  /** @throws Error when there is no `sh`, no such folder, or no room for its output */
  constructor({ command, cwd, env, mark, log }: ShellStart) {
    this.#output = new Output(log, `$ ${command}\n`);
    try {
      this.#child = new Deno.Command("sh", {
        // One stream, or what it says would be out of order.
        args: ["-c", 'exec sh -c "$1" 2>&1', "sh", command],
        cwd,
        env: { ...env, [MARK]: mark },
        clearEnv: true,
        stdin: "null",
        stdout: "piped",
        stderr: "null",
        detached: true,
      }).spawn();
    } catch (thrown) {
      this.#output.close(`[could not be started: ${thrown}]\n`);
      throw thrown;
    }
    this.record = recordOf(this.#child.pid, mark);
    this.#group = new Group(this.record);
    // It is known from now on, whatever becomes of its leader.
    this.#group.look();
    this.ended = this.#run();
    this.ended.catch(() => {});
  }

  /** Ends all of it: SIGTERM, and after `graceMs` SIGKILL. */
  async end(graceMs: number = TIMES.agentGraceMs): Promise<ShellExit> {
    await (this.#ending ??= this.#group.end(graceMs));
    return await this.ended;
  }

  async #run(): Promise<ShellExit> {
    const reader = this.#child.stdout.getReader();
    const read = (async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        this.#output.add(value);
      }
    })();
    const { code, signal } = await this.#child.status;
    this.#group.claim();
    await this.#ending;
    // What it has left in the background would outlive it, and may hold its output open.
    if (this.#group.look(true).ours.length > 0) await this.#group.end(TIMES.agentLeftMs);
    const timer = setTimeout(() => void reader.cancel().catch(() => {}), TIMES.agentDrainMs);
    await read.catch(() => {});
    clearTimeout(timer);
    const how = signal === null ? `left with code ${code}` : `ended by ${signal}`;
    this.#output.close(`[${how}]\n`);
    return { code, signal, tail: this.#output.tail() };
  }
}

/** What comes out, in a file up to a bound, and the end of it. */
class Output {
  readonly #file: Deno.FsFile;
  readonly #decoder = new TextDecoder();
  /** The end of it: more than what is told, which has no colours. */
  #tail = "";
  #bytes: number;

  constructor(path: string, first: string) {
    Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // What was said this time matters more than what was said before.
    if (sizeOf(path) >= LIMITS.agentLogBytes / 2) Deno.renameSync(path, olderLog(path));
    this.#file = Deno.openSync(path, { append: true, create: true, mode: 0o600 });
    this.#bytes = this.#file.statSync().size;
    this.#write(new TextEncoder().encode(first));
  }

  add(chunk: Uint8Array): void {
    const text = this.#tail + this.#decoder.decode(chunk, { stream: true });
    this.#tail = text.slice(-TAIL_CHARS);
    if (this.#bytes < LIMITS.agentLogBytes) this.#write(chunk);
  }

  tail(): string {
    return this.#tail.toWellFormed();
  }

  close(line: string): void {
    if (this.#bytes >= LIMITS.agentLogBytes) {
      line = `\n[what came after this was left out]\n${line}`;
    }
    this.#write(new TextEncoder().encode(line));
    this.#file.close();
  }

  /** A full disk takes its log from it, and nothing else. */
  #write(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    try {
      for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
    } catch {
      // There is no room: what it says is still told.
    }
  }
}
