// Is the audit trail whole? The chain is read from its signed base to its end; the `head` file, which
// stands outside of the database, tells a trail that was cut off from a file that was swapped.

import * as z from "zod";
import { LIMITS } from "../core/limits.ts";
import type { View } from "../core/operation.ts";
import type { Tx } from "../core/transaction.ts";
import { readHead } from "../store/headfile.ts";
import { getMeta } from "../store/meta.ts";
import { baseOf, type JournalRow, rowsAfter } from "../store/journal.ts";
import { detailOf, type Fault, type Link, readChain } from "./chain.ts";

/** Rows in one read: a few milliseconds. */
const PAGE_ROWS = 300;
/** Rows in which a leader says that the store was put back, or its head taken away. */
const SWAPS: ReadonlySet<string> = new Set(["older_copy", "head_lost"]);
const DAY_MS = 86_400_000;

/** Rows of the journal from one to another, both included. */
export type Range = readonly [from: number, to: number];
const rangesShape = z.array(z.tuple([z.number(), z.number()]));

export interface Verdict {
  readonly rows: number;
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly faults: readonly Fault[];
  /** Rows whose details were taken out before their time, and that nobody has acknowledged. */
  readonly early: readonly Range[];
  /** What cannot be told, and why. */
  readonly unknown: readonly string[];
}

/** Reads the whole trail. */
export async function verify(view: View): Promise<Verdict> {
  const { nowMs } = view;
  const faults: Fault[] = [];
  const unknown: string[] = [];
  const base = await view.read((tx) => baseOf(tx, view.secret));
  if (base === "forged") {
    const text = "the base that stands for older rows was not signed by this home";
    const faults = [{ what: "base" as const, seq: 0, text }];
    return { rows: 0, fromSeq: 0, toSeq: 0, faults, unknown, early: [] };
  }
  const before = await view.read((tx) => rowBefore(tx, base.seq + 1));
  if (before !== null) {
    const text = `row ${before} stands in front of where the journal begins: it was put there`;
    faults.push({ what: "edited", seq: before, text });
  }
  // Read before the rows: whoever writes meanwhile only adds rows that it does not know.
  const head = readHead(view.folder, view.secret);
  const walked = await walk(view, base, nowMs, head.kind === "signed" ? head.seq : -1);
  const { to, newer, early } = walked;
  if (walked.fault !== null) faults.push(walked.fault);
  if (early.length > 0) faults.push(takenOut(early));
  if (head.kind === "forged") {
    faults.push({ what: "head", seq: to.seq, text: "the head file was not written by skein" });
  } else if (head.kind === "missing") {
    // The first head may have been written while we read.
    if (walked.headKept && readHead(view.folder, view.secret).kind === "missing") {
      faults.push({ what: "head", seq: to.seq, text: "the head file has been taken away" });
    } else unknown.push("no head was written yet: an older copy of the store could not be told");
  }
  if (newer !== null) {
    const text = `rows after ${to.seq} are missing: ${newer} is newer than all of them`;
    faults.push({ what: "truncated", seq: to.seq + 1, text });
  } else if (walked.fault === null && head.kind === "signed") {
    faults.push(...againstHead(head, walked));
  }
  faults.push(...walked.swaps);
  return { rows: walked.rows, fromSeq: base.seq + 1, toSeq: to.seq, faults, unknown, early };
}

function takenOut(early: readonly Range[]): Fault {
  const [first] = early[0] ?? [0];
  const count = early.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  const what = count === 1 ? `the detail of row ${first} was` : `the details of ${count} rows were`;
  const text =
    `${what} taken out before its time, from row ${first} on: by somebody, or by retention ` +
    "while the clock stood ahead; skein audit acknowledge ends this";
  return { what: "blanked", seq: first, text };
}

/** Adds rows to ranges of rows, in the order of the journal. */
function widened(ranges: readonly Range[], rows: readonly number[]): Range[] {
  const wide = [...ranges];
  for (const row of rows) {
    const last = wide.at(-1);
    if (last !== undefined && last[1] === row - 1) wide[wide.length - 1] = [last[0], row];
    else wide.push([row, row]);
  }
  return wide;
}

/** What an acknowledgement names is no fault any more: of what was taken out, exactly those rows. */
function acknowledged(early: readonly Range[], row: JournalRow): Range[] {
  const { blanked } = detailOf(row) ?? {};
  const named = rangesShape.safeParse(blanked);
  if (!named.success) return [...early];
  return early.filter(([from, to]) =>
    !named.data.some(([first, last]) => first <= from && to <= last)
  );
}

interface Walked {
  rows: number;
  /** Where the chain began, at last: retention may move it while we look. */
  base: Link;
  to: Link;
  /** The latest time that a row has; a clock may have been set back since. */
  latestAt: string;
  fault: Fault | null;
  early: Range[];
  /** MAC of the row that the head file names. */
  atHead: string | null;
  /** What in the tables is newer than every row. */
  newer: string | null;
  /** Whether a head was ever written. */
  headKept: boolean;
  /** What leaders have found and written down before, and the operator has not acknowledged. */
  swaps: readonly Fault[];
}

/** Reads page after page to the end, as it is when that is reached. */
async function walk(view: View, base: Link, nowMs: number, headSeq: number): Promise<Walked> {
  // A leader blanks in chunks; what is on the edge right now may go either way.
  const blankBefore = new Date(nowMs - (LIMITS.retentionDays * DAY_MS - 60_000)).toISOString();
  const walked: Walked = {
    rows: 0,
    base,
    to: base,
    latestAt: "",
    fault: null,
    early: [],
    atHead: base.seq === headSeq ? base.mac : null,
    newer: null,
    headKept: false,
    swaps: [],
  };
  const wallAt = new Date(nowMs).toISOString();
  for (;;) {
    const { page, now, newer, headKept } = await look(view, walked, wallAt);
    walked.headKept = headKept;
    if (now !== "forged" && now.seq > walked.to.seq) {
      // Retention has overtaken us: what was dropped stands signed in the base.
      walked.to = walked.base = now;
      continue;
    }
    const { to, fault, early } = readChain(view.secret, walked.to, page, blankBefore);
    const good = page.filter((row) => row.seq <= to.seq);
    walked.rows += good.length;
    for (const row of good) if (row.at > walked.latestAt) walked.latestAt = row.at;
    walked.atHead = good.find((row) => row.seq === headSeq)?.mac ?? walked.atHead;
    walked.early = widened(walked.early, early);
    for (const row of good) {
      if (row.op === "acknowledge_audit") {
        walked.swaps = [];
        walked.early = acknowledged(walked.early, row);
      }
      if (SWAPS.has(row.op)) walked.swaps = [...walked.swaps, swapped(row)];
    }
    walked.to = to;
    walked.fault = fault;
    walked.newer = newer;
    if (fault !== null || page.length === 0) return walked;
  }
}

/** One page, the base, and at the end what the tables say, all of one moment. */
function look(
  view: View,
  { to, latestAt }: Walked,
  wallAt: string,
): Promise<{
  page: JournalRow[];
  now: Link | "forged";
  newer: string | null;
  headKept: boolean;
}> {
  return view.read(async (tx) => {
    const page = await rowsAfter(tx, to.seq, PAGE_ROWS);
    const newer = page.length === 0 ? await newerThan(tx, latestAt, wallAt) : null;
    const headKept = await getMeta(tx, "head_kept") !== undefined;
    return { page, now: await baseOf(tx, view.secret), newer, headKept };
  });
}

function swapped(row: JournalRow): Fault {
  const found = row.op === "older_copy"
    ? `the store had been put back to before row ${row.seq} (or lost its last moments with the power)`
    : "the head file had been taken away or rewritten";
  const text = `at ${row.at} a leader found that ${found}; skein audit acknowledge ends this`;
  return { what: row.op === "older_copy" ? "older_copy" : "head", seq: row.seq, text };
}

function againstHead(head: Link, { to, atHead, base }: Walked): Fault[] {
  if (head.seq > to.seq) {
    const text =
      `the head file knows row ${head.seq}, the store ends at ${to.seq} and is whole: it ` +
      "is an older copy";
    return [{ what: "older_copy", seq: to.seq + 1, text }];
  }
  if (head.seq < base.seq || atHead === head.mac) return [];
  const text =
    `row ${head.seq} is not the one that the head file knows: the store has another history`;
  return [{ what: "other_history", seq: head.seq, text }];
}

/** A row in front of the first one that belongs to the chain; retention drops from the front. */
async function rowBefore(tx: Tx, first: number): Promise<number | null> {
  const now = await tx.get<{ seq: number }>("SELECT seq FROM journal ORDER BY seq LIMIT 1");
  return now !== undefined && now.seq < first ? now.seq : null;
}

/**
 * What in the tables is newer than a time; every write leaves a row of the journal at its time. What is
 * dated ahead of now says nothing: it was written under a wrong clock, and its row may be dropped.
 */
async function newerThan(tx: Tx, at: string, now: string): Promise<string | null> {
  const looks: readonly (readonly [string, string])[] = [
    ["a message", "SELECT at FROM message WHERE at <= ? ORDER BY id DESC LIMIT 1"],
    ["a note", "SELECT at FROM note WHERE at <= ? ORDER BY id DESC LIMIT 1"],
    ["a turn", "SELECT at FROM conversation WHERE at <= ? ORDER BY id DESC LIMIT 1"],
    ["a task", "SELECT max(updated_at) AS at FROM task WHERE updated_at <= ?"],
    ["an entry of memory", "SELECT max(at) AS at FROM memory WHERE at <= ?"],
    ["a peer", "SELECT max(joined_at) AS at FROM peer WHERE joined_at <= ?"],
    ["a lock", "SELECT max(since) AS at FROM lock WHERE since <= ?"],
    ["a run", "SELECT max(updated_at) AS at FROM run WHERE updated_at <= ?"],
  ];
  for (const [what, sql] of looks) {
    const row = await tx.get<{ at: string | null }>(sql, now);
    if (row !== undefined && row.at !== null && row.at > at) return what;
  }
  return null;
}
