// An agent's client as the system sees it: a process called `claude` that runs a server and, later,
// whatever its model types into a shell. Only a script, but the kernel says the same of it.

import { join } from "@std/path";
import type { Ran } from "../door/shell.ts";
import type { Json } from "../operations/flock.ts";
import { eventually } from "../support/eventually.ts";
import { type Peer, SOURCE_COMMAND, startPeer, testEnv } from "../support/peer.ts";

/** Its first argument is a named pipe with lines to run; the others are the server's command. */
const SCRIPT = `#!/bin/sh
commands=$1
shift
while read -r line <"$commands"; do
  [ "$line" = exit ] && break
  sh "$line" >"$line.out" 2>"$line.err" </dev/null
  echo $? >"$line.code.part"
  mv "$line.code.part" "$line.code"
done &
"$@"
`;

export interface ClientOptions {
  readonly name?: string;
  readonly role?: string;
  readonly session?: string;
  /** What the process is called. */
  readonly program?: string;
}

export class Client {
  readonly peer: Peer;
  readonly #folder: string;
  readonly #pipe: string;
  readonly #home: string;
  #runs = 0;

  private constructor(peer: Peer, folder: string, pipe: string, home: string) {
    this.peer = peer;
    this.#folder = folder;
    this.#pipe = pipe;
    this.#home = home;
  }

  /** Starts a client with its server in a home; its files stand in a folder of its own. */
  static async start(
    { home, folder, temp }: { home: string; folder: string; temp: string },
    options: ClientOptions = {},
  ): Promise<Client> {
    const own = Deno.makeTempDirSync({ dir: temp });
    const script = join(own, options.program ?? "claude");
    const pipe = join(own, "commands");
    Deno.writeTextFileSync(script, SCRIPT, { mode: 0o755 });
    await new Deno.Command("mkfifo", { args: [pipe] }).output();
    const { session, name, role } = options;
    const peer = await startPeer({
      home,
      folder,
      command: [script, pipe, ...SOURCE_COMMAND],
      ...(name === undefined ? {} : { name }),
      ...(role === undefined ? {} : { role }),
      ...(session === undefined ? {} : { session, clientName: "claude-code" }),
    });
    return new Client(peer, own, pipe, home);
  }

  /** Runs `skein` in this client's shell, whose environment says nothing but what is given. */
  async skein(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
    const given = testEnv({ SKEIN_HOME: this.#home, ...env });
    const words = [
      "exec",
      "env",
      "-i",
      ...Object.entries(given).map(([name, value]) => `${name}=${value}`),
      ...SOURCE_COMMAND,
      ...args,
      "--json",
    ];
    const line = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    return await this.#run(line.replace("'exec' 'env'", "exec env"));
  }

  async #run(line: string): Promise<Ran> {
    const file = join(this.#folder, `${this.#runs++}.sh`);
    await Deno.writeTextFile(file, `${line}\n`);
    await Deno.writeTextFile(this.#pipe, `${file}\n`);
    const code = await eventually(() => Deno.readTextFile(`${file}.code`), { withinMs: 20_000 });
    const stdout = await Deno.readTextFile(`${file}.out`);
    return {
      code: Number(code),
      stdout,
      stderr: await Deno.readTextFile(`${file}.err`),
      get json(): Json {
        return JSON.parse(stdout);
      },
    };
  }

  /** The shell ends, and the server with its client. */
  async end(): Promise<void> {
    await Deno.writeTextFile(this.#pipe, "exit\n");
    await this.peer.close();
  }
}
