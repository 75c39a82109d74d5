// Inputs that nobody thought of: generated from the published schemas and from values that are
// hostile, sent to one real server. Each is answered, with a success of the declared shape or with a
// refusal that teaches; a refusal stores nothing; and in the end the store and its trail are whole.
// SKEIN_FUZZ_SEED repeats a run whose seed was printed.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { CATALOGUE, operationNamed } from "../../mod.ts";
import { ALIASES } from "../../src/aliases.ts";
import { Stored } from "../door/stored.ts";
import type { Json } from "../operations/flock.ts";
import { eventually } from "../support/eventually.ts";
import { faultOf, isRefused, lookAt, onGround, throwAt } from "./arena.ts";
import {
  announce,
  HOSTILE_TEXTS,
  HOSTILE_VALUES,
  inputsOf,
  inputsOfAlias,
  say,
} from "./hostile.ts";

const SEED = Number(Deno.env.get("SKEIN_FUZZ_SEED") ?? Date.now() % 1_000_000_000);
const CALLS_PER_OPERATION = 15;
const LINES = 300;

/** Everything that was refused, each once. */
const BAD = new Set<string>();

Deno.test.beforeAll(() => say(`fuzz: seed ${SEED}`));
Deno.test.afterAll(() => announce(BAD.size));

Deno.test("promise 6: whatever is sent to whatever tool is answered, and a refusal stores nothing", async () => {
  await onGround(async (wire, home) => {
    const stored = new Stored(home);
    const faults: string[] = [];
    const codes = new Map<string, number>();
    try {
      for (const operation of CATALOGUE) {
        const options = { seed: SEED, numRuns: CALLS_PER_OPERATION };
        for (const args of fc.sample(inputsOf(operation), options)) {
          const before = lookAt(stored);
          const { line, answer } = await throwAt(wire, operation.name, args);
          const what = `${operation.name} ${JSON.stringify(args).slice(0, 300)}`;
          const fault = faultOf(operation, answer, line);
          if (fault !== null) faults.push(`${what}: ${fault}`);
          const code = answer.result?.structuredContent?.error?.code ?? "done";
          codes.set(code, (codes.get(code) ?? 0) + 1);
          if (!isRefused(answer)) continue;
          BAD.add(what);
          if (lookAt(stored) !== before) faults.push(`${what}: refused, but something was stored`);
        }
      }
    } finally {
      stored.close();
    }
    assertEquals(faults, [], `seed ${SEED}`);
    // If nearly everything were refused for one reason, nothing else was tested.
    assert((codes.get("done") ?? 0) > 40, `too few succeed: ${[...codes]}`);
    assert(codes.size >= 5, `too few ways of being refused: ${[...codes]}`);
  });
});

Deno.test("promise 6: whatever is sent to a tool by another system's name is answered as well", async () => {
  await onGround(async (wire, home) => {
    const stored = new Stored(home);
    const faults: string[] = [];
    try {
      for (const [name, alias] of ALIASES) {
        const operation = operationNamed(alias.operation ?? "");
        for (const args of fc.sample(inputsOfAlias(alias), { seed: SEED, numRuns: 6 })) {
          const before = lookAt(stored);
          const { line, answer } = await throwAt(wire, name, args);
          const what = `${name} ${JSON.stringify(args).slice(0, 300)}`;
          const fault = faultOf(operation, answer, line);
          if (fault !== null) faults.push(`${what}: ${fault}`);
          if (!isRefused(answer)) continue;
          BAD.add(what);
          if (lookAt(stored) !== before) faults.push(`${what}: refused, but something was stored`);
        }
      }
    } finally {
      stored.close();
    }
    assertEquals(faults, [], `seed ${SEED}`);
  });
});

/** An object that no text can be made of. */
const NO_TEXT = { toString: "x", valueOf: "x" };
const DEEP = JSON.parse(`${"[".repeat(50_000)}${"]".repeat(50_000)}`);

Deno.test("promise 6: what no text can be made of, where a text is due, is no defect of skein", async () => {
  const calls: [string, Json][] = [
    ["create_task", { title: "x", hints: NO_TEXT }],
    ["create_task", { title: "x", hints: [NO_TEXT] }],
    ["create_task", { tasks: [{ title: "x", hints: [[NO_TEXT]] }] }],
    ["create_task", { title: "x", hints: DEEP }],
    ["complete_task", { id: "t1", artifacts: { summary: "x", tests_run: [NO_TEXT] } }],
    ["complete_task", { id: "t1", artifacts: { summary: "x", risks: [NO_TEXT] } }],
    ["complete_task", { id: "t1", artifacts: { summary: "x", risks: DEEP } }],
    ["control", { action: "budget", peer: "other", value: { tokens: NO_TEXT } }],
    ["control", { action: "budget", peer: "other", value: { tokens: [NO_TEXT] } }],
    ["control", { action: "budget", peer: "other", value: { tokens: DEEP } }],
    ["add_discovery", { content: "x", tags: [NO_TEXT] }],
    ["add_discovery", { content: NO_TEXT }],
    ["add_discovery", { content: DEEP, tags: DEEP }],
    // Half a character, which is quoted: what is quoted has to be whole.
    ["start_task", { task_id: "t1", agent_id: "a\udc00b" }],
    ["send", { to: "other", content: "x", agent_id: "\ud800" }],
    ["a\udc00b", {}],
    ["status", { "a\udc00b": 1 }],
    ["get_task", { id: "a\ud800" }],
    ["list_peers", { scope: "constructor" }],
    ["list_peers", { scope: "toString" }],
    ["list_tasks", { status: "constructor" }],
    ["list_tasks", { status: "hasOwnProperty" }],
  ];
  await onGround(async (wire) => {
    const faults: string[] = [];
    for (const [name, args] of calls) {
      const { line, answer } = await throwAt(wire, name, args);
      const fault = faultOf(operationNamed(name), answer, line);
      if (fault !== null) faults.push(`${line.slice(60, 200)}: ${fault}`);
      BAD.add(line.slice(0, 300));
    }
    assertEquals(faults, []);
  });
});

const METHODS = [
  "ping",
  "tools/list",
  "tools/call",
  "prompts/list",
  "prompts/get",
  "resources/list",
  "resources/read",
  "resources/subscribe",
  "resources/unsubscribe",
  "resources/templates/list",
  "logging/setLevel",
  "completion/complete",
  "initialize",
  "notifications/cancelled",
  "notifications/initialized",
  "notifications/progress",
  "sampling/createMessage",
  "roots/list",
  "__proto__",
  "constructor",
  "",
  "tools/call ",
];

const anything: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXTS, ...HOSTILE_VALUES),
  fc.jsonValue({ maxDepth: 3 }),
);

const params: fc.Arbitrary<Json> = fc.oneof(
  anything,
  fc.record({
    name: fc.oneof(fc.constantFrom("status", "join", "lead", "nope"), anything),
    arguments: anything,
  }, { requiredKeys: [] }),
  fc.record({ uri: fc.oneof(fc.constantFrom("skein://peers", "skein://task/t1"), anything) }),
  fc.record({ requestId: fc.oneof(fc.integer({ min: 1, max: 400 }), anything), reason: anything }),
  fc.record({ _meta: anything, name: fc.constant("status") }),
);

/** A message, whole or with parts that are something else or missing. */
const message: fc.Arbitrary<Json> = fc.record({
  jsonrpc: fc.oneof({ arbitrary: fc.constant("2.0"), weight: 9 }, {
    arbitrary: anything,
    weight: 1,
  }),
  method: fc.oneof(
    { arbitrary: fc.constantFrom(...METHODS), weight: 9 },
    { arbitrary: anything, weight: 1 },
  ),
  params,
}, { requiredKeys: ["jsonrpc"] });

/** Some have what belongs into an answer, or nowhere. */
const decorated: fc.Arbitrary<Json> = fc.oneof(
  { arbitrary: message, weight: 8 },
  {
    arbitrary: fc.tuple(message, fc.constantFrom("result", "error", "extra"), anything).map(
      ([message, name, value]) => ({ ...message, [name]: value }),
    ),
    weight: 1,
  },
);

/** Lines: messages (most with an id of their own), pieces of messages, and bytes. */
type Line = { readonly message: Json } | { readonly raw: string | Uint8Array };

const lines: fc.Arbitrary<Line> = fc.oneof(
  { arbitrary: decorated.map((message) => ({ message })), weight: 8 },
  {
    arbitrary: fc.tuple(message, fc.nat({ max: 200 })).map(([message, cut]) => ({
      raw: JSON.stringify(message).slice(0, cut).replaceAll("\n", " "),
    })),
    weight: 1,
  },
  {
    arbitrary: fc.uint8Array({ minLength: 1, maxLength: 80 }).map((bytes) => ({
      raw: Uint8Array.from([...bytes.map((byte) => byte === 10 ? 11 : byte), 10]),
    })),
    weight: 1,
  },
);

/** Whether a message is a request, which has to be answered under its id. */
function isRequest(value: Json): boolean {
  return value.jsonrpc === "2.0" && typeof value.method === "string";
}

/** Requests that are not quite as the SDK has them, yet come with an id to answer to. */
const NEARLY: readonly Json[] = [
  { id: "extra", method: "ping", extra: 1 },
  { id: "result", method: "ping", result: {} },
  { id: "error", method: "ping", error: {} },
  { id: "meta", method: "ping", params: { _meta: 5 } },
  { id: "meta of a call", method: "tools/call", params: { name: "status", _meta: "x" } },
  { id: "progress", method: "ping", params: { _meta: { progressToken: {} } } },
  { id: "half", method: "ping", params: { _meta: { progressToken: 1.5 } } },
  { id: "cancelled", method: "notifications/cancelled", params: { requestId: 3 } },
  { id: "", method: "ping" },
  { id: 1.5, method: "ping" },
  { id: 1e300, method: "ping" },
  { id: -1, method: "ping" },
];

Deno.test("stdio: a request that is nearly right is answered, too: nobody waits for ever", async () => {
  await onGround(async (wire) => {
    for (const one of NEARLY) {
      BAD.add(JSON.stringify(one));
      await wire.write(JSON.stringify({ jsonrpc: "2.0", ...one }));
    }
    assertEquals((await wire.request("ping")).result, {});
    const missing = (): Json[] => {
      const seen = wire.lines.map((line) => JSON.parse(line).id);
      return NEARLY.filter(({ id }) => !seen.includes(id));
    };
    await eventually(() => missing().length === 0, { withinMs: 2_000 }).catch(() => {});
    assertEquals(missing(), []);
  });
});

Deno.test("stdio: whatever stands on a line, the server goes on and answers what can be answered", async () => {
  await onGround(async (wire) => {
    const requests = new Map<string, string>();
    for (const [i, line] of fc.sample(lines, { seed: SEED, numRuns: LINES }).entries()) {
      if ("raw" in line) {
        BAD.add(String(line.raw));
        await wire.write(line.raw);
        continue;
      }
      const id = `fuzz ${i}`;
      const text = JSON.stringify({ ...line.message, id });
      BAD.add(text.slice(0, 500));
      if (isRequest(line.message)) requests.set(id, text.slice(0, 200));
      await wire.write(text);
    }
    assertEquals((await wire.request("ping")).result, {});
    const answers = (): Json[] => wire.lines.map((line) => JSON.parse(line));
    const missing = (): string[] => {
      const seen = new Set(answers().map(({ id }) => id));
      return [...requests].filter(([id]) => !seen.has(id)).map(([, text]) => text);
    };
    // What is never answered is told by its text.
    await eventually(() => missing().length === 0, { withinMs: 3_000 }).catch(() => {});
    assertEquals(missing().slice(0, 5), [], `${missing().length} not answered, seed ${SEED}`);
    for (const answer of answers()) {
      assertEquals(answer.jsonrpc, "2.0");
      const { error, id } = answer;
      if (typeof id === "string") {
        assertEquals(answers().filter((other) => other.id === id).length, 1, `${id}, seed ${SEED}`);
      }
      if (error === undefined) continue;
      assert(error.message.length < 2_000, "a long error");
      assert(
        !/is not a function|Cannot read|invariant|INTERNAL/.test(JSON.stringify(error)),
        `${JSON.stringify(error)}, seed ${SEED}`,
      );
    }
  });
});
