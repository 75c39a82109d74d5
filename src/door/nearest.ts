// What somebody in a hurry may have meant: the nearest command or flag, and a refusal's next step in
// the words of the command line instead of the tools'.

import { CATALOGUE } from "../catalogue.ts";
import { ERRORS, Refusal } from "../core/errors.ts";
import { COMMANDS, findCommand, GLOBAL_FLAGS, wordsOf } from "./commands.ts";
import { OTHER_COMMANDS } from "./help.ts";
import { flagFault, nearestOf } from "./spelling.ts";

/** As many as fit into one line. */
const SHOWN = 4;

/** Commands that may have been meant, best first: one with a word of it, or one spelt much like it. */
export function meant(args: readonly string[]): string[] {
  const all = [
    ...COMMANDS.map(({ words }) => words.join(" ")),
    ...OTHER_COMMANDS.map(({ words }) => words.split(" ")[0] ?? ""),
  ];
  const [first = "", second] = args.filter((word) => !word.startsWith("-"));
  const typed = second === undefined ? first : `${first} ${second}`;
  const near = nearestOf(typed, all);
  const noun = nearestOf(first, all.map((words) => words.split(" ")[0] ?? ""));
  const found = [
    ...all.filter((words) => words === `${second} ${first}`),
    ...(near === null ? [] : [near]),
    ...all.filter((words) => noun !== null && words.split(" ")[0] === noun),
    ...all.filter((words) => words.endsWith(` ${first}`)),
  ];
  return [...new Set(found)].slice(0, SHOWN);
}

/** The refusal of a command that does not exist, with those that may have been meant. */
export function unknownCommand(args: readonly string[]): Refusal {
  const [flag = ""] = args;
  if (flag.startsWith("-")) {
    const flags = Object.keys(GLOBAL_FLAGS);
    const why = flagFault(new Error(`Unknown option '${flag}'`), flags);
    return new Refusal("INVALID_INPUT", why, { hint: "skein help lists commands and flags." });
  }
  const names = meant(args).map((words) => `skein ${words}`);
  const list = "skein help lists the commands.";
  return new Refusal("INVALID_INPUT", `there is no command ${args.slice(0, 2).join(" ")}`, {
    hint: names.length === 0 ? list : `Did you mean ${names.join(", ")}? ${list}`,
  });
}

/** What was refused, by whoever types commands known as a command. */
export function spokenMessage(refusal: Refusal): string {
  return refusal.message.replace(
    /^([a-z_]+): /,
    (prefix, name: string) =>
      CATALOGUE.some((operation) => operation.name === name)
        ? `skein ${wordsOf(name).join(" ")}: `
        : prefix,
  );
}

/** A refusal's next step for whoever types commands: no tool has to be known by its name. */
export function spoken(refusal: Refusal, args: readonly string[]): string {
  const command = findCommand(args)?.command;
  if (refusal.hint === ERRORS.INVALID_INPUT.hint && command !== undefined) {
    return `skein ${command.words.join(" ")} --help shows how to call it.`;
  }
  return refusal.hint
    .replace(/\b([a-z]+_[a-z]+) with action (\w+)/, "$1 ID --action $2")
    .replace(/\brun with action (\w+)/, "skein run $1")
    .replace(/\bwait_ms\b/g, "--wait-ms")
    .replace(
      /(?<!skein )\b[a-z]+_[a-z]+\b/g,
      (name) =>
        CATALOGUE.some((operation) => operation.name === name)
          ? `skein ${wordsOf(name).join(" ")}`
          : name,
    );
}
