// The catalogue of refusals: every code has to mean something to HTTP, to a shell and to whoever
// has to go on; and every refusal leaves in one shape.

import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import {
  asRefusal,
  type ErrorCode,
  type ErrorKind,
  ERRORS,
  Refusal,
} from "../../src/core/errors.ts";

const catalogue = Object.entries(ERRORS) as [ErrorCode, ErrorKind][];

Deno.test("ERRORS: every code has an HTTP status, an exit code and a remedy", () => {
  for (const [code, { http, exit, hint }] of catalogue) {
    assertMatch(code, /^[A-Z]+(_[A-Z]+)*$/);
    assert(Number.isInteger(http) && http >= 400 && http < 600, `${code}: HTTP ${http}`);
    assert([1, 2, 3, 4].includes(exit), `${code}: exit ${exit}`);
    assertMatch(hint, /^[A-Za-z].{10,}\.$/, `${code}: the remedy is a sentence`);
  }
});

Deno.test("ERRORS: the exit code agrees with the HTTP status", () => {
  const usage = new Set([400, 404]);
  const refused = new Set([401, 403, 409, 413, 422, 423, 429, 501]);
  // A duplicate key is wrong usage of a call, though HTTP knows it as a conflict.
  const exceptions = new Map<string, number>([["DUPLICATE_KEY", 2]]);
  for (const [code, { http, exit }] of catalogue) {
    const expected = exceptions.get(code) ?? (usage.has(http) ? 2 : refused.has(http) ? 4 : 1);
    assertEquals(exit, expected, `${code}: HTTP ${http}, exit ${exit}`);
  }
});

Deno.test("ERRORS: the codes that the engine promises are there", () => {
  const promised = [
    "STORE_BUSY",
    "STORE_GONE",
    "STORE_REPLACED",
    "STORE_NEWER",
    "STORE_OLD_PEERS",
    "STORE_DAMAGED",
    "STORE_FULL",
    "HOME_UNSAFE",
    "HOME_NETWORK",
    "HOME_SHARED",
    "DEADLOCK",
    "STALE_EPOCH",
    "FENCED",
  ];
  for (const code of promised) assert(code in ERRORS, code);
});

Deno.test("Refusal: leaves as code, message and hint, with its details beside them", () => {
  const refusal = new Refusal("TASK_TAKEN", "t1 is anna's", { task: "t1", holder: "anna" });
  assert(refusal instanceof Error);
  assertEquals(refusal.message, "t1 is anna's");
  assertEquals(refusal.toJSON(), {
    error: {
      code: "TASK_TAKEN",
      message: "t1 is anna's",
      hint: ERRORS.TASK_TAKEN.hint,
      task: "t1",
      holder: "anna",
    },
  });
  assertEquals(JSON.parse(JSON.stringify(refusal)), refusal.toJSON());
});

Deno.test("Refusal: a hint of its own takes the place of the catalogue's", () => {
  const refusal = new Refusal("HOME_UNSAFE", "no", { hint: "Do this." });
  assertEquals(refusal.toJSON(), {
    error: { code: "HOME_UNSAFE", message: "no", hint: "Do this." },
  });
  assertEquals(refusal.details, {});
});

Deno.test("asRefusal: passes refusals on and wraps whatever else was thrown", () => {
  const refusal = new Refusal("CYCLE", "a -> a");
  assertStrictEquals(asRefusal(refusal), refusal);
  const things: readonly [unknown, string][] = [
    [new TypeError("broken"), "broken"],
    ["text", "text"],
    [undefined, "undefined"],
    [null, "null"],
    [{ code: "CYCLE" }, "[object Object]"],
  ];
  for (const [thrown, message] of things) {
    const wrapped = asRefusal(thrown);
    assertEquals([wrapped.code, wrapped.message], ["INTERNAL", message]);
  }
});
