// One agent's text is read by another agent's model, to which text that imitates its machinery
// is more than text: calls of tools, control tokens, hidden characters. This finds such text
// through look-alikes and encodings, and writes it so that it is text again. Pure.

import { sha256 } from "../core/digest.ts";
import { excerpt } from "../core/text.ts";
import { base64In, dataUrisIn, mayBeLarge } from "./blob.ts";
import { decoded } from "./decode.ts";
import { folded, isFoldable } from "./fold.ts";
import { hiddenIn } from "./hidden.ts";
import { callsIn } from "./json.ts";
import { controlTokensIn, markupIn } from "./markup.ts";
import { type Sign, SIGNS, type Spot } from "./signs.ts";
import { type Edit, originOf, plainView, type View, withEdits } from "./view.ts";

export { type Sign, SIGNS } from "./signs.ts";
export { suspicion } from "./suspicion.ts";

/**
 * A clear attack in a text: where it stands (UTF-16 offsets in the original) and what a reader of
 * the decoded text would see (at most 60 characters).
 */
export interface Finding {
  readonly sign: Sign;
  readonly from: number;
  readonly to: number;
  readonly seen: string;
}

interface Hit {
  readonly sign: Sign;
  readonly from: number;
  readonly to: number;
  /** What a reader of the decoded text would see. */
  readonly full: string;
  /** Where the first and the last character stand: those of an object are its braces. */
  readonly first: readonly [number, number];
  readonly last: readonly [number, number];
}

const SEEN = 60;
const LAYERS = 4;
const ROUNDS = 6;

/**
 * Anything but what no attack can do without: brackets, what starts an encoding, and characters
 * that may be look-alikes or unseen. What most people write with besides ASCII is in the list.
 */
const SPECIAL = new RegExp(
  "[^\\t\\n\\r\\x20-\\x24\\x27-\\x3b\\x3d-\\x5a\\x5d-\\x7a\\x7c-\\x7e" +
    "\\u00a1-\\u00a9\\u00ab\\u00ac\\u00ae-\\u00b1\\u00b4-\\u00b7\\u00bb\\u00bf-\\u0130" +
    "\\u0132-\\u017e\\u2010-\\u2027\\u2030\\u20ac\\u2190-\\u21ff\\u2500-\\u2757\\u3001\\u3002" +
    "\\u3040-\\u30ff\\u4e00-\\u9fff\\uac00-\\ud7a3\\ud83d\\ud83e\\udc00-\\udfff]",
);
const SPECIAL_WORD = /\b(?:data|human|assistant)\s{0,3}:/i;

function isPlain(text: string): boolean {
  return !SPECIAL.test(text) && !SPECIAL_WORD.test(text) && !mayBeLarge(text);
}

/** The text as it is read, and with one layer of encoding after the other taken off. */
function viewsOf(text: string): View[] {
  let view = folded(plainView(text));
  const views = [view];
  for (let layer = 0; layer < LAYERS; layer++) {
    const next = folded(decoded(view));
    if (next === view) break;
    views.push(next);
    view = next;
  }
  return views;
}

function spotsIn(text: string): Spot[] {
  return [
    ...markupIn(text),
    ...controlTokensIn(text),
    ...callsIn(text),
    ...dataUrisIn(text),
    ...base64In(text),
  ];
}

function hit(view: View, spot: Spot): Hit {
  const first = originOf(view, spot.from, spot.from + 1);
  const last = originOf(view, spot.to - 1, spot.to);
  const full = spot.spells ?? view.text.slice(spot.from, spot.to);
  return { sign: spot.sign, from: first[0], to: last[1], full, first, last };
}

/** Every attack in every view, by place; the longer one first, one in an outer view first. */
function hitsIn(text: string): Hit[] {
  if (isPlain(text)) return [];
  const original = plainView(text);
  const hits = isFoldable(text) ? hiddenIn(text).map((spot) => hit(original, spot)) : [];
  for (const view of viewsOf(text)) {
    for (const spot of spotsIn(view.text)) hits.push(hit(view, spot));
  }
  return hits.sort((a, b) => a.from - b.from || b.to - a.to);
}

/** Clear attacks in a text, in order, not overlapping; nearly always none. */
export function inspect(text: string): readonly Finding[] {
  const findings: Finding[] = [];
  let done = 0;
  for (const { sign, from, to, full } of hitsIn(text)) {
    if (from < done) continue;
    const shown = sign === "hidden text" && full === "" ? "hidden characters" : full;
    findings.push({ sign, from, to, seen: excerpt(shown, shown.length > SEEN ? SEEN - 3 : SEEN) });
    done = to;
  }
  return findings;
}

function bracketed(text: string): string {
  return `\u27e6${text}\u27e7`;
}

function digestOf(text: string): string {
  return `${text.length} characters, sha256 ${sha256(text).slice(0, 12)}`;
}

/** A tag without its brackets. By hand: a pattern for an end looks anew from every blank before it. */
function inside(tag: string): string {
  let from = 0;
  let to = tag.length;
  while (from < to && /[<[\s]/.test(tag.charAt(from))) from += 1;
  while (to > from && /[>\]\s]/.test(tag.charAt(to - 1))) to -= 1;
  return tag.slice(from, to);
}

/** How an attack is written so that it is text. */
function harmless(found: Hit): Edit[] {
  const { from, to, full } = found;
  switch (found.sign) {
    case "function call JSON": {
      const open = { from: found.first[0], to: found.first[1], text: "\u2983" };
      const close = { from: found.last[0], to: found.last[1], text: "\u2984" };
      return full.endsWith("}") ? [open, close] : [open];
    }
    case "data URI":
    case "large base64":
      return [{ from, to, text: bracketed(`base64, ${digestOf(full)}`) }];
    case "hidden text": {
      const text = full === "" ? "hidden characters" : `hidden text: ${full}`;
      return [{ from, to, text: bracketed(text) }];
    }
    default: {
      return [{ from, to, text: bracketed(inside(full)) }];
    }
  }
}

/** What is left when an attack stays one however often it is taken apart. */
function flattened(text: string): string {
  const flat = (viewsOf(text).at(-1)?.text ?? "")
    .replaceAll(/[<[]/g, "\u27e6").replaceAll(/[>\]]/g, "\u27e7")
    .replaceAll("{", "\u2983").replaceAll("}", "\u2984");
  return withEdits(flat, hitsIn(flat).flatMap(harmless));
}

/**
 * The same text with every attack made harmless, and a label in front that says so; unchanged
 * (same string) if there is none.
 */
export function neutralise(
  text: string,
): { readonly text: string; readonly signs: readonly Sign[] } {
  const seen = new Set<Sign>();
  let current = text;
  for (let round = 0; round < ROUNDS; round++) {
    const hits = hitsIn(current);
    if (hits.length === 0) break;
    for (const { sign } of hits) seen.add(sign);
    current = withEdits(current, hits.flatMap(harmless));
  }
  const signs = SIGNS.filter((sign) => seen.has(sign));
  if (signs.length === 0) return { text, signs };
  const label = `[skein made harmless: ${signs.join(", ")}]\n`;
  const candidates = [() => current, () => flattened(current)];
  for (const candidate of candidates) {
    const labelled = label + candidate();
    if (hitsIn(labelled).length === 0) return { text: labelled, signs };
  }
  return { text: label + bracketed(`text left out: ${digestOf(text)}`), signs };
}
