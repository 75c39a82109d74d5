// A regular expression as a tree, to count what a backtracking search does with it, step by step: the
// same on every machine, however busy. And texts that such a search does badly on, made from the
// expression itself: what it matches, with a stretch repeated and an end that spoils the match.

type Node =
  | { readonly kind: "char"; readonly has: (code: number) => boolean; readonly some: string[] }
  | { readonly kind: "all"; readonly parts: readonly Node[] }
  | { readonly kind: "any"; readonly parts: readonly Node[] }
  | {
    readonly kind: "many";
    readonly part: Node;
    readonly min: number;
    readonly max: number;
    readonly lazy: boolean;
  }
  | { readonly kind: "group"; readonly part: Node; readonly n: number }
  | { readonly kind: "same"; readonly n: number }
  | { readonly kind: "look"; readonly part: Node; readonly not: boolean }
  | { readonly kind: "edge"; readonly mark: string };

/** Characters of which some are in any class that a pattern has. */
const SAMPLES = [
  ...Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)),
  ..."\t\n\r\0\u001b\u007f\u00a0\u00ad\u00e9\u0301\u0430\u200b\u202e\u2066\u2800\ufe0f\uffa0",
];

class Parser {
  readonly #source: string;
  readonly #flags: string;
  /** Every class of characters, in order. */
  readonly chars: (Node & { kind: "char" })[] = [];
  #at = 0;
  #groups = 0;

  constructor(pattern: RegExp) {
    this.#source = pattern.source;
    this.#flags = pattern.flags.replaceAll(/[gyd]/g, "");
  }

  parse(): Node {
    const node = this.#any();
    if (this.#at < this.#source.length) throw new Error(`not understood: ${this.#source}`);
    return node;
  }

  #any(): Node {
    const parts = [this.#all()];
    while (this.#source[this.#at] === "|") {
      this.#at += 1;
      parts.push(this.#all());
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: "any", parts };
  }

  #all(): Node {
    const parts: Node[] = [];
    while (this.#at < this.#source.length && !"|)".includes(this.#source[this.#at] ?? "")) {
      parts.push(this.#many(this.#one()));
    }
    return { kind: "all", parts };
  }

  #many(part: Node): Node {
    const found = /^(?:([*+?])|\{(\d+)(,)?(\d*)\})(\?)?/.exec(this.#source.slice(this.#at));
    if (found === null) return part;
    const [all, mark, low, comma, high, lazy] = found;
    this.#at += all.length;
    const min = mark === undefined ? Number(low) : mark === "+" ? 1 : 0;
    const most = comma === undefined ? min : high === "" ? Infinity : Number(high);
    const max = mark === undefined ? most : mark === "?" ? 1 : Infinity;
    return { kind: "many", part, min, max, lazy: lazy !== undefined };
  }

  #one(): Node {
    const rest = this.#source.slice(this.#at);
    if (rest.startsWith("(")) return this.#bracket(rest);
    const edge = /^(?:\\[bB]|[$^])/.exec(rest)?.[0];
    if (edge !== undefined) {
      this.#at += edge.length;
      return { kind: "edge", mark: edge };
    }
    const same = /^\\([1-9])/.exec(rest)?.[1];
    if (same !== undefined) {
      this.#at += 2;
      return { kind: "same", n: Number(same) };
    }
    const atom = /^(?:\[\^?(?:\\.|[^\]\\])*\]|\\u[\da-f]{4}|\\x[\da-f]{2}|\\[pP]\{[^}]*\}|\\.|.)/isu
      .exec(rest)?.[0] ?? "";
    this.#at += atom.length;
    return this.#char(atom);
  }

  #bracket(rest: string): Node {
    const open = /^\((?:\?[:=!]|\?<[=!]|\?<\w+>)?/.exec(rest)?.[0] ?? "";
    if (open.startsWith("(?<=") || open.startsWith("(?<!")) throw new Error("looks behind");
    this.#at += open.length;
    const n = open === "(" || open.endsWith(">") ? ++this.#groups : 0;
    const part = this.#any();
    this.#at += 1;
    if (n > 0) return { kind: "group", part, n };
    return open === "(?:" ? part : { kind: "look", part, not: open === "(?!" };
  }

  #char(atom: string): Node {
    const test = new RegExp(`^${atom}$`, this.#flags.replace("m", ""));
    const known = new Map<number, boolean>();
    const has = (code: number): boolean => {
      let is = known.get(code);
      if (is === undefined) known.set(code, is = test.test(String.fromCharCode(code)));
      return is;
    };
    const some = SAMPLES.filter((one) => has(one.charCodeAt(0)));
    const node = { kind: "char" as const, has, some };
    this.chars.push(node);
    return node;
  }
}

/** Counts; throws itself when there is too much. */
class Enough extends Error {}

class Matcher {
  steps = 0;
  readonly #text: string;
  readonly #most: number;
  readonly #lines: boolean;
  readonly #groups: string[] = [];

  constructor(text: string, most: number, lines: boolean) {
    this.#text = text;
    this.#most = most;
    this.#lines = lines;
  }

  match(node: Node, at: number, then: (at: number) => boolean): boolean {
    if (++this.steps > this.#most) throw new Enough();
    switch (node.kind) {
      case "char":
        return at < this.#text.length && node.has(this.#text.charCodeAt(at)) && then(at + 1);
      case "all":
        return this.#all(node.parts, 0, at, then);
      case "any":
        return node.parts.some((part) => this.match(part, at, then));
      case "many":
        return node.part.kind === "char"
          ? this.#chars(node, node.part, at, then)
          : this.#many(node, 0, at, then);
      case "group":
        return this.match(node.part, at, (end) => {
          const before = this.#groups[node.n] ?? "";
          this.#groups[node.n] = this.#text.slice(at, end);
          if (then(end)) return true;
          this.#groups[node.n] = before;
          return false;
        });
      case "same": {
        const group = this.#groups[node.n] ?? "";
        return this.#text.startsWith(group, at) && then(at + group.length);
      }
      case "look":
        return this.match(node.part, at, () => true) !== node.not && then(at);
      case "edge":
        return this.#edge(node.mark, at) && then(at);
    }
  }

  #all(
    parts: readonly Node[],
    next: number,
    at: number,
    then: (at: number) => boolean,
  ): boolean {
    const part = parts[next];
    if (part === undefined) return then(at);
    return this.match(part, at, (end) => this.#all(parts, next + 1, end, then));
  }

  #many(
    node: Node & { kind: "many" },
    times: number,
    at: number,
    then: (at: number) => boolean,
  ): boolean {
    const more = (): boolean =>
      times < node.max &&
      this.match(node.part, at, (end) =>
        (end > at || times < node.min) && this.#many(node, times + 1, end, then));
    const enough = (): boolean => times >= node.min && then(at);
    return node.lazy ? enough() || more() : more() || enough();
  }

  /** One character again and again, which is most of what is repeated: without recursion. */
  #chars(
    node: Node & { kind: "many" },
    part: Node & { kind: "char" },
    at: number,
    then: (at: number) => boolean,
  ): boolean {
    const { min, max, lazy } = node;
    const isNext = (end: number): boolean => {
      if (++this.steps > this.#most) throw new Enough();
      return end < this.#text.length && part.has(this.#text.charCodeAt(end));
    };
    let end = at;
    while (end - at < (lazy ? min : max) && isNext(end)) end += 1;
    if (!lazy) {
      for (; end - at >= min; end--) if (then(end)) return true;
      return false;
    }
    if (end - at < min) return false;
    while (!then(end)) {
      if (end - at >= max || !isNext(end)) return false;
      end += 1;
    }
    return true;
  }

  #edge(mark: string, at: number): boolean {
    const isWord = (i: number): boolean => /\w/.test(this.#text.charAt(i));
    if (mark === "\\b") return isWord(at - 1) !== isWord(at);
    if (mark === "\\B") return isWord(at - 1) === isWord(at);
    const around = this.#text.charAt(mark === "^" ? at - 1 : at);
    return around === "" || (this.#lines && around === "\n");
  }
}

/** What a search of every match does. */
export interface Work {
  readonly steps: number;
  /** Where the first match begins; -1 if there is none. */
  readonly first: number;
  /** There was more to do than it was given. */
  readonly isOver: boolean;
}

/** A pattern that can be searched for step by step. */
export class Pattern {
  readonly #root: Node;
  /** Characters that several of its classes have: what can be matched in several ways. */
  readonly #shared: readonly string[];
  readonly #sticky: boolean;
  readonly #lines: boolean;

  constructor(pattern: RegExp) {
    const parser = new Parser(pattern);
    this.#root = parser.parse();
    const inMany = (one: string): boolean =>
      parser.chars.filter(({ has }) => has(one.charCodeAt(0))).length > 1;
    this.#shared = SAMPLES.filter(inMany);
    this.#sticky = pattern.sticky;
    this.#lines = pattern.multiline;
  }

  /** Searches a text from its beginning on, as often as there is a match; a sticky one once. */
  search(text: string, mostSteps: number): Work {
    const matcher = new Matcher(text, mostSteps, this.#lines);
    let first = -1;
    try {
      for (let at = 0; at <= text.length;) {
        let end = -1;
        const isMatch = matcher.match(this.#root, at, (to) => {
          end = to;
          return true;
        });
        if (isMatch && first < 0) first = at;
        if (this.#sticky) break;
        at = isMatch && end > at ? end : at + 1;
      }
    } catch (thrown) {
      if (!(thrown instanceof Enough)) throw thrown;
      return { steps: matcher.steps, first, isOver: true };
    }
    return { steps: matcher.steps, first, isOver: false };
  }

  /** A text that matches but for what it looks ahead for; `random` from 0 to 1. */
  sample(random: () => number): string {
    const groups: string[] = [];
    const palette = Array.from(
      { length: 3 },
      () => this.#shared[Math.floor(random() * this.#shared.length)] ?? "",
    );
    const ofPalette = random() < 0.6;
    const most = random() < 0.3 ? 20 : 3;
    const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
    const make = (node: Node): string => {
      switch (node.kind) {
        case "char": {
          const few = ofPalette ? palette.filter((one) => node.some.includes(one)) : [];
          return pick(few) ?? pick(node.some) ?? "";
        }
        case "all":
          return node.parts.map(make).join("");
        case "any":
          return make(pick(node.parts) ?? node);
        case "many": {
          const few = Math.min(node.max, node.min + most);
          const times = node.min + Math.floor(random() * (few - node.min + 1));
          return Array.from({ length: times }, () => make(node.part)).join("");
        }
        case "group":
          return groups[node.n] = make(node.part);
        case "same":
          return groups[node.n] ?? "";
        default:
          return "";
      }
    };
    return make(this.#root);
  }
}
