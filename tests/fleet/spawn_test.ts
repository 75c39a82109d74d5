// Starting workers: the command lines for every system as a table, and the headless and the tmux way
// for real, with a small program in the place of the agent: it acts once under the name it was given
// and writes down who that was.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { Refusal } from "../../mod.ts";
import type { Agent } from "../../src/agent/command.ts";
import { inherited } from "../../src/agent/environment.ts";
import { TOOLS_RULE } from "../../src/claude/registration.ts";
import { type Order, startOf } from "../../src/fleet/spawn.ts";
import { type Shell, withShell } from "../door/shell.ts";
import { eventually } from "../support/eventually.ts";
import { SOURCE_COMMAND } from "../support/peer.ts";

const ORDER: Order = {
  name: "w-1",
  folder: "/srv/it's here",
  how: "terminal",
  home: "/srv/home",
  task: "t3",
  model: "m",
};
const AGENT: Agent = { command: "claude", args: ["--flag"] };
const all = (): boolean => true;
const none = (): boolean => false;

function argv(
  order: Partial<Order>,
  os: typeof Deno.build.os,
  has: (program: string) => boolean = all,
): readonly string[] {
  return startOf({ ...ORDER, ...order }, AGENT, os, has).argv;
}

Deno.test("startOf: linux opens the first terminal that is there, without a shell", () => {
  const line = argv({}, "linux", (program) => program === "xterm");
  assertEquals(line.slice(0, 3), ["xterm", "-e", "env"]);
  assert(line.includes("SKEIN_NAME=w-1") && line.includes("SKEIN_ROLE=worker"));
  const tools = `--allowedTools=${TOOLS_RULE}`;
  assertEquals(line.slice(-6, -1), ["claude", "--flag", "--model", "m", tools]);
  assertStringIncludes(line.at(-1) ?? "", "t3");
  assertThrows(() => argv({}, "linux", none), Refusal, "no terminal program");
});

Deno.test("startOf: macOS passes one quoted text to the terminal, whatever is in it", () => {
  const [program, flag, script = ""] = argv({}, "darwin");
  assertEquals([program, flag], ["osascript", "-e"]);
  assertStringIncludes(script, `cd '/srv/it'\\\\''s here' && exec env `);
  assertStringIncludes(script, "SKEIN_NAME=w-1");
  const evil = argv({ folder: '/srv/"; do shell script "id' }, "darwin")[2] ?? "";
  assertStringIncludes(evil, '\\"; do shell script \\"id');
});

Deno.test("startOf: windows opens a tab where there are tabs", () => {
  assertEquals(argv({}, "windows").slice(0, 3), ["wt", "-d", "/srv/it's here"]);
  assertEquals(argv({}, "windows", none).slice(0, 4), ["cmd", "/c", "start", "w-1"]);
});

Deno.test("startOf: tmux gets a session of the worker's name, with its identity alone", () => {
  const line = argv({ how: "tmux" }, "linux");
  assertEquals(line.slice(0, 7), [
    "tmux",
    "new-session",
    "-d",
    "-s",
    "skein-w-1",
    "-c",
    ORDER.folder,
  ]);
  assertEquals(line.filter((word) => word === "-e").length, 4);
  assertThrows(() => argv({ how: "tmux" }, "linux", none), Refusal, "tmux is not installed");
});

Deno.test("startOf: headless is the agent itself, told what to do", () => {
  const start = startOf(
    { ...ORDER, how: "headless", task: null, model: null },
    AGENT,
    "linux",
    none,
  );
  assertEquals(start.argv.slice(0, -1), [
    "claude",
    "--flag",
    `--allowedTools=${TOOLS_RULE}`,
    "-p",
  ]);
  const other = startOf(
    { ...ORDER, how: "headless" },
    { command: "other", args: [] },
    "linux",
    none,
  );
  assert(!other.argv.join(" ").includes("allowedTools"), "a flag of that one client");
  assert(start.isWorker);
});

Deno.test("inherited: a child is told nothing of its parent's session", () => {
  const env = {
    PATH: "/bin",
    CLAUDE_CODE_SESSION_ID: "s",
    CLAUDECODE: "1",
    SKEIN_TOKEN: "t",
    SKEIN_NAME: "boss",
    PEER_ID: "boss",
    SKEIN_RATE: "5",
    CLAUDE_CONFIG_DIR: "/c",
  };
  assertEquals(Object.keys(inherited(env)).sort(), ["CLAUDE_CONFIG_DIR", "PATH", "SKEIN_RATE"]);
});

/** A program that claims its task under the name it was given, and says who it is. */
function agentProgram(shell: Shell): string {
  const path = join(shell.folder, "agent");
  const skein = SOURCE_COMMAND.map((word) => `'${word}'`).join(" ");
  const lines = [
    "#!/bin/sh",
    `${skein} task claim t1 --json > "${shell.folder}/claimed.json"`,
    `${skein} join --json > "${shell.folder}/joined.part"`,
    `mv "${shell.folder}/joined.part" "${shell.folder}/joined.json"`,
  ];
  Deno.writeTextFileSync(path, `${lines.join("\n")}\n`, { mode: 0o755 });
  return path;
}

async function spawned(shell: Shell, how: string, env: Record<string, string>): Promise<void> {
  await shell.ok("task", "create", "to do");
  const agent = agentProgram(shell);
  const ran = await shell.run(
    ["worker", "spawn", "w-1", "--task", "t1", "--how", how, "--json"],
    { env: { SKEIN_AGENT: agent, ...env } },
  );
  assertEquals(ran.code, 0, ran.stdout + ran.stderr);
  assertEquals([ran.json.name, ran.json.task, ran.json.how], ["w-1", "t1", how]);
  const read = (name: string): unknown =>
    JSON.parse(Deno.readTextFileSync(join(shell.folder, name)));
  const joined = await eventually(() => {
    try {
      return read("joined.json");
    } catch {
      return null;
    }
  }, { withinMs: 20_000, what: "the worker has come up" }) as {
    you: { name: string; role: string };
  };
  assertEquals([joined.you.name, joined.you.role], ["w-1", "worker"]);
  const { task } = read("claimed.json") as { task: { id: string } };
  assertEquals(task.id, "t1");
}

Deno.test({
  name: "spawn_worker: headless comes up under its name, role and task",
  ignore: Deno.build.os === "windows",
  fn: () => withShell((shell) => spawned(shell, "headless", {})),
});

Deno.test({
  name: "spawn_worker: in tmux, too",
  ignore: Deno.build.os === "windows" || !hasTmux(),
  fn: () =>
    withShell(async (shell) => {
      // A server of its own: the folder of sockets is this test's.
      const env = { TMUX_TMPDIR: shell.folder };
      try {
        await spawned(shell, "tmux", env);
      } finally {
        await new Deno.Command("tmux", { args: ["kill-server"], env, stderr: "null" }).output();
      }
    }),
});

function hasTmux(): boolean {
  try {
    return new Deno.Command("tmux", { args: ["-V"], stdout: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

Deno.test("spawn_worker: a name in use, a task that is taken and another project are refused", async () => {
  await withShell(async (shell) => {
    await shell.ok("join", "--as", "anna");
    await shell.ok("task", "create", "to do");
    await shell.ok("task", "claim", "t1", "--as", "anna");
    const cases: [string, string[]][] = [
      ["NAME_TAKEN", ["anna"]],
      ["TASK_STATE", ["w-2", "--task", "t1"]],
      ["UNKNOWN_TASK", ["w-2", "--task", "t99"]],
      ["PATH_OUTSIDE", ["w-2", "--folder", "/"]],
      ["INVALID_INPUT", ["w-2", "--folder", "no-such-folder"]],
      ["INVALID_INPUT", ["operator"]],
    ];
    for (const [code, args] of cases) {
      const ran = await shell.run(["worker", "spawn", ...args, "--json"]);
      assertEquals(ran.json.error?.code, code, `${args}: ${ran.stdout}`);
    }
    assertEquals((await shell.run(["worker", "spawn", "w-3", "--as", "anna"])).code, 4);
  });
});
