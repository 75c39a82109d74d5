// A shell's line as simple commands: words with their quotes taken off, files that are written to, and
// where a subshell begins and ends. Here-documents, comments and what is read are left out. What a
// command substitution runs is a command, too. Pure; nothing is expanded.

/** A command, or the border of a subshell. */
export type Part =
  | {
    readonly kind: "command";
    readonly words: readonly string[];
    readonly targets: readonly string[];
  }
  | { readonly kind: "open" }
  | { readonly kind: "close" };

/** Stands in a word for what only a shell could know. */
const UNKNOWN = "$";
const MOST_PARTS = 5_000;
const MOST_DEPTH = 8;

interface HereDocument {
  readonly end: string;
  readonly tabs: boolean;
}

/** The parts of a text, in order. */
export function partsOf(text: string): Part[] {
  const reader = new Reader(text, 0);
  reader.read();
  return reader.parts;
}

class Reader {
  readonly parts: Part[] = [];
  readonly #text: string;
  readonly #depth: number;
  #at = 0;
  #words: string[] = [];
  #targets: string[] = [];
  #word: string | null = null;
  /** What the next word is: part of the command, written to, or only read. */
  #next: "word" | "target" | "skip" = "word";
  #here: HereDocument[] = [];

  constructor(text: string, depth: number) {
    this.#text = text;
    this.#depth = depth;
  }

  read(): void {
    while (this.#at < this.#text.length && this.parts.length < MOST_PARTS) this.#step();
    this.#endCommand();
  }

  #peek(ahead = 0): string {
    return this.#text[this.#at + ahead] ?? "";
  }

  #step(): void {
    const char = this.#peek();
    if (char === "\\") this.#escape();
    else if (char === "'") this.#quoted();
    else if (char === '"') this.#doubleQuoted();
    else if (char === "`" || (char === "$" && this.#peek(1) === "(")) this.#substitution();
    else if (char === "#" && this.#word === null) this.#toLineEnd();
    else if (char === ">" || (char === "&" && this.#peek(1) === ">")) this.#output();
    else if (char === "<") this.#input();
    else if (char === "\n") this.#line();
    else if (/[;|&]/.test(char)) this.#border(null);
    else if (char === "(") this.#border("open");
    else if (char === ")") this.#border("close");
    else if (/\s/.test(char)) {
      this.#endWord();
      this.#at += 1;
    } else {
      this.#add(char);
      this.#at += 1;
    }
  }

  #add(text: string): void {
    this.#word = (this.#word ?? "") + text;
  }

  #escape(): void {
    const next = this.#peek(1);
    if (next !== "\n") this.#add(next);
    this.#at += 2;
  }

  #quoted(): void {
    const end = this.#text.indexOf("'", this.#at + 1);
    const to = end < 0 ? this.#text.length : end;
    this.#add(this.#text.slice(this.#at + 1, to));
    this.#at = to + 1;
  }

  #doubleQuoted(): void {
    this.#add("");
    this.#at += 1;
    while (this.#at < this.#text.length && this.#peek() !== '"') {
      const char = this.#peek();
      const next = this.#peek(1);
      if (char === "\\" && next !== "" && '"\\$`\n'.includes(next)) {
        if (next !== "\n") this.#add(next);
        this.#at += 2;
      } else if (char === "`" || (char === "$" && next === "(")) this.#substitution();
      else {
        this.#add(char);
        this.#at += 1;
      }
    }
    this.#at += 1;
  }

  /** What stands in `$(...)` or backquotes runs in a shell of its own. */
  #substitution(): void {
    const backquote = this.#peek() === "`";
    const from = this.#at + (backquote ? 1 : 2);
    const to = backquote ? closingQuote(this.#text, from) : closingBracket(this.#text, from);
    if (this.#depth < MOST_DEPTH) {
      const inner = new Reader(this.#text.slice(from, to), this.#depth + 1);
      inner.read();
      this.parts.push({ kind: "open" }, ...inner.parts, { kind: "close" });
    }
    this.#add(UNKNOWN);
    this.#at = to + 1;
  }

  #toLineEnd(): void {
    const end = this.#text.indexOf("\n", this.#at);
    this.#at = end < 0 ? this.#text.length : end;
  }

  #output(): void {
    // The number or & in front of it says which stream; it is no word.
    if (this.#word !== null && /^\d*$/.test(this.#word)) this.#word = null;
    this.#endWord();
    this.#at += this.#peek() === "&" ? 2 : 1;
    if (this.#peek() === ">" || this.#peek() === "|") this.#at += 1;
    this.#next = "target";
    if (this.#peek() === "&") {
      this.#at += 1;
      // Another stream, not a file.
      const stream = /^\s*(?:\d+-?|-)(?=[\s;|&)]|$)/.exec(
        this.#text.slice(this.#at, this.#at + 40),
      );
      if (stream !== null) {
        this.#at += stream[0].length;
        this.#next = "word";
      }
    } else if (this.#peek() === "(") this.#next = "word";
  }

  #input(): void {
    if (this.#word !== null && /^\d*$/.test(this.#word)) this.#word = null;
    this.#endWord();
    if (this.#text.startsWith("<<<", this.#at)) {
      this.#at += 3;
      this.#next = "skip";
    } else if (this.#text.startsWith("<<", this.#at)) {
      this.#at += 2;
      this.#hereDocument();
    } else {
      this.#at += 1;
      if (this.#peek() === "&" || this.#peek() === ">") this.#at += 1;
      this.#next = this.#peek() === "(" ? "word" : "skip";
    }
  }

  #hereDocument(): void {
    const tabs = this.#peek() === "-";
    if (tabs) this.#at += 1;
    const [all = "", word = ""] = /^[ \t]*((?:\\.|'[^']*'|"[^"]*"|[^\s;|&<>()'"\\])+)/
      .exec(this.#text.slice(this.#at, this.#at + 400)) ?? [];
    this.#at += all.length;
    if (word !== "") this.#here.push({ end: word.replaceAll(/\\(.)|['"]/g, "$1"), tabs });
  }

  #line(): void {
    this.#endCommand();
    this.#at += 1;
    for (const { end, tabs } of this.#here) {
      while (this.#at < this.#text.length) {
        const stop = this.#text.indexOf("\n", this.#at);
        const line = this.#text.slice(this.#at, stop < 0 ? this.#text.length : stop);
        this.#at = stop < 0 ? this.#text.length : stop + 1;
        if ((tabs ? line.replace(/^\t+/, "") : line) === end) break;
      }
    }
    this.#here = [];
  }

  #border(kind: "open" | "close" | null): void {
    this.#endCommand();
    this.#at += 1;
    if (kind !== null) this.parts.push({ kind });
  }

  #endWord(): void {
    if (this.#word === null) return;
    if (this.#next === "target") this.#targets.push(this.#word);
    else if (this.#next === "word") this.#words.push(this.#word);
    this.#word = null;
    this.#next = "word";
  }

  #endCommand(): void {
    this.#endWord();
    this.#next = "word";
    if (this.#words.length + this.#targets.length > 0) {
      this.parts.push({ kind: "command", words: this.#words, targets: this.#targets });
    }
    this.#words = [];
    this.#targets = [];
  }
}

/** Where the bracket that is open at `from` closes; quotes hide brackets. */
function closingBracket(text: string, from: number): number {
  let depth = 1;
  for (let i = from; i < text.length; i++) {
    const char = text[i];
    if (char === "\\") i += 1;
    else if (char === "'") i = indexOr(text, "'", i + 1);
    else if (char === "(") depth += 1;
    else if (char === ")") {
      depth -= 1;
      if (depth === 0) return i;
    }
  }
  return text.length;
}

function closingQuote(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    if (text[i] === "\\") i += 1;
    else if (text[i] === "`") return i;
  }
  return text.length;
}

function indexOr(text: string, char: string, from: number): number {
  const found = text.indexOf(char, from);
  return found < 0 ? text.length : found;
}
