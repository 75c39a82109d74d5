// What is kept of a defect, so that somebody can report it: where it happened, as the stack says, and
// what of its message is the program's own. Never what a call said: words of the call and whatever
// stands in quotes are left out. Few files, small ones, one for each defect however often it happens.

import { sha256 } from "./digest.ts";
import { asRefusal, Refusal } from "./errors.ts";
import { excerpt } from "./text.ts";
import { VERSION } from "./version.ts";

/** Files that are kept; the oldest make room. */
const MOST_FILES = 50;
const FRAMES = 40;
const FRAME_CHARS = 300;
const MESSAGE_CHARS = 300;
/** Causes of causes. */
const DEPTH = 4;
/** A shorter word of a call is a word of any message, too. */
const SAID_CHARS = 4;
/** Of errors that the engine words itself: a name in quotes is one of the program. */
const OF_THE_ENGINE: ReadonlySet<string> = new Set(["TypeError", "ReferenceError"]);

/** Texts of a call, in one. */
function saidIn(said: unknown): string {
  try {
    return JSON.stringify(said) ?? "";
  } catch {
    return "";
  }
}

/** The first line of a message without what it quotes and what the call said. */
function ownWords(error: Error, said: string): string {
  const [line = ""] = error.message.split("\n", 1);
  const short = excerpt(line, MESSAGE_CHARS);
  const bare = OF_THE_ENGINE.has(error.name)
    ? short
    : short.replaceAll(/"[^"]*"?|'[^']*'?|`[^`]*`?/g, '"..."');
  return bare.split(/\s+/).map((word) => isSaid(word, said) ? "..." : word).join(" ");
}

function isSaid(word: string, said: string): boolean {
  const parts = word.match(/[\p{L}\p{N}_]+/gu) ?? [];
  return parts.some((part) => part.length >= SAID_CHARS && said.includes(part));
}

/** The places in the code that a stack names; no message is among them. */
function framesOf(error: Error): string[] {
  const stack = error.stack ?? "";
  const start = Math.max(0, stack.indexOf(error.message)) + error.message.length;
  const lines = stack.slice(start).split("\n").map((line) => line.trim());
  return lines.filter((line) => /^at .*:\d+:\d+\)?$|^at <anonymous>$/.test(line)).slice(0, FRAMES)
    .map((line) => excerpt(line, FRAME_CHARS));
}

function describe(thrown: unknown, said: string, depth: number): string[] {
  if (!(thrown instanceof Error)) return [`something that is no error: ${typeof thrown}`];
  const { code, errcode } = thrown as { code?: unknown; errcode?: unknown };
  const number = [code, errcode].find((one) => typeof one === "number") ??
    (typeof code === "string" && /^[A-Z_\d]{1,40}$/.test(code) ? code : null);
  const name = /^\w{1,60}$/.test(thrown.name) ? thrown.name : "Error";
  const lines = [
    `${name}${number === null ? "" : ` ${number}`}: ${ownWords(thrown, said)}`,
    ...framesOf(thrown).map((frame) => `    ${frame}`),
  ];
  if (thrown.cause === undefined || depth >= DEPTH) return lines;
  return [...lines, "caused by", ...describe(thrown.cause, said, depth + 1)];
}

/**
 * Writes down where a defect happened, in `logs/defects/` of a home; once for each place.
 * @param what the operation, or what else was done
 * @param said what the call said: nothing of it is written
 * @returns the file; null if it cannot be written. Never throws.
 */
export function keepDefect(
  home: string,
  what: string,
  thrown: unknown,
  said: unknown,
): string | null {
  const folder = `${home}/logs/defects`;
  try {
    const lines = describe(thrown, saidIn(said), 1);
    const path = `${folder}/${what}-${sha256(lines.join("\n")).slice(0, 12)}.txt`;
    Deno.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const now = new Date();
    const head = [
      `skein ${VERSION}, Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch}`,
      `${what}, first at ${now.toISOString()}; the file's time is that of the last`,
    ];
    try {
      const text = `${[...head, "", ...lines].join("\n")}\n`;
      Deno.writeTextFileSync(path, text, { createNew: true, mode: 0o600 });
      dropOldest(folder);
    } catch (known) {
      if (!(known instanceof Deno.errors.AlreadyExists)) throw known;
      Deno.utimeSync(path, now, now);
    }
    return path;
  } catch {
    // No room, no home: the answer says at least what it was.
    return null;
  }
}

/** What is answered after a defect: what it was, and the file that says where, if it could be kept. */
export function defectRefusal(
  home: string,
  what: string,
  thrown: unknown,
  said: unknown,
): Refusal {
  const { code, message } = asRefusal(thrown);
  const path = keepDefect(home, what, thrown, said);
  return new Refusal(
    code,
    message,
    path === null ? {} : {
      hint:
        `This is a defect of skein. Please report it with ${path}, which says where it happened.`,
    },
  );
}

function dropOldest(folder: string): void {
  const names = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile);
  if (names.length <= MOST_FILES) return;
  const files = names.map(({ name }) => {
    const path = `${folder}/${name}`;
    return { path, atMs: Deno.statSync(path).mtime?.getTime() ?? 0 };
  });
  files.sort((a, b) => a.atMs - b.atMs);
  for (const { path } of files.slice(0, files.length - MOST_FILES)) Deno.removeSync(path);
}
