// The chain of the audit trail, without a store: whatever is done to its rows, the first that does
// not fit is named; what retention may do to them is no fault.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { detailOf, readChain } from "../../src/audit/chain.ts";
import type { JournalRow } from "../../src/store/journal.ts";
import { blanked, changed, hashOf, OTHER_SECRET, SECRET, signed, START, trail } from "./trail.ts";

const LENGTH = 9;
const WHOLE = trail(LENGTH);
/** Before everything: no detail may be missing. */
const NEVER = "";
/** After everything: every detail may be missing. */
const ALWAYS = "9999";

/** What is found wrong first, as `what seq`; null if nothing is. */
function fault(rows: readonly JournalRow[], blankBefore = NEVER, from = START): string | null {
  const { fault: found, early } = readChain(SECRET, from, rows, blankBefore);
  if (found === null && early.length > 0) return `blanked ${early}`;
  return found === null ? null : `${found.what} ${found.seq}`;
}

/** Where the chain is good up to. */
function goodTo(rows: readonly JournalRow[]): number {
  return readChain(SECRET, START, rows, NEVER).to.seq;
}

Deno.test("chain: a trail nobody has touched is good to its end, in one piece or in pages", () => {
  assertEquals([fault(WHOLE), goodTo(WHOLE)], [null, LENGTH]);
  let link = START;
  for (const row of WHOLE) {
    const read = readChain(SECRET, link, [row], NEVER);
    assertEquals(read.fault, null);
    link = read.to;
  }
  assertEquals(link, { seq: LENGTH, mac: WHOLE.at(-1)?.mac ?? "" });
});

Deno.test("chain: none is good, and stays where it was", () => {
  assertEquals(readChain(SECRET, START, [], NEVER), { to: START, fault: null, early: [] });
  const from = { seq: 41, mac: "abc" };
  assertEquals(readChain(SECRET, from, [], NEVER), { to: from, fault: null, early: [] });
});

Deno.test("chain: an edit of any column of any row names that row", () => {
  const edits: Partial<JournalRow>[] = [
    { at: "2026-03-01T00:00:01.001Z" },
    { actor: "eve" },
    { actor: "" },
    { op: "complete_task" },
    { subject: "task/t99" },
    { detail: '{"note":"number 99"}' },
    { detail: "{}" },
    { detail: "" },
    { detail: '{"note": "number 1"}' },
    { mac: "0".repeat(64) },
    { mac: "" },
    { mac: SECRET.toString() },
  ];
  for (const { seq, mac } of WHOLE) {
    for (const edit of [...edits, { mac: mac.toUpperCase() }]) {
      const rows = changed(WHOLE, seq, edit);
      assertEquals(fault(rows), `edited ${seq}`, JSON.stringify(edit));
      assertEquals(goodTo(rows), seq - 1);
    }
    assertEquals(fault(changed(WHOLE, seq, { seq: seq + 100 })), `missing ${seq}`);
  }
});

Deno.test("chain: what moves from one column into the next is an edit", () => {
  const [first] = WHOLE;
  assert(first !== undefined);
  const moves: Partial<JournalRow>[] = [
    { actor: `${first.actor}\u001f${first.op}`, op: first.subject, subject: "" },
    { actor: first.actor.slice(0, -1), op: `${first.actor.slice(-1)}${first.op}` },
    { op: `${first.op}${first.subject}`, subject: "" },
    { at: first.actor, actor: first.at },
  ];
  for (const move of moves) assertEquals(fault(changed(WHOLE, 1, move)), "edited 1");
});

Deno.test("chain: the fault says who did what, and when, where it was touched", () => {
  const found = readChain(SECRET, START, changed(WHOLE, 4, { actor: "eve" }), NEVER).fault;
  for (const part of ["row 4", "eve", "update_task", "task/t4", "2026-03-01T00:00:04.000Z"]) {
    assertStringIncludes(found?.text ?? "", part);
  }
});

Deno.test("chain: rows that are gone are counted and named, wherever they stood", () => {
  const without = (...gone: number[]): JournalRow[] =>
    WHOLE.filter((row) => !gone.includes(row.seq));
  assertEquals(fault(without(1)), "missing 1");
  assertEquals(fault(without(5)), "missing 5");
  assertEquals(fault(without(5, 8)), "missing 5");
  const text = (rows: JournalRow[]): string =>
    readChain(SECRET, START, rows, NEVER).fault?.text ?? "";
  assertStringIncludes(text(without(5)), "row 5 is missing");
  assertStringIncludes(text(without(1, 2, 3)), "rows 1 to 3 are missing");
  // What is cut off at the end leaves no gap: the tables and the head file tell of that.
  assertEquals(fault(without(LENGTH)), null);
});

Deno.test("chain: a gap that is closed by new numbers shows at the row behind it", () => {
  const rows = WHOLE.filter((row) => row.seq !== 5)
    .map((row) => row.seq > 5 ? { ...row, seq: row.seq - 1 } : row);
  assertEquals(fault(rows), "edited 5");
});

Deno.test("chain: rows that changed places show at the first of them", () => {
  const at = (seq: number): JournalRow => WHOLE[seq - 1] as JournalRow;
  const { seq: _three, ...third } = at(3);
  const { seq: _four, ...fourth } = at(4);
  const swapped = changed(changed(WHOLE, 3, fourth), 4, third);
  assertEquals(fault(swapped), "edited 3");
  const disordered = [...WHOLE.slice(0, 2), at(4), at(3), ...WHOLE.slice(4)];
  assertEquals(fault(disordered), "missing 3");
  assertEquals(fault([...WHOLE, at(LENGTH)]), `missing ${LENGTH + 1}`, "the last one twice");
});

Deno.test("chain: rows signed with another secret fit nowhere", () => {
  const forger = trail(LENGTH + 1, OTHER_SECRET);
  assertEquals(fault(forger), "edited 1");
  const { mac, ...last } = forger.at(-1) as JournalRow;
  assertEquals(fault([...WHOLE, { ...last, mac }]), `edited ${LENGTH + 1}`);
  const appended = signed(OTHER_SECRET, WHOLE.at(-1)?.mac ?? "", last);
  assertEquals(fault([...WHOLE, appended]), `edited ${LENGTH + 1}`);
  // With the secret it is simply the next row.
  assertEquals(fault([...WHOLE, signed(SECRET, WHOLE.at(-1)?.mac ?? "", last)]), null);
});

Deno.test("chain: the same rows from another beginning fit neither", () => {
  assertEquals(fault(WHOLE, NEVER, { seq: 0, mac: "0".repeat(64) }), "edited 1");
  assertEquals(fault(WHOLE.slice(3), NEVER, { seq: 3, mac: WHOLE[1]?.mac ?? "" }), "edited 4");
  assertEquals(fault(WHOLE.slice(3), NEVER, { seq: 3, mac: WHOLE[2]?.mac ?? "" }), null);
});

Deno.test("chain: a detail may be forgotten once it is old enough, and not before", () => {
  const row = WHOLE[3] as JournalRow;
  const rows = changed(WHOLE, 4, { detail: blanked(row.detail) });
  assertEquals(fault(rows, ALWAYS), null);
  assertEquals(fault(rows, NEVER), "blanked 4");
  assertEquals(fault(rows, row.at), "blanked 4", "exactly on the edge it is too young");
  assertEquals(fault(rows, "2026-03-01T00:00:04.001Z"), null);
  assertEquals(detailOf({ detail: blanked(row.detail) }), null);
});

Deno.test("chain: a forgotten detail has to be the one that was signed", () => {
  const { detail } = WHOLE[3] as JournalRow;
  for (
    const instead of [
      blanked("{}"),
      `${blanked(detail)} `,
      blanked(detail).toUpperCase(),
      `#sha256:${hashOf(blanked(detail))}`,
      "#sha256:",
      hashOf(detail),
    ]
  ) assertEquals(fault(changed(WHOLE, 4, { detail: instead }), ALWAYS), "edited 4", instead);
});

Deno.test("chain: an old row that is forgotten hides no edit of what is left of it", () => {
  const row = WHOLE[3] as JournalRow;
  const gone = { detail: blanked(row.detail) };
  for (const edit of [{ actor: "eve" }, { op: "x" }, { subject: "x" }, { at: "2020" }]) {
    assertEquals(fault(changed(WHOLE, 4, { ...gone, ...edit }), ALWAYS), "edited 4");
  }
});

Deno.test("chain: any change of any characters anywhere is found where it is", () => {
  const columns = ["at", "actor", "op", "subject", "detail", "mac"] as const;
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: LENGTH }),
      fc.constantFrom(...columns),
      fc.string({ unit: "binary", maxLength: 40 }),
      (seq, column, text) => {
        const rows = changed(WHOLE, seq, { [column]: text });
        const same = WHOLE[seq - 1]?.[column] === text;
        assertEquals(fault(rows, ALWAYS), same ? null : `edited ${seq}`);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("chain: any rows taken out but the last ones are found where they were", () => {
  fc.assert(
    fc.property(fc.subarray(WHOLE, { minLength: 1 }), (rows) => {
      const gap = rows.findIndex((row, i) => row.seq !== i + 1);
      assertEquals(fault(rows), gap === -1 ? null : `missing ${gap + 1}`);
    }),
    { numRuns: 300 },
  );
});

Deno.test("chain: details that are no JSON are shown as what they are: unreadable", () => {
  assertEquals(detailOf({ detail: '{"a":1}' }), { a: 1 });
  assertEquals(detailOf({ detail: "{oops" }), { unreadable: hashOf("{oops") });
});
