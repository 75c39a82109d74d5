// The ground of these tests: a shell in a home and a folder of its own, its mirror read back, and
// processes that are killed in the middle of what they do.

import { join } from "@std/path";
import { Shell } from "../door/shell.ts";
import type { Json } from "../door/wire.ts";
import { SOURCE_COMMAND, testEnv } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";

export class Ground extends Shell {
  /** Where the mirror stands. */
  readonly mirror: string;
  readonly #children: Deno.ChildProcess[] = [];

  constructor(temp: string) {
    super(temp);
    this.mirror = join(this.folder, ".coordination");
  }

  /** A file of the mirror. */
  read(name: string): string {
    return Deno.readTextFileSync(join(this.mirror, name));
  }

  write(name: string, text: string): void {
    const path = join(this.mirror, name);
    Deno.mkdirSync(join(path, ".."), { recursive: true });
    Deno.writeTextFileSync(path, text);
  }

  has(name: string): boolean {
    try {
      Deno.lstatSync(join(this.mirror, name));
      return true;
    } catch {
      return false;
    }
  }

  /** The tasks of `tasks.json`, which has to be whole. */
  tasks(): Json[] {
    return JSON.parse(this.read("tasks.json")).tasks;
  }

  /** Every file of the mirror but skein's own. */
  files(folder = this.mirror, under = ""): string[] {
    const found: string[] = [];
    for (const entry of Deno.readDirSync(join(folder, under))) {
      const name = under === "" ? entry.name : `${under}/${entry.name}`;
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory) found.push(...this.files(folder, name));
      else found.push(name);
    }
    return found.sort();
  }

  /** Runs a command that has to succeed; its text. */
  async text(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(args);
    if (code !== 0) throw new Error(`${args.join(" ")}: ${code} ${stdout}${stderr}`);
    return stdout;
  }

  /** Runs a command that has to be refused with this exit code; its refusal. */
  async refused(exit: number, ...args: string[]): Promise<Json> {
    const { code, stdout, stderr } = await this.run([...args, "--json"]);
    if (code !== exit) throw new Error(`${args.join(" ")}: exit ${code}, not ${exit}: ${stderr}`);
    return JSON.parse(stdout).error;
  }

  /** Starts a command and lets it run. */
  start(...args: string[]): Deno.ChildProcess {
    const [command = "", ...before] = SOURCE_COMMAND;
    const child = new Deno.Command(command, {
      args: [...before, ...args],
      cwd: this.folder,
      env: testEnv({ SKEIN_HOME: this.home }),
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#children.push(child);
    return child;
  }

  /** Ends what is still running. */
  async end(): Promise<void> {
    for (const child of this.#children) {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await child.status;
    }
  }
}

/** Runs `body` on ground of its own. */
export async function withGround(body: (ground: Ground) => Promise<void>): Promise<void> {
  await withTempFolder(async (temp) => {
    const ground = new Ground(temp);
    try {
      await body(ground);
    } finally {
      await ground.end();
    }
  });
}
