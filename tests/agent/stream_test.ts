// The reader of Claude Code's stream: its real lines as they were seen, lines of other versions, and
// streams that are torn, full of junk or without end.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { LIMITS } from "../../src/core/limits.ts";
import type { AgentEvent } from "../../src/agent/event.ts";
import { LineCutter } from "../../src/agent/lines.ts";
import { readStream } from "../../src/agent/stream.ts";

const ENCODER = new TextEncoder();
const NOW = Date.UTC(2026, 10, 21, 13, 0);

function read(text: string | Uint8Array, protocol: "claude" | "text" = "claude"): AgentEvent[] {
  const reader = readStream(protocol, () => NOW);
  const bytes = typeof text === "string" ? ENCODER.encode(text) : text;
  return [...reader.push(bytes), ...reader.end()];
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

function assistant(id: string, block: unknown, usage: Record<string, number>, more = {}): string {
  return line({
    type: "assistant",
    message: { id, role: "assistant", content: [block], usage },
    ...more,
  });
}

const USAGE = {
  input_tokens: 100,
  cache_creation_input_tokens: 20,
  cache_read_input_tokens: 5_000,
  output_tokens: 10,
};

Deno.test("readStream: a run of the real client", () => {
  const events = read([
    line({
      type: "system",
      subtype: "init",
      session_id: "s-1",
      model: "claude-opus-5-5",
      tools: ["Bash", "Edit"],
      mcp_servers: [{ name: "skein", status: "connected" }, { name: "db", status: "failed" }],
    }),
    assistant("m1", { type: "text", text: "thinking" }, USAGE),
    assistant("m1", { type: "tool_use", id: "t1", name: "Bash", input: { command: "ls" } }, USAGE),
    line({
      type: "user",
      message: {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: "t1", content: "hi" }],
      },
    }),
    assistant("m2", { type: "text", text: "one" }, USAGE),
    line({
      type: "result",
      subtype: "success",
      is_error: false,
      result: "one",
      num_turns: 2,
      total_cost_usd: 0.0012,
      session_id: "s-1",
      duration_ms: 2_256,
      api_error_status: null,
      queued_turn_count: 0,
      modelUsage: { a: { inputTokens: 200, outputTokens: 20, cacheCreationInputTokens: 40 } },
      permission_denials: [{ tool_name: "Bash" }, { tool_name: "Bash" }],
    }),
  ].join(""));
  assertEquals(
    events.map(({ kind }) => kind),
    ["init", "text", "usage", "tool", "tool_result", "text", "usage", "result"],
  );
  assertEquals(events[0], {
    kind: "init",
    session: "s-1",
    model: "claude-opus-5-5",
    tools: ["Bash", "Edit"],
    failedServers: ["db"],
  });
  // One answer in two lines counts once.
  const usages = events.filter((one) => one.kind === "usage");
  assertEquals(usages.map((one) => [one.turns, one.tokens, one.cacheRead]), [
    [1, 130, 5_000],
    [2, 260, 10_000],
  ]);
  assertEquals(events.at(-1), {
    kind: "result",
    ok: true,
    isError: false,
    subtype: "success",
    text: "one",
    turns: 2,
    costUsd: 0.0012,
    tokens: 260,
    session: "s-1",
    durationMs: 2_256,
    apiStatus: null,
    queued: 0,
    denied: ["Bash"],
  });
});

Deno.test("readStream: equal calls and equal answers have equal keys, others have not", () => {
  const call = (command: string): string =>
    assistant("m", { type: "tool_use", id: "t", name: "Bash", input: { command } }, USAGE);
  const keys = read(call("ls") + call("ls") + call("ls -l")).filter((one) => one.kind === "tool")
    .map(({ key }) => key);
  assertEquals(keys.length, 3);
  assertEquals(keys[0], keys[1]);
  assert(keys[0] !== keys[2]);
});

Deno.test("readStream: a result that is no success is none, whatever else it says", () => {
  const result = (fields: Record<string, unknown>): boolean | null => {
    const found = read(line({ type: "result", ...fields })).find((one) => one.kind === "result");
    return found?.kind === "result" ? found.ok : null;
  };
  assertEquals(result({ subtype: "success", is_error: false }), true);
  assertEquals(result({ subtype: "success", is_error: true }), false);
  assertEquals(result({ subtype: "error_max_turns", is_error: false }), false);
  // Absent is no promise.
  assertEquals(result({ subtype: "success" }), false);
  assertEquals(result({}), false);
});

Deno.test("readStream: a usage limit is told by the client, never by what a model writes", () => {
  const kinds = (text: string): string[] => read(text).map(({ kind }) => kind);
  const words = { type: "text", text: "You've hit your session limit, resets 3pm" };
  assert(!kinds(assistant("m", words, USAGE)).includes("limit"));
  const refused = assistant("m", words, USAGE, { error: "rate_limit", is_api_error_message: true });
  assert(kinds(refused).includes("limit"));
  const rate = (info: unknown): AgentEvent[] =>
    read(line({ type: "rate_limit_event", rate_limit_info: info }));
  assertEquals(rate({ status: "rejected", resetsAt: 1_800_000_000, rateLimitType: "five_hour" }), [
    { kind: "limit", resetsAtMs: 1_800_000_000_000, text: "usage limit (five_hour)" },
  ]);
  assertEquals(rate({ status: "allowed_warning", resetsAt: 1_800_000_000 })[0]?.kind, "other");
  assertEquals(rate({ status: "rejected", isUsingOverage: true })[0]?.kind, "other");
  const result = {
    type: "result",
    subtype: "success",
    is_error: true,
    result: "API Error: 429",
    api_error_status: 429,
  };
  assertEquals(kinds(line(result)), ["limit", "result"]);
  assertEquals(kinds(line({ ...result, api_error_status: 400, result: "prompt is too long" })), [
    "result",
  ]);
});

Deno.test("readStream: unknown types are signs of life, junk is noise, and both are counted", () => {
  const reader = readStream("claude", () => NOW);
  const text = [
    "",
    "   ",
    "not json",
    "[1]",
    "null",
    "42",
    '"x"',
    "{}",
    '{"type":7}',
    '{"type":"new"}',
    '{"type":"assistant"}',
    '{"type":"assistant","message":{"content":7}}',
    '{"type":"user","message":[]}',
    '{"type":"system","subtype":"task_progress"}',
    '{"type":"__proto__"}',
    "",
  ].join("\n");
  const kinds = reader.push(ENCODER.encode(text)).map(({ kind }) => kind);
  assertEquals(kinds.filter((kind) => kind === "noise").length, 7);
  assertEquals(kinds.filter((kind) => kind === "other").length, 6);
  assertEquals([reader.counts.noise, reader.counts.other, reader.counts.cut], [7, 6, 0]);
});

Deno.test("readStream: text is text, line by line, and its last line needs no end", () => {
  assertEquals(read("one\r\ntwo", "text"), [
    { kind: "text", text: "one" },
    { kind: "text", text: "two" },
  ]);
});

Deno.test("LineCutter: a line without end keeps what it may, and the next one is whole", () => {
  const cutter = new LineCutter(10);
  const found = [];
  for (let i = 0; i < 100; i++) found.push(...cutter.push(ENCODER.encode("xyz")));
  found.push(...cutter.push(ENCODER.encode("\nshort\n")));
  assertEquals(found, [{ text: "xyzxyzxyzx", cut: true }, { text: "short", cut: false }]);
  assertEquals(cutter.end(), []);
});

Deno.test("readStream: a huge line is noise, and what follows is read", () => {
  const reader = readStream("claude", () => NOW);
  const chunk = ENCODER.encode("x".repeat(1024 * 1024));
  for (let i = 0; i < 2 * LIMITS.agentLineBytes / chunk.length; i++) reader.push(chunk);
  const events = reader.push(
    ENCODER.encode(`\n${line({ type: "result", subtype: "success", is_error: false })}`),
  );
  assertEquals(events.map(({ kind }) => kind), ["noise", "result"]);
  assertEquals(reader.counts.cut, 1);
});

/** Lines as a stream may have them: right, strange and wrong. */
const someLine = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.json(),
  fc.record({
    type: fc.constantFrom("assistant", "user", "result", "system", "rate_limit_event", "other"),
    subtype: fc.oneof(fc.string(), fc.constantFrom("init", "api_retry", "success")),
    message: fc.oneof(
      fc.jsonValue(),
      fc.record({
        id: fc.string(),
        content: fc.oneof(
          fc.string(),
          fc.array(fc.record({
            type: fc.constantFrom("text", "tool_use", "tool_result", "image"),
            text: fc.oneof(fc.string(), fc.integer()),
            input: fc.jsonValue(),
            content: fc.jsonValue(),
            name: fc.oneof(fc.string(), fc.constant(null)),
          }, { requiredKeys: [] })),
        ),
        usage: fc.oneof(
          fc.jsonValue(),
          fc.record({ input_tokens: fc.double(), output_tokens: fc.integer() }),
        ),
      }, { requiredKeys: [] }),
    ),
    usage: fc.jsonValue(),
    modelUsage: fc.jsonValue(),
    result: fc.jsonValue(),
    is_error: fc.jsonValue(),
    error: fc.jsonValue(),
    rate_limit_info: fc.jsonValue(),
    num_turns: fc.double(),
  }, { requiredKeys: ["type"] }).map((value) => JSON.stringify(value)),
);

const stream = fc.tuple(fc.array(someLine, { maxLength: 12 }), fc.boolean())
  .map(([lines, ended]) => ENCODER.encode(lines.join("\n") + (ended ? "\n" : "")));

Deno.test("readStream: however a stream is torn, it tells the same, and never throws", () => {
  fc.assert(
    fc.property(
      stream,
      fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 60 }),
      (bytes, sizes) => {
        const reader = readStream("claude", () => NOW);
        const events: AgentEvent[] = [];
        let at = 0;
        for (const size of sizes) {
          // The same buffer each time, as a pipe's may be.
          const chunk = bytes.slice(at, at + size);
          events.push(...reader.push(chunk));
          chunk.fill(120);
          at += size;
        }
        events.push(...reader.push(bytes.slice(at)), ...reader.end());
        assertEquals(events, read(bytes));
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("readStream: bytes of any kind give events that are bounded, finite and storable", () => {
  fc.assert(
    fc.property(fc.oneof(stream, fc.uint8Array({ maxLength: 400 })), (bytes) => {
      for (const event of read(bytes)) {
        const text = JSON.stringify(event);
        assert(text.length < 8 * LIMITS.agentTextChars);
        for (const value of Object.values(event)) {
          if (typeof value === "number") assert(Number.isFinite(value) && value >= 0, text);
          if (typeof value === "string") assert(value.isWellFormed(), text);
        }
      }
    }),
    { numRuns: 300 },
  );
});
