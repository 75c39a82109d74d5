// When two reservations are in each other's way: the cases somebody would ask about, by name. What
// holds for all patterns (symmetry, soundness, exactness) is in tests/property/locks_test.ts.

import { assert, assertEquals, assertFalse } from "@std/assert";
import {
  conflicts,
  expandBraces,
  isGlob,
  matchesEverything,
  overlaps,
  type Reservation,
  waitCycle,
} from "../../src/lock/rules.ts";

Deno.test("isGlob: a path with parts that stand for more than themselves", () => {
  for (const glob of ["*", "a/?", "[ab]", "a/**/b", "{a,b}"]) assert(isGlob(glob), glob);
  for (const plain of ["a", "a/b.ts", "a-b_c (1).txt", "", "~x", "a,b"]) {
    assertFalse(isGlob(plain), plain);
  }
});

Deno.test("matchesEverything: what nothing narrows down, however it is written", () => {
  for (const wide of ["", "*", "**", "**/*", "*/**", "***", "?*", "**/?*", "*/*"]) {
    assert(matchesEverything(wide), wide);
  }
  for (const narrow of ["a", "a/**", "**/a", "*.ts", "**/*.ts", "src/**", "[ab]*"]) {
    assertFalse(matchesEverything(narrow), narrow);
  }
});

Deno.test("expandBraces: written out, nested, side by side, in order", () => {
  const table: readonly [string, string[] | null][] = [
    ["a", ["a"]],
    ["", [""]],
    ["{a,b}", ["a", "b"]],
    ["src/{a,b}.ts", ["src/a.ts", "src/b.ts"]],
    ["{a,b}{c,d}", ["ac", "ad", "bc", "bd"]],
    ["{a,{b,c}d}", ["a", "bd", "cd"]],
    ["a{,.bak}", ["a", "a.bak"]],
    ["{a", null],
    ["a}", null],
    ["{a,b}}", null],
    ["{{a,b}", null],
    ["}{", null],
  ];
  for (const [pattern, expected] of table) {
    assertEquals(expandBraces(pattern, 32), expected, pattern);
  }
});

Deno.test("expandBraces: at most so many, and no waiting for those that would be more", () => {
  assertEquals(expandBraces("{a,b,c}", 3)?.length, 3);
  assertEquals(expandBraces("{a,b,c}", 2), null);
  const startMs = performance.now();
  assertEquals(expandBraces("{a,b}".repeat(200), 32), null);
  assert(performance.now() - startMs < 500);
});

const YES: readonly [string, string][] = [
  ["a", "a"],
  ["src/a.ts", "src/*.ts"],
  ["src/**", "src/a/b/c.ts"],
  ["src/**", "src"],
  ["src/**", "src/**/x.ts"],
  ["**/x.ts", "x.ts"],
  ["**/x.ts", "src/**"],
  ["a/**/b", "a/b"],
  ["a/**/b", "a/x/y/b"],
  ["a*", "*b"],
  ["a?c", "ab?"],
  ["*.ts", "[ab].ts"],
  ["[a-c]x", "bx"],
  ["[!a]x", "bx"],
  ["[^a]x", "bx"],
  ["[]x]", "]"],
  ["[a-]", "-"],
  ["a[b", "a[b"],
  ["app/[id]/page.tsx", "app/[id]/page.tsx"],
  ["app/**", "app/[id]/page.tsx"],
  ["a**b", "axxb"],
  ["*", ".env"],
];

const NO: readonly [string, string][] = [
  ["a", "b"],
  ["a", "A"],
  ["src/a.ts", "src/b.ts"],
  ["src/*.ts", "src/a/b.ts"],
  ["src/**", "srcx/a"],
  ["src/**", "lib/**"],
  ["src", "src/a.ts"],
  ["a/**/b", "a/x"],
  ["**/x.ts", "**/y.ts"],
  ["a*", "b*"],
  ["*.ts", "*.js"],
  ["?", "ab"],
  ["[a-c]x", "dx"],
  ["[!a]x", "ax"],
  ["[^a-c]x", "bx"],
  ["a**b", "a/b"],
  ["a/*/c", "a/c"],
];

Deno.test("overlaps: two patterns that share a path, and two that do not", () => {
  for (const [a, b] of YES) assert(overlaps(a, b) && overlaps(b, a), `${a} and ${b} share a path`);
  for (const [a, b] of NO) assertFalse(overlaps(a, b) || overlaps(b, a), `${a} and ${b} do not`);
});

Deno.test("overlaps: ? and a class stand for a whole character, also beyond the first plane", () => {
  assert(overlaps("?.ts", "\u{1f600}.ts"), "? is one character");
  assert(overlaps("[\u{1f600}\u{1f601}].ts", "\u{1f601}.ts"), "a class holds characters");
});

Deno.test("overlaps: long patterns full of stars are decided at once", () => {
  const startMs = performance.now();
  assertFalse(overlaps(`${"*a".repeat(500)}b`, `${"a*".repeat(500)}c`));
  assertFalse(overlaps(`${"**/a/".repeat(250)}b`, `${"a/**/".repeat(250)}c`));
  assert(performance.now() - startMs < 1_000);
});

const reservation = (more: Partial<Reservation>): Reservation => ({
  space: "repo",
  path: "src/a.ts",
  mode: "exclusive",
  ...more,
});

Deno.test("conflicts: same space, a shared path, and one of the two alone", () => {
  const mine = reservation({});
  assert(conflicts(mine, reservation({})));
  assert(conflicts(mine, reservation({ path: "src/**" })));
  assert(conflicts(mine, reservation({ mode: "shared" })));
  assert(conflicts(reservation({ mode: "shared" }), mine));
  assertFalse(conflicts(mine, reservation({ space: "other" })));
  assertFalse(conflicts(mine, reservation({ path: "src/b.ts" })));
  assertFalse(conflicts(reservation({ mode: "shared" }), reservation({ mode: "shared" })));
});

Deno.test("waitCycle: names everybody along the cycle, from the waiter back to it", () => {
  const waits = (list: Record<string, string[]>): Map<string, string[]> =>
    new Map(Object.entries(list));
  assertEquals(waitCycle("a", ["b"], waits({})), null);
  assertEquals(waitCycle("a", [], waits({ b: ["a"] })), null);
  assertEquals(waitCycle("a", ["b"], waits({ b: ["a"] })), ["a", "b", "a"]);
  assertEquals(waitCycle("a", ["b"], waits({ b: ["c"], c: ["a"] })), ["a", "b", "c", "a"]);
  assertEquals(waitCycle("a", ["x", "b"], waits({ x: ["y"], b: ["a"] })), ["a", "b", "a"]);
  assertEquals(waitCycle("a", ["b"], waits({ b: ["c"], c: ["b"] })), null);
});
