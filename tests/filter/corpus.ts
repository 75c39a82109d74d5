// The two piles the filter is measured by: texts that imitate machinery and texts that agents write
// every day. They stand in hostile/ and ordinary/, entries parted by a line `=====`, because there
// they can be read, argued about and added to without code. What cannot be read there is written
// down: `\u{...}` in files named *.escaped.txt, `@base64 400 seed=3 width=64` for a payload, and
// `@ordinary 12 seed=1` for so many ordinary texts around an attack. The project's own files count
// as ordinary too: whoever works on them sends pieces of them to others.

import { dirname, fromFileUrl, join, relative } from "@std/path";

export interface Sample {
  /** Where it stands: file and number of the entry, or file and line. */
  readonly name: string;
  readonly text: string;
}

export interface Corpus {
  readonly hostile: readonly Sample[];
  readonly ordinary: readonly Sample[];
}

const HERE = dirname(fromFileUrl(import.meta.url));
const ROOT = dirname(dirname(HERE));
const CHUNK_LINES = 40;
/** Attacks stand in these on purpose. */
const NOT_ORDINARY = /^(src\/filter|tests\/filter|tests\/abuse)\/|^tests\/door\/bad_[^/]*\.ts$/;

/** Both piles. Throws when an entry is empty or stands there twice. */
export function loadCorpus(): Corpus {
  const written = entriesIn("ordinary");
  const hostile = entriesIn("hostile").map(({ name, text }) => ({
    name,
    text: withFiller(text, written),
  }));
  check([...written, ...hostile]);
  const known = new Set(written.map(({ text }) => text));
  const ordinary = [...written];
  for (const sample of ownTexts()) {
    // Closing braces and licence lines recur; once is enough.
    if (known.has(sample.text)) continue;
    known.add(sample.text);
    ordinary.push(sample);
  }
  return { hostile, ordinary };
}

function check(samples: readonly Sample[]): void {
  const seen = new Map<string, string>();
  for (const { name, text } of samples) {
    if (text.trim() === "") throw new Error(`${name} is empty`);
    const other = seen.get(text);
    if (other !== undefined) throw new Error(`${name} is the same as ${other}`);
    seen.set(text, name);
  }
}

function entriesIn(folder: string): Sample[] {
  const found: Sample[] = [];
  const names = [...Deno.readDirSync(join(HERE, folder))].map((entry) => entry.name);
  for (const file of names.filter((name) => name.endsWith(".txt")).sort()) {
    const whole = Deno.readTextFileSync(join(HERE, folder, file)).replace(/\n$/, "");
    for (const [i, raw] of whole.split("\n=====\n").entries()) {
      const text = file.endsWith(".escaped.txt") ? unescape(raw) : raw;
      found.push({ name: `${folder}/${file}#${i + 1}`, text: withPayloads(text) });
    }
  }
  return found;
}

function unescape(text: string): string {
  return text.replace(
    /\\u\{([0-9A-F]+)\}/g,
    (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)),
  );
}

/** The same numbers for the same seed, from 0 up to 1. */
function numbers(seed: number): () => number {
  let state = (seed * 0x9e3779b9) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** `seed=3 width=64` as a function that looks an option up. */
function options(text: string): (key: string, otherwise: string) => string {
  const found = new Map<string, string>();
  for (const [, key = "", value = ""] of text.matchAll(/(\w+)=(\w+)/g)) found.set(key, value);
  return (key, otherwise) => found.get(key) ?? otherwise;
}

function withPayloads(text: string): string {
  return text.replace(/^@base64 (\d+)(.*)$/gm, (_, length: string, rest: string) => {
    return payload(Number(length), options(rest));
  });
}

const WORDS = "run the script now and do not tell anyone push delete merge branch main key file as"
  .split(" ");

function payload(length: number, option: (key: string, otherwise: string) => string): string {
  const next = numbers(Number(option("seed", "1")));
  const size = Math.floor(length * 3 / 4) - (option("pad", "") === "yes" ? 1 : 0);
  const words: string[] = [];
  while (words.length < size) words.push(WORDS[Math.floor(next() * WORDS.length)] ?? "");
  const prose = words.join(" ");
  const bytes = option("kind", "bytes") === "text"
    ? prose.slice(0, size)
    : String.fromCharCode(...Array.from({ length: size }, () => Math.floor(next() * 256)));
  let encoded = btoa(bytes);
  if (option("alphabet", "") === "url") encoded = encoded.replace(/\+/g, "-").replace(/\//g, "_");
  if (option("pad", "") === "no") encoded = encoded.replace(/=+$/, "");
  const width = Number(option("width", String(encoded.length)));
  const pieces: string[] = [];
  for (let from = 0; from < encoded.length; from += width) {
    pieces.push(encoded.slice(from, from + width));
  }
  return joined(pieces, option("join", "newline"), linePrefix(option));
}

function linePrefix(option: (key: string, otherwise: string) => string): string {
  return option("prefix", "") === "quote" ? "> " : " ".repeat(Number(option("indent", "0")));
}

function joined(pieces: readonly string[], how: string, prefix: string): string {
  switch (how) {
    case "newline":
      return pieces.map((piece) => `${prefix}${piece}`).join("\n");
    case "crlf":
      return pieces.join("\r\n");
    case "space":
      return pieces.join(" ");
    case "concat":
      return pieces.map((piece) => `"${piece}"`).join(" +\n");
    case "quoted":
      return pieces.map((piece) => `"${piece}"`).join("\n");
    default:
      throw new Error(`no such join: ${how}`);
  }
}

function withFiller(text: string, from: readonly Sample[]): string {
  return text.replace(/^@ordinary (\d+)(.*)$/gm, (_, count: string, rest: string) => {
    const next = numbers(Number(options(rest)("seed", "1")));
    const picked: string[] = [];
    while (picked.length < Number(count)) {
      picked.push(from[Math.floor(next() * from.length)]?.text ?? "");
    }
    return picked.join("\n");
  });
}

/** Paragraphs of the README and pieces of the project's files. */
function ownTexts(): Sample[] {
  const found: Sample[] = [];
  const readme = Deno.readTextFileSync(join(ROOT, "README.md"));
  for (const [i, text] of readme.split(/\n{2,}/).entries()) {
    if (text.trim() !== "") found.push({ name: `README.md, paragraph ${i + 1}`, text });
  }
  for (const path of [...filesUnder("src"), ...filesUnder("tests")]) {
    if (NOT_ORDINARY.test(path)) continue;
    const lines = Deno.readTextFileSync(join(ROOT, path)).split("\n");
    for (let from = 0; from < lines.length; from += CHUNK_LINES) {
      const text = lines.slice(from, from + CHUNK_LINES).join("\n");
      if (text.trim() !== "") found.push({ name: `${path}:${from + 1}`, text });
    }
  }
  return found;
}

function filesUnder(folder: string): string[] {
  const found: string[] = [];
  for (const entry of Deno.readDirSync(join(ROOT, folder))) {
    const path = relative(ROOT, join(ROOT, folder, entry.name)).replaceAll("\\", "/");
    if (entry.isDirectory) found.push(...filesUnder(path));
    // A recording of a client's payloads is nothing but calls of tools.
    else if (entry.name === "recorded.json") continue;
    else if (/\.(tsx?|jsx?|css|html|md|json)$/.test(entry.name)) found.push(path);
  }
  return found.sort();
}
