// The tool list: exactly the names of each profile, at a price in tokens that every session can
// pay, with what a client needs to know of each tool and nothing that a model cannot use.

import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { encode } from "gpt-tokenizer/encoding/o200k_base";
import { join } from "@std/path";
import { INSTRUCTIONS } from "../../src/door/prompts.ts";
import { listTools } from "../../src/door/tools.ts";
import { startPeer } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";
import type { Json } from "./wire.ts";

const CORE = [
  "join",
  "send",
  "check",
  "create_task",
  "list_tasks",
  "claim_task",
  "complete_task",
  "lock_file",
  "unlock_file",
  "set_memory",
  "get_memory",
];

const PROFILES: Readonly<Record<string, readonly string[]>> = {
  all: [
    ...CORE,
    "list_peers",
    "get_task",
    "update_task",
    "review_task",
    "list_locks",
    "run",
    "status",
    "spawn_worker",
    "control",
    "log_conversation",
    "get_conversation",
    "search",
  ],
  core: CORE,
  "c2-lattice": [
    "list_peers",
    "set_summary",
    "view_dashboard",
    "send_message",
    "check_messages",
    "broadcast",
    "create_task",
    "list_tasks",
    "get_task",
    "claim_task",
    "complete_task",
    "lock_file",
    "unlock_file",
    "list_locks",
    "set_memory",
    "get_memory",
    "raise_blocker",
    "request_review",
    "spawn_worker",
    "log_conversation",
    "get_conversation",
    "resume_run",
  ],
  coordination: [
    "init_coordination",
    "create_task",
    "claim_task",
    "complete_task",
    "get_status",
    "add_discovery",
  ],
};

/** What a model is given of a list. */
function costOf(tools: readonly Json[]): number {
  const shown = tools.map(({ name, description, inputSchema }) => ({
    name,
    description,
    inputSchema,
  }));
  return encode(JSON.stringify(shown)).length;
}

Deno.test("tools/list: a server lists exactly the names of its profile", async () => {
  await withTempFolder(async (temp) => {
    for (const [tools, names] of Object.entries(PROFILES)) {
      const peer = await startPeer({ home: join(temp, "home"), folder: temp, tools });
      try {
        const listed = (await peer.client.listTools()).tools;
        assertEquals(listed.map((tool) => tool.name), names, tools);
        assertEquals(JSON.parse(JSON.stringify(listTools(tools))), listed, tools);
      } finally {
        await peer.close();
      }
    }
    assertEquals([PROFILES["all"]?.length, CORE.length], [23, 11]);
    assertEquals([PROFILES["c2-lattice"]?.length, PROFILES["coordination"]?.length], [22, 6]);
  });
});

Deno.test("promise 7: the whole list costs at most 1,900 tokens, the core at most 1,000", () => {
  const all = costOf(listTools("all"));
  const core = costOf(listTools("core"));
  assert(all <= 1_900, `all: ${all} tokens`);
  assert(core <= 1_000, `core: ${core} tokens`);
  assert(INSTRUCTIONS.length <= 2_000, `instructions: ${INSTRUCTIONS.length} characters`);
});

/** Every schema in a schema, with the path to it. */
function* schemasIn(schema: Json, path: string): Generator<[string, Json]> {
  yield [path, schema];
  if (schema.items !== undefined) yield* schemasIn(schema.items, `${path}[]`);
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    yield* schemasIn(inner, `${path}.${name}`);
  }
}

Deno.test("tools/list: schemas hold types, words and what is required, and no noise", () => {
  const known = new Set(["type", "enum", "items", "properties", "required"]);
  for (const profile of Object.keys(PROFILES)) {
    for (const tool of listTools(profile)) {
      assertEquals(tool.inputSchema.type, "object", tool.name);
      for (const [path, schema] of schemasIn(tool.inputSchema, tool.name)) {
        const noise = Object.keys(schema).filter((key) => !known.has(key));
        assertEquals(noise, [], `${profile} ${path}`);
        assertEquals(typeof schema.type, "string", `${profile} ${path} has a type`);
        if (schema.enum !== undefined) assert(schema.enum.length > 1, path);
        for (const name of schema.required ?? []) assert(name in schema.properties, path);
      }
    }
  }
});

Deno.test("tools/list: every tool says what a client may assume of it, and its risk", () => {
  const reads = new Set([
    "check",
    "list_tasks",
    "get_memory",
    "list_peers",
    "get_task",
    "list_locks",
    "status",
    "get_conversation",
    "search",
  ]);
  for (const tool of listTools("all")) {
    const { annotations, _meta: meta } = tool;
    assertEquals(annotations?.readOnlyHint, reads.has(tool.name), tool.name);
    assertEquals(annotations?.openWorldHint, false, tool.name);
    if (!reads.has(tool.name)) {
      assertEquals(typeof annotations?.destructiveHint, "boolean", tool.name);
      assertEquals(typeof annotations?.idempotentHint, "boolean", tool.name);
    }
    assert(["low", "medium", "high"].includes(String(meta?.["risk_level"])), tool.name);
  }
  for (const profile of ["c2-lattice", "coordination"]) {
    for (const tool of listTools(profile)) {
      const risk = String(tool._meta?.["risk_level"]);
      assert(["low", "medium", "high"].includes(risk), `${profile} ${tool.name}: ${risk}`);
      assert(tool.annotations !== undefined, `${profile} ${tool.name}`);
    }
  }
});

Deno.test("tools/list: the risk of a seed's tool is the one that seed gave it", () => {
  const medium = ["send_message", "broadcast", "create_task", "claim_task", "complete_task"];
  const high = ["raise_blocker", "request_review", "spawn_worker"];
  const also = ["lock_file", "unlock_file", "set_memory"];
  const wrong: string[] = [];
  for (const tool of listTools("c2-lattice")) {
    const expected = high.includes(tool.name)
      ? "high"
      : [...medium, ...also].includes(tool.name)
      ? "medium"
      : "low";
    const risk = String(tool._meta?.["risk_level"]);
    if (risk !== expected) wrong.push(`${tool.name}: ${risk}, not ${expected}`);
  }
  assertEquals(wrong, []);
});

Deno.test("tools/list: one line of meaning for each, and no two alike", () => {
  const tools = listTools("all");
  for (const { name, description = "" } of tools) {
    assertMatch(description, /^[A-Z][^\n]{8,}[.]$/, name);
    assert(description.length <= 160, `${name}: ${description.length}`);
  }
  assertEquals(new Set(tools.map((tool) => tool.description)).size, tools.length);
});

Deno.test("SKEIN_TOOLS: a profile that there is not is refused by name at the start", async () => {
  await withTempFolder(async (temp) => {
    for (const tools of ["everything", "constructor", "__proto__"]) {
      const home = join(temp, "home");
      const failed = await startPeer({ home, folder: temp, tools }).then(
        async (peer) => {
          await peer.close();
          return "it started";
        },
        (thrown: Error) => thrown.message,
      );
      assertMatch(failed, /SKEIN_TOOLS/, tools);
      assertFalse(/INTERNAL/.test(failed), tools);
    }
  });
});
