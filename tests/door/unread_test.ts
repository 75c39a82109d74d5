// A client that does not read for a while, or whose pipe takes no more at the moment: nothing of the node
// stands still meanwhile, and every answer comes whole, once, in the end.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { peerEnv, SOURCE_COMMAND } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";

/** More answers than any pipe holds. */
const CALLS = 1_500;
const PULSE_WITHIN_MS = 12_000;

function initialize(id: number): string {
  const clientInfo = { name: "a slow reader", version: "1" };
  const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo };
  return `${JSON.stringify({ jsonrpc: "2.0", id, method: "initialize", params })}\n`;
}

function call(id: number, name: string): string {
  const params = { name, arguments: {} };
  return `${JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params })}\n`;
}

interface Server {
  readonly home: string;
  write(text: string): Promise<void>;
  /** The answers from here on, up to the one with this id. */
  answersTo(last: number): Promise<number[]>;
}

/** Runs `body` with a server whose output is read only when it is asked for. */
async function withServer(
  command: readonly string[],
  body: (server: Server) => Promise<void>,
): Promise<void> {
  await withTempFolder(async (temp) => {
    const home = join(temp, "home");
    const [program = "", ...args] = [...command, ...SOURCE_COMMAND, "mcp"];
    const child = new Deno.Command(program, {
      args,
      cwd: temp,
      env: peerEnv({ home, folder: temp, name: "ann" }),
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const writer = child.stdin.getWriter();
    const reader = child.stdout.getReader();
    const decoder = new TextDecoder();
    let rest = "";
    const answersTo = async (last: number): Promise<number[]> => {
      const ids: number[] = [];
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return ids;
        rest += decoder.decode(value, { stream: true });
        const lines = rest.split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) ids.push(JSON.parse(line).id);
        if (ids.includes(last)) return ids.filter((id) => id !== undefined);
      }
    };
    try {
      const write = (text: string): Promise<void> => writer.write(new TextEncoder().encode(text));
      await body({ home, write, answersTo });
    } finally {
      await writer.close().catch(() => {});
      await reader.cancel().catch(() => {});
      await child.status;
    }
  });
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

Deno.test("stdio: a client that asks on and on and reads nothing stops no timer of the node", async () => {
  await withServer([], async ({ home, write, answersTo }) => {
    await write(initialize(0));
    await write(`${JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" })}\n`);
    await write(call(1, "join"));
    await answersTo(1);
    // In pieces, as they come: each is read before the next is written.
    for (const id of range(2, CALLS)) await write(call(id, "status"));
    const [lock] = [...Deno.readDirSync(join(home, "peers"))].map(({ name }) => name);
    const pulse = (): number =>
      Deno.statSync(join(home, "peers", lock ?? "")).mtime?.getTime() ?? 0;
    // Longer than filling the pipe takes.
    const fromMs = Date.now() + 1_000;
    await eventually(() => pulse() > fromMs, { what: "a pulse", withinMs: PULSE_WITHIN_MS });
    assertEquals((await answersTo(CALLS)).sort((a, b) => a - b), range(2, CALLS));
    await write(call(CALLS + 1, "status"));
    assertEquals(await answersTo(CALLS + 1), [CALLS + 1]);
  });
});

/** Starts a program whose output takes what it can at the moment, and says so, instead of waiting. */
const NONBLOCKING = [
  Deno.execPath(),
  "eval",
  "--no-check",
  `const { symbols } = Deno.dlopen("libc.so.6", {
     fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
   });
   if (symbols.fcntl(1, 4, 0o4000) !== 0) Deno.exit(99);
   const [command, ...args] = Deno.args;
   const child = new Deno.Command(command, { args, stdin: "inherit", stdout: "inherit" }).spawn();
   Deno.exit((await child.status).code);`,
  "--",
];

Deno.test({
  name: "stdio: an output that does not wait is waited for",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await withServer(NONBLOCKING, async ({ home, write, answersTo }) => {
      await write(initialize(0));
      const lists = range(1, 60);
      for (const id of lists) {
        await write(`${JSON.stringify({ jsonrpc: "2.0", id, method: "tools/list" })}\n`);
      }
      for (const id of range(61, CALLS)) await write(call(id, "status"));
      // The first of them joins: the lists before it have been answered into a full pipe by then.
      await eventually(() => [...Deno.readDirSync(join(home, "peers"))].length > 0, {
        what: "it has come to the calls",
      });
      assertEquals((await answersTo(CALLS)).sort((a, b) => a - b), range(0, CALLS));
    });
  },
});
