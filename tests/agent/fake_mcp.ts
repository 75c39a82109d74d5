// What a fake agent needs of an MCP client: it starts the server that its configuration names when it
// first calls a tool of it, and ends it when it leaves.

interface Entry {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
}

type Answer = { readonly id?: number; readonly result?: unknown; readonly error?: unknown };

export class FakeMcp {
  readonly #entry: Entry | null;
  #child: Deno.ChildProcess | null = null;
  #writer: WritableStreamDefaultWriter<Uint8Array> | null = null;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #ids = 0;

  /** @param config the value of `--mcp-config`: JSON or the path of a file; null: there are no servers */
  constructor(config: string | null) {
    const text = config === null || config.startsWith("{") ? config : Deno.readTextFileSync(config);
    const { mcpServers = {} } = JSON.parse(text ?? "{}") as { mcpServers?: Record<string, Entry> };
    this.#entry = mcpServers.skein ?? null;
  }

  /** Calls a tool; gives the text of its answer. */
  async call(name: string, input: unknown = {}): Promise<string> {
    if (this.#child === null) await this.#start();
    const { result, error } = await this.#ask("tools/call", { name, arguments: input });
    if (error !== undefined) throw new Error(JSON.stringify(error));
    const { content, isError } = result as { content: { text: string }[]; isError?: boolean };
    const text = content.map((one) => one.text).join("\n");
    if (isError === true) throw new Error(text);
    return text;
  }

  close(): void {
    try {
      this.#child?.kill("SIGINT");
    } catch {
      // It has ended.
    }
  }

  async #start(): Promise<void> {
    if (this.#entry === null) throw new Error("there is no MCP server skein");
    const { command, args, env = {} } = this.#entry;
    const child = new Deno.Command(command, {
      args: [...args],
      env: { ...env, CLAUDECODE: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#child = child;
    this.#writer = child.stdin.getWriter();
    void this.#read(child.stdout);
    await this.#ask("initialize", {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "claude-code", version: "0.0.0" },
    });
    await this.#send({ method: "notifications/initialized" });
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(JSON.parse(line) as Answer);
    }
    for (const settle of this.#waiting.values()) settle({ error: "the server ended" });
  }

  #take(answer: Answer): void {
    this.#waiting.get(answer.id ?? -1)?.(answer);
    this.#waiting.delete(answer.id ?? -1);
  }

  async #ask(method: string, params: unknown): Promise<Answer> {
    const id = ++this.#ids;
    const answer = new Promise<Answer>((settle) => this.#waiting.set(id, settle));
    await this.#send({ id, method, params });
    return await answer;
  }

  async #send(message: Record<string, unknown>): Promise<void> {
    const line = `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`;
    await this.#writer?.write(new TextEncoder().encode(line));
  }
}
