// What a shell command is about to write, as far as its text tells: redirections, the usual programs,
// and git commands that reach for the whole tree. A command can hide what it does; what it really
// changed is looked at afterwards. Pure.

import { partsOf } from "./words.ts";

/** What was read off a command. */
export interface Reading {
  /** Paths it writes, removes or moves, as they are typed; relative ones to `base`. */
  readonly writes: readonly { readonly path: string; readonly base: string }[];
  /** The command that changes or throws away a whole working tree; null if none does. */
  readonly wholeTree: string | null;
  /** The folder in which it does so. */
  readonly wholeTreeIn: string | null;
}

/** Words of the shell's own grammar, which stand in front of commands. */
const GRAMMAR = new Set([
  "{",
  "}",
  "!",
  "if",
  "then",
  "elif",
  "else",
  "fi",
  "while",
  "until",
  "do",
  "done",
]);
/** Programs that run another one, and which of their flags take a value. */
const RUNNERS: ReadonlyMap<string, RegExp> = new Map([
  ["sudo", /^-[ugpCDRTh]$/],
  ["doas", /^-[uC]$/],
  ["env", /^(-[uC]|--unset|--chdir)$/],
  ["nice", /^(-n|--adjustment)$/],
  ["timeout", /^(-[sk]|--signal|--kill-after)$/],
  ["stdbuf", /^-[ioe]$/],
  ["npx", /^(-p|--package)$/],
  ...["time", "nohup", "command", "exec", "builtin", "bunx"].map((name) => [name, /^$/] as const),
]);
/** Programs whose operands are written: all of them, or the last one; with flags that take a value. */
const WRITES_ALL: ReadonlyMap<string, RegExp> = new Map([
  ...["rm", "rmdir", "unlink", "tee"].map((name) => [name, /^$/] as const),
  ["shred", /^-[ns]$/],
  ["truncate", /^(-[sr]|--size|--reference)$/],
  ["touch", /^(-[rdt]|--reference|--date)$/],
  ["mv", /^(-[tS]|--target-directory|--suffix)$/],
]);
const WRITES_LAST: ReadonlyMap<string, RegExp> = new Map([
  ...["cp", "install", "ln"].map((name) => [name, /^(-[tSmgo]|--target-directory)$/] as const),
  ["rsync", /^(-e|--exclude|--include|--rsh)$/],
]);
/** Formatters: what makes them write, or what keeps them from it. */
const FORMATTERS: ReadonlyMap<string, { when?: RegExp; unless?: RegExp }> = new Map([
  ["prettier", { when: /^(-w|--write)$/ }],
  ["eslint", { when: /^--fix$/ }],
  ["gofmt", { when: /^-w$/ }],
  ["goimports", { when: /^-w$/ }],
  ["black", { unless: /^--(check|diff)$/ }],
  ["rustfmt", { unless: /^--check$/ }],
  ["ruff", { when: /^(--fix|format)$/, unless: /^--(check|diff)$/ }],
]);

/** Reads a command that runs in `cwd`. */
export function readShell(command: string, cwd: string): Reading {
  const writes: { path: string; base: string }[] = [];
  let [wholeTree, wholeTreeIn]: [string | null, string | null] = [null, null];
  const outer: string[] = [];
  let base = cwd;
  for (const part of partsOf(command)) {
    if (part.kind === "open") outer.push(base);
    else if (part.kind === "close") base = outer.pop() ?? base;
    else {
      for (const path of part.targets) writes.push({ path, base });
      const plain = programOf(part.words);
      const [program = "", ...args] = plain;
      const name = program.split("/").at(-1) ?? "";
      if (name === "cd") base = resolve(base, operands(args, /^$/)[0] ?? ".");
      const git = name === "git" ? gitFolder(args, base) : null;
      const paths = git === null ? writtenBy(name, args) : gitWrites(git.rest);
      const folder = git?.folder ?? base;
      for (const path of paths) writes.push({ path, base: folder });
      const all = git === null ? removesAll(name, args) : reachesForAll(git.rest);
      if (all && wholeTree === null) [wholeTree, wholeTreeIn] = [plain.join(" "), folder];
    }
  }
  const real = writes.filter(({ path }) => path !== "" && !/^(-$|\/dev\/)|[$`]/.test(path));
  return { writes: real, wholeTree, wholeTreeIn };
}

function resolve(base: string, path: string): string {
  if (path.startsWith("/")) return path;
  return path.startsWith("~") || /[$`]/.test(path) ? base : `${base}/${path}`;
}

/** A command without the grammar, assignments and runners in front of it. */
function programOf(words: readonly string[]): string[] {
  let at = 0;
  while (at < words.length) {
    const word = words[at] ?? "";
    const runner = RUNNERS.get(word.split("/").at(-1) ?? "");
    if (GRAMMAR.has(word) || /^[A-Za-z_]\w*=/.test(word)) at += 1;
    else if (runner === undefined) break;
    else {
      at += 1;
      while (/^-./.test(words[at] ?? "")) at += runner.test(words[at] ?? "") ? 2 : 1;
      // `timeout 5 rm a`: the time stands before the command.
      if (word.endsWith("timeout")) at += 1;
    }
  }
  return words.slice(at);
}

/** Arguments that are no flags, nor the values of flags. */
function operands(args: readonly string[], takesValue: RegExp): string[] {
  const found: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    if (arg === "--") return [...found, ...args.slice(i + 1)];
    if (!/^-./.test(arg)) found.push(arg);
    else if (takesValue.test(arg)) i += 1;
  }
  return found;
}

function writtenBy(name: string, args: readonly string[]): string[] {
  if (name === "dd") {
    return args.filter((arg) => arg.startsWith("of=")).map((arg) => arg.slice(3));
  }
  if (name === "chmod") {
    // `-x` takes a right away: it is the mode, not a flag.
    const plain = operands(args, /^$/);
    return args.some((arg) => /^-[rwxXst]+$/.test(arg)) ? plain : plain.slice(1);
  }
  if (name === "patch") return operands(args, /^(-[idorpB]|--input|--output)$/).slice(0, 1);
  if (name === "sed" || name === "perl") return editedBy(name, args);
  const all = WRITES_ALL.get(name);
  if (all !== undefined) return [...targetFolder(args), ...operands(args, all)];
  const last = WRITES_LAST.get(name);
  if (last !== undefined) {
    const folder = targetFolder(args);
    return folder.length > 0 ? folder : operands(args, last).slice(-1);
  }
  const formatter = FORMATTERS.get(name);
  if (formatter === undefined) return [];
  const { when, unless } = formatter;
  const writes = (when === undefined || args.some((arg) => when.test(arg))) &&
    !(unless !== undefined && args.some((arg) => unless.test(arg)));
  const plain = operands(args, /^(--config|-c)$/);
  return !writes ? [] : name === "ruff" ? plain.slice(1) : plain;
}

/** The folder that `-t` or `--target-directory` names. */
function targetFolder(args: readonly string[]): string[] {
  const long = args.find((arg) => arg.startsWith("--target-directory="));
  if (long !== undefined) return [long.slice(long.indexOf("=") + 1)];
  const short = args.findIndex((arg) => arg === "-t" || arg === "--target-directory");
  const folder = short < 0 ? undefined : args[short + 1];
  return folder === undefined ? [] : [folder];
}

/** Files that an editor edits in place; its script is its first operand, unless a flag brought it. */
function editedBy(name: string, args: readonly string[]): string[] {
  const inPlace = name === "sed" ? /^(-[a-zA-Z]*i.*|--in-place.*)$/ : /^-[a-zA-Z]*i.*$/;
  if (!args.some((arg) => inPlace.test(arg))) return [];
  const script = name === "sed" ? /^(-[a-zA-Z]*[ef]|--expression|--file)$/ : /^-[a-zA-Z]*[eE]$/;
  const brought = args.some((arg) => script.test(arg) || /^--(expression|file)=/.test(arg));
  const plain = operands(args, script);
  return brought ? plain : plain.slice(1);
}

function removesAll(name: string, args: readonly string[]): boolean {
  return name === "rm" && args.some((arg) => /^(\.|\.\/|\*|\.\/\*)$/.test(arg));
}

/** Flags of git itself that take a value. */
const GIT_VALUE = /^(-[cC]|--git-dir|--work-tree|--namespace|--exec-path|--super-prefix)$/;

function gitFolder(args: readonly string[], base: string): { folder: string; rest: string[] } {
  let folder = base;
  let at = 0;
  while (/^-./.test(args[at] ?? "")) {
    const arg = args[at] ?? "";
    if (arg === "-C") folder = resolve(folder, args[at + 1] ?? ".");
    at += GIT_VALUE.test(arg) ? 2 : 1;
  }
  return { folder, rest: args.slice(at) };
}

/** Whether a restore leaves the working tree alone. */
function onlyStaged(args: readonly string[]): boolean {
  const has = (flag: RegExp): boolean => args.some((arg) => flag.test(arg));
  return has(/^(-S|--staged)$/) && !has(/^(-W|--worktree)$/);
}

/** Paths that git changes in the working tree. */
function gitWrites([verb = "", ...args]: readonly string[]): string[] {
  const plain = operands(args, /^(-s|--source)$/);
  if (verb === "mv") return plain;
  if (verb === "rm") return args.includes("--cached") ? [] : plain;
  if (verb === "restore") return onlyStaged(args) ? [] : plain;
  // Without `--` a word of checkout may be a branch.
  const end = args.indexOf("--");
  return verb === "checkout" && end >= 0 ? args.slice(end + 1) : [];
}

/** Whether a git command changes, or throws away, whatever is not committed in the tree. */
function reachesForAll([verb = "", ...args]: readonly string[]): boolean {
  const everything = args.some((arg) => /^(\.|\.\/|:\/|\*)$/.test(arg));
  const forced = args.some((arg) =>
    /^(-[a-eg-zA-Z]*f[a-zA-Z]*|--force|--discard-changes)$/.test(arg)
  );
  switch (verb) {
    case "reset":
      return args.some((arg) => /^--(hard|merge|keep)$/.test(arg));
    case "checkout":
      return everything || forced;
    case "switch":
      return forced;
    case "restore":
      return everything && !onlyStaged(args);
    case "stash":
      return !/^(list|show|drop|clear|create|store|branch)$/.test(args[0] ?? "push");
    case "clean":
      return forced && !args.some((arg) => /^(-[a-mo-zA-Z]*n[a-zA-Z]*|--dry-run)$/.test(arg));
    default:
      return false;
  }
}
