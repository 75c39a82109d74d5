// The reader of shell commands on what is no command at all: it ends, says nothing false, and takes no
// longer than what it is given is long.

import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { readShell } from "../../src/lock/shell.ts";

const CWD = "/p";

Deno.test("property: whatever it is given, reading ends without complaint", () => {
  const piece = fc.constantFrom(
    ..."<>|&;(){}`'\"\\\n #$=-.",
    "<<EOF",
    "EOF",
    "git ",
    "rm ",
    "cd ",
    "&>",
    "2>&1",
    "sed -i ",
    " -- ",
  );
  const text = fc.array(fc.oneof(piece, fc.string({ unit: "binary" })), { maxLength: 60 });
  fc.assert(fc.property(text, (parts) => {
    const { writes, wholeTree } = readShell(parts.join(""), CWD);
    assert(wholeTree === null || wholeTree.length > 0);
    for (const { path, base } of writes) assert(path !== "" && base.startsWith("/"));
  }));
});

Deno.test("property: what is quoted is no command", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    assertEquals(readShell(`echo '${text.replaceAll("'", "'\\''")}'`, CWD).writes, []);
  }));
});

Deno.test("shell: junk takes no longer than it is long", () => {
  const junk = [">", "<", "<<", "<<A\n", "'", '"', "\\", "a", " ", "a ", "a;", "(", "{", "`", "\n"];
  junk.push("rm a;", "> a ", "&", "#", "cd a;", "$(", "<<EOF\n", "sed -i ", "FOO=1 ", "sudo ");
  const timed = (text: string): number => {
    const startMs = performance.now();
    readShell(text, CWD);
    return performance.now() - startMs;
  };
  for (const piece of junk) {
    const sized = (characters: number): string =>
      piece.repeat(Math.ceil(characters / piece.length));
    const small = Math.max(1, timed(sized(10_000)));
    // Ten times as much: a hundred times as long would be a square.
    const ratio = timed(sized(100_000)) / small;
    assert(ratio < 60, `${JSON.stringify(piece)}: ${ratio.toFixed(0)} times as long`);
  }
});
