// The way out of the MCP door: lines on stdout, one after the other, each whole. A short answer is written
// at once, since handing it to another thread costs more than the write; whatever might have to wait is
// handed over, so that nothing of the node waits for a client that does not read.

/**
 * An answer of at most so many bytes is written at once: it fits into what a pipe holds, many times over,
 * and whoever has just asked reads. All else is handed to another thread, which may be held up.
 */
const SHORT_BYTES = 4_096;
/**
 * So much is written at once before the client has shown that it reads: a quarter of what a pipe holds. A
 * write that has to wait would stop the whole node.
 */
const AHEAD_BYTES = 16_384;
/** An output that does not wait, being full, is tried again after this. */
const FULL_MS = 5;
/** Such an output takes so much whole or not at all; of more nobody is told how much of it was taken. */
const PIECE_BYTES = 4_096;

/** Writes lines to stdout. */
export class Output {
  readonly #gone: () => void;
  #writing: Promise<void> = Promise.resolve();
  /** Lines that are handed over and not written yet. */
  #underway = 0;
  /** Bytes written at once since the client showed that it reads. */
  #ahead = 0;
  readonly #encoder = new TextEncoder();
  readonly #short = new Uint8Array(SHORT_BYTES);

  /** `gone` is told when nobody can be written to any more. */
  constructor(gone: () => void) {
    this.#gone = gone;
  }

  /** Resolves when all is written that was given so far. */
  get written(): Promise<void> {
    return this.#writing;
  }

  /** The client has shown that it has read what was written. */
  wasRead(): void {
    this.#ahead = 0;
  }

  /** Writes a line; `answers`: whoever gets it has just asked, and so reads. */
  write(line: string, answers = false): Promise<void> {
    const text = `${line}\n`;
    if (answers && text.length <= SHORT_BYTES && this.#underway === 0) {
      const { read, written } = this.#encoder.encodeInto(text, this.#short);
      if (read === text.length && this.#ahead + written <= AHEAD_BYTES) {
        return this.#writeNow(this.#short.subarray(0, written));
      }
    }
    return this.#writeLater(this.#encoder.encode(text));
  }

  #writeNow(bytes: Uint8Array): Promise<void> {
    let from = 0;
    try {
      while (from < bytes.length) from += Deno.stdout.writeSync(bytes.subarray(from));
      this.#ahead += bytes.length;
      return Promise.resolve();
    } catch (thrown) {
      if (thrown instanceof Deno.errors.WouldBlock) return this.#writeLater(bytes.slice(from));
      this.#gone();
      return Promise.reject(thrown);
    }
  }

  /** By another thread, which may be held up. */
  #writeLater(bytes: Uint8Array): Promise<void> {
    this.#underway += 1;
    const mine = this.#writing.then(async () => {
      for (let from = 0; from < bytes.length;) {
        from += await writeSome(bytes.subarray(from, from + PIECE_BYTES));
      }
    });
    // A client that cannot be written to is gone; later lines find that out for themselves.
    this.#writing = mine.catch(() => this.#gone()).finally(() => this.#underway -= 1);
    return mine;
  }
}

/** Writes what the output takes: at least a byte. */
async function writeSome(bytes: Uint8Array): Promise<number> {
  for (;;) {
    try {
      return await Deno.stdout.write(bytes);
    } catch (thrown) {
      // The other end has made it so that it does not wait: full is not gone.
      if (!(thrown instanceof Deno.errors.WouldBlock)) throw thrown;
      await new Promise((next) => setTimeout(next, FULL_MS));
    }
  }
}
