// The version is written twice, in the code and for the package tools; and versions are numbers.

import { assertEquals } from "@std/assert";
import { compareVersions, VERSION } from "../../src/core/version.ts";

Deno.test("VERSION: is the one in deno.json", () => {
  const text = Deno.readTextFileSync(new URL("../../deno.json", import.meta.url));
  assertEquals(VERSION, (JSON.parse(text) as { version: string }).version);
});

Deno.test("compareVersions: by number, part by part", () => {
  const table: readonly [string, string, number][] = [
    ["0.1.0", "0.1.0", 0],
    ["0.1.0", "0.2.0", -1],
    ["0.10.0", "0.9.9", 1],
    ["1.0.0", "0.99.99", 1],
    ["1.2", "1.2.0", 0],
    ["", "0.0.0", 0],
    ["1.2.3", "1.2.10", -1],
  ];
  for (const [a, b, sign] of table) {
    assertEquals(Math.sign(compareVersions(a, b)), sign, `${a} ${b}`);
    assertEquals(Math.sign(compareVersions(b, a)), sign === 0 ? 0 : -sign, `${b} ${a}`);
  }
});
