// Data that a model would be tempted to decode: data URIs, and heaps of base64 in one piece, in
// lines or in pieces that are joined. Hashes, identifiers, paths and keys of the usual sizes are
// ordinary, whatever their number. Pure.

import type { Spot } from "./signs.ts";

const MIME = "([\\w.+-]{1,40}(?:\\s{0,3}/\\s{0,3}[\\w.+*-]{1,80})?)?";
const PARAMETERS = "((?:\\s{0,3};\\s{0,3}[\\w.+-]{1,40}(?:\\s{0,3}=\\s{0,3}[^\\s;,]{1,60})?){0,8})";
const DATA = new RegExp(`data\\s{0,3}:(\\s{0,3})${MIME}${PARAMETERS}\\s{0,3},(\\s{0,3})`, "gi");
const KNOWN_TYPE =
  /^(?:text|image|audio|video|application|font|model|multipart|message|chemical|x-[\w.-]+)\s*\//i;
const ENCODED_PAYLOAD = /[\w+/=%-]*/y;
const PLAIN_PAYLOAD = /[^\s"'`)]*/y;
const FEWEST_ENCODED = 4;

/** Where the payload that starts at `from` ends; null if what stands there is none. */
function payloadEnd(
  text: string,
  from: number,
  isEncoded: boolean,
  isLoose: boolean,
): number | null {
  const pattern = isEncoded ? ENCODED_PAYLOAD : PLAIN_PAYLOAD;
  pattern.lastIndex = from;
  const payload = pattern.exec(text)?.[0] ?? "";
  if (isEncoded) return payload.length < FEWEST_ENCODED ? null : from + payload.length;
  if (payload === "" || payload.startsWith(".")) return null;
  // `data: image/png,image/jpeg` is a list of types.
  return isLoose && /^\w+\/[\w.+-]+(?:$|[,;])/.test(payload) ? null : from + payload.length;
}

/** Data in the place of an address. */
export function dataUrisIn(text: string): Spot[] {
  const found: Spot[] = [];
  let done = 0;
  for (const match of text.matchAll(DATA)) {
    const [all, space = "", mime = "", parameters = "", gap = ""] = match;
    const from = match.index;
    // Inside what was found already: a payload would be read once for each of a thousand in a row.
    if (from < done) continue;
    const isEncoded = /;\s*base64\s*$/i.test(parameters);
    if (!isEncoded && !KNOWN_TYPE.test(mime)) continue;
    // `metadata: text/plain, ...` is a word of its own, and so is a list with spaces.
    if (!isEncoded && (/[\w-]/.test(text.charAt(from - 1)) || gap !== "")) continue;
    const end = payloadEnd(text, from + all.length, isEncoded, space !== "");
    if (end === null) continue;
    found.push({ sign: "data URI", from, to: end });
    done = end;
  }
  return found;
}

/** Fewer characters of base64 than this are keys, tokens and hashes. */
const LARGE = 200;
const PIECE = /[A-Za-z0-9+/_-]{2,}/g;
/**
 * Between pieces of the same data: white space, quotes and their prefixes, what joins or numbers
 * or sets off lines.
 */
const GAP = new RegExp(
  "^(?:[\\s\"'`+,;\\\\>#*|()/_-]|\\b[bruf](?=[\"'])|\\s\\.(?=\\s)|<br\\s?/?>" +
    "|\\b\\d{1,4}[.:)\\t|]){1,60}$",
  "i",
);
const LONG_PIECE = 16;
const LISTED_PIECE = 32;
/** A checksum says what it is, and lines of dashes around a key set it off. */
const SET_APART = /^(?:sha\d{1,3}-.*|-{3,}.{0,40}|.{0,40}-{3,})$/;

interface Group {
  readonly from: number;
  to: number;
  text: string;
}

function classOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return 1;
  if (code >= 0x41 && code <= 0x5a) return 2;
  return code >= 0x61 && code <= 0x7a ? 3 : 0;
}

/**
 * Whether characters change between small, capital and digit as they do by chance. Words, paths
 * and identifiers change less often, have hardly any digits, many separators, or most of their
 * letters in words.
 */
function looksRandom(text: string): boolean {
  const counts = [0, 0, 0, 0];
  let changes = 0;
  let before = 0;
  for (let i = 0; i < text.length; i++) {
    const kind = classOf(text.charCodeAt(i));
    counts[kind] = (counts[kind] ?? 0) + 1;
    if (kind === 0) continue;
    if (before !== 0 && kind !== before) changes += 1;
    before = kind;
  }
  const [marks = 0, digits = 0, capitals = 0, small = 0] = counts;
  const letters = digits + capitals + small;
  const inWords = text.length - text.replaceAll(/[a-z]{3,}/g, "").length;
  return changes >= 0.35 * letters && marks <= 0.15 * text.length && inWords <= 0.4 * letters &&
    digits >= 0.02 * letters && capitals >= 0.2 * letters && small >= 0.1 * letters;
}

function isLarge(group: Group): boolean {
  if (group.text.length < LARGE) return false;
  // Hexadecimal in capitals and small letters, with and without its prefix.
  const others = group.text.replaceAll(/0x|[0-9a-f-]+/gi, "");
  return others.length > 0.1 * group.text.length && looksRandom(group.text);
}

function continues(before: string, gap: string, piece: string): boolean {
  if (!GAP.test(gap)) return false;
  // A list of identifiers: what was cut into a list has longer pieces.
  if (gap.includes(",")) return before.length >= LISTED_PIECE && piece.length >= LISTED_PIECE;
  if (/[\n"'`]/.test(gap)) return true;
  return before.length >= LONG_PIECE && piece.length >= LONG_PIECE;
}

/** Whether a character is one of base64; a table, since every text is looked at. */
const IN_BASE64 = Uint8Array.from(
  { length: 128 },
  (_, code) => /[\w+/-]/.test(String.fromCharCode(code)) ? 1 : 0,
);

/** What a character may be: the end of a line or string, around a piece, behind one, part of one. */
const EDGE = 1;
const BEFORE = 2;
const BEHIND = 4;
const PART = 8;
const KINDS = Uint8Array.from({ length: 128 }, (_, code) => {
  const char = String.fromCharCode(code);
  return (/[\n"'`]/.test(char) ? EDGE : 0) | (/[\s+,;\\>#*|()]/.test(char) ? BEFORE : 0) |
    (/[\s+,;\\)]/.test(char) ? BEHIND : 0) | (/[\w+/-]/.test(char) ? PART : 0);
});
const SHORT_PIECES = 3;

function kindOf(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code < 128) return KINDS[code] ?? 0;
  return text.charAt(at).trim() === "" ? BEFORE | BEHIND : 0;
}

/** How long the piece is that a line or string consists of; 0 if there is none, -1 if there is more. */
function pieceLength(text: string, from: number, to: number): number {
  let start = from;
  let end = to;
  while (start < end && (kindOf(text, start) & BEFORE) !== 0) start += 1;
  while (end > start && (kindOf(text, end - 1) & BEHIND) !== 0) end -= 1;
  for (let at = start; at < end; at++) if ((kindOf(text, at) & PART) === 0) return -1;
  return end - start;
}

/**
 * Three short pieces in lines or strings of their own, one after the other. By hand: quotes, blanks
 * and `+` stand around pieces and in them, and a pattern would try every way to tell them apart.
 */
function hasShortPieces(text: string): boolean {
  let pieces = 0;
  let from = -1;
  for (let at = 0; at < text.length; at++) {
    if ((kindOf(text, at) & EDGE) === 0) continue;
    const length = from < 0 ? -1 : pieceLength(text, from, at);
    if (length < 0 || length >= LONG_PIECE) pieces = 0;
    else if (length > 1) pieces += 1;
    if (pieces === SHORT_PIECES) return true;
    from = at + 1;
  }
  return false;
}

function hasLongPiece(text: string): boolean {
  // From the end of where a piece would be: what ends it there shifts the search by its length.
  let end = LONG_PIECE - 1;
  while (end < text.length) {
    let at = end;
    while (end - at < LONG_PIECE && IN_BASE64[text.charCodeAt(at)] === 1) at -= 1;
    if (end - at === LONG_PIECE) return true;
    end = at + LONG_PIECE;
  }
  return false;
}

/** Whether there may be base64 at all; cheap, and true for anything in which there is some. */
export function mayBeLarge(text: string): boolean {
  return text.length >= LARGE && (hasLongPiece(text) || hasShortPieces(text));
}

/** Heaps of base64. */
export function base64In(text: string): Spot[] {
  if (!mayBeLarge(text)) return [];
  const found: Spot[] = [];
  let group: Group | null = null;
  let before = "";
  const finish = (): void => {
    if (group !== null && isLarge(group)) {
      found.push({ sign: "large base64", from: group.from, to: group.to });
    }
    group = null;
  };
  for (const match of text.matchAll(PIECE)) {
    const piece = match[0];
    const from = match.index;
    const to = from + piece.length;
    // A mark or a number in front of a line.
    if (/^(?:[+/_-]+|\d{1,4})$/.test(piece)) continue;
    if (SET_APART.test(piece)) {
      finish();
    } else if (group !== null && continues(before, text.slice(group.to, from), piece)) {
      group.to = to;
      group.text += piece;
    } else {
      finish();
      group = { from, to, text: piece };
    }
    before = piece;
  }
  finish();
  return found;
}
