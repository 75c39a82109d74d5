// Where runs are tried: a repository with a bare remote, a home, a fake agent with a scenario, and the
// command as a shell runs it. Whatever is left in the end is ended, known by the home in its environment.

import { join } from "@std/path";
import { systemTable } from "../../src/agent/processes.ts";
import { fakeProgram, kill, writeScenario } from "../agent/ground.ts";
import type { Rule, Step } from "../agent/scenario.ts";
import { git, makeRepository, write } from "../support/git.ts";
import { SOURCE_COMMAND, testEnv } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";

/** No command of these tests takes longer. */
const LIMIT_MS = 60_000;

/** What a command did. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** The lines of `--json`. */
  readonly lines: readonly Line[];
}

export type Line = Readonly<Record<string, unknown>> & { readonly kind: string };

/** A command that still runs. */
export interface Running {
  readonly pid: number;
  readonly ended: Promise<Ran>;
  signal(signal: Deno.Signal): void;
}

export class Stage {
  readonly folder: string;
  readonly home: string;
  /** The user's checkout. */
  readonly repo: string;
  readonly remote: string;
  env: Record<string, string> = {};

  constructor(folder: string) {
    this.folder = folder;
    this.home = join(folder, "home");
    this.repo = join(folder, "repo");
    this.remote = join(folder, "remote.git");
  }

  async prepare(): Promise<void> {
    await makeRepository(this.repo);
    write(join(this.repo, "README.md"), "a project\n");
    await git(this.repo, "add", ".");
    await git(this.repo, "commit", "-q", "-m", "first");
    await git(this.folder, "init", "-q", "--bare", this.remote);
    await git(this.repo, "remote", "add", "origin", this.remote);
    await git(this.repo, "push", "-q", "origin", "main");
    this.env = {
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      SKEIN_HOME: this.home,
      SKEIN_AGENT: fakeProgram(this.folder),
    };
    this.play([]);
  }

  /** Sets what agents do from now on. */
  play(rules: readonly Rule[]): void {
    this.env["FAKE_AGENT"] = writeScenario(this.folder, { rules });
  }

  /** Writes a plan and gives its path. */
  plan(tasks: readonly unknown[], name = "tasks.json"): string {
    const path = join(this.folder, name);
    Deno.writeTextFileSync(path, JSON.stringify(tasks));
    return path;
  }

  /** Starts `skein ...` in the user's checkout. */
  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
    const [command = "", ...before] = SOURCE_COMMAND;
    const child = new Deno.Command(command, {
      args: [...before, ...args],
      cwd: this.repo,
      env: testEnv({ ...this.env, ...env }),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    // A run that never ends is a failed test, not a test that never ends.
    const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
    const ended = child.output().then(({ code, stdout, stderr }) => {
      clearTimeout(timer);
      const text = new TextDecoder().decode(stdout);
      const lines = text.split("\n").filter((line) => line.startsWith('{"'))
        .map((line) => JSON.parse(line) as Line);
      return { code, stdout: text, stderr: new TextDecoder().decode(stderr), lines };
    });
    return { pid: child.pid, ended, signal: (signal) => child.kill(signal) };
  }

  skein(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
    return this.start(args, env).ended;
  }

  /** One answer of `skein ... --json` that has to succeed. */
  async ask(...args: string[]): Promise<Record<string, unknown>> {
    const { code, stdout, stderr } = await this.skein([...args, "--json"]);
    if (code !== 0) throw new Error(`${args.join(" ")}: ${code} ${stdout}${stderr}`);
    return JSON.parse(stdout);
  }

  git(...args: string[]): Promise<string> {
    return git(this.repo, ...args);
  }

  /** Files of the user's branch. */
  async files(branch = "main"): Promise<string[]> {
    return (await this.git("ls-tree", "-r", "--name-only", branch)).split("\n").filter(Boolean);
  }

  /** Processes of this stage: hosts, agents and what they started. */
  processes(): number[] {
    const table = systemTable();
    return table.marked("SKEIN_HOME", this.home, table.all()).map(({ pid }) => pid);
  }

  close(): void {
    // Checks run in nobody's name: they are found by their turn's record.
    for (const { name } of entriesOf(join(this.home, "worktrees"))) {
      if (!name.endsWith(".check")) continue;
      const holder = JSON.parse(
        Deno.readTextFileSync(join(this.home, "worktrees", name)) || "null",
      );
      const { pgid = 0 } = holder?.record ?? {};
      if (pgid > 1) kill(-pgid);
    }
    for (let left = this.processes(); left.length > 0; left = this.processes()) {
      for (const pid of left) kill(pid);
    }
  }
}

function entriesOf(folder: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(folder)];
  } catch {
    // No run has begun.
    return [];
  }
}

/** Runs `body` on a stage of its own. */
export async function withStage(body: (stage: Stage) => Promise<void>): Promise<void> {
  await withTempFolder(async (folder) => {
    const stage = new Stage(folder);
    await stage.prepare();
    try {
      await body(stage);
    } finally {
      stage.close();
    }
  });
}

/** The result that `skein run --json` printed last. */
export function resultOf(ran: Ran): Record<string, unknown> & {
  tasks: { id: string; title: string; status: string; attempts: number; summary: string }[];
} {
  const last = ran.lines.findLast(({ kind }) => kind === "result");
  if (last === undefined) throw new Error(`no result: ${ran.code} ${ran.stdout}${ran.stderr}`);
  return last as unknown as ReturnType<typeof resultOf>;
}

/** A rule for tasks whose title begins with a word: `$<task>` is the id, `$<rest>` the rest of the title. */
export function onTask(word: string, ...steps: Step[]): Rule {
  return { match: `\\nTask (?<task>t\\d+): ${word} ?(?<rest>[^\\n]*)`, steps };
}

/** Hands the task in: what an agent does that has changed no file. */
export const HANDS_IN: Step = {
  do: "mcp",
  name: "complete_task",
  input: { id: "$<task>", summary: "it is done" },
};

/** Writes the file that the title names. */
export const WRITES = onTask("write", { do: "write", path: "$<rest>", text: "by $<task>\n" }, {
  do: "say",
  text: "wrote $<rest>",
  tokens: 10,
});
