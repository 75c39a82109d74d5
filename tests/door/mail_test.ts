// Mail rides on the results of an MCP session: an agent that never asks still gets it, in small
// portions, once, and whatever becomes of the call that carried it.

import { assert, assertEquals, assertFalse } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { startPeer } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";
import { withPair } from "./pair.ts";
import { type Json, withWire } from "./wire.ts";

Deno.test("mail: rides on any result, three messages at most, with the count of all", async () => {
  await withPair(async (anna, bob) => {
    for (let n = 1; n <= 5; n++) await anna.ok("send", { to: "bob", content: `message ${n}` });
    const first = (await bob.ok("list_tasks")).mail;
    assertEquals(first.unread, 5);
    assertEquals(first.messages.map((it: Json) => [it.from, it.content]), [
      ["anna", "message 1"],
      ["anna", "message 2"],
      ["anna", "message 3"],
    ]);
    const refusal = await bob.call("get_task", { id: "nope" });
    assertEquals(refusal.isError, true);
    assertEquals(refusal.json.mail.messages.map((it: Json) => it.content), [
      "message 4",
      "message 5",
    ]);
    assertEquals(JSON.parse(refusal.text), refusal.json);
    assertEquals((await bob.ok("list_tasks")).mail, undefined);
    assertEquals((await bob.ok("check")).messages, []);
  });
});

Deno.test("mail: a long message rides in part, between characters, and is whole in check", async () => {
  await withPair(async (anna, bob) => {
    const long = `x${"\u{1f9a2}".repeat(2_000)}`;
    await anna.ok("send", { to: "bob", content: long });
    await anna.ok("send", { to: "bob", content: "short" });
    const { mail } = await bob.ok("status");
    assertEquals([mail.unread, mail.messages.length], [2, 2]);
    const [part, short] = mail.messages;
    assertEquals([part.truncated, short.content], [true, "short"]);
    assert(part.content.length < 700 && part.content.startsWith(long.slice(0, 401)));
    const again = (await bob.ok("status")).mail;
    assertEquals([again.unread, again.messages], [1, []], "counted, not repeated");
    assertEquals((await bob.ok("check")).messages.map((it: Json) => it.content), [long]);
    assertEquals((await bob.ok("status")).mail, undefined);
    assert(part.content.isWellFormed(), "half a character");
  });
});

Deno.test("mail: of a cancelled call nothing is lost", async () => {
  await withTempFolder(async (temp) => {
    const place = { home: join(temp, "home"), folder: temp };
    const anna = await startPeer({ ...place, name: "anna" });
    try {
      await withWire({ ...place, name: "bob" }, async (wire) => {
        await wire.initialize();
        await wire.call("join");
        const cancelled: [string, Json][] = [
          ["tools/call", { name: "check", arguments: {} }],
          ["tools/call", { name: "list_tasks", arguments: {} }],
          ["resources/read", { uri: "skein://inbox" }],
        ];
        for (const [method, params] of cancelled) {
          await anna.ok("send", { to: "bob", content: `before ${method}` });
          const requestId = wire.nextId();
          const request = { jsonrpc: "2.0", id: requestId, method, params };
          const cancel = {
            jsonrpc: "2.0",
            method: "notifications/cancelled",
            params: { requestId },
          };
          await wire.write(`${JSON.stringify(request)}\n${JSON.stringify(cancel)}`);
          const { structuredContent } = await wire.call("check");
          assertEquals(
            structuredContent.messages.map((it: Json) => it.content),
            [`before ${method}`],
            method,
          );
          assertFalse(wire.lines.some((line) => JSON.parse(line).id === requestId));
        }
      });
    } finally {
      await anna.close();
    }
  });
});

Deno.test("mail: an answer that crosses its cancellation is recalled, though a call came in between", async () => {
  await withTempFolder(async (temp) => {
    const place = { home: join(temp, "home"), folder: temp };
    const anna = await startPeer({ ...place, name: "anna" });
    try {
      await withWire({ ...place, name: "bob" }, async (wire) => {
        await wire.initialize();
        await wire.call("join");
        for (let n = 0; n < 5; n++) {
          const content = `number ${n}`;
          const { id } = await anna.ok("send", { to: "bob", content });
          const requestId = wire.nextId();
          const params = { name: "check", arguments: {} };
          await wire.write(
            JSON.stringify({ jsonrpc: "2.0", id: requestId, method: "tools/call", params }),
          );
          await wire.answerTo(requestId);
          // A client with calls side by side: it sent this one before it had read that answer, and then
          // gave the first one up, so it drops what came.
          await wire.call("list_locks");
          await wire.write(JSON.stringify({
            jsonrpc: "2.0",
            method: "notifications/cancelled",
            params: { requestId },
          }));
          const again = (): Promise<Json> => wire.call("check").then((it) => it.structuredContent);
          const shown = await eventually(async () => {
            const { messages } = await again();
            return messages.length > 0 && messages;
          }, { what: "the message again" });
          assertEquals(shown.map((it: Json) => it.content), [content]);
          assertEquals((await again()).messages, [], "once");
          const state = async () => (await anna.ok("check", { id })).deliveries[0].state;
          await eventually(async () => await state() === "seen", { what: "the sender knows" });
        }
      });
    } finally {
      await anna.close();
    }
  });
});
