// What somebody added to a text that skein wrote: whole runs of new lines. Anything else that was
// changed is an edit, which nobody can take in without guessing.

export interface Changes {
  /** Runs of lines that are new, in order. */
  readonly added: readonly string[];
  /** Whether lines of ours are missing or were changed. */
  readonly edited: boolean;
}

/** More comparisons than this say nothing that a person would not see faster. */
const MOST = 4_000_000;

/** Compares a text with what it was. */
export function changesOf(base: string, now: string): Changes {
  const [old, fresh] = [base.split("\n"), now.split("\n")];
  let start = 0;
  while (start < old.length && start < fresh.length && old[start] === fresh[start]) start++;
  let end = 0;
  while (
    end < old.length - start && end < fresh.length - start &&
    old[old.length - 1 - end] === fresh[fresh.length - 1 - end]
  ) end++;
  const before = old.slice(start, old.length - end);
  const after = fresh.slice(start, fresh.length - end);
  if (before.every((line) => line.trim() === "")) return { added: runs([after]), edited: false };
  if (before.length * after.length > MOST) return { added: [], edited: true };
  return hunks(before, after);
}

/** Walks the longest common run of lines; gaps in which nothing of ours is missing are additions. */
function hunks(before: readonly string[], after: readonly string[]): Changes {
  const width = after.length + 1;
  const best = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      best[i * width + j] = before[i] === after[j]
        ? 1 + (best[(i + 1) * width + j + 1] ?? 0)
        : Math.max(best[(i + 1) * width + j] ?? 0, best[i * width + j + 1] ?? 0);
    }
  }
  const added: string[][] = [];
  let edited = false;
  let [gone, come]: [string[], string[]] = [[], []];
  const close = (): void => {
    if (gone.some((line) => line.trim() !== "")) edited = true;
    else if (come.length > 0) added.push(come);
    [gone, come] = [[], []];
  };
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      close();
      i++;
      j++;
    } else if (
      j >= after.length ||
      (i < before.length && (best[(i + 1) * width + j] ?? 0) >= (best[i * width + j + 1] ?? 0))
    ) gone.push(before[i++] ?? "");
    else come.push(after[j++] ?? "");
  }
  close();
  return { added: runs(added), edited };
}

function runs(lines: readonly (readonly string[])[]): string[] {
  return lines.map((run) => run.join("\n").trim()).filter((text) => text !== "");
}
