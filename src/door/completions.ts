// Completions for shells, derived from the commands.

import { SEED_COMMANDS } from "../coordination/commands.ts";
import { Refusal } from "../core/errors.ts";
import { COMMANDS, GLOBAL_FLAGS } from "./commands.ts";
import { OTHER_COMMANDS } from "./help.ts";

const USAGE = `skein completions: print completions for bash, zsh or fish

Usage: skein completions bash|zsh|fish

  bash   add to ~/.bashrc:                 source <(skein completions bash)
  zsh    add to ~/.zshrc, after compinit:  source <(skein completions zsh)
  fish   run once:                         skein completions fish \\
                                             > ~/.config/fish/completions/skein.fish`;

/**
 * What `skein completions` prints.
 * @throws Refusal `INVALID_INPUT` for a shell we know nothing of
 */
export function completionsCommand(args: readonly string[]): string {
  const [shell] = args;
  if (args.includes("--help") || args.includes("-h")) return USAGE;
  const script = completions(shell ?? "");
  if (script !== null) return script;
  const why = shell === undefined
    ? "skein completions takes a shell"
    : `${shell} is no shell it knows`;
  throw new Refusal("INVALID_INPUT", why, {
    field: "shell",
    hint: "Name bash, zsh or fish: source <(skein completions bash)",
  });
}

/** Completions of a shell; null for a shell we know nothing of. */
export function completions(shell: string): string | null {
  const first = [
    ...new Set(
      // What stands behind the first word of a help text is not typed as it is (`run GOAL`).
      [...COMMANDS, ...OTHER_COMMANDS].map(({ words }) =>
        (typeof words === "string" ? words.split(" ")[0] : words[0]) ?? ""
      ),
    ),
  ];
  const pairs = [...COMMANDS, ...SEED_COMMANDS].map(({ words }) => words)
    .filter((words) => words.length > 1);
  const second = (noun: string): string =>
    pairs.filter((words) => words[0] === noun).map((words) => words[1]).join(" ");
  const nouns = [...new Set(pairs.map((words) => words[0] ?? ""))];
  if (shell === "bash") return bash(first, nouns, second);
  if (shell === "zsh") {
    return `autoload -U +X bashcompinit && bashcompinit\n${bash(first, nouns, second)}`;
  }
  if (shell !== "fish") return null;
  return [
    "complete -c skein -f",
    `complete -c skein -n __fish_use_subcommand -a '${first.join(" ")}'`,
    ...nouns.map((noun) =>
      `complete -c skein -n '__fish_seen_subcommand_from ${noun}' -a '${second(noun)}'`
    ),
    ...Object.keys(GLOBAL_FLAGS).map((flag) => `complete -c skein -l ${flag}`),
  ].join("\n");
}

function bash(first: string[], nouns: string[], second: (noun: string) => string): string {
  const cases = nouns.map((noun) => `    ${noun}) words="${second(noun)}" ;;`).join("\n");
  return `_skein() {
  local words=""
  case "$COMP_CWORD" in
  1) words="${first.join(" ")}" ;;
  2) case "\${COMP_WORDS[1]}" in
${cases}
    esac ;;
  esac
  words="$words ${Object.keys(GLOBAL_FLAGS).map((flag) => `--${flag}`).join(" ")}"
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _skein skein`;
}
