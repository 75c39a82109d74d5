// Input fields: what models, shells and hooks send is taken in every shape that means the same, and
// what is wrong is said in words that somebody can act on.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type * as z from "zod";
import {
  content,
  flag,
  integer,
  line,
  list,
  oneOf,
  optionalText,
  text,
  word,
} from "../../src/core/fields.ts";
import { LIMITS } from "../../src/core/limits.ts";

/** The value as the schema takes it; fails when it does not. */
function taken(schema: z.ZodType, value: unknown): unknown {
  const result = schema.safeParse(value);
  assert(result.success, `${Deno.inspect(value)}: ${result.error?.message ?? ""}`);
  return result.data;
}

/** Everything the schema complains about, as one text; fails when it takes the value. */
function refused(schema: z.ZodType, value: unknown): string {
  const result = schema.safeParse(value);
  assert(!result.success, `${Deno.inspect(value)} was taken`);
  return result.error.issues.map((issue) => issue.message).join("; ");
}

const LONE = "a\ud800b";

Deno.test("text: any visible text up to its length, line breaks and tabs included", () => {
  for (const good of ["a", "a\nb\tc\r\n", "caf\u00e9 \u{1f600}", " a ", "12345678"]) {
    assertEquals(taken(text(8), good), good);
  }
  assertStringIncludes(refused(text(8), "123456789"), "9 characters, at most 8");
  for (const empty of ["", "   ", "\n\t"]) {
    assertStringIncludes(refused(text(8), empty), "is empty");
  }
  assertStringIncludes(refused(text(8), "a\u0000"), "U+0000");
  assertStringIncludes(refused(text(8), "a\u001b["), "U+001b");
  assertStringIncludes(refused(text(8), LONE), "lone surrogate");
  for (const other of [1, null, undefined, ["a"], {}]) refused(text(8), other);
});

Deno.test("line: a text without line breaks, tabs or control characters", () => {
  assertEquals(taken(line(8), "one line"), "one line");
  for (const broken of ["a\nb", "a\tb", "a\rb"]) {
    assertStringIncludes(refused(line(8), broken), "it is one line");
  }
  assertStringIncludes(refused(line(8), "a\u007f"), "U+007f");
  assertStringIncludes(refused(line(8), " "), "is empty");
});

Deno.test("optionalText: may be empty, keeps every other bound", () => {
  assertEquals(taken(optionalText(3), ""), "");
  assertEquals(taken(optionalText(3), " \n "), " \n ");
  assertStringIncludes(refused(optionalText(3), "abcd"), "4 characters, at most 3");
  assertStringIncludes(refused(optionalText(3), LONE), "lone surrogate");
});

Deno.test("word: one line of at most a key's length", () => {
  assertEquals(taken(word(), "x".repeat(LIMITS.keyChars)), "x".repeat(LIMITS.keyChars));
  refused(word(), "x".repeat(LIMITS.keyChars + 1));
  refused(word(), "a\nb");
});

Deno.test("content: is limited in bytes and kept verbatim", () => {
  const exact = "\u00e9".repeat(LIMITS.messageBytes / 2);
  assertEquals(taken(content(), exact), exact);
  const message = refused(content(), `${exact}a`);
  assertStringIncludes(message, `${LIMITS.messageBytes + 1} bytes, at most ${LIMITS.messageBytes}`);
  assertEquals(taken(content(), "  kept \r\n as is\t"), "  kept \r\n as is\t");
  assertStringIncludes(refused(content(), " \n"), "is empty");
  assertStringIncludes(refused(content(), "a\u0007"), "U+0007");
});

Deno.test("content: what is too long is told apart from what is wrong", () => {
  const result = content().safeParse("a".repeat(LIMITS.messageBytes + 1));
  assertEquals(result.error?.issues.map((issue) => issue.code), ["too_big"]);
});

Deno.test("integer: numbers and digits in quotes between the bounds, nothing else", () => {
  const schema = integer(1, 10);
  const good: readonly [unknown, number][] = [[1, 1], [10, 10], ["7", 7], [" 3 ", 3]];
  for (const [given, expected] of good) assertEquals(taken(schema, given), expected);
  assertEquals(taken(integer(-5, 5), "-5"), -5);
  const bad = [
    0,
    11,
    1.5,
    "1.5",
    "",
    "abc",
    "0x5",
    "1e1",
    null,
    undefined,
    true,
    [3],
    NaN,
    Infinity,
  ];
  for (const value of bad) {
    assertEquals(refused(schema, value), "must be an integer from 1 to 10");
  }
});

Deno.test("flag: true, false, and the two words", () => {
  const good: readonly [unknown, boolean][] = [
    [true, true],
    [false, false],
    ["true", true],
    ["false", false],
  ];
  for (const [given, expected] of good) assertEquals(taken(flag(), given), expected);
  for (const bad of ["yes", "", 1, 0, null, "TRUE"]) {
    assertEquals(refused(flag(), bad), "must be true or false");
  }
});

Deno.test("list: one string alone is a list of one; the bounds are said", () => {
  const schema = list(word(), 3, 1);
  assertEquals(taken(schema, "a"), ["a"]);
  assertEquals(taken(schema, ["a", "b"]), ["a", "b"]);
  assertStringIncludes(refused(schema, []), "is empty");
  assertStringIncludes(refused(schema, ["a", "b", "c", "d"]), "4, at most 3");
  for (const bad of [1, null, { a: 1 }]) {
    assertStringIncludes(refused(schema, bad), "must be a list");
  }
  refused(schema, ["a", 2]);
  assertEquals(taken(list(word(), 3), []), []);
});

Deno.test("oneOf: the refusal names the words there are", () => {
  const schema = oneOf(["red", "green"]);
  assertEquals(taken(schema, "red"), "red");
  for (const bad of ["blue", "", 1, undefined, "Red"]) {
    assertEquals(refused(schema, bad), "must be one of red, green");
  }
});
