// Misspelt words: which known one is meant, and what to say of a flag that does not exist.

import { levenshteinDistance } from "@std/text";

/** Two letters that changed places are two changes: so many are allowed in a word of four. */
function allowed(word: string): number {
  return word.length < 4 ? 1 : Math.max(2, Math.floor(word.length / 3));
}

/** The known word that takes the fewest changes, at most a third of its letters or two; null if none is near. */
export function nearestOf(typed: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let least = Infinity;
  for (const word of known) {
    const begun = typed.length >= 3 && word.startsWith(typed);
    const changes = begun ? 0.5 : levenshteinDistance(typed, word);
    if (changes < least && changes <= allowed(word)) {
      [best, least] = [word, changes];
    }
  }
  return best;
}

/** What is wrong with the flags, from what the parser of arguments says. */
export function flagFault(thrown: unknown, flags: readonly string[]): string {
  const said = thrown instanceof Error ? thrown.message.split("\n")[0] ?? "" : "";
  const unknown = /^Unknown option '(-+)([^']+)'/.exec(said);
  if (unknown === null) return said;
  const [, dashes = "", name = ""] = unknown;
  const near = dashes === "--" ? nearestOf(name, flags) : null;
  const meant = near === null ? "" : `; did you mean --${near}?`;
  return `there is no flag ${dashes}${name}${meant}`;
}
