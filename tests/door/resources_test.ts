// Prompts, resources and subscriptions: the flock as documents that a client can list, read and
// watch, and the notifications that a waiting call sends.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
// @ts-types="@modelcontextprotocol/sdk/types"
import { ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { eventually } from "../support/eventually.ts";
import type { Peer } from "../support/peer.ts";
import { withTempFolder } from "../support/temp.ts";
import { withPair } from "./pair.ts";
import { type Json, withWire } from "./wire.ts";

async function read(peer: Peer, uri: string): Promise<Json> {
  const { contents } = await peer.client.readResource({ uri });
  assertEquals(contents.length, 1);
  const [content] = contents as Json[];
  assertEquals([content.uri, content.mimeType], [uri, "application/json"]);
  return JSON.parse(content.text);
}

Deno.test("prompts: four ways to work, with their arguments", async () => {
  await withPair(async (anna) => {
    const { prompts } = await anna.client.listPrompts();
    assertEquals(prompts.map((prompt) => prompt.name), ["lead", "work", "review", "standup"]);
    for (const prompt of prompts) assert((prompt.description ?? "").length > 10, prompt.name);
    const given: Json = {
      lead: { goal: 'Ship "v2"' },
      work: { focus: "docs" },
      review: { task: "t7" },
    };
    for (const { name } of prompts) {
      const { messages } = await anna.client.getPrompt({ name, arguments: given[name] ?? {} });
      assertEquals(messages.map((message) => message.role), ["user"]);
      const { text } = messages[0]?.content as Json;
      for (const value of Object.values(given[name] ?? {})) assert(text.includes(value), name);
      assertEquals(/undefined|\[object/.test(text), false, name);
    }
    const plain = await anna.client.getPrompt({ name: "work" });
    assertEquals(/undefined/.test(JSON.stringify(plain)), false);
  });
});

Deno.test("prompts: a missing argument and an unknown prompt are named", async () => {
  await withPair(async (anna) => {
    const bad: [Json, RegExp][] = [
      [{ name: "lead" }, /goal/],
      [{ name: "lead", arguments: { goal: "  " } }, /goal/],
      [{ name: "no_such" }, /no_such/],
    ];
    for (const [params, names] of bad) {
      const thrown = await assertRejects(() => anna.client.getPrompt(params)) as Json;
      assertEquals(thrown.code, -32602);
      assertMatch(thrown.message, names);
    }
    const { prompts } = await anna.client.listPrompts();
    const lead = prompts.find((prompt) => prompt.name === "lead");
    assertEquals(lead?.arguments?.map((one) => [one.name, one.required]), [["goal", true]]);
  });
});

Deno.test("resources: every one that is listed, and one of each template, is read", async () => {
  await withPair(async (anna, bob) => {
    const { resources } = await bob.client.listResources();
    const uris = resources.map((resource) => resource.uri);
    assertEquals(uris, ["skein://peers", "skein://tasks", "skein://inbox", "skein://locks"]);
    const { resourceTemplates } = await bob.client.listResourceTemplates();
    assertEquals(resourceTemplates.map((one) => one.uriTemplate), [
      "skein://task/{id}",
      "skein://memory/{key}",
      "skein://run/{id}",
    ]);
    const { run } = await anna.ok("run", { action: "start", goal: "g" });
    const { id } = await anna.ok("create_task", { title: "a" });
    await anna.ok("set_memory", { key: "path/to key", value: "v" });
    await anna.ok("lock_file", { paths: "a.ts" });
    await anna.ok("send", { to: "bob", content: "hello" });
    assertEquals((await read(bob, "skein://peers")).peers.length, 2);
    assertEquals((await read(bob, "skein://tasks")).tasks[0].id, id);
    assertEquals((await read(bob, "skein://locks")).locks[0].path, "a.ts");
    assertEquals((await read(bob, `skein://task/${id}`)).task.title, "a");
    assertEquals((await read(bob, `skein://run/${run.id}`)).run.goal, "g");
    for (const key of ["path%2Fto%20key", "path/to%20key"]) {
      assertEquals((await read(bob, `skein://memory/${key}`)).entries[0].value, "v");
    }
    assertEquals((await read(bob, "skein://inbox")).messages[0].content, "hello");
  });
});

Deno.test("resources: what is not there is an error with its name", async () => {
  await withPair(async (anna) => {
    for (const uri of ["skein://nope", "skein://task/t99", "skein://run/r9", "other://peers"]) {
      const thrown = await assertRejects(() => anna.client.readResource({ uri })) as Json;
      assert([-32602, -32002].includes(thrown.code), String(thrown.code));
    }
  });
});

/** Subscribes and collects what is announced from then on. */
async function watch(peer: Peer, ...uris: string[]): Promise<Set<string>> {
  const seen = new Set<string>();
  peer.client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
    seen.add(params.uri);
  });
  for (const uri of uris) await peer.client.subscribeResource({ uri });
  return seen;
}

async function announced(seen: Set<string>, ...uris: string[]): Promise<void> {
  await eventually(() => uris.every((uri) => seen.has(uri)), {
    withinMs: 3_000,
    what: `${uris} announced`,
  });
  seen.clear();
}

Deno.test("subscriptions: changes by another process are announced", async () => {
  await withPair(async (anna, bob) => {
    const { id } = await anna.ok("create_task", { title: "a" });
    const { run } = await anna.ok("run", { action: "start", goal: "g" });
    const task = `skein://task/${id}`;
    const seen = await watch(
      bob,
      "skein://peers",
      "skein://tasks",
      "skein://inbox",
      "skein://locks",
      "skein://memory/k",
      `skein://run/${run.id}`,
      task,
    );
    await anna.ok("claim_task", { id });
    await announced(seen, "skein://tasks", task);
    await anna.ok("send", { to: "bob", content: "x" });
    await announced(seen, "skein://inbox");
    await anna.ok("lock_file", { paths: "a.ts" });
    await announced(seen, "skein://locks");
    await anna.ok("unlock_file");
    await announced(seen, "skein://locks");
    await anna.ok("set_memory", { key: "k", value: "v" });
    await announced(seen, "skein://memory/k");
    await anna.ok("join", { summary: "busy" });
    await announced(seen, "skein://peers");
    await anna.ok("run", { action: "update", plan: "p" });
    await announced(seen, `skein://run/${run.id}`);
    await bob.client.unsubscribeResource({ uri: "skein://tasks" });
    await anna.ok("complete_task", { id, summary: "done" });
    await announced(seen, task);
    assertEquals(seen.has("skein://tasks"), false);
  });
});

Deno.test("subscriptions: a URI is announced as it was subscribed to, however it is spelt", async () => {
  await withPair(async (anna, bob) => {
    const uris = ["skein://memory/docs/a", "skein://memory/docs%2fb", "skein://memory/docs%2Fc"];
    const seen = await watch(bob, ...uris);
    for (const key of ["docs/a", "docs/b", "docs/c"]) {
      await anna.ok("set_memory", { key, value: "v" });
    }
    await announced(seen, ...uris);
  });
});

Deno.test("subscriptions: a task that becomes ready has changed", async () => {
  await withPair(async (anna, bob) => {
    const { ids } = await anna.ok("create_task", {
      tasks: [{ key: "a", title: "a" }, { key: "b", title: "b", blocked_by: ["a"] }],
    });
    const seen = await watch(bob, `skein://task/${ids.b}`);
    await anna.ok("claim_task", { id: ids.a });
    await anna.ok("complete_task", { id: ids.a, summary: "done" });
    await announced(seen, `skein://task/${ids.b}`);
  });
});

Deno.test("inbox: reading the resource takes nothing away from the agent", async () => {
  await withPair(async (anna, bob) => {
    await anna.ok("send", { to: "bob", content: "for the model" });
    assertEquals((await read(bob, "skein://inbox")).messages.length, 1);
    const { mail } = await bob.ok("list_tasks");
    assertEquals(mail?.messages.map((it: Json) => it.content), ["for the model"]);
  });
});

Deno.test("progress: a call that waits says that it is still there", async () => {
  await withTempFolder(async (temp) => {
    await withWire({ home: join(temp, "home"), folder: temp }, async (wire) => {
      await wire.initialize();
      const { isError } = await wire.call("check", { wait_ms: 5_600 }, { progressToken: "p1" });
      assertEquals(isError ?? false, false);
      const progress = wire.lines.map((line) => JSON.parse(line))
        .filter((one) => one.method === "notifications/progress");
      assertEquals(progress.map((one) => one.params.progressToken), ["p1"]);
      assert(progress[0].params.progress >= 1);
      await wire.call("check", { wait_ms: 10 });
      assertEquals(wire.lines.filter((line) => line.includes("progress")).length, 1);
    });
  });
});
