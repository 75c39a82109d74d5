// The differences of two texts.

import type { VNode } from "preact";

/** The differences of two texts, line by line. */
export interface DiffLine {
  readonly sign: "+" | "-" | " ";
  readonly text: string;
}

/** Beyond this many lines the comparison would take too long; both are shown whole. */
const MOST_CELLS = 1_000_000;

export function diffLines(before: string, after: string): DiffLine[] {
  const a = before.split("\n");
  const b = after.split("\n");
  if (a.length * b.length > MOST_CELLS) {
    return [
      ...a.map((text) => ({ sign: "-" as const, text })),
      ...b.map((text) => ({ sign: "+" as const, text })),
    ];
  }
  const width = b.length + 1;
  const longest = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      longest[i * width + j] = a[i] === b[j]
        ? (longest[(i + 1) * width + j + 1] ?? 0) + 1
        : Math.max(longest[(i + 1) * width + j] ?? 0, longest[i * width + j + 1] ?? 0);
    }
  }
  const lines: DiffLine[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ sign: " ", text: a[i] ?? "" });
      i++;
      j++;
    } else if (
      i < a.length &&
      (j >= b.length || (longest[(i + 1) * width + j] ?? 0) >= (longest[i * width + j + 1] ?? 0))
    ) {
      lines.push({ sign: "-", text: a[i++] ?? "" });
    } else lines.push({ sign: "+", text: b[j++] ?? "" });
  }
  return lines;
}

export function Diff({ before, after }: { before: string; after: string }): VNode {
  const word = { "+": "added", "-": "removed", " ": "" };
  return (
    <div class="diff" role="group" aria-label="Differences to the version before">
      {diffLines(before, after).map(({ sign, text }, i) => (
        <div key={i} class={sign === "+" ? "add" : sign === "-" ? "del" : "same"}>
          <span class="sign" aria-hidden="true">{sign}</span>
          {sign !== " " && <span class="sr">{word[sign]}</span>}
          <span class="text">{text === "" ? " " : text}</span>
        </div>
      ))}
    </div>
  );
}
