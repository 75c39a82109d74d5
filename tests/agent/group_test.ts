// Ending what a dead host left, and nobody else: real hosts that are killed, and tables of processes
// in which numbers were used again.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  endGroup,
  Group,
  type GroupRecord,
  type GroupTools,
  parseRecord,
  recordOf,
  recordOfMark,
} from "../../src/agent/group.ts";
import type { Process, ProcessTable } from "../../src/agent/processes.ts";
import { eventually } from "../support/eventually.ts";
import { withTempFolder } from "../support/temp.ts";
import { COMMAND_FLAGS } from "../../src/claude/launcher.ts";
import { endMarked, fakeProgram, kill, lives, told, withGround, writeScenario } from "./ground.ts";
import type { Step } from "./scenario.ts";

const GROUP = new URL("../../src/agent/group.ts", import.meta.url).href;
const HOST = new URL("./fake_host.ts", import.meta.url).pathname;

/** A host as a process of its own with one agent; gives the host and the agent's record. */
async function startHost(
  folder: string,
  steps: readonly Step[],
): Promise<{ host: Deno.ChildProcess; record: GroupRecord }> {
  const file = join(folder, "record.json");
  const host = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--no-prompt",
      ...COMMAND_FLAGS,
      HOST,
      fakeProgram(folder),
      folder,
      file,
    ],
    env: { FAKE_AGENT: writeScenario(folder, steps) },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const record = await eventually(() => parseRecord(Deno.readTextFileSync(file)), {
    withinMs: 20_000,
  });
  return { host, record: record as GroupRecord };
}

Deno.test("endGroup: after kill -9 of its host nothing of an agent stays, whatever it ignores", async () => {
  await withTempFolder(async (folder) => {
    const tell = join(folder, "pids");
    const { host, record } = await startHost(folder, [
      { do: "deaf" },
      { do: "fork", count: 2, deaf: true, tell },
      { do: "fork", count: 1, deaf: true, ownGroup: true, tell },
      { do: "fork", count: 1, deaf: true, cleanEnv: true, tell },
      { do: "hang" },
    ]);
    try {
      await eventually(() => told(tell).length === 4);
      host.kill("SIGKILL");
      await host.status;
      // The agent hangs and hears no end of input.
      assert(lives(record.pid));
      assertEquals(await endGroup(record, { graceMs: 50 }), { outcome: "ended", left: [] });
      assertEquals([record.pid, ...told(tell)].filter(lives), []);
      assertEquals((await endGroup(record)).outcome, "gone");
    } finally {
      endMarked([record.mark]);
      for (const pid of told(tell)) kill(pid);
    }
  });
});

Deno.test("agent: whose host was killed hears the end of its input and leaves by itself", async () => {
  await withTempFolder(async (folder) => {
    const go = join(folder, "go");
    const begun = join(folder, "begun");
    const { host, record } = await startHost(folder, [
      { do: "write", path: begun, text: "" },
      { do: "wait", file: go },
    ]);
    try {
      await eventually(() => Deno.statSync(begun));
      host.kill("SIGKILL");
      await host.status;
      assert(lives(record.pid));
      Deno.writeTextFileSync(go, "");
      await eventually(() => !lives(record.pid));
      assertEquals((await endGroup(record)).outcome, "gone");
    } finally {
      endMarked([record.mark]);
    }
  });
});

Deno.test("endGroup: the leader has gone, its children are known by their mark", async () => {
  await withTempFolder(async (folder) => {
    const tell = join(folder, "pids");
    const { host, record } = await startHost(folder, [
      { do: "fork", count: 2, deaf: true, tell },
      { do: "hang" },
    ]);
    try {
      await eventually(() => told(tell).length === 2);
      host.kill("SIGKILL");
      await host.status;
      Deno.kill(record.pid, "SIGKILL");
      await eventually(() => !lives(record.pid));
      assertEquals(told(tell).filter(lives).length, 2);
      assertEquals((await endGroup(record, { graceMs: 20 })).outcome, "ended");
      assertEquals(told(tell).filter(lives), []);
    } finally {
      endMarked([record.mark]);
    }
  });
});

Deno.test("endGroup: a stranger with the number of an agent of old lives on", async () => {
  await withGround(async ({ start }) => {
    const { agent } = start([{ do: "hang" }]);
    const { record } = agent;
    const mark = crypto.randomUUID();
    const strange: [Partial<GroupRecord>, string][] = [
      [{ startTime: "1", mark }, "stranger"],
      [{ startTime: "", mark }, "stranger"],
      [{ startTime: "1", mark: "" }, "stranger"],
      [{ boot: "another boot" }, "gone"],
    ];
    for (const [change, outcome] of strange) {
      assertEquals((await endGroup({ ...record, ...change })).outcome, outcome, outcome);
      assert(lives(record.pid));
    }
    assertEquals((await endGroup(record)).outcome, "ended");
    await agent.ended;
  });
});

/** A table of processes that tests write, and what was sent to whom. */
function tableOf(processes: Process[], marks: Record<number, string> = {}): {
  tools: GroupTools;
  sent: [number, string][];
} {
  const sent: [number, string][] = [];
  const table: ProcessTable = {
    boot: () => "b",
    all: () => [...processes],
    process: (pid) => processes.find((one) => one.pid === pid) ?? null,
    marked: (_, value, among) => among.filter(({ pid }) => marks[pid] === value),
  };
  const tools: GroupTools = {
    table,
    kill(pid, signal) {
      sent.push([pid, signal]);
      if (signal !== "SIGKILL") return;
      const rest = processes.filter((one) => pid < 0 ? one.pgid !== -pid : one.pid !== pid);
      processes.splice(0, processes.length, ...rest);
    },
  };
  return { tools, sent };
}

const RECORD: GroupRecord = { pid: 100, pgid: 100, boot: "b", startTime: "7", mark: "m" };

Deno.test("Group: a number that is used again while we wait is not hit", async () => {
  const processes: Process[] = [{ pid: 100, pgid: 100, start: "7" }];
  const { tools, sent } = tableOf(processes);
  const kill = tools.kill;
  const ended = await endGroup(RECORD, {
    graceMs: 50,
    tools: {
      ...tools,
      kill(pid, signal) {
        kill(pid, signal);
        // It heard; and a stranger got the number at once.
        processes.splice(0, 1, { pid: 100, pgid: 100, start: "8" });
      },
    },
  });
  assertEquals(ended.outcome, "ended");
  assertEquals(sent.filter(([, signal]) => signal === "SIGKILL"), []);
  assertEquals(processes, [{ pid: 100, pgid: 100, start: "8" }]);
});

Deno.test("Group: who left it is ended by number, who only bears the number of the group is not", async () => {
  const marks = { 150: "m", 160: "other" };
  const { tools, sent } = tableOf([
    { pid: 150, pgid: 150, start: "9" },
    { pid: 160, pgid: 160, start: "9" },
    // The group's number is another's by now.
    { pid: 101, pgid: 100, start: "99" },
  ], marks);
  const ended = await endGroup(RECORD, { graceMs: 0, tools });
  assertEquals(ended.outcome, "ended");
  assertEquals([...new Set(sent.map(([pid]) => pid))], [150]);
});

Deno.test("endGroup: by the mark alone, when a host died before it could store more", async () => {
  await withGround(async ({ folder, start }) => {
    const tell = join(folder, "pids");
    const { agent } = start([{ do: "fork", count: 2, deaf: true, tell }, { do: "hang" }]);
    await eventually(() => told(tell).length === 2);
    const { record } = agent;
    assertEquals((await endGroup(recordOfMark("another"))).outcome, "gone");
    assertEquals((await endGroup(recordOfMark(record.mark), { graceMs: 20 })).outcome, "ended");
    assertEquals([record.pid, ...told(tell)].filter(lives), []);
    await agent.ended;
  });
});

Deno.test("Group: what cannot be ended is named", async () => {
  const { tools } = tableOf([{ pid: 100, pgid: 100, start: "7" }]);
  const deaf = { ...tools, kill: () => {} };
  assertEquals(await endGroup(RECORD, { graceMs: 0, tools: deaf }), {
    outcome: "survived",
    left: [100],
  });
});

Deno.test("Group: never this process and never its own group", () => {
  const own = { pid: Deno.pid, pgid: 100, start: "7" };
  const { tools } = tableOf([own, { pid: 101, pgid: 100, start: "7" }]);
  const group = new Group({ ...RECORD, pid: Deno.pid }, tools);
  assert(!group.look().ours.some(({ pid }) => pid === Deno.pid));
});

Deno.test("parseRecord: what was stored, and nothing else", () => {
  assertEquals(parseRecord(JSON.stringify(RECORD)), RECORD);
  for (const text of [null, "", "{", "{}", '{"pid":1}', JSON.stringify({ ...RECORD, pgid: 1 })]) {
    assertEquals(parseRecord(text), null, String(text));
  }
  assertEquals(parseRecord(JSON.stringify({ ...RECORD, pid: "100" })), null);
});

Deno.test({
  name: "endGroup: with the permissions of the installed command, too, which may not read /proc",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    withGround(async ({ folder, start }) => {
      const tell = join(folder, "pids");
      const { agent } = start([
        { do: "fork", count: 1, deaf: true, tell },
        { do: "fork", count: 1, deaf: true, ownGroup: true, tell },
        { do: "hang" },
      ]);
      await eventually(() => told(tell).length === 2);
      const text = JSON.stringify(agent.record);
      const code = `import { endGroup, recordOf } from "${GROUP}";
        const record = ${text};
        const seen = recordOf(record.pid, record.mark);
        const { outcome } = await endGroup(record, { graceMs: 50 });
        Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({ seen, outcome })));`;
      const path = join(folder, "end.ts");
      Deno.writeTextFileSync(path, code);
      const { stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-check", "--no-prompt", ...COMMAND_FLAGS, path],
      }).output();
      assertEquals(JSON.parse(new TextDecoder().decode(stdout)), {
        seen: agent.record,
        outcome: "ended",
      });
      assertEquals([agent.record.pid, ...told(tell)].filter(lives), []);
      await agent.ended;
    }),
});

Deno.test("recordOf: a process that has ended has no start, and its record ends nobody", async () => {
  const child = new Deno.Command("true", { detached: true }).spawn();
  await child.status;
  const record = recordOf(child.pid, crypto.randomUUID());
  assertEquals(record.startTime, "");
  assertEquals((await endGroup(record)).outcome, "gone");
});
