// A real peer for tests, the demo and the benchmark: a `skein mcp` process driven through the MCP
// SDK's client, in a home and a folder of the test's own. Nothing of the user's environment but
// PATH, DENO_DIR and the temporary folder reaches it.

// @ts-types="@modelcontextprotocol/sdk/client"
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { fromFileUrl } from "@std/path";

/** The command as the repository has it. */
export const MOD = fromFileUrl(new URL("../../mod.ts", import.meta.url));

/** How a peer is started. */
export interface PeerOptions {
  readonly home: string;
  readonly folder: string;
  readonly name?: string;
  readonly role?: string;
  readonly tools?: string;
  /** Session id; only counts with `clientName` `claude-code`. */
  readonly session?: string;
  readonly clientName?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What to run instead of this repository's source. */
  readonly command?: readonly string[];
}

/** The answer of a tool. */
export interface Reply {
  readonly isError: boolean;
  // deno-lint-ignore no-explicit-any -- tests look into answers of every shape
  readonly json: any;
  /** Text content, as the model sees it on errors. */
  readonly text: string;
}

/** A running peer. */
export interface Peer {
  readonly pid: number;
  readonly client: Client;
  /** Calls a tool. */
  call(name: string, args?: unknown, options?: CallOptions): Promise<Reply>;
  /** Calls a tool and returns its answer; throws if it is a refusal. */
  // deno-lint-ignore no-explicit-any -- as above
  ok(name: string, args?: unknown, options?: CallOptions): Promise<any>;
  signal(signal: Deno.Signal): void;
  /** Ends the process with SIGKILL and waits until it is gone. */
  kill(): Promise<void>;
  /** Closes its stdin, as a client that ends does, and waits until it is gone. */
  close(): Promise<void>;
  /** Exit status, once the process has ended. */
  readonly ended: Promise<Deno.CommandStatus>;
  /** What it wrote to stderr so far. */
  stderr(): string;
}

export interface CallOptions {
  /** Idempotency key. */
  readonly key?: string;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** What any process needs. */
const KEPT = ["PATH", "HOME", "DENO_DIR", "TMPDIR", "LANG"];
/** How packages are reached where a test installs some: through which proxy, trusting whom. */
const NETWORK = [
  "DENO_TLS_CA_STORE",
  "DENO_CERT",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS",
  "NPM_CONFIG_REGISTRY",
  "npm_config_registry",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
];

/** The environment of a process under test: the least it needs, and what is asked for. */
export function testEnv(more: Readonly<Record<string, string>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of [...KEPT, ...NETWORK]) {
    const value = Deno.env.get(name);
    if (value !== undefined) kept[name] = value;
  }
  // The real home is only where Deno's cache is found; SKEIN_HOME keeps the store away from it.
  return {
    ...kept,
    DENO_NO_UPDATE_CHECK: "1",
    NO_COLOR: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_SYSTEM: "/dev/null",
    // Whoever leads serves the page: on any port, for tests run side by side.
    SKEIN_PORT: "0",
    // No test starts a real agent, nor a window in the user's own tmux.
    SKEIN_AGENT: "true",
    TMUX_TMPDIR: "/dev/null/tmux",
    ...more,
  };
}

/** The command line of the source, without the type checker. */
export const SOURCE_COMMAND: readonly string[] = [
  Deno.execPath(),
  "run",
  "-A",
  "--no-check",
  "--quiet",
  MOD,
];

/** Environment variables that make a process a peer of a home. */
export function peerEnv(options: PeerOptions): Record<string, string> {
  return testEnv({
    SKEIN_HOME: options.home,
    SKEIN_DIR: options.folder,
    ...(options.name === undefined ? {} : { SKEIN_NAME: options.name }),
    ...(options.role === undefined ? {} : { SKEIN_ROLE: options.role }),
    ...(options.tools === undefined ? {} : { SKEIN_TOOLS: options.tools }),
    ...(options.session === undefined ? {} : { CLAUDE_CODE_SESSION_ID: options.session }),
    ...options.env,
  });
}

/** Starts a peer and shakes hands with it. */
export async function startPeer(options: PeerOptions): Promise<Peer> {
  const [command, ...args] = options.command ?? SOURCE_COMMAND;
  if (command === undefined) throw new Error("a peer needs a command");
  const child = new Deno.Command(command, {
    args: [...args, "mcp"],
    cwd: options.folder,
    env: peerEnv(options),
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let stderr = "";
  const drained = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of child.stderr) stderr += decoder.decode(chunk, { stream: true });
  })();
  const transport = new ChildTransport(child);
  const client = new Client({ name: options.clientName ?? "skein-test", version: "1.0.0" });
  try {
    await client.connect(transport);
  } catch (thrown) {
    tryKill(child);
    await child.status;
    throw new Error(`peer did not start: ${thrown}\n${stderr}`);
  }
  const call = async (name: string, args?: unknown, more: CallOptions = {}): Promise<Reply> => {
    const result = await client.callTool(
      {
        name,
        arguments: args as Record<string, unknown>,
        ...(more.key === undefined ? {} : { _meta: { "skein/key": more.key } }),
      },
      undefined,
      {
        timeout: more.timeoutMs ?? 60_000,
        ...(more.signal === undefined ? {} : { signal: more.signal }),
      },
    );
    const content = result.content as { type: string; text: string }[];
    return {
      isError: result.isError === true,
      json: result.structuredContent,
      text: content[0]?.text ?? "",
    };
  };
  return {
    pid: child.pid,
    client,
    call,
    ok: async (name, args, more) => {
      const reply = await call(name, args, more);
      if (reply.isError) throw new Error(`${name} was refused: ${reply.text}`);
      return reply.json;
    },
    signal: (signal) => Deno.kill(child.pid, signal),
    kill: async () => {
      tryKill(child);
      await child.status;
      await client.close().catch(() => {});
      await drained;
    },
    close: async () => {
      await client.close();
      await child.status;
      await drained;
    },
    ended: child.status,
    stderr: () => stderr,
  };
}

function tryKill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended already.
  }
}

type Message = Parameters<NonNullable<Client["transport"]>["send"]>[0];

/** The client's end of the pipes: one JSON-RPC message a line. */
class ChildTransport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: Message) => void;
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #encoder = new TextEncoder();
  #closed = false;

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#writer = child.stdin.getWriter();
  }

  start(): Promise<void> {
    void this.#read();
    return Promise.resolve();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of this.#child.stdout) {
      rest += decoder.decode(chunk, { stream: true });
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.onmessage?.(JSON.parse(line) as Message);
    }
    this.#end();
  }

  async send(message: Message): Promise<void> {
    await this.#writer.write(this.#encoder.encode(`${JSON.stringify(message)}\n`));
  }

  async close(): Promise<void> {
    await this.#writer.close().catch(() => {});
    this.#end();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.onclose?.();
  }
}
