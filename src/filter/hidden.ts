// Characters that nobody sees and a model reads: text spelled in tag characters or variation
// selectors, heaps of characters without width, and marks that turn the order of reading around.
// Single joiners, flags of regions, right-to-left marks and soft hyphens are ordinary. Pure.

import type { Spot } from "./signs.ts";

/** Stretches of what is not seen: joiners and fillers, selectors, direction marks, tags. */
const UNSEEN = new RegExp(
  "(?:[\\u00ad\\u034f\\u061c\\u115f\\u1160\\u180b-\\u180f\\u200b-\\u200f\\u202a-\\u202e" +
    "\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0]|\\udb40[\\udc00-\\uddef])+",
  "g",
);
const NO_WIDTH = /^[\u200b-\u200d\u2060-\u2064\ufeff\u180e\u034f\u3164\u115f\u1160\uffa0]$/;
/** What makes a waving black flag that of a region: a few tags and their end. */
const REGION = /^(?:\udb40[\udc30-\udc39\udc61-\udc7a]){1,6}\udb40\udc7f/;
const BLACK_FLAG = "\ud83c\udff4";

const MOST_SELECTORS = 5;
const MOST_NO_WIDTH = 3;
const MOST_UNSEEN = 7;

function isTag(code: number): boolean {
  return code >= 0xe0000 && code <= 0xe007f;
}

/** The byte a variation selector stands for, or null. */
function selected(code: number): number | null {
  if (code >= 0xfe00 && code <= 0xfe0f) return code - 0xfe00;
  return code >= 0xe0100 && code <= 0xe01ef ? code - 0xe0100 + 16 : null;
}

function spelled(codes: readonly number[]): string {
  let tags = "";
  const bytes: number[] = [];
  for (const code of codes) {
    if (code >= 0xe0020 && code <= 0xe007e) tags += String.fromCharCode(code - 0xe0000);
    const byte = selected(code);
    if (byte !== null) bytes.push(byte);
  }
  if (tags !== "") return tags;
  const text = new TextDecoder().decode(new Uint8Array(bytes));
  return bytes.length > MOST_SELECTORS && /^[\t\n\r\x20-\x7e\u00a0-\ufffc]+$/.test(text)
    ? text
    : "";
}

function isTooMuch(codes: readonly number[]): boolean {
  let selectors = 0;
  let noWidth = 0;
  for (const code of codes) {
    if (isTag(code)) return true;
    if (selected(code) !== null) selectors += 1;
    else if (NO_WIDTH.test(String.fromCodePoint(code))) noWidth += 1;
  }
  return selectors > MOST_SELECTORS || noWidth > MOST_NO_WIDTH || codes.length > MOST_UNSEEN;
}

function unseenIn(text: string): Spot[] {
  const found: Spot[] = [];
  for (const match of text.matchAll(UNSEEN)) {
    let from = match.index;
    let run = match[0];
    const to = from + run.length;
    if (text.slice(Math.max(0, from - 2), from) === BLACK_FLAG) {
      const region = REGION.exec(run)?.[0] ?? "";
      run = run.slice(region.length);
      from += region.length;
    }
    const codes = [...run].map((char) => char.codePointAt(0) ?? 0);
    if (isTooMuch(codes)) found.push({ sign: "hidden text", from, to, spells: spelled(codes) });
  }
  return found;
}

const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069\n]/g;

/** Overrides, and whatever changes the direction and does not end before its paragraph does. */
function turnedIn(text: string): Spot[] {
  const found: Spot[] = [];
  const add = (at: number): void => {
    found.push({ sign: "hidden text", from: at, to: at + 1, spells: "" });
  };
  let open: { readonly at: number; readonly isolates: boolean }[] = [];
  let isolates = 0;
  const closeIsolate = (): void => {
    if (isolates === 0) return;
    isolates -= 1;
    for (let last = open.pop(); last !== undefined && !last.isolates; last = open.pop()) {
      add(last.at);
    }
  };
  for (const match of text.matchAll(DIRECTIONS)) {
    const char = match[0];
    if (char === "\n") {
      for (const left of open) add(left.at);
      open = [];
      isolates = 0;
    } else if (char === "\u202d" || char === "\u202e") {
      add(match.index);
    } else if (char === "\u2069") {
      closeIsolate();
    } else if (char === "\u202c") {
      // What embeds does not end across an isolate.
      if (open.at(-1)?.isolates === false) open.pop();
    } else {
      open.push({ at: match.index, isolates: char >= "\u2066" });
      if (char >= "\u2066") isolates += 1;
    }
  }
  for (const left of open) add(left.at);
  return found;
}

/** Hidden characters of a text as it was written; decoded or folded there are none left. */
export function hiddenIn(text: string): Spot[] {
  return [...unseenIn(text), ...turnedIn(text)];
}
