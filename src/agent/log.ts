// The log of one attempt: what an agent wrote and what it was told, line by line as it came, as
// NDJSON. It is for its owner alone, bounded (one file before the current one is kept), and can be
// followed while it grows, across that change of files.

import { dirname } from "@std/path";
import { LIMITS, TIMES } from "../core/limits.ts";
import { LineCutter } from "./lines.ts";

/** Whose line it is: the agent's output or errors, what it was told, or a remark of skein's. */
export const SOURCES = ["out", "err", "in", "skein"] as const;
export type Source = typeof SOURCES[number];

/** One line of a log. */
export interface LogEntry {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly from: Source;
  readonly line: string;
  /** The last line of the log: the attempt is over. */
  readonly last?: true;
}

/** Where the lines before the current file are. */
export function olderLog(path: string): string {
  return `${path}.1`;
}

/** A log that is written to. */
export class AgentLog {
  readonly path: string;
  readonly #nowMs: () => number;
  readonly #maxBytes: number;
  #file: Deno.FsFile | null = null;
  #bytes = 0;
  /** Why lines are missing (a full disk, for example); null while none is. An agent works on without its log. */
  fault: string | null = null;

  /** @param maxBytes size after which a new file is begun */
  constructor(
    path: string,
    nowMs: () => number = Date.now,
    maxBytes: number = LIMITS.agentLogBytes,
  ) {
    this.path = path;
    this.#nowMs = nowMs;
    this.#maxBytes = maxBytes;
    Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.#open();
  }

  /** Adds a line. */
  write(from: Source, line: string): void {
    this.#append({ at: this.#nowMs(), from, line });
  }

  /** Adds the last line and closes the file. */
  close(line: string): void {
    this.#append({ at: this.#nowMs(), from: "skein", line, last: true });
    this.#file?.close();
    this.#file = null;
  }

  #append(entry: LogEntry): void {
    try {
      if (this.#file === null) return;
      const bytes = new TextEncoder().encode(`${JSON.stringify(entry)}\n`);
      if (this.#bytes > 0 && this.#bytes + bytes.length > this.#maxBytes) this.#turn();
      this.#put(bytes);
    } catch (thrown) {
      this.fault ??= thrown instanceof Error ? thrown.message : String(thrown);
    }
  }

  #put(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      done += this.#file?.writeSync(bytes.subarray(done)) ?? bytes.length;
    }
    this.#bytes += bytes.length;
  }

  /** The current file becomes the older one. */
  #turn(): void {
    Deno.renameSync(this.path, olderLog(this.path));
    this.#file?.close();
    this.#file = null;
    this.#open();
    const line = `the lines before this are in ${olderLog(this.path)}`;
    const mark: LogEntry = { at: this.#nowMs(), from: "skein", line };
    this.#put(new TextEncoder().encode(`${JSON.stringify(mark)}\n`));
  }

  #open(): void {
    this.#file = Deno.openSync(this.path, { append: true, create: true, mode: 0o600 });
    this.#bytes = this.#file.statSync().size;
    // The end of a process in the middle of a line.
    if (this.#bytes > 0 && !endsInNewline(this.path, this.#bytes)) {
      this.#put(new TextEncoder().encode("\n"));
    }
  }
}

function endsInNewline(path: string, size: number): boolean {
  using file = Deno.openSync(path, { read: true });
  file.seekSync(size - 1, Deno.SeekMode.Start);
  const last = new Uint8Array(1);
  return file.readSync(last) === 1 && last[0] === 10;
}

/** Reads a line of a log; null if it is none of it (torn by the end of a process). */
export function parseEntry(line: string): LogEntry | null {
  try {
    const { at, from, line: text, last } = JSON.parse(line) as LogEntry;
    if (typeof at !== "number" || typeof text !== "string" || !SOURCES.includes(from)) return null;
    return { at, from, line: text, ...(last === true ? { last } : {}) };
  } catch {
    return null;
  }
}

/** The entries that a log holds now, the older file's first. */
export function readLog(path: string): LogEntry[] {
  return [...entriesOf(olderLog(path)), ...entriesOf(path)];
}

function entriesOf(path: string): LogEntry[] {
  try {
    return Deno.readTextFileSync(path).split("\n").map(parseEntry)
      .filter((entry) => entry !== null);
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return [];
    throw thrown;
  }
}

/**
 * The entries of a log from its beginning, and on while it grows; over at the last line, or when the
 * signal comes. A log that is not there yet is waited for.
 */
export async function* follow(path: string, signal: AbortSignal): AsyncGenerator<LogEntry> {
  // What is older is read once: a change of files while we follow is noticed below.
  for (const entry of entriesOf(olderLog(path))) yield entry;
  let file: Deno.FsFile | null = null;
  let cutter = new LineCutter(LIMITS.agentLogBytes);
  const buffer = new Uint8Array(64 * 1024);
  try {
    while (!signal.aborted) {
      file ??= openOrNull(path);
      const count = file?.readSync(buffer) ?? null;
      if (count !== null && count > 0) {
        for (const { text } of cutter.push(buffer.subarray(0, count))) {
          const entry = parseEntry(text);
          if (entry === null) continue;
          yield entry;
          if (entry.last === true) return;
        }
        continue;
      }
      if (file !== null && isAnother(file, path)) {
        // What was written between our last read and the change is still in the open file.
        const rest = file.readSync(buffer);
        if (rest !== null && rest > 0) {
          file.seekSync(-rest, Deno.SeekMode.Current);
          continue;
        }
        file.close();
        file = null;
        cutter = new LineCutter(LIMITS.agentLogBytes);
        continue;
      }
      await pause(TIMES.logLookMs, signal);
    }
  } finally {
    file?.close();
  }
}

function openOrNull(path: string): Deno.FsFile | null {
  try {
    return Deno.openSync(path, { read: true });
  } catch (thrown) {
    if (thrown instanceof Deno.errors.NotFound) return null;
    throw thrown;
  }
}

/** Whether the path leads to another file than this one. */
function isAnother(file: Deno.FsFile, path: string): boolean {
  try {
    return Deno.statSync(path).ino !== file.statSync().ino;
  } catch (thrown) {
    // Between the change of names and the new file; or removed: then there is nothing more to come.
    if (thrown instanceof Deno.errors.NotFound) return false;
    throw thrown;
  }
}

/** Over when the time is, or when the signal comes. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const stop = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      done();
    };
    const timer = setTimeout(stop, ms);
    signal.addEventListener("abort", stop);
  });
}
