// When two reservations are in each other's way. A reservation is a path of segments, of which
// any may be a glob; `**` stands for any number of segments, none included. A folder is its path
// followed by `**`. Whether two patterns share a path is decided exactly for `*`, `?` and `**`;
// between two character classes the answer leans to yes: a needless wait beats a lost edit. Pure.

export type Mode = "exclusive" | "shared";

export interface Reservation {
  /** What the path is relative to. */
  readonly space: string;
  /** Canonical path, segments joined by `/`. */
  readonly path: string;
  readonly mode: Mode;
}

type Token =
  | { readonly kind: "char"; readonly char: string }
  | { readonly kind: "one" }
  | { readonly kind: "many" }
  | { readonly kind: "class"; readonly negated: boolean; readonly text: readonly string[] };

/** Whether a path has parts that stand for more than themselves. */
export function isGlob(path: string): boolean {
  return /[*?[\]{}]/.test(path);
}

/** Whether nothing in a pattern narrows it down: it would reserve everything. */
export function matchesEverything(path: string): boolean {
  // A class of what may not be there narrows nothing down either.
  // Behind the last bracket nothing closes: each of a thousand open ones would be looked for to the end.
  const closed = path.lastIndexOf("]") + 1;
  const bare = path.slice(0, closed).replaceAll(/\[[!^][^\]]*\]/g, "?") + path.slice(closed);
  return /^[*?/]*$/.test(bare);
}

/** `{a,b}` written out; null when there are more than `most` results or braces do not match. */
export function expandBraces(pattern: string, most: number): string[] | null {
  const open = pattern.indexOf("{");
  if (open < 0) return pattern.includes("}") ? null : [pattern];
  let depth = 0;
  let start = open + 1;
  const parts: string[] = [];
  for (let i = open; i < pattern.length; i++) {
    const char = pattern[i];
    if (char === "{") depth += 1;
    if (char === "}") depth -= 1;
    if ((char === "," && depth === 1) || depth === 0) {
      parts.push(pattern.slice(start, i));
      start = i + 1;
    }
    if (depth > 0) continue;
    const head = pattern.slice(0, open);
    const results: string[] = [];
    for (const part of parts) {
      const expanded = expandBraces(head + part + pattern.slice(i + 1), most);
      if (expanded === null || results.length + expanded.length > most) return null;
      results.push(...expanded);
    }
    return results;
  }
  return null;
}

function tokens(segment: string): Token[] {
  const result: Token[] = [];
  // By code points: a `?` stands for a whole character.
  const chars = [...segment];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] ?? "";
    const close = char === "[" ? chars.indexOf("]", i + 2) : -1;
    if (char === "*") {
      if (result.at(-1)?.kind !== "many") result.push({ kind: "many" });
    } else if (char === "?") {
      result.push({ kind: "one" });
    } else if (close > 0) {
      const negated = chars[i + 1] === "!" || chars[i + 1] === "^";
      const text = chars.slice(i + (negated ? 2 : 1), close);
      result.push({ kind: "class", negated, text });
      i = close;
    } else {
      result.push({ kind: "char", char });
    }
  }
  return result;
}

function inClass(token: { negated: boolean; text: readonly string[] }, char: string): boolean {
  let inside = false;
  for (let i = 0; i < token.text.length; i++) {
    const low = token.text[i] ?? "";
    const high = token.text[i + 1] === "-" ? token.text[i + 2] : undefined;
    if (high === undefined) {
      inside ||= low === char;
    } else {
      inside ||= low <= char && char <= high;
      i += 2;
    }
  }
  return inside !== token.negated;
}

function sharesChar(a: Token, b: Token): boolean {
  if (a.kind === "char" && b.kind === "char") return a.char === b.char;
  if (a.kind === "class" && b.kind === "char") return inClass(a, b.char);
  if (a.kind === "char" && b.kind === "class") return inClass(b, a.char);
  return true;
}

/** Whether two sequences with "any number" elements have a common instance. */
function intersects<T>(
  a: readonly T[],
  b: readonly T[],
  isMany: (item: T) => boolean,
  shares: (x: T, y: T) => boolean,
): boolean {
  // reachable[j]: a[0..i) and b[0..j) can stand for the same thing. "Any number" either stands
  // for nothing or swallows one more element of the other side.
  let reachable: boolean[] = [true];
  for (const [j, y] of b.entries()) reachable[j + 1] = isMany(y) && reachable[j] === true;
  for (const x of a) {
    const next: boolean[] = [isMany(x) && reachable[0] === true];
    for (const [j, y] of b.entries()) {
      next[j + 1] = isMany(x) || isMany(y)
        ? reachable[j + 1] === true || next[j] === true
        : reachable[j] === true && shares(x, y);
    }
    reachable = next;
  }
  return reachable[b.length] === true;
}

function segmentsShare(a: string, b: string): boolean {
  if (a === b || (!isGlob(a) && !isGlob(b))) return a === b;
  return intersects(tokens(a), tokens(b), (token) => token.kind === "many", sharesChar);
}

/** Whether some path belongs to both patterns. */
export function overlaps(a: string, b: string): boolean {
  if (a === b || (!isGlob(a) && !isGlob(b))) return a === b;
  return intersects(a.split("/"), b.split("/"), (segment) => segment === "**", segmentsShare);
}

/** Whether two reservations are in each other's way. */
export function conflicts(a: Reservation, b: Reservation): boolean {
  if (a.space !== b.space) return false;
  if (a.mode === "shared" && b.mode === "shared") return false;
  return overlaps(a.path, b.path);
}

/** An editor's lock is in nobody's way in another working tree; a wanted one is in everybody's. */
export function inTheWay(
  wanted: Reservation & { readonly tree: string },
  held: Reservation & { readonly tree: string | null },
): boolean {
  return (held.tree === null || held.tree === wanted.tree) && conflicts(wanted, held);
}

/**
 * The cycle that `waiter` would close by waiting for `holders`, given who already waits for whom;
 * as names from the waiter back to itself. Null if there is none.
 */
export function waitCycle(
  waiter: string,
  holders: readonly string[],
  waitsFor: ReadonlyMap<string, readonly string[]>,
): string[] | null {
  const seen = new Set<string>();
  const visit = (peer: string, path: string[]): string[] | null => {
    if (peer === waiter) return [...path, peer];
    if (seen.has(peer)) return null;
    seen.add(peer);
    for (const next of waitsFor.get(peer) ?? []) {
      const cycle = visit(next, [...path, peer]);
      if (cycle !== null) return cycle;
    }
    return null;
  };
  for (const holder of holders) {
    const cycle = visit(holder, [waiter]);
    if (cycle !== null) return cycle;
  }
  return null;
}
