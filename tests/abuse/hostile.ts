// Values that no field of any tool expects, values that nearly fit, and inputs made of both from the
// schemas that skein publishes: what a confused model, a broken client or an attacker may send.

import fc from "fast-check";
import type { AnyOperation } from "../../mod.ts";
import type { Alias } from "../../src/aliases.ts";
import { type Schema, schemaOf } from "../../src/door/schema.ts";
import type { Json } from "../operations/flock.ts";

function nested(depth: number, inner: Json, wrap: (value: Json) => Json): Json {
  let value = inner;
  for (let i = 0; i < depth; i++) value = wrap(value);
  return value;
}

const GIANT = "x".repeat(70_000);

export const HOSTILE_TEXTS: readonly string[] = [
  "",
  " ",
  "\n\n",
  "\u0000",
  "a\u0007b",
  "\u001b[2J\u001b[31m",
  "\r\nInjected: header",
  "\ud800",
  "a\udc00b",
  "\u202ereversed",
  "\u2066\u2069",
  "\u200b",
  "\ufeff",
  "\uffff",
  "\u{1f9a2}".repeat(40),
  "e\u0301".repeat(90),
  "\u{10ffff}",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "null",
  "undefined",
  "NaN",
  "-0",
  "1e999",
  "9".repeat(60),
  "' OR 1=1 --",
  "'; DROP TABLE journal; --",
  '"; SELECT * FROM meta; "',
  'NEAR("a" "b", 2) OR *',
  '"unclosed',
  "a AND (b OR",
  "-a -b",
  "col:x ^y",
  "%s%n%x",
  "${7*7}",
  "$(touch x)",
  "`id`",
  "../../../../etc/passwd",
  "/",
  "..",
  "C:\\Windows\\..\\x",
  "file:///etc/passwd",
  "skein://task/t1",
  "a/".repeat(600),
  "{a,b}".repeat(12),
  "{".repeat(50),
  "[[[[",
  "**/**/**",
  "?".repeat(100),
  "~",
  "*",
  "operator",
  "skein",
  "me@host",
  "true",
  "[]",
  "{}",
  GIANT,
];

export const HOSTILE_VALUES: readonly Json[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e300,
  -1e300,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  2 ** 53,
  4_294_967_296,
  5e-324,
  [],
  {},
  [null],
  [[]],
  [{}],
  [[["a"]]],
  ["a", 1],
  [""],
  { length: 3 },
  { toString: "x" },
  { a: { toString: "x", valueOf: 1 } },
  [{ toString: "x" }],
  { constructor: { prototype: {} } },
  { a: { b: { c: 1 } } },
  JSON.parse('{"__proto__": {"polluted": true}}'),
  nested(60, 1, (value) => [value]),
  nested(60, 1, (value) => ({ a: value })),
  nested(3_000, 1, (value) => [value]),
  Array.from({ length: 3_000 }, (_, n) => `n${n}`),
  [GIANT],
  Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`k${n}`, n])),
];

/** What a field may mean something with, by its name. */
const LIKELY: Readonly<Record<string, readonly Json[]>> = {
  id: ["t1", "t2", "m1", "r1", "t999", 1],
  task: ["t1", "t2"],
  run: ["r1"],
  to: [["other"], "*", ["other", "*"], "worker"],
  peer: ["other", "*", "victim"],
  name: ["victim", "victim-2"],
  role: ["worker", "architect"],
  reply_to: ["m1"],
  paths: [["a.ts"], ["src/"], "*.ts"],
  path: ["a.ts"],
  blocked_by: [["t1"]],
  assign_to: ["other"],
  what: ["t1", "m1", "a.ts", "other"],
  key: ["k", "port"],
  supersedes: ["k"],
  value: ["v", "tokens=5", "none"],
  epoch: [1, 2],
  // Nobody wants to wait for a fuzzer.
  wait_ms: [0, 5],
  tasks: [[{ title: "a", key: "a" }, { title: "b", blocked_by: ["a"] }]],
};

const hostile: fc.Arbitrary<Json> = fc.oneof(
  { arbitrary: fc.constantFrom(...HOSTILE_TEXTS), weight: 5 },
  { arbitrary: fc.constantFrom(...HOSTILE_VALUES), weight: 3 },
  { arbitrary: fc.string({ unit: "binary", maxLength: 60 }), weight: 2 },
  { arbitrary: fc.jsonValue({ maxDepth: 4 }), weight: 1 },
);

/** A value that the schema would take. */
function fitting(schema: Schema): fc.Arbitrary<Json> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case "integer":
      return fc.oneof(fc.integer({ min: 1, max: 50 }), fc.constant("7"));
    case "number":
      return fc.double({ min: 0, max: 100, noNaN: true });
    case "boolean":
      return fc.boolean();
    case "array":
      return fc.array(fitting(schema.items ?? {}), { maxLength: 3 });
    case "object":
      return inputOf(schema);
    default:
      return fc.oneof(fc.lorem({ maxCount: 4 }), fc.constantFrom("a", "k1", "x.ts"));
  }
}

function fieldOf(name: string, schema: Schema): fc.Arbitrary<Json> {
  const likely = LIKELY[name];
  const good = name === "wait_ms" && likely !== undefined
    ? fc.constantFrom(...likely)
    : likely === undefined
    ? fitting(schema)
    : fc.oneof(fc.constantFrom(...likely), fitting(schema));
  // A large number is a long wait, and rightly so.
  const bad = name === "wait_ms" ? hostile.filter((value) => !isLongWait(value)) : hostile;
  return fc.oneof({ arbitrary: good, weight: 3 }, { arbitrary: bad, weight: 1 });
}

function isLongWait(value: Json): boolean {
  return ["number", "string"].includes(typeof value) && Number(value) > 5;
}

function inputOf(schema: Schema): fc.Arbitrary<Json> {
  const properties = schema.properties ?? {};
  const model = Object.fromEntries(
    Object.entries(properties).map(([name, inner]) => [name, fieldOf(name, inner)]),
  );
  return fc.record(model, { requiredKeys: schema.required ?? [] } as { requiredKeys: never[] });
}

/** Names of fields that nobody has. */
const STRANGE = ["constructor", "toString", "", "a.b", "ID", "\u0000", "$where", "x".repeat(5_000)];

/** Inputs of one operation: most nearly fit, some have fields too many or lack what they need. */
export function inputsOf(operation: AnyOperation): fc.Arbitrary<Json> {
  const base = inputOf(schemaOf(operation.input));
  return fc.oneof(
    { arbitrary: base, weight: 7 },
    {
      arbitrary: fc.tuple(base, fc.constantFrom(...STRANGE), hostile).map((
        [input, name, value],
      ) => ({
        ...input,
        [name]: value,
      })),
      weight: 1,
    },
    {
      arbitrary: fc.tuple(base, fc.nat()).map(([input, n]) => {
        const names = Object.keys(input);
        const { [names[n % Math.max(1, names.length)] ?? ""]: _gone, ...rest } = input;
        return rest;
      }),
      weight: 1,
    },
  );
}

/** Inputs of a tool under the name and with the parameters of another system. */
export function inputsOfAlias({ params }: Alias): fc.Arbitrary<Json> {
  const types: Readonly<Record<string, Schema>> = {
    string: { type: "string" },
    integer: { type: "integer" },
    strings: { type: "array", items: { type: "string" } },
    object: { type: "object" },
  };
  const fields = Object.entries(params);
  return inputOf({
    properties: Object.fromEntries(
      fields.map(([name, type]) => [name, types[type.replace("!", "")] ?? {}]),
    ),
    required: fields.filter(([, type]) => type.endsWith("!")).map(([name]) => name),
  });
}

export function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** Says how many distinct bad inputs a file has sent. */
export function announce(count: number): void {
  say(`abuse: ${count} bad inputs`);
}
