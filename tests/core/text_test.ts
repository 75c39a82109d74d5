// Texts that come from elsewhere, as they are told: without orders to a terminal, on one line.

import { assertEquals } from "@std/assert";
import { fileName, plain } from "../../src/core/text.ts";

Deno.test("plain: takes colours, titles and control characters out, and nothing else", () => {
  const cases: readonly (readonly [text: string, told: string])[] = [
    ["as it is: é 😀\n\tindented", "as it is: é 😀\n\tindented"],
    ["\u001b[31mred\u001b[0m and \u001b[1;38;5;200mmore\u001b[m", "red and more"],
    ["\u001b]0;a title\u0007after \u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\", "after link"],
    ["\u001b]0;no end of it", "0;no end of it"],
    ["one\r\ntwo\rthree\u0000\u0007\u007f", "one\ntwothree"],
    ["\u001b", ""],
  ];
  for (const [text, told] of cases) assertEquals(plain(text), told);
});

Deno.test("fileName: is one line, and only what cannot be seen is written otherwise", () => {
  const cases: readonly (readonly [path: string, told: string])[] = [
    ["src/a b.ts", "src/a b.ts"],
    ['q"uote\\and é 😀', 'q"uote\\and é 😀'],
    ["tab\there\nline", "tab\\there\\nline"],
    ["bell\u0007del\u007f", "bell\\u0007del\\u007f"],
    ["half\ud800", "half\\ud800"],
  ];
  for (const [path, told] of cases) assertEquals(fileName(path), told);
});
