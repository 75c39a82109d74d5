// The command as a shell runs it: a process of its own for every call, in a home and a folder of
// the test's, with nothing of the user's environment.

import { join } from "@std/path";
import { SOURCE_COMMAND, testEnv } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";
import type { Json } from "./wire.ts";

/** What a command did. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Its stdout as JSON. */
  readonly json: Json;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly cwd?: string;
}

export class Shell {
  readonly home: string;
  readonly folder: string;

  constructor(temp: string) {
    this.home = join(temp, "home");
    this.folder = join(temp, "project");
    Deno.mkdirSync(this.folder);
  }

  /** Runs `skein` with these arguments. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const [command = "", ...before] = SOURCE_COMMAND;
    const child = new Deno.Command(command, {
      args: [...before, ...args],
      cwd: options.cwd ?? this.folder,
      env: testEnv({ SKEIN_HOME: this.home, ...options.env }),
      clearEnv: true,
      stdin: options.stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    if (options.stdin !== undefined) {
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(options.stdin));
      await writer.close();
    }
    const { code, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    const text = decoder.decode(stdout);
    return {
      code,
      stdout: text,
      stderr: decoder.decode(stderr),
      get json(): Json {
        return JSON.parse(text);
      },
    };
  }

  /** Runs `skein ... --json`, which has to succeed, and gives the answer. */
  async ok(...args: string[]): Promise<Json> {
    const ran = await this.run([...args, "--json"]);
    if (ran.code !== 0) {
      throw new Error(`${args.join(" ")}: ${ran.code} ${ran.stdout}${ran.stderr}`);
    }
    return ran.json;
  }
}

/** Runs `body` with a shell of its own. */
export async function withShell(body: (shell: Shell) => Promise<void>): Promise<void> {
  await withTempFolder((temp) => body(new Shell(temp)));
}
