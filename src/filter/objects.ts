// Finds what looks like objects with keys and values in any text, in one pass that never goes
// back: what it does not understand it steps over. Where a text's quotes do not match, braces
// inside and outside of strings cannot be told apart, so the caller asks for several readings.

export interface Value {
  readonly kind: "text" | "number" | "object" | "array" | "bare";
  /** The beginning of a text or word, or "". */
  readonly text: string;
  readonly inner: Frame | null;
}

/** An object or array. */
export interface Frame {
  readonly kind: "object" | "array" | "done";
  readonly open: number;
  /** Behind the closing bracket, or behind what was read if there is none. */
  end: number;
  isClosed: boolean;
  /** Whether anything in it is a value rather than the name of one. */
  isLiteral: boolean;
  /** By key in small letters without separators; null until there is one. */
  values: Map<string, Value> | null;
}

/** Whether strings end with their line, go on over lines, or are not minded at all. */
export type Quoting = "line" | "long" | "none";

const KEY = new RegExp(
  "(?:([\"'`])\\s{0,3}([^\"'`\\\\\\s{}][^\"'`\\\\\n{}]{0,40}?)\\s{0,3}\\1|([A-Za-z_$][\\w$-]*))" +
    "\\s*(?:\\?\\s*)?(:(?!:)|=>|=(?![=>]))",
  "y",
);
const WORD = /[\w$]+/y;
const LITERAL = /[-+]?\d|(?:true|false|null|None|True|False)\b/y;
/** As in b"..." and the like. */
const PREFIX = /[bruf]{1,2}(?=["'])/iy;
const TEXT_SHOWN = 60;
/** How harmless objects are written; they have no say in what stands around them. */
const DONE_OPEN = "\u2983";
const DONE_CLOSE = "\u2984";

class Scanner {
  readonly #text: string;
  readonly #quoting: Quoting;
  readonly #closed: (frame: Frame) => void;
  readonly #stack: Frame[] = [];
  /** The key whose value starts here, if it is an object or array. */
  #pending: string | null = null;
  /** After an opening brace, a comma, a new line: a key may come. */
  #mayBeKey = false;
  /** The same without new lines and semicolons, for what might be an assignment otherwise. */
  #isInList = false;
  /** Up to where no quote of a kind closes anything: found out once. */
  readonly #unclosedTo = new Map<string, number>();
  #noBlockEnd = false;
  #at = 0;

  constructor(text: string, quoting: Quoting, closed: (frame: Frame) => void) {
    this.#text = text;
    this.#quoting = quoting;
    this.#closed = closed;
  }

  run(): void {
    while (this.#at < this.#text.length) {
      if (this.#stack.length > 0) this.#step(this.#text.charAt(this.#at));
      else {
        const open = this.#text.indexOf("{", this.#at);
        if (open < 0) return;
        this.#at = open;
        this.#open("object");
      }
    }
    for (let frame = this.#stack.pop(); frame !== undefined; frame = this.#stack.pop()) {
      this.#finish(frame);
    }
  }

  #step(char: string): void {
    if (char === "{") this.#open("object");
    else if (char === "[") this.#open("array");
    else if (char === DONE_OPEN) this.#open("done");
    else if (char === "}" || char === "]" || char === DONE_CLOSE) this.#close(char);
    else if (char === "," || char === ";") this.#separate(char === ",");
    else if (char === "\n") {
      this.#mayBeKey = true;
      this.#at += 1;
    } else if (char === " " || char === "\t" || char === "\r") this.#at += 1;
    else if (char === "/" && this.#skipComment()) return;
    else if (/["'`\w$]/.test(char)) this.#word(char);
    else {
      this.#plain();
      this.#at += 1;
    }
  }

  #plain(): void {
    this.#mayBeKey = false;
    this.#isInList = false;
    this.#pending = null;
  }

  #separate(isComma: boolean): void {
    this.#mayBeKey = true;
    this.#isInList = isComma;
    this.#pending = null;
    this.#at += 1;
  }

  #open(kind: Frame["kind"]): void {
    const frame: Frame = {
      kind,
      open: this.#at,
      end: this.#at + 1,
      isClosed: false,
      isLiteral: false,
      values: null,
    };
    const above = this.#stack.at(-1);
    if (this.#pending !== null && above?.kind === "object" && kind !== "done") {
      this.#record(above, this.#pending, { kind, text: "", inner: frame });
    }
    this.#stack.push(frame);
    this.#separate(true);
  }

  #close(char: string): void {
    const kind = char === "}" ? "object" : char === "]" ? "array" : "done";
    this.#plain();
    this.#at += 1;
    const top = this.#stack.at(-1);
    if (top === undefined || (kind !== "object" && top.kind !== kind)) return;
    // A brace closes what was left open inside; there is an object at the bottom.
    for (let frame = this.#stack.pop(); frame !== undefined; frame = this.#stack.pop()) {
      frame.isClosed = frame.kind === kind;
      this.#finish(frame);
      if (frame.isClosed) return;
    }
  }

  #finish(frame: Frame): void {
    if (frame.isClosed) frame.end = this.#at;
    const above = this.#stack.at(-1);
    if (above !== undefined && frame.kind !== "done") {
      above.isLiteral ||= frame.isLiteral;
      above.end = Math.max(above.end, frame.end);
    }
    if (frame.kind === "object") this.#closed(frame);
  }

  #record(frame: Frame, key: string, value: Value): void {
    frame.values ??= new Map();
    frame.values.set(key.toLowerCase().replaceAll(/[\s_-]/g, ""), value);
    frame.end = this.#at;
    if (value.kind === "text" || value.kind === "number") frame.isLiteral = true;
  }

  #word(char: string): void {
    const frame = this.#stack.at(-1);
    this.#pending = null;
    if (frame?.kind === "object" && this.#mayBeKey && this.#key(frame)) return;
    this.#plain();
    if (/["'`]/.test(char)) {
      if (frame?.kind === "array") frame.isLiteral = true;
      this.#at = this.#stringEnd(char) ?? this.#at + 1;
      return;
    }
    WORD.lastIndex = this.#at;
    this.#at += WORD.exec(this.#text)?.[0].length ?? 1;
  }

  #key(frame: Frame): boolean {
    KEY.lastIndex = this.#at;
    const match = KEY.exec(this.#text);
    if (match === null || (match[4] === "=" && !this.#isInList)) return false;
    this.#at += match[0].length;
    while (/\s/.test(this.#text.charAt(this.#at))) this.#at += 1;
    this.#plain();
    const key = match[2] ?? match[3] ?? "";
    PREFIX.lastIndex = this.#at;
    if (PREFIX.test(this.#text)) this.#at = PREFIX.lastIndex;
    const char = this.#text.charAt(this.#at);
    if (char === "{" || char === "[") {
      this.#pending = key;
    } else if (/["'`]/.test(char)) {
      const shown = this.#text.slice(this.#at + 1, this.#at + 1 + TEXT_SHOWN);
      this.#at = this.#stringEnd(char) ?? this.#at + 1;
      this.#record(frame, key, { kind: "text", text: shown.split(char)[0] ?? "", inner: null });
    } else {
      LITERAL.lastIndex = this.#at;
      const kind = LITERAL.test(this.#text) ? "number" : "bare";
      WORD.lastIndex = this.#at;
      const text = (WORD.exec(this.#text)?.[0] ?? "").slice(0, TEXT_SHOWN);
      this.#record(frame, key, { kind, text, inner: null });
    }
    return true;
  }

  /** Behind the closing quote of the string that starts here; null if it is none. */
  #stringEnd(quote: string): number | null {
    if (this.#quoting === "none" || this.#at < (this.#unclosedTo.get(quote) ?? 0)) return null;
    const endsWithLine = this.#quoting === "line" && quote !== "`";
    for (let i = this.#at + 1; i <= this.#text.length; i++) {
      const char = this.#text.charAt(i);
      if (char === quote) return i + 1;
      if (char === "\\") i += 1;
      else if (char === "" || (char === "\n" && endsWithLine)) {
        this.#unclosedTo.set(quote, i);
        return null;
      }
    }
    this.#unclosedTo.set(quote, this.#text.length);
    return null;
  }

  #skipComment(): boolean {
    if (this.#quoting === "none") return false;
    const next = this.#text.charAt(this.#at + 1);
    if (next !== "/" && (next !== "*" || this.#noBlockEnd)) return false;
    const end = this.#text.indexOf(next === "/" ? "\n" : "*/", this.#at + 2);
    if (end < 0 && next === "*") {
      this.#noBlockEnd = true;
      return false;
    }
    this.#at = end < 0 ? this.#text.length : next === "/" ? end : end + 2;
    return true;
  }
}

/** Calls `closed` for every object in a text, inner ones first. */
export function framesIn(text: string, quoting: Quoting, closed: (frame: Frame) => void): void {
  new Scanner(text, quoting, closed).run();
}
