// Lines that are no calls: what a broken or hostile client may write to a server's standard input.

import { LIMITS } from "../../mod.ts";

/** A line and the JSON-RPC error it has to earn. */
export interface BadLine {
  readonly what: string;
  readonly line: string | Uint8Array;
  /** Codes of which one is due. */
  readonly codes: readonly number[];
  /** The id under which the answer comes; none: the answer has the id null. */
  readonly id?: string | number;
}

const PARSE = [-32700];
const INVALID = [-32600];
const PARAMS = [-32602, -32603];
const METHOD = [-32601];

function noJson(): BadLine[] {
  const lines: [string, string][] = [
    ["plain words", "hello"],
    ["half an object", '{"jsonrpc": "2.0", "id": 1'],
    ["a comma too many", '{"jsonrpc": "2.0", "id": 1, "method": "ping",}'],
    ["single quotes", "{'jsonrpc': '2.0', 'id': 1, 'method': 'ping'}"],
    ["two objects on a line", '{"jsonrpc":"2.0"} {"jsonrpc":"2.0"}'],
    ["NaN", '{"jsonrpc": "2.0", "id": NaN, "method": "ping"}'],
    ["a header of another transport", "Content-Length: 12"],
    ["a bare control character in a string", '{"jsonrpc": "2.0", "method": "a\u0001"}'],
    ["markup", "<html></html>"],
  ];
  return lines.map(([what, line]) => ({ what, line, codes: PARSE }));
}

function noMessage(): BadLine[] {
  const lines: [string, unknown][] = [
    ["null", null],
    ["a number", 42],
    ["a string", "ping"],
    ["true", true],
    ["an empty list", []],
    ["a batch", [{ jsonrpc: "2.0", method: "ping", id: 7 }]],
    ["an empty object", {}],
    ["no jsonrpc", { method: "ping", id: null }],
    ["an id that is an object", { jsonrpc: "2.0", id: {}, method: "ping" }],
    ["an id that is a list", { jsonrpc: "2.0", id: [1], method: "ping" }],
    ["an id that is true", { jsonrpc: "2.0", id: true, method: "ping" }],
    ["an id that is null", { jsonrpc: "2.0", id: null, method: "ping" }],
    ["a method that is null and no id", { jsonrpc: "2.0", method: null }],
  ];
  return lines.map(([what, value]) => ({ what, line: JSON.stringify(value), codes: INVALID }));
}

function badRequests(): BadLine[] {
  const request = (what: string, codes: readonly number[], message: object): BadLine => {
    const id = `bad ${what}`;
    return { what, line: JSON.stringify({ jsonrpc: "2.0", id, ...message }), codes, id };
  };
  const call = (what: string, params: unknown): BadLine =>
    request(what, PARAMS, { method: "tools/call", params });
  return [
    request("jsonrpc 1.0", INVALID, { jsonrpc: "1.0", method: "ping" }),
    request("jsonrpc as a number", INVALID, { jsonrpc: 2, method: "ping" }),
    request("a missing method", INVALID, {}),
    request("a method that is a number", INVALID, { method: 7 }),
    request("a method that is a list", INVALID, { method: ["ping"] }),
    request("params that are a string", INVALID, { method: "tools/call", params: "x" }),
    request("params that are null", INVALID, { method: "tools/call", params: null }),
    request("an unknown method", METHOD, { method: "tools/destroy" }),
    request("a method with a strange name", METHOD, { method: "__proto__" }),
    request("sampling, which is the client's", METHOD, { method: "sampling/createMessage" }),
    call("a call without params", undefined),
    call("a call with a list", ["join"]),
    call("a call without a name", { arguments: {} }),
    call("a call with a number as name", { name: 7, arguments: {} }),
    call("a call with null as name", { name: null }),
    call("arguments that are a string", { name: "join", arguments: "x" }),
    call("arguments that are a list", { name: "join", arguments: ["x"] }),
    call("arguments that are a number", { name: "join", arguments: 7 }),
    request("a prompt nobody has", PARAMS, { method: "prompts/get", params: { name: "nope" } }),
    request("a prompt without its argument", PARAMS, {
      method: "prompts/get",
      params: { name: "lead" },
    }),
    request("a prompt with a number as argument", PARAMS, {
      method: "prompts/get",
      params: { name: "lead", arguments: { goal: 7 } },
    }),
    ...[
      "",
      "skein://",
      "skein://nope",
      "skein://task/t999",
      "file:///etc/passwd",
      "skein://run/%ff",
    ]
      .map((uri) =>
        request(`reading ${uri}`, [-32602, -32002], { method: "resources/read", params: { uri } })
      ),
    request("reading without a uri", PARAMS, { method: "resources/read", params: {} }),
    request("subscribing to nothing", PARAMS, {
      method: "resources/subscribe",
      params: { uri: "skein://nope" },
    }),
  ];
}

function oversized(): BadLine[] {
  const giant = "x".repeat(5_000_000);
  const nested = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  const invalid = new TextEncoder().encode(
    '{"jsonrpc":"2.0","id":"u","method":"tools/call",' +
      '"params":{"name":"set_memory","arguments":{"key":"k","value":"a?b"}}}\n',
  );
  invalid[invalid.indexOf("?".charCodeAt(0))] = 0xff;
  return [
    {
      what: "a call of 5 MB",
      line: JSON.stringify({
        jsonrpc: "2.0",
        id: "giant",
        method: "tools/call",
        params: { name: "send", arguments: { to: "other", content: giant } },
      }),
      codes: INVALID,
    },
    { what: "5 MB of nothing", line: giant, codes: INVALID },
    {
      what: "just over the size of a request",
      line: "y".repeat(LIMITS.requestBytes + 100_000),
      codes: INVALID,
    },
    {
      what: "100,000 lists in each other as arguments",
      line: `{"jsonrpc":"2.0","id":"deep","method":"tools/call","params":{"name":"join",` +
        `"arguments":${nested}}}`,
      codes: PARAMS,
      id: "deep",
    },
    { what: "bytes that are no UTF-8", line: invalid, codes: PARSE },
  ];
}

/** All of them. */
export function badLines(): BadLine[] {
  return [...noJson(), ...noMessage(), ...badRequests(), ...oversized()];
}
