// Reads that several pages ask for at once are done once. Whoever asks is handed an answer that was read
// after the question came, or at a journal position not older than the question's: nobody gets what is
// stale, and nothing is kept once it was handed out. Whether somebody may read is asked for each alone.

import { LIMITS, TIMES } from "../core/limits.ts";
import type { AnyOperation } from "../core/operation.ts";
import { parse } from "../parse.ts";

/** An answer, and the number of the newest journal row that it was read with. */
export interface Read {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly seq: number;
}

/** One question that is being asked. */
interface Question {
  /** When each asker, known by its token, has asked last; in milliseconds of the process's clock. */
  readonly askedMs: Map<string, number>;
  running: Promise<Read> | null;
  /** Waits for the one that runs, and for its turn: whoever asks meanwhile joins it. */
  next: Promise<Read> | null;
  endMs: number;
  tookMs: number;
}

export class SharedReads {
  readonly #questions = new Map<string, Question>();
  /** Answers that were handed to more than who made them be read. */
  shared = 0;

  /** How many questions are known; for tests of the bound. */
  get size(): number {
    return this.#questions.size;
  }

  /**
   * The answer to a question.
   * @param key what is asked, by which identity and of which project: whoever brings the same key may
   * have the same answer
   * @param asker who asks: somebody alone never waits for others
   * @param seq number of the newest journal row when it was asked
   * @param read reads it, with the number of the newest row of the snapshot
   * @throws whatever `read` throws
   */
  async ask(
    key: string,
    asker: string,
    seq: number,
    read: () => Promise<Read>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const nowMs = performance.now();
    const question = this.#question(key, nowMs);
    if (question === null) return (await read()).body;
    question.askedMs.set(asker, nowMs);
    if (question.running !== null) {
      const answer = await question.running.catch(() => null);
      if (answer !== null && answer.seq >= seq) {
        this.shared += 1;
        return answer.body;
      }
    }
    if (question.next !== null) {
      const answer = await question.next.catch(() => null);
      // What was refused to another is not refused to this one.
      if (answer === null) return (await read()).body;
      this.shared += 1;
      return answer.body;
    }
    question.next = this.#begin(question, read);
    return (await question.next).body;
  }

  async #begin(question: Question, read: () => Promise<Read>): Promise<Read> {
    const waitMs = question.askedMs.size < 2 ? 0 : question.endMs +
      Math.min(TIMES.sharedReadMs, Math.max(LEAST_MS, question.tookMs * SHARE)) -
      performance.now();
    // Never begun at once: `next` has to stand before it is taken away.
    await (waitMs > 0 ? new Promise<void>((wake) => setTimeout(wake, waitMs)) : null);
    while (question.running !== null) await question.running.catch(() => null);
    const beginMs = performance.now();
    question.next = null;
    question.running = read();
    try {
      return await question.running;
    } finally {
      question.running = null;
      question.endMs = performance.now();
      question.tookMs = question.endMs - beginMs;
    }
  }

  /** Null where there are too many: then each reads for itself. */
  #question(key: string, nowMs: number): Question | null {
    const known = this.#questions.get(key);
    if (known !== undefined) {
      for (const [asker, askedMs] of known.askedMs) {
        if (nowMs - askedMs > TIMES.sharedAskMs) known.askedMs.delete(asker);
      }
      return known;
    }
    if (key.length > LIMITS.sharedKeyChars) return null;
    if (this.#questions.size >= LIMITS.sharedReads) this.#forget(nowMs);
    if (this.#questions.size >= LIMITS.sharedReads) return null;
    const question: Question = {
      askedMs: new Map(),
      running: null,
      next: null,
      endMs: 0,
      tookMs: 0,
    };
    this.#questions.set(key, question);
    return question;
  }

  #forget(nowMs: number): void {
    for (const [key, { askedMs, running, next }] of this.#questions) {
      const lastMs = Math.max(0, ...askedMs.values());
      const idle = running === null && next === null && nowMs - lastMs > TIMES.sharedAskMs;
      if (idle) this.#questions.delete(key);
    }
  }
}

/**
 * Where several ask without end, a read is done again after so many times its own duration, and not before
 * the least: who gets one answer together asks again together.
 */
const SHARE = 26;
const LEAST_MS = 60;

/**
 * Whether an operation only reads the store: it waits for nothing, offers no mail, looks at nothing
 * outside, and what it answers is no secret.
 */
export function sharable(operation: AnyOperation, input: unknown): boolean {
  const { waitMs, prepare, survey, searches, secret, carriesOut } = operation;
  return secret !== true && onlyReads(operation, input) &&
    [waitMs, prepare, survey, searches, carriesOut].every((part) => part === undefined);
}

function onlyReads(operation: AnyOperation, input: unknown): boolean {
  if (operation.effect === "read") return true;
  if (operation.readsOnly === undefined) return false;
  try {
    return operation.readsOnly(parse(operation, input));
  } catch {
    // Whoever carries it out says what is wrong with it.
    return false;
  }
}
