// What a shell command is about to write, as far as its text tells: redirections, the usual
// programs, and git commands that reach for the whole tree. A command can hide what it does; what
// it really changed is looked at afterwards. Pure.

/** What was read off a command. */
export interface Reading {
  /** Paths it writes, removes or moves, as they are typed; relative ones to `base`. */
  readonly writes: readonly { readonly path: string; readonly base: string }[];
  /** The command that changes or throws away the whole working tree; null if none does. */
  readonly wholeTree: string | null;
}

/** Programs whose arguments are written: all of them, or the last one. */
const WRITES_ALL = new Set([
  "rm",
  "rmdir",
  "unlink",
  "shred",
  "truncate",
  "touch",
  "tee",
  "mv",
  "patch",
  "chmod",
]);
const WRITES_LAST = new Set(["cp", "install", "ln", "rsync"]);
/** Formatters and the flag that makes them write. */
const FORMATTERS: ReadonlyMap<string, RegExp> = new Map([
  ["prettier", /^(-w|--write)$/],
  ["eslint", /^--fix$/],
  ["gofmt", /^-w$/],
  ["goimports", /^-w$/],
  ["black", /^/],
  ["rustfmt", /^/],
  ["ruff", /^(--fix|format)$/],
  ["sed", /^(-[a-zA-Z]*i.*|--in-place.*)$/],
  ["perl", /^-[a-zA-Z]*i.*$/],
]);
/** What stands in front of a command without being one. */
const PREFIXES = new Set(["sudo", "env", "time", "nice", "nohup", "command", "exec", "builtin"]);
const MOST_WORDS = 5_000;

interface Words {
  readonly words: string[];
  readonly targets: string[];
}

/** Reads a command that runs in `cwd`. */
export function readShell(command: string, cwd: string): Reading {
  const writes: { path: string; base: string }[] = [];
  let wholeTree: string | null = null;
  let base = cwd;
  for (const { words, targets } of commandsOf(command)) {
    for (const path of targets) writes.push({ path, base });
    const plain = withoutPrefix(words);
    const [program = "", ...args] = plain;
    const name = program.split("/").at(-1) ?? "";
    if (name === "cd" && args[0] !== undefined) base = resolve(base, args[0]);
    for (const path of writtenBy(name, args)) writes.push({ path, base });
    if (name === "git") {
      const { folder, rest } = gitFolder(args, base);
      for (const path of gitWrites(rest)) writes.push({ path, base: folder });
      if (reachesForAll(rest)) wholeTree ??= plain.join(" ");
    }
    if (name === "rm" && args.some((arg) => /^(\.|\.\/|\*|\.\/\*)$/.test(arg))) {
      wholeTree ??= plain.join(" ");
    }
  }
  const real = writes.filter(({ path }) => path !== "" && !/^(-$|\/dev\/|&)|[$`]/.test(path));
  return { writes: real, wholeTree };
}

function resolve(base: string, path: string): string {
  if (path.startsWith("/")) return path;
  return path.startsWith("~") || /[$`]/.test(path) ? base : `${base}/${path}`;
}

function withoutPrefix(words: readonly string[]): string[] {
  let at = 0;
  while (at < words.length) {
    const word = words[at] ?? "";
    const assignment = /^[A-Za-z_]\w*=/.test(word);
    const flag = at > 0 && word.startsWith("-") && PREFIXES.has(words[at - 1] ?? "");
    if (!assignment && !flag && !PREFIXES.has(word)) break;
    at += 1;
  }
  return words.slice(at);
}

function writtenBy(name: string, args: readonly string[]): string[] {
  const plain = operands(args);
  if (name === "dd") {
    return args.filter((arg) => arg.startsWith("of=")).map((arg) => arg.slice(3));
  }
  if (name === "chmod") return plain.slice(1);
  if (WRITES_ALL.has(name)) return plain;
  if (WRITES_LAST.has(name)) return plain.slice(-1);
  const flag = FORMATTERS.get(name);
  if (flag === undefined || !(args.some((arg) => flag.test(arg)) || flag.source === "^")) return [];
  // The script of an in-place editor is its first operand, unless it came with -e or -f.
  const scripted = args.some((arg) => /^-[ef]$/.test(arg));
  return name === "sed" && !scripted ? plain.slice(1) : plain;
}

/** Arguments that are no flags. */
function operands(args: readonly string[]): string[] {
  const end = args.indexOf("--");
  const before = end < 0 ? args : args.slice(0, end);
  const after = end < 0 ? [] : args.slice(end + 1);
  return [...before.filter((arg) => !arg.startsWith("-")), ...after];
}

function gitFolder(args: readonly string[], base: string): { folder: string; rest: string[] } {
  let folder = base;
  let at = 0;
  while (at < args.length) {
    const arg = args[at] ?? "";
    if (arg === "-C") folder = resolve(folder, args[at + 1] ?? ".");
    if (arg === "-C" || arg === "-c") at += 2;
    else if (arg.startsWith("-")) at += 1;
    else break;
  }
  return { folder, rest: args.slice(at) };
}

/** Paths that git changes in the working tree. */
function gitWrites([verb = "", ...args]: readonly string[]): string[] {
  const end = args.indexOf("--");
  const after = end < 0 ? [] : args.slice(end + 1);
  if (verb === "rm" || verb === "mv") return operands(args);
  if (verb === "restore" && !args.includes("--staged")) return operands(args);
  // Without `--` a word of checkout may be a branch.
  return verb === "checkout" ? after : [];
}

/** Whether a git command changes, or throws away, whatever is not committed in the tree. */
function reachesForAll([verb = "", ...args]: readonly string[]): boolean {
  const everything = args.some((arg) => /^(\.|\.\/|:\/|\*)$/.test(arg));
  const forced = args.some((arg) => /^(-[a-zA-Z]*f[a-zA-Z]*|--force|--discard-changes)$/.test(arg));
  switch (verb) {
    case "reset":
      return args.some((arg) => /^--(hard|merge|keep)$/.test(arg));
    case "checkout":
      return everything || forced;
    case "switch":
      return forced;
    case "restore":
      return everything && !args.includes("--staged");
    case "stash":
      return !/^(list|show|drop|clear|create|store|branch)$/.test(args[0] ?? "push");
    case "clean":
      return forced && !args.some((arg) => /^(-[a-zA-Z]*n[a-zA-Z]*|--dry-run)$/.test(arg));
    default:
      return false;
  }
}

/** The simple commands of a line, with quotes taken off and here-documents left out. */
function commandsOf(text: string): Words[] {
  const commands: Words[] = [];
  let current: Words = { words: [], targets: [] };
  let word: string | null = null;
  let redirects = false;
  let count = 0;
  const ends: string[] = [];
  const endWord = (): void => {
    if (word === null) return;
    count += 1;
    if (redirects) current.targets.push(word);
    else current.words.push(word);
    word = null;
    redirects = false;
  };
  const endCommand = (): void => {
    endWord();
    if (current.words.length + current.targets.length > 0) commands.push(current);
    current = { words: [], targets: [] };
  };
  for (let i = 0; i < text.length && count < MOST_WORDS; i++) {
    const char = text[i] ?? "";
    const next = text[i + 1] ?? "";
    if (char === "\\" && next !== "") {
      if (next !== "\n") word = (word ?? "") + next;
      i += 1;
    } else if (char === "'" || char === '"') {
      const end = closing(text, i);
      word = (word ?? "") + unquoted(text.slice(i + 1, end), char);
      i = end;
    } else if (char === "<" && next === "<" && text[i + 2] !== "<") {
      endWord();
      const [all = "<<", quoted, bare] = /^<<-?\s*(?:(['"])?)(\w+)\1?/.exec(text.slice(i)) ?? [];
      if (bare !== undefined || quoted !== undefined) ends.push(bare ?? "");
      i += all.length - 1;
    } else if (char === ">") {
      // The number or & in front of it says which stream; it is no word.
      if (word !== null && /^[\d&]*$/.test(word)) word = null;
      endWord();
      while (/[>|&]/.test(text[i + 1] ?? "")) i += 1;
      redirects = true;
    } else if (/[\n;|&(){}`]/.test(char)) {
      if (char === "&" && next === ">") continue;
      endCommand();
      if (char === "\n" && ends.length > 0) i = skipHere(text, i, ends) - 1;
    } else if (char === "#" && word === null) {
      while (i + 1 < text.length && text[i + 1] !== "\n") i += 1;
    } else if (/\s/.test(char)) {
      endWord();
    } else {
      word = (word ?? "") + char;
    }
  }
  endCommand();
  return commands;
}

/** Where the quote that opens at `from` closes; the end of the text if it never does. */
function closing(text: string, from: number): number {
  const quote = text[from];
  for (let i = from + 1; i < text.length; i++) {
    if (text[i] === "\\" && quote === '"') i += 1;
    else if (text[i] === quote) return i;
  }
  return text.length;
}

function unquoted(text: string, quote: string): string {
  return quote === "'" ? text : text.replaceAll(/\\(["\\$`])/g, "$1");
}

/** Behind the here-documents that were announced on the line before. */
function skipHere(text: string, from: number, ends: string[]): number {
  let at = from + 1;
  while (ends.length > 0 && at < text.length) {
    const end = text.indexOf("\n", at);
    const line = text.slice(at, end < 0 ? text.length : end).trim();
    at = end < 0 ? text.length : end + 1;
    if (line === ends[0]) ends.shift();
  }
  ends.length = 0;
  return at;
}
