// Calls of tools past the SDK: which messages are taken, what each is answered, and that a call which
// was given up is answered nothing.

import { assertEquals, assertFalse } from "@std/assert";
import { type Call, Calls } from "../../src/door/calls.ts";
import type { Extra } from "../../src/door/reply.ts";
import { eventually } from "../support/eventually.ts";

type Message = Parameters<Calls["take"]>[0];
type Result = Awaited<ReturnType<ConstructorParameters<typeof Calls>[0]>>;

/** A dispatcher whose answers are kept, and what its handler was given. */
function made(handler: (call: Call, extra: Extra) => Promise<Result>): {
  calls: Calls;
  sent: Record<string, unknown>[];
} {
  const sent: Record<string, unknown>[] = [];
  const calls = new Calls(handler, (message) => {
    sent.push(message as unknown as Record<string, unknown>);
    return Promise.resolve();
  });
  return { calls, sent };
}

const OK: Result = { content: [{ type: "text", text: "ok" }] };

function call(id: number, params: unknown): Message {
  return { jsonrpc: "2.0", id, method: "tools/call", params } as Message;
}

Deno.test("Calls: takes calls alone, and hands on name, arguments and _meta as they came", async () => {
  const seen: Call[] = [];
  const { calls, sent } = made((one) => {
    seen.push(one);
    return Promise.resolve(OK);
  });
  assertFalse(calls.take({ jsonrpc: "2.0", id: 1, method: "tools/list" }));
  assertFalse(calls.take({ jsonrpc: "2.0", method: "tools/call", params: { name: "join" } }));
  assertEquals(calls.take(call(2, { name: "join", arguments: { a: 1 }, _meta: { k: "v" } })), true);
  await eventually(() => sent.length === 1);
  assertEquals(seen, [{ name: "join", args: { a: 1 }, meta: { k: "v" } }]);
  assertEquals(sent, [{ jsonrpc: "2.0", id: 2, result: OK }]);
});

Deno.test("Calls: what is no call is refused, and what throws is an error, each under its id", async () => {
  const { calls, sent } = made(() => Promise.reject(new Error("broken inside")));
  for (const [id, params] of [{}, { name: 7 }, { name: "x", arguments: [] }].entries()) {
    calls.take(call(id, params));
  }
  calls.take(call(9, { name: "x" }));
  await eventually(() => sent.length === 4);
  assertEquals(sent.map(({ id, error }) => [id, (error as { code: number }).code]), [
    [0, -32602],
    [1, -32602],
    [2, -32602],
    [9, -32603],
  ]);
});

Deno.test("Calls: a cancelled call is aborted, and neither answered nor reported on", async () => {
  const extras: Extra[] = [];
  const { calls, sent } = made((_call, extra) => {
    extras.push(extra);
    return new Promise((done) => extra.signal.addEventListener("abort", () => done(OK)));
  });
  calls.take(call(1, { name: "check" }));
  calls.take(call(2, { name: "check" }));
  calls.cancel(1);
  calls.cancel(77);
  assertEquals(extras.map((extra) => extra.signal.aborted), [true, false]);
  await extras[0]?.sendNotification({ method: "notifications/progress", params: {} });
  assertEquals(sent, []);
  await extras[1]?.sendNotification({ method: "notifications/progress", params: {} });
  assertEquals(sent, [{ jsonrpc: "2.0", method: "notifications/progress", params: {} }]);
});
