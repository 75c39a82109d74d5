// A child process that talks in lines: it is told what to do on stdin and says what it did on
// stdout. Lines that were complete when it was killed count; half of one does not.

export class Script {
  readonly child: Deno.ChildProcess;
  readonly lines: string[] = [];
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #read: Promise<void>;
  #wake: (() => void)[] = [];
  #ended = false;

  constructor(command: readonly string[], env: Record<string, string>, cwd?: string) {
    const [program = "", ...args] = command;
    this.child = new Deno.Command(program, {
      args,
      env,
      clearEnv: true,
      ...(cwd === undefined ? {} : { cwd }),
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.child.stdin.getWriter();
    this.#read = this.#collect();
  }

  get pid(): number {
    return this.child.pid;
  }

  async #collect(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.child.stdout) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = parts.pop() ?? "";
      this.lines.push(...parts);
      this.#wakeAll();
    }
    this.#ended = true;
    this.#wakeAll();
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  /** Resolves with the first line that fits, now or later. */
  async line(fits: (line: string) => boolean): Promise<string> {
    for (let from = 0;;) {
      for (; from < this.lines.length; from++) {
        const line = this.lines[from] ?? "";
        if (fits(line)) return line;
      }
      if (this.#ended) throw new Error("the script ended before it said so");
      await new Promise<void>((wake) => this.#wake.push(wake));
    }
  }

  async say(line: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(`${line}\n`));
  }

  signal(signal: Deno.Signal): void {
    this.child.kill(signal);
  }

  /** Ends it with SIGKILL and waits until everything it said is here. */
  async kill(): Promise<void> {
    try {
      this.child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.child.status;
    await this.#writer.close().catch(() => {});
    await this.#read;
  }
}
