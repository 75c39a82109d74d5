// The wire itself: short answers are written at once and long ones by another thread, requests come in
// any pieces; every line is whole all the same, and every request is answered once.

import { assertEquals } from "@std/assert";
import { SOURCE_COMMAND, testEnv } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";
import { withWire } from "./wire.ts";

Deno.test("stdio: short and long answers that are asked for together come whole, each once", async () => {
  await withTempFolder(async (temp) => {
    await withWire({ home: `${temp}/home`, folder: temp, name: "ann" }, async (wire) => {
      await wire.initialize();
      const description = "a long way ".repeat(1_400);
      await wire.call("create_task", { title: "long", description });
      const expected = new Map<number, number>();
      const answers: Promise<Record<string, unknown>>[] = [];
      let text = "";
      for (let i = 0; i < 60; i++) {
        const long = i % 3 === 0;
        const id = wire.nextId();
        const params = long
          ? { name: "get_task", arguments: { id: "t1" } }
          : { name: "check", arguments: {} };
        expected.set(id, long ? description.length : 0);
        answers.push(wire.answerTo(id));
        text += `${JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params })}\n`;
      }
      const from = wire.lines.length;
      // Cut in the middle of lines: what came with one read is needed after the next.
      const bytes = new TextEncoder().encode(text);
      for (let at = 0; at < bytes.length; at += 97) await wire.write(bytes.slice(at, at + 97));
      await Promise.all(answers);
      const got = wire.lines.slice(from).map((line) => JSON.parse(line)).map((one) =>
        [one.id, one.result.structuredContent.task?.description.length ?? 0] as const
      );
      assertEquals(got.length, expected.size);
      assertEquals(new Map(got), expected);
    });
  });
});

Deno.test("stdio: who pipes requests in and closes gets all the answers, the first of a session too", async () => {
  await withTempFolder(async (temp) => {
    const call = (id: number, name: string, args: unknown): unknown => ({
      jsonrpc: "2.0",
      id,
      method: "tools/call",
      params: { name, arguments: args },
    });
    const info = { name: "a script", version: "1" };
    const requests = [
      {
        jsonrpc: "2.0",
        id: 1,
        method: "initialize",
        params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: info },
      },
      { jsonrpc: "2.0", id: 2, method: "tools/list" },
      call(3, "create_task", { title: "one", description: "long ".repeat(2_000) }),
      call(4, "get_task", { id: "t1" }),
      call(5, "check", {}),
    ];
    const [command = "", ...args] = SOURCE_COMMAND;
    const child = new Deno.Command(command, {
      args: [...args, "mcp"],
      cwd: temp,
      env: testEnv({ SKEIN_HOME: `${temp}/home`, SKEIN_NAME: "ann" }),
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const writer = child.stdin.getWriter();
    const text = requests.map((one) => `${JSON.stringify(one)}\n`).join("");
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
    const { code, stdout } = await child.output();
    const answers = new TextDecoder().decode(stdout).trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    const ids = answers.filter((one) => "id" in one).map(({ id, error }) => error ?? id);
    assertEquals([code, ids.sort()], [0, [1, 2, 3, 4, 5]]);
  });
});
