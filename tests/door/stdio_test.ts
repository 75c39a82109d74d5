// The wire itself: short answers are written at once and long ones by another thread, requests come in
// any pieces; every line is whole all the same, and every request is answered once.

import { assertEquals } from "@std/assert";
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
