// Whether two patterns share a path, for all patterns: symmetric, reflexive, never no when there is
// a common path (patterns are loosened from one path, so the path is the witness), and exact for
// literals, `*`, `?` and `**` (every path of a small world is tried against both).

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { conflicts, expandBraces, type Mode, overlaps, waitCycle } from "../../src/lock/rules.ts";

const RUNS = { numRuns: 2_000 };

/** Any pattern, classes and unclosed brackets included. */
const segments = fc.string({
  unit: fc.constantFrom("a", "b", "c", "*", "?", "[", "]", "!", "^", "-", "."),
  minLength: 1,
  maxLength: 6,
});
const patterns = fc.array(fc.oneof(segments, fc.constant("**")), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join("/"));

Deno.test("overlaps: is symmetric and reflexive for any patterns", () => {
  fc.assert(
    fc.property(patterns, patterns, (a, b) => {
      assertEquals(overlaps(a, b), overlaps(b, a));
      assert(overlaps(a, a), a);
    }),
    RUNS,
  );
});

Deno.test("conflicts: is symmetric, needs one space and a path, and spares readers", () => {
  const modes = fc.constantFrom<Mode>("exclusive", "shared");
  const spaces = fc.constantFrom("r1", "r2");
  const reservations = fc.record({ space: spaces, path: patterns, mode: modes });
  fc.assert(
    fc.property(reservations, reservations, (a, b) => {
      const alone = a.mode === "exclusive" || b.mode === "exclusive";
      assertEquals(conflicts(a, b), a.space === b.space && alone && overlaps(a.path, b.path));
      assertEquals(conflicts(a, b), conflicts(b, a));
    }),
    RUNS,
  );
});

/** How one character of a path may be loosened, so that the pattern still stands for it. */
type Loosen = "keep" | "one" | "many" | "manyBefore" | "class" | "range" | "negated";
const loosenings = fc.constantFrom<Loosen>(
  ...["keep", "keep", "keep", "one", "many", "manyBefore", "class", "range", "negated"] as const,
);

function loosen(char: string, how: Loosen | undefined): string {
  switch (how) {
    case "one":
      return "?";
    case "many":
      return "*";
    case "manyBefore":
      return `*${char}`;
    case "class":
      return `[x${char}y]`;
    case "range":
      return `[${String.fromCharCode(char.charCodeAt(0) - 1)}-${char}]`;
    case "negated":
      return "[!xy]";
    default:
      return char;
  }
}

interface Plan {
  /** For each segment: nothing, `**` instead of it, or `**` before it. */
  readonly deep: readonly ("no" | "no" | "instead" | "before")[];
  readonly chars: readonly Loosen[];
  readonly tail: boolean;
}

const plans: fc.Arbitrary<Plan> = fc.record({
  deep: fc.array(fc.constantFrom("no", "no", "no", "instead", "before"), { maxLength: 4 }),
  chars: fc.array(loosenings, { maxLength: 16 }),
  tail: fc.boolean(),
});

/** A pattern that stands for `path`, by construction. */
function patternOf(path: readonly string[], plan: Plan): string {
  let at = 0;
  const parts = path.flatMap((segment, i) => {
    const loose = [...segment].map((char) => loosen(char, plan.chars[at++])).join("");
    const deep = plan.deep[i];
    return deep === "instead" ? ["**"] : deep === "before" ? ["**", loose] : [loose];
  });
  return [...parts, ...(plan.tail ? ["**"] : [])].join("/");
}

const paths = fc.array(fc.string({ unit: fc.constantFrom("b", "c", "d"), minLength: 1 }), {
  minLength: 1,
  maxLength: 4,
});

Deno.test("overlaps: two patterns that stand for one path always share it", () => {
  fc.assert(
    fc.property(paths, plans, plans, (path, first, second) => {
      const [a, b] = [patternOf(path, first), patternOf(path, second)];
      assert(overlaps(a, b), `${a} and ${b} both stand for ${path.join("/")}`);
      assert(overlaps(a, path.join("/")), `${a} stands for ${path.join("/")}`);
    }),
    { numRuns: 5_000 },
  );
});

/** Every word over `letters` of 1 to `longest` letters. */
function words(letters: string, longest: number): string[] {
  let last = [""];
  const all: string[] = [];
  for (let length = 1; length <= longest; length++) {
    last = last.flatMap((word) => [...letters].map((letter) => word + letter));
    all.push(...last);
  }
  return all;
}

/** An independent matcher: one segment by the regular expression it means. */
function segmentRegex(segment: string): RegExp {
  return new RegExp(`^${segment.replaceAll("*", ".*").replaceAll("?", ".")}$`);
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  const [head, ...rest] = pattern;
  if (head === undefined) return path.length === 0;
  if (head === "**") {
    return matches(rest, path) || (path.length > 0 && matches(pattern, path.slice(1)));
  }
  const [first, ...others] = path;
  return first !== undefined && segmentRegex(head).test(first) && matches(rest, others);
}

const simple = (maxLength: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom("a", "b", "*", "?"), minLength: 1, maxLength })
    // Two stars alone are the other thing; within a segment more stars are one star.
    .map((segment) => segment.replaceAll(/\*+/g, "*"));

Deno.test("overlaps: is exact within a segment", () => {
  // No shortest witness is longer than the letters of both patterns together.
  const world = words("ab", 8);
  fc.assert(
    fc.property(simple(4), simple(4), (a, b) => {
      const [first, second] = [segmentRegex(a), segmentRegex(b)];
      const shared = world.find((word) => first.test(word) && second.test(word));
      assertEquals(overlaps(a, b), shared !== undefined, `${a} and ${b}: ${shared}`);
    }),
    RUNS,
  );
});

Deno.test("overlaps: is exact across segments", () => {
  const names = words("ab", 2);
  const deeper = (from: string[][]): string[][] =>
    from.flatMap((path) => names.map((name) => [...path, name]));
  const one = names.map((name) => [name]);
  const [two, three, four] = [deeper(one), deeper(deeper(one)), deeper(deeper(deeper(one)))];
  const world = [...one, ...two, ...three, ...four];
  // At most two named segments each, of at most two letters: the world holds every witness.
  const shapes = fc.array(fc.oneof(simple(2), fc.constant("**")), { minLength: 1, maxLength: 4 })
    .filter((parts) => parts.filter((part) => part !== "**").length <= 2)
    .filter((parts) => parts.some((part) => part !== "**"));
  fc.assert(
    fc.property(shapes, shapes, (a, b) => {
      const shared = world.find((path) => matches(a, path) && matches(b, path));
      const [first, second] = [a.join("/"), b.join("/")];
      assertEquals(
        overlaps(first, second),
        shared !== undefined,
        `${first} and ${second}: ${shared}`,
      );
    }),
    { numRuns: 1_000 },
  );
});

Deno.test("expandBraces: one of the results is what every choice leads to", () => {
  const choice = fc.array(fc.constantFrom("a", "b/c", "*", ""), { minLength: 2, maxLength: 3 });
  const parts = fc.array(fc.tuple(fc.constantFrom("x", "/", ".ts"), choice), { maxLength: 3 });
  fc.assert(fc.property(parts, fc.infiniteStream(fc.nat()), (groups, picks) => {
    const pattern = groups.map(([text, options]) => `${text}{${options.join(",")}}`).join("");
    const results = expandBraces(pattern, 27);
    assertEquals(results?.length, groups.reduce((product, [, list]) => product * list.length, 1));
    const chosen = groups.map(([text, options]) =>
      text + (options[(picks.next().value ?? 0) % options.length] ?? "")
    ).join("");
    assert(results?.includes(chosen), `${pattern} has ${chosen}`);
  }));
});

Deno.test("waitCycle: finds one exactly when a holder's waits lead back, and names it", () => {
  const peers = fc.constantFrom<string[]>("a", "b", "c", "d", "e");
  const lists = fc.uniqueArray(peers, { maxLength: 3 });
  const waits = fc.tuple(lists, lists, lists, lists, lists)
    .map((all) => new Map(["a", "b", "c", "d", "e"].map((name, i) => [name, all[i] ?? []])));
  fc.assert(
    fc.property(peers, lists, waits, (waiter, holders, waitsFor) => {
      const reached = new Set(holders);
      for (const peer of reached) {
        if (peer !== waiter) { for (const next of waitsFor.get(peer) ?? []) reached.add(next); }
      }
      const cycle = waitCycle(waiter, holders, waitsFor);
      assertEquals(cycle !== null, reached.has(waiter));
      if (cycle === null) return;
      assertEquals([cycle[0], cycle.at(-1)], [waiter, waiter]);
      assert(holders.includes(cycle[1] ?? ""));
      for (const [i, next] of cycle.slice(2).entries()) {
        assert(waitsFor.get(cycle[i + 1] ?? "")?.includes(next), cycle.join(" "));
      }
    }),
    RUNS,
  );
});
