// What looking at a text costs: never more than in proportion to its length, whatever somebody puts
// into it, since every session looks at texts of others on its one thread. Held by ratios of two
// sizes on the same machine at the same time, not by the clock.

import { assert, assertEquals } from "@std/assert";
import { inspect, neutralise, suspicion } from "../../src/filter/filter.ts";
import { limitIn } from "../../src/agent/limit.ts";
import { partsOf } from "../../src/lock/words.ts";

/** The best of three: what else the machine does only adds. */
function costMs(body: () => unknown): number {
  let best = Infinity;
  for (let i = 0; i < 3; i++) {
    const startMs = performance.now();
    body();
    best = Math.min(best, performance.now() - startMs);
  }
  return best;
}

function look(text: string): void {
  inspect(text);
  neutralise(text);
  suspicion(text);
}

/** Texts of about `n` characters, each the worst for some part of what looks at them. */
const TEXTS: Readonly<Record<string, (n: number) => string>> = {
  "quotes, joins, quotes": (n) => {
    const one = `"${"'".repeat(24)}${"+".repeat(15)}`;
    return `${one.repeat(Math.ceil(n / one.length))}~`;
  },
  "pluses between quotes": (n) => `'${"+".repeat(18)}`.repeat(Math.ceil(n / 19)),
  "data URIs in a row": (n) => "data:text/x,".repeat(n / 12),
  "blanks inside a tag": (n) => `<a${" ".repeat(n)}:invoke>`,
  "blanks before a name": (n) => `<invoke${" ".repeat(n)}x>`,
  "open brackets": (n) => `${"{".repeat(n)}tool`,
  "quotes that never close": (n) => `{"tool${`\\"'`.repeat(n / 3)}`,
  "calls in calls": (n) => '{"tool":{"arguments":{},'.repeat(n / 24),
  "percent signs": (n) => "%25".repeat(n / 3),
  "entities of entities": (n) => `&${"amp;".repeat(n / 4)}`,
  "tags in tags": (n) => "<invoke x".repeat(n / 9),
  "pieces and marks": (n) => "aB3+++".repeat(n / 6),
  "turns": (n) => "\n\nHuman:".repeat(n / 8),
  "parameters of data": (n) => `data:${";a=data:".repeat(n / 8)}`,
  "comments": (n) => `{tool${"/*".repeat(n / 2)}`,
  "orders to ignore": (n) => `ignore${" all of the".repeat(n / 11)}`,
  "blanks between orders": (n) => `print your${" ".repeat(n / 2)}x${" ".repeat(n / 2)}`,
};

Deno.test("filter: a text of four times the length costs about four times as much", () => {
  const small = 16_384;
  // What is known to go once through its characters, all of which have to be looked up.
  const scaleMs = costMs(() => look("\u0430".repeat(4 * small)));
  const grown: string[] = [];
  for (const [name, make] of Object.entries(TEXTS)) {
    let said = "";
    // What is linear shows it in one of the tries, whatever else the machine does.
    for (let tries = 0; tries < 4; tries++) {
      const smallMs = costMs(() => look(make(small)));
      const largeMs = costMs(() => look(make(4 * small)));
      if (largeMs <= 9 * smallMs || largeMs <= 3 * scaleMs) {
        said = "";
        break;
      }
      said = `${name}: ${smallMs.toFixed(1)} ms, then ${largeMs.toFixed(1)} ms`;
    }
    if (said !== "") grown.push(said);
  }
  assertEquals(grown, []);
});

Deno.test("filter: no short text costs more than a long one of the ordinary kind", () => {
  const scaleMs = costMs(() => look("\u0430 plain word ".repeat(20_000)));
  const dear: string[] = [];
  for (const [name, make] of Object.entries(TEXTS)) {
    const startMs = performance.now();
    look(make(118).padEnd(210, "."));
    const tookMs = performance.now() - startMs;
    if (tookMs > scaleMs) dear.push(`${name}: ${tookMs.toFixed(1)} ms`);
  }
  assertEquals(dear, []);
});

Deno.test("filter: short pieces in quotes and lines are still one heap", () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * 7919 + (i >> 2) * 104_729) & 255);
  const heap = btoa(String.fromCharCode(...bytes));
  const pieces = heap.match(/.{1,12}/g) ?? [];
  for (
    const joined of [
      pieces.map((piece) => `"${piece}"`).join(" +\n  "),
      pieces.join("\n"),
      pieces.map((piece) => `  > ${piece}  `).join("\r\n"),
      pieces.map((piece) => `'${piece}'`).join("\\\n"),
    ]
  ) assert(inspect(`Here:\n${joined}\n`).length > 0, joined.slice(0, 80));
});

Deno.test("filter: what reads commands and limits goes through a text once, too", () => {
  const grown: string[] = [];
  const readers: Readonly<Record<string, (n: number) => unknown>> = {
    substitutions: (n) => partsOf("$(".repeat(n / 2)),
    "here-documents": (n) => partsOf(`${"cat <<a ".repeat(n / 16)}\n${"b\n".repeat(n / 4)}`),
    "back quotes": (n) => partsOf('`"'.repeat(n / 2)),
    numbers: (n) => partsOf(`${"1".repeat(n / 2)}>`.repeat(2)),
    "limits that are none": (n) => limitIn("429 ".repeat(n / 4), 0),
    "spans that are none": (n) => limitIn(`resets in ${"1 a ".repeat(n / 4)}`, 0, true),
  };
  for (const [name, read] of Object.entries(readers)) {
    const smallMs = costMs(() => read(2_000));
    const largeMs = costMs(() => read(8_000));
    if (largeMs > 10 * smallMs && largeMs > 5) {
      grown.push(`${name}: ${smallMs.toFixed(2)} ms, then ${largeMs.toFixed(2)} ms`);
    }
  }
  assertEquals(grown, []);
});
