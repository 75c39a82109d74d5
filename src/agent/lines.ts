// Bytes of a pipe into lines, however they were torn. A line without end does not fill the memory:
// what is too long is cut and told to be so. Pure but for what it keeps of the last line.

/** One line, without its end. */
export interface Line {
  readonly text: string;
  /** It was longer than what is kept; `text` is its beginning. */
  readonly cut: boolean;
}

const NEWLINE = 10;

/** Cuts a stream of bytes into lines. */
export class LineCutter {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #cut = false;

  /** @param maxBytes what is kept of one line */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that these bytes complete. */
  push(chunk: Uint8Array): Line[] {
    const found: Line[] = [];
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      this.#keep(chunk.subarray(from, at));
      found.push(this.#take());
      from = at + 1;
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
    return found;
  }

  /** The last line, if the stream ended in one. */
  end(): Line[] {
    return this.#bytes === 0 && !this.#cut ? [] : [this.#take()];
  }

  #keep(part: Uint8Array): void {
    const room = this.#maxBytes - this.#bytes;
    if (part.length > room) this.#cut = true;
    const kept = part.length > room ? part.subarray(0, room) : part;
    if (kept.length === 0) return;
    // The caller's buffer may be used again.
    this.#parts.push(kept.slice());
    this.#bytes += kept.length;
  }

  #take(): Line {
    const whole = new Uint8Array(this.#bytes);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    const cut = this.#cut;
    this.#parts = [];
    this.#bytes = 0;
    this.#cut = false;
    const text = new TextDecoder().decode(whole);
    return { text: text.endsWith("\r") ? text.slice(0, -1) : text, cut };
  }
}
