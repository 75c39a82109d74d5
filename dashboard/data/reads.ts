// What views read: each answer is kept under its question, read anew when an event touches it, at
// once for the first and then at a pace that the answer's own cost sets. An equal answer changes
// nothing on the screen.

import { useEffect } from "preact/hooks";
import { asRefused, callText, type Refused } from "./api.ts";
import { Cell, useCell } from "./cell.ts";
import { flowing, onRows } from "./events.ts";
import { isHere, session } from "./session.ts";
import type { JournalRow } from "./types.ts";

/** An answer as a view sees it. */
export interface Answer<T> {
  readonly data: T | undefined;
  readonly refused: Refused | undefined;
}

/** Whether there is something to show, be it a refusal. */
export function isAnswered({ data, refused }: Answer<unknown>): boolean {
  return data !== undefined || refused !== undefined;
}

/** Whether a row of the journal may change an answer. */
export type Touched = (row: JournalRow) => boolean;

/** Between two reads of one thing that changes now and then. */
const QUICK_MS = 60;
/** So many reads may follow each other quickly; one more may each second. */
const QUICK_READS = 12;
/** Where it changes without end: so many times the read's own duration, so that load stays low. */
const SHARE = 26;
const LONGEST_MS = 1_000;
/** Until a read that nobody answered is tried again. */
const AGAIN_MS = 1_000;
/** Answers that nobody looks at any more are kept for a quick way back. */
const KEPT = 40;

class Entry {
  readonly cell = new Cell<Answer<unknown>>({ data: undefined, refused: undefined });
  watchers = 0;
  touched: Touched = () => false;
  stale = true;
  #text = "";
  #reading = false;
  #timer: ReturnType<typeof setTimeout> | 0 = 0;
  #notBefore = 0;
  #quick = QUICK_READS;
  #countedAt = 0;

  readonly operation: string;
  readonly input: unknown;

  constructor(operation: string, input: unknown) {
    this.operation = operation;
    this.input = input;
  }

  /** It has to be read anew: at once if it was left alone for a while, else a little later. */
  touch(): void {
    this.stale = true;
    // An older leader does not know it; asking again changes nothing.
    if (this.cell.value.refused?.code === "UNKNOWN_TOOL") return;
    if (this.watchers === 0 || this.#reading || this.#timer !== 0) return;
    const waitMs = this.#notBefore - performance.now();
    if (waitMs <= 0) {
      void this.read();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      void this.read();
    }, waitMs);
  }

  #pauseMs(nowMs: number, tookMs: number): number {
    this.#quick = Math.min(QUICK_READS, this.#quick + (nowMs - this.#countedAt) / 1_000);
    this.#countedAt = nowMs;
    if (this.#quick < 1) return Math.min(LONGEST_MS, Math.max(QUICK_MS, tookMs * SHARE));
    this.#quick -= 1;
    return QUICK_MS;
  }

  async read(): Promise<void> {
    if (this.#reading) return;
    this.#reading = true;
    await flowing();
    this.stale = false;
    const beginMs = performance.now();
    try {
      const text = await callText(this.operation, this.input);
      if (text !== this.#text || this.cell.value.refused !== undefined) {
        this.#text = text;
        this.cell.set({ data: JSON.parse(text), refused: undefined });
      }
    } catch (thrown) {
      this.cell.set({ data: this.cell.value.data, refused: asRefused(thrown) });
    }
    const endMs = performance.now();
    // Nobody has answered: leadership moves. Asked again until somebody does.
    const unanswered = this.cell.value.refused?.code === "UNREACHABLE";
    if (unanswered) this.stale = true;
    const pauseMs = unanswered ? AGAIN_MS : this.#pauseMs(endMs, endMs - beginMs);
    this.#notBefore = endMs + pauseMs;
    this.#reading = false;
    if (this.stale) this.touch();
  }
}

const entries = new Map<string, Entry>();

function entryOf(operation: string, input: unknown): Entry {
  const key = `${session.value?.project}\n${operation}\n${JSON.stringify(input)}`;
  let entry = entries.get(key);
  if (entry === undefined) {
    entry = new Entry(operation, input);
    entries.set(key, entry);
    for (const [old, { watchers }] of entries) {
      if (entries.size <= KEPT) break;
      if (watchers === 0 && old !== key) entries.delete(old);
    }
  }
  return entry;
}

const NOTHING = new Cell<Answer<unknown>>({ data: undefined, refused: undefined });

/**
 * The answer to a read, kept fresh as long as the component is there.
 * @param input null: do not ask
 * @param everyMs also read it this often, for what changes without a row of the journal
 */
export function useRead<T>(
  operation: string,
  input: unknown,
  touched: Touched,
  everyMs = 0,
): Answer<T> {
  const entry = input === null ? null : entryOf(operation, input);
  if (entry !== null) entry.touched = touched;
  useEffect(() => {
    if (entry === null) return;
    entry.watchers += 1;
    if (entry.stale || everyMs > 0 || entry.cell.value.refused !== undefined) entry.touch();
    const timer = everyMs > 0 ? setInterval(() => !document.hidden && entry.touch(), everyMs) : 0;
    return () => {
      entry.watchers -= 1;
      clearInterval(timer);
    };
  }, [entry]);
  return useCell(entry === null ? NOTHING : entry.cell) as Answer<T>;
}

/** What tells of all projects. */
const WIDE = new Set(["list_audit", "list_projects", "flock_state"]);
/** What belongs to one project, so that other projects show nothing of it. */
const OWN = /^(task|run|memory)\//;

/** Whether a row may change what is shown of this project. */
export function concerns(row: JournalRow): boolean {
  return isHere(row) || !OWN.test(row.subject);
}

onRows((rows, reset) => {
  const own = rows.filter(concerns);
  for (const entry of entries.values()) {
    const told = WIDE.has(entry.operation) ? rows : own;
    if (reset || told.some((row) => entry.touched(row))) entry.touch();
  }
});

/** Rows about one of these kinds of things. */
export function about(...kinds: readonly string[]): Touched {
  return (row) => kinds.includes(row.subject.slice(0, row.subject.indexOf("/")));
}

/** Rows about exactly this. */
export function exactly(subject: string): Touched {
  return (row) => row.subject === subject;
}
