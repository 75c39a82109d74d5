// The MCP door from the outside: real servers, the SDK's client, and where that would be too polite,
// bare pipes. What a session is told when it connects, how results look, when it becomes a peer.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { startPeer } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";
import { withPair } from "./pair.ts";
import { Stored } from "./stored.ts";
import { type Json, withWire } from "./wire.ts";

/** The structured answer is the same as the text. */
function assertOneAnswer(result: Json): void {
  assertEquals(result.content.length, 1);
  assertEquals(result.content[0].type, "text");
  assertEquals(JSON.parse(result.content[0].text), result.structuredContent);
}

Deno.test("initialize: says who answers, what it can and how to work with it", async () => {
  await withTempFolder(async (temp) => {
    await withWire({ home: join(temp, "home"), folder: temp }, async (wire) => {
      const { result } = await wire.initialize();
      assertEquals(result.serverInfo.name, "skein");
      assertMatch(result.serverInfo.version, /^\d+\.\d+\.\d+$/);
      assertEquals(result.protocolVersion, "2025-06-18");
      assertEquals(Object.keys(result.capabilities).sort(), [
        "experimental",
        "logging",
        "prompts",
        "resources",
        "tools",
      ]);
      assertEquals(result.capabilities.resources.subscribe, true);
      assert(result.instructions.length > 200 && result.instructions.length <= 2_000);
      for (const word of ["claim_task", "lock_file", "mail", "never orders"]) {
        assert(result.instructions.includes(word), word);
      }
    });
  });
});

Deno.test("server/discover: a probe before initialize is answered, and the session goes on", async () => {
  await withTempFolder(async (temp) => {
    await withWire({ home: join(temp, "home"), folder: temp }, async (wire) => {
      const id = "server-discover-probe-1";
      const answer = wire.answerTo(id);
      await wire.write(JSON.stringify({
        jsonrpc: "2.0",
        id,
        method: "server/discover",
        params: {
          _meta: {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": { name: "claude-code", version: "2.1.329" },
            "io.modelcontextprotocol/clientCapabilities": {},
          },
        },
      }));
      assertEquals((await answer).error.code, -32601);
      const { result } = await wire.initialize();
      assertEquals(result.serverInfo.name, "skein");
      // As the client does it: all at once.
      const lists = ["tools/list", "prompts/list", "resources/list"];
      const answers = await Promise.all(lists.map((method) => wire.request(method)));
      assertEquals(answers.map((one) => Object.keys(one.result)[0]), [
        "tools",
        "prompts",
        "resources",
      ]);
    });
  });
});

Deno.test("stdout: carries JSON-RPC and nothing else, from start to end", async () => {
  await withTempFolder(async (temp) => {
    const options = { home: join(temp, "home"), folder: temp, name: "anna" };
    const lines = await withWire(options, async (wire) => {
      await wire.initialize();
      await wire.call("create_task", { title: "line\u2028separator \u{1f9a2}" });
      await wire.call("list_tasks");
      await wire.call("claim_task", { id: "nope" });
      await wire.call("no_such_tool");
      await wire.request("no/such/method");
      await wire.write("not json");
      await wire.request("ping");
      assertEquals((await wire.close()).code, 0);
      return wire.lines;
    });
    assert(lines.length >= 8);
    for (const line of lines) assertEquals(JSON.parse(line).jsonrpc, "2.0", line);
  });
});

Deno.test("tools/call: the structured answer is the text, and so is a refusal", async () => {
  await withPair(async (anna) => {
    const calls: [string, Json][] = [
      ["join", {}],
      ["create_task", { title: "a" }],
      ["list_tasks", {}],
      ["status", {}],
      ["get_task", { id: "nope" }],
      ["no_such_tool", {}],
      ["send", { to: "bob" }],
    ];
    for (const [name, args] of calls) {
      const result = await anna.client.callTool({ name, arguments: args });
      assertOneAnswer(result);
      const { error } = result.structuredContent as Json;
      assertEquals(result.isError === true, error !== undefined, name);
      if (error === undefined) continue;
      assertMatch(error.code, /^[A-Z_]+$/);
      assert(error.message.length > 5 && error.hint.length > 5, name);
    }
  });
});

Deno.test("tools/call: a hundred at once are all answered, each as itself", async () => {
  await withPair(async (anna, bob) => {
    const made = await Promise.all(
      Array.from(
        { length: 100 },
        (_, n) => (n % 2 === 0 ? anna : bob).ok("create_task", { title: `task ${n}` }),
      ),
    );
    const ids = made.map((answer: Json) => answer.id);
    assertEquals(new Set(ids).size, 100);
    const tasks = await Promise.all(ids.map((id) => anna.ok("get_task", { id })));
    assertEquals(tasks.map(({ task }: Json) => task.title), ids.map((_, n) => `task ${n}`));
    const claims = await Promise.all(
      Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? anna : bob).ok("claim_task")),
    );
    assertEquals(new Set(claims.map(({ task }: Json) => task.id)).size, 100);
  });
});

Deno.test("promise 7: a client that only lists tools leaves no trace", async () => {
  await withTempFolder(async (temp) => {
    const home = join(temp, "home");
    await withWire({ home, folder: temp }, async (wire) => {
      await wire.initialize();
      const lists = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"];
      for (const method of lists) assert((await wire.request(method)).result !== undefined);
      await wire.request("prompts/get", { name: "work" });
    });
    assertEquals([...Deno.readDirSync(temp)].map((entry) => entry.name), []);
  });
});

Deno.test("joining: a session that stays is a peer a second after it is initialized", async () => {
  await withTempFolder(async (temp) => {
    const home = join(temp, "home");
    const start = performance.now();
    const peer = await startPeer({ home, folder: temp, name: "anna" });
    try {
      await eventually(() => {
        const stored = new Stored(home);
        try {
          return stored.counts()["peer"] === 1;
        } finally {
          stored.close();
        }
      }, { withinMs: 6_000 });
      assert(performance.now() - start >= 1_000, "not before the second is over");
      assertEquals((await peer.ok("join")).you.name, "anna");
    } finally {
      await peer.close();
    }
  });
});
