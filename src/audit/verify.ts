// Is the audit trail whole? The chain is read from its signed base to its end; the `head` file, which
// stands outside of the database, tells a trail that was cut off from a file that was swapped.

import { LIMITS } from "../core/limits.ts";
import type { View } from "../core/operation.ts";
import type { Tx } from "../core/transaction.ts";
import { readHead } from "../store/headfile.ts";
import { baseOf, type JournalRow, rowsAfter } from "../store/journal.ts";
import { type Fault, type Link, readChain } from "./chain.ts";

/** Rows in one read: a few milliseconds. */
const PAGE_ROWS = 300;
const DAY_MS = 86_400_000;

export interface Verdict {
  readonly rows: number;
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly faults: readonly Fault[];
  /** What cannot be told, and why. */
  readonly unknown: readonly string[];
}

/** Reads the whole trail. */
export async function verify(view: View, nowMs: number): Promise<Verdict> {
  const faults: Fault[] = [];
  const unknown: string[] = [];
  const base = await view.read((tx) => baseOf(tx, view.secret));
  if (base === "forged") {
    const text = "the base that stands for older rows was not signed by this home";
    return { rows: 0, fromSeq: 0, toSeq: 0, faults: [{ what: "base", seq: 0, text }], unknown };
  }
  const head = readHead(view.folder, view.secret);
  const walked = await walk(view, base, nowMs, head.kind === "signed" ? head.seq : -1);
  if (walked.fault !== null) faults.push(walked.fault);
  const { to, lastAt } = walked;
  if (head.kind === "forged") {
    faults.push({ what: "head", seq: to.seq, text: "the head file was not written by skein" });
  } else if (head.kind === "missing") {
    unknown.push("there is no head file: an older copy of the store could not be told");
  }
  const newer = walked.fault === null ? await view.read((tx) => newerThan(tx, lastAt)) : null;
  if (newer !== null) {
    const text = `rows after ${to.seq} are missing: ${newer} is newer than the last one`;
    faults.push({ what: "truncated", seq: to.seq + 1, text });
  } else if (walked.fault === null && head.kind === "signed") {
    faults.push(...againstHead(head, to, walked.atHead, base));
  }
  faults.push(...walked.swaps);
  return { rows: walked.rows, fromSeq: base.seq + 1, toSeq: to.seq, faults, unknown };
}

interface Walked {
  readonly rows: number;
  readonly to: Link;
  readonly lastAt: string;
  readonly fault: Fault | null;
  /** MAC of the row that the head file names. */
  readonly atHead: string | null;
  /** What leaders have found and written down before. */
  readonly swaps: readonly Fault[];
}

async function walk(view: View, base: Link, nowMs: number, headSeq: number): Promise<Walked> {
  // A leader blanks in chunks; what is on the edge right now may go either way.
  const blankBefore = new Date(nowMs - (LIMITS.retentionDays * DAY_MS - 60_000)).toISOString();
  let link = base;
  let rows = 0;
  let lastAt = "";
  let atHead = base.seq === headSeq ? base.mac : null;
  const swaps: Fault[] = [];
  for (;;) {
    const page = await view.read((tx) => rowsAfter(tx, link.seq, PAGE_ROWS));
    if (rows === 0) {
      // Retention has moved the base while we looked: what begins later begins there.
      const now = await view.read((tx) => baseOf(tx, view.secret));
      if (now !== "forged" && now.seq > link.seq) {
        link = now;
        continue;
      }
    }
    const { to, fault } = readChain(view.secret, link, page, blankBefore);
    const good = page.filter((row) => row.seq <= to.seq);
    rows += good.length;
    lastAt = good.at(-1)?.at ?? lastAt;
    atHead = good.find((row) => row.seq === headSeq)?.mac ?? atHead;
    swaps.push(...good.filter((row) => row.op === "older_copy").map(swapped));
    link = to;
    if (fault !== null || page.length < PAGE_ROWS) {
      return { rows, to, lastAt, fault, atHead, swaps };
    }
  }
}

function swapped(row: JournalRow): Fault {
  const text =
    `at ${row.at} a leader found that the store had been put back to before row ${row.seq}`;
  return { what: "older_copy", seq: row.seq, text };
}

function againstHead(head: Link, to: Link, atHead: string | null, base: Link): Fault[] {
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

/** What in the tables is newer than a time; every write leaves a row of the journal at its time. */
async function newerThan(tx: Tx, at: string): Promise<string | null> {
  const looks: readonly (readonly [string, string])[] = [
    ["a message", "SELECT at FROM message ORDER BY id DESC LIMIT 1"],
    ["a note", "SELECT at FROM note ORDER BY id DESC LIMIT 1"],
    ["a turn", "SELECT at FROM conversation ORDER BY id DESC LIMIT 1"],
    ["a task", "SELECT max(updated_at) AS at FROM task"],
    ["an entry of memory", "SELECT max(at) AS at FROM memory"],
    ["a peer", "SELECT max(joined_at) AS at FROM peer"],
    ["a lock", "SELECT max(since) AS at FROM lock"],
    ["a run", "SELECT max(updated_at) AS at FROM run"],
  ];
  for (const [what, sql] of looks) {
    const row = await tx.get<{ at: string | null }>(sql);
    if (row !== undefined && row.at !== null && row.at > at) return what;
  }
  return null;
}
