// The log of an attempt: written, bounded, followed while it grows and while its file changes.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  AgentLog,
  follow,
  type LogEntry,
  olderLog,
  parseEntry,
  readLog,
} from "../../src/agent/log.ts";
import { eventually } from "../support/eventually.ts";
import { withTempFolder } from "../support/temp.ts";

async function collect(path: string, signal: AbortSignal, into: LogEntry[]): Promise<void> {
  for await (const entry of follow(path, signal)) into.push(entry);
}

Deno.test("AgentLog: is its owner's alone, and reads back as it was written", async () => {
  await withTempFolder(async (folder) => {
    const path = join(folder, "logs", "a.ndjson");
    const log = new AgentLog(path, () => 7);
    log.write("out", 'a "line" \u2028 of\u0000 anything \ud800');
    log.close("left");
    log.write("out", "after the end");
    assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    assertEquals((Deno.statSync(join(folder, "logs")).mode ?? 0) & 0o777, 0o700);
    assertEquals(readLog(path), [
      { at: 7, from: "out", line: 'a "line" \u2028 of\u0000 anything \ud800' },
      { at: 7, from: "skein", line: "left", last: true },
    ]);
    assertEquals(log.fault, null);
  });
});

Deno.test("AgentLog: is bounded; the newest lines are kept", async () => {
  await withTempFolder(async (folder) => {
    const path = join(folder, "a.ndjson");
    const log = new AgentLog(path, () => 7, 10_000);
    for (let i = 0; i < 1_000; i++) log.write("out", `line ${i} ${"x".repeat(100)}`);
    log.close("left");
    const bytes = [path, olderLog(path)].map((one) => Deno.statSync(one).size);
    assert(bytes.every((size) => size <= 10_200), String(bytes));
    const lines = readLog(path);
    const numbers = lines.flatMap(({ line }) =>
      /^line (\d+)/.exec(line)?.slice(1).map(Number) ?? []
    );
    const first = numbers[0] ?? 0;
    assertEquals(numbers, Array.from({ length: 1_000 - first }, (_, i) => first + i));
    assert(lines.some(({ from, line }) => from === "skein" && line.includes(".1")));
    assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
  });
});

Deno.test("AgentLog: goes on after a death in the middle of a line; the torn line is passed over", async () => {
  await withTempFolder(async (folder) => {
    const path = join(folder, "a.ndjson");
    new AgentLog(path, () => 1).write("out", "before");
    Deno.writeTextFileSync(path, '{"at":2,"from":"out","li', { append: true });
    const log = new AgentLog(path, () => 3);
    log.close("after");
    assertEquals(readLog(path).map(({ line }) => line), ["before", "after"]);
  });
});

Deno.test({
  name: "AgentLog: a full disk loses lines, says so, and harms nobody",
  ignore: Deno.build.os !== "linux",
  fn() {
    const log = new AgentLog("/dev/full", () => 1);
    log.write("out", "lost");
    log.close("left");
    assert(log.fault !== null);
  },
});

Deno.test("follow: from before the log is there to its last line, across changes of the file", async () => {
  await withTempFolder(async (folder) => {
    const path = join(folder, "a.ndjson");
    const seen: LogEntry[] = [];
    const stop = new AbortController();
    const done = collect(path, stop.signal, seen);
    const log = new AgentLog(path, () => 7, 4_000);
    // As fast as it is read: no file is changed twice between two looks.
    for (let i = 0; i < 100; i++) {
      log.write("out", `line ${i} ${"x".repeat(100)}`);
      if (i % 20 === 19) {
        await eventually(() => seen.some(({ line }) => line.startsWith(`line ${i} `)));
      }
    }
    log.close("left");
    await done;
    const lines = seen.filter(({ from }) => from === "out").map(({ line }) => line.split(" ")[1]);
    assertEquals(lines, Array.from({ length: 100 }, (_, i) => String(i)));
    assertEquals(seen.at(-1)?.last, true);
  });
});

Deno.test("follow: ends when its reader has enough", async () => {
  await withTempFolder(async (folder) => {
    const path = join(folder, "a.ndjson");
    const log = new AgentLog(path, () => 7);
    log.write("out", "one");
    const seen: LogEntry[] = [];
    const stop = new AbortController();
    const done = collect(path, stop.signal, seen);
    await eventually(() => seen.length === 1);
    stop.abort();
    await done;
    for await (const { line } of follow(path, new AbortController().signal)) {
      assertEquals(line, "one");
      break;
    }
    log.close("left");
  });
});

Deno.test("parseEntry: lines of other shapes are none", () => {
  const lines = [
    "",
    "{}",
    "[]",
    "null",
    '{"at":1,"from":"x","line":"l"}',
    '{"at":"1","from":"out","line":"l"}',
  ];
  assertEquals(lines.map(parseEntry), lines.map(() => null));
});
