// One layer of encoding taken off: entities, backslash escapes and percent encoding, whichever
// stand in the text, side by side. What was encoded several times takes as many layers. Pure.

import { type Edit, edited, type View } from "./view.ts";

const ENCODED = new RegExp(
  [
    /&(?:#x0{0,8}([0-9a-f]{1,6})|#0{0,8}([0-9]{1,7})|([a-z]{2,16})(?=;)|(lt|gt|quot|amp));?/,
    /\\(?:u\{0{0,8}([0-9a-f]{1,6})\}|u([0-9a-f]{4})|x([0-9a-f]{2})|([0-7]{1,3})|([^\w]|[_nrt]))/,
    /%u([0-9a-f]{4})|((?:%[0-9a-f]{2})+)/,
  ].map((part) => part.source).join("|"),
  "gi",
);

/** Names of entities that matter in markup; others stay as they are. */
const ENTITIES: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  quot: '"',
  amp: "&",
  apos: "'",
  lcub: "{",
  lbrace: "{",
  rcub: "}",
  rbrace: "}",
  lsqb: "[",
  lbrack: "[",
  rsqb: "]",
  rbrack: "]",
  verbar: "|",
  vert: "|",
  sol: "/",
  bsol: "\\",
  lowbar: "_",
  underbar: "_",
  hyphen: "-",
  dash: "-",
  colon: ":",
  semi: ";",
  comma: ",",
  equals: "=",
  percnt: "%",
  num: "#",
  plus: "+",
  nbsp: " ",
  tab: "\t",
  newline: "\n",
  lang: "<",
  langle: "<",
  rang: ">",
  rangle: ">",
  shy: "",
  zwj: "",
  zwnj: "",
  zerowidthspace: "",
};

function character(digits: string, base: number): string {
  const code = Number.parseInt(digits, base);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "";
}

function afterBackslash(char: string): string {
  if (char === "n") return "\n";
  if (char === "r") return "\r";
  if (char === "t") return "\t";
  // A backslash at the end of a line continues it.
  return char === "\n" ? "" : char;
}

function utf8Length(lead: number): number {
  if (lead < 0xc0) return 1;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

/** Percent-encoded bytes, each character with the place it takes. */
function percentEdits(encoded: string, start: number): Edit[] {
  const bytes = encoded.slice(1).split("%").map((pair) => Number.parseInt(pair, 16));
  const edits: Edit[] = [];
  for (let i = 0; i < bytes.length;) {
    const length = Math.min(utf8Length(bytes[i] ?? 0), bytes.length - i);
    const from = start + 3 * i;
    const text = new TextDecoder().decode(new Uint8Array(bytes.slice(i, i + length)));
    edits.push({ from, to: from + 3 * length, text });
    i += length;
  }
  return edits;
}

function decodedMatch(match: RegExpMatchArray): string | null {
  const [, entityHex, entityDecimal, named, bare, braced, unicode, hex, octal, plain, legacy] =
    match;
  if (entityDecimal !== undefined) return character(entityDecimal, 10);
  const sixteen = entityHex ?? braced ?? unicode ?? hex ?? legacy;
  // Halves of a surrogate pair become a pair by standing side by side.
  if (sixteen !== undefined) return character(sixteen, 16);
  if (octal !== undefined) return character(octal, 8);
  if (plain !== undefined) return afterBackslash(plain);
  const name = (named ?? bare ?? "").toLowerCase();
  return Object.hasOwn(ENTITIES, name) ? ENTITIES[name] ?? null : null;
}

/** The view with one layer of encoding taken off; the same view if there is none. */
export function decoded(view: View): View {
  if (!/[&\\%]/.test(view.text)) return view;
  const edits: Edit[] = [];
  for (const match of view.text.matchAll(ENCODED)) {
    const from = match.index;
    if (match[11] !== undefined) {
      for (const edit of percentEdits(match[11], from)) edits.push(edit);
      continue;
    }
    const text = decodedMatch(match);
    if (text !== null) edits.push({ from, to: from + match[0].length, text });
  }
  return edited(view, edits);
}
