// The types of the standard modules are written by hand (src/std.d.ts): every value they
// declare has to exist in the real module, as the kind of thing that they say it is.

import { assert, assertEquals } from "@std/assert";

const declarations = Deno.readTextFileSync(new URL("../src/std.d.ts", import.meta.url));

/** The declared values of each module: name and kind of declaration. */
function declared(): Map<string, Map<string, string>> {
  const modules = new Map<string, Map<string, string>>();
  for (const part of declarations.split(/^declare module /m).slice(1)) {
    const name = /^"([^"]+)"/.exec(part)?.[1] ?? "";
    const values = new Map<string, string>();
    for (const found of part.matchAll(/^ {2}export (function|class|const|let) (\w+)/gm)) {
      values.set(found[2] ?? "", found[1] ?? "");
    }
    modules.set(name, values);
  }
  return modules;
}

Deno.test("std.d.ts: declares the modules that are used, and everything in it is read by this test", () => {
  const modules = declared();
  assertEquals([...modules.keys()], ["@std/assert", "@std/path", "@std/text"]);
  const exported = [...declarations.matchAll(/^\s*export (\w+)/gm)].map((found) => found[1]);
  for (const kind of exported) {
    assert(["function", "class", "const"].includes(kind ?? ""), `export ${kind}`);
  }
  const names = new Set(
    [...declarations.matchAll(/export \w+ (\w+)/g)].map((found) => found[1] ?? ""),
  );
  const read = [...modules.values()].flatMap((values) => [...values.keys()]);
  assertEquals(new Set(read), names);
});

Deno.test("std.d.ts: every declared value exists in the real module", async () => {
  for (const [specifier, values] of declared()) {
    assert(values.size > 0, specifier);
    const real = await import(specifier) as Record<string, unknown>;
    for (const [name, kind] of values) {
      const expected = kind === "const" ? "string" : "function";
      assertEquals(typeof real[name], expected, `${name} of ${specifier}`);
      if (kind === "class") {
        assert((real[name] as { prototype: unknown }).prototype instanceof Error);
      }
    }
  }
});
