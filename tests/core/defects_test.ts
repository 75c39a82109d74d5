// What is kept of a defect: where it happened and what of its words is the program's own, in few small
// files; nothing of what a call said.

import { assert, assertEquals, assertFalse, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { keepDefect } from "../../src/core/defects.ts";
import { withTempFolder } from "../support/temp.ts";

function deep(): never {
  throw new TypeError("cannot read properties of undefined (reading 'length')");
}

function thrownBy(body: () => unknown): unknown {
  try {
    body();
  } catch (thrown) {
    return thrown;
  }
  throw new Error("nothing was thrown");
}

Deno.test("keepDefect: stack and causes are kept, of the call nothing", async () => {
  await withTempFolder((home) => {
    const said = { content: "the passphrase is hunter2horse", key: "sk-1234567890" };
    const parsed = thrownBy(() => JSON.parse(`{"a": ${said.content}`));
    const outer = new Error(
      `could not do hunter2horse with sk-1234567890\n {4}at ${said.content}:1:1`,
      {
        cause: new Error(`invariant broken: because of "some content"`, {
          cause: thrownBy(deep),
        }),
      },
    );
    for (const thrown of [parsed, outer]) {
      const path = keepDefect(home, "send", thrown, said) ?? "";
      assertEquals(path.startsWith(join(home, "logs/defects/send-")), true);
      const text = Deno.readTextFileSync(path);
      assertFalse(/hunter2|passphrase|sk-|1234|some content/.test(text), text);
      assertMatch(text, /^skein \d.*\nsend, first at \d{4}-/);
      assertMatch(text, /\n {4}at .*defects_test\.ts:\d+:\d+/);
      assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    }
    const text = Deno.readTextFileSync(keepDefect(home, "send", outer, said) ?? "");
    assertMatch(text, /\nError: could not do \.\.\. with \.\.\.\n/);
    assertMatch(text, /caused by\nError: invariant broken: because of "\.\.\."\n/);
    assertMatch(text, /TypeError: cannot read .*\(reading 'length'\)\n {4}at deep /);
    return Promise.resolve();
  });
});

Deno.test("keepDefect: one file for each place, a bounded number, and never a throw", async () => {
  await withTempFolder((home) => {
    const folder = join(home, "logs/defects");
    const one = thrownBy(deep);
    assertEquals(keepDefect(home, "x", one, {}), keepDefect(home, "x", one, {}));
    assertEquals([...Deno.readDirSync(folder)].length, 1);
    for (let n = 0; n < 80; n++) keepDefect(home, `op${n}`, new Error("x".repeat(10_000)), n);
    const files = [...Deno.readDirSync(folder)];
    assert(files.length <= 50, `${files.length} files`);
    for (const { name } of files) {
      const { size } = Deno.statSync(join(folder, name));
      assert(size < 16_384, `${name}: ${size} bytes`);
    }
    const circle: { self?: unknown } = {};
    circle.self = circle;
    for (const odd of [undefined, null, "text", 7, circle, new Error("")]) {
      assert(keepDefect(home, "odd", odd, circle) !== null);
    }
    const file = join(home, "no-folder");
    Deno.writeTextFileSync(file, "");
    assertEquals(keepDefect(file, "x", one, {}), null);
    return Promise.resolve();
  });
});
