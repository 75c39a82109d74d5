// Misspelt words: which known one is meant, and what to say of a flag that does not exist.

/** The known word that takes the fewest changes, at most a third of its letters; null if none is near. */
export function nearestOf(typed: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let least = Infinity;
  for (const word of known) {
    const begun = typed.length >= 3 && word.startsWith(typed);
    const changes = begun ? 0.5 : distance(typed, word);
    if (changes < least && changes <= Math.max(1, Math.floor(word.length / 3))) {
      [best, least] = [word, changes];
    }
  }
  return best;
}

/** Letters to put in, take out, replace or swap with the next until one word is the other. */
function distance(from: string, to: string): number {
  let before: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1;
      const left = (row[j - 1] ?? 0) + 1;
      let cost = Math.min(left, (above[j] ?? 0) + 1, (above[j - 1] ?? 0) + same);
      const swapped = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (i > 1 && j > 1 && swapped) cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    [before, above] = [above, row];
  }
  return above[to.length] ?? Infinity;
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
