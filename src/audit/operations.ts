// The audit trail for people: list it, take it along, verify it, ask it why.

import * as z from "zod";
import { path as pathField, screenedAs } from "../core/fields.ts";
import { integer, line, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { operation } from "../core/operation.ts";
import { EVERYONE, LEADING, OPERATOR_ONLY } from "../core/policy.ts";
import { type JournalRow, rowsAfter, rowsBefore } from "../store/journal.ts";
import { detailOf, type Fault } from "./chain.ts";
import { verify } from "./verify.ts";
import { projectsOf } from "./whose.ts";
import { keysOf, why as explain } from "./why.ts";

const rowShape = z.lazy(() =>
  z.object({
    seq: z.number(),
    at: z.string(),
    actor: z.string(),
    op: z.string(),
    subject: z.string(),
    /** Null once it was forgotten. */
    detail: z.record(z.string(), z.unknown()).nullable(),
  })
);

const listedShape = z.lazy(() =>
  rowShape.unwrap().extend({
    /** Null: of the whole home. */
    project: z.string().nullable(),
  })
);

/** Rows that one look reads, and looks of one listing: what is rare is found page by page. */
const LOOK_ROWS = 500;
const LOOKS = 20;
/** Whose project has to be found out for each row: fewer looks, so that one read stays short. */
const LOOKS_IN_PROJECT = 4;

/** Ranges of rows that one acknowledgement names; more are acknowledged once more. */
const ACKNOWLEDGED_RANGES = 1_000;

interface Filter {
  readonly actor?: string | undefined;
  readonly op?: string | undefined;
  readonly subject?: string | undefined;
}

export const listAudit = operation({
  name: "list_audit",
  summary: "The newest rows of the journal, by actor, operation or subject.",
  // It tells of every project of the home.
  roles: OPERATOR_ONLY,
  effect: "read",
  hints: {},
  risk: "low",
  unlisted: true,
  input: z.strictObject({
    actor: word(LIMITS.nameChars).optional(),
    op: word(LIMITS.nameChars).optional(),
    subject: line(LIMITS.pathChars).optional(),
    before: integer(1, Number.MAX_SAFE_INTEGER).optional(),
    limit: integer(1, LIMITS.pageRows).optional(),
    /** Only rows of the caller's project and of the whole home; else of all projects. */
    scope: z.enum(["project", "machine"]).optional(),
  }),
  output: z.lazy(() => z.object({ rows: z.array(listedShape), next: z.number().nullable() })),
  async handle({ tx, actor }, input) {
    const limit = input.limit ?? LIMITS.pageRowsDefault;
    const here = input.scope === "project" ? actor.project : null;
    const found: z.input<typeof listedShape>[] = [];
    let before = input.before ?? Number.MAX_SAFE_INTEGER;
    for (let look = 0; look < (here === null ? LOOKS : LOOKS_IN_PROJECT); look++) {
      const page = await rowsBefore(tx, before, LOOK_ROWS);
      const fitting = page.filter((row) => fits(row, input));
      // What is left out by the limit need not be looked up, unless it may be of another project.
      const candidates = here === null ? fitting.slice(0, limit - found.length) : fitting;
      const projects = await projectsOf(tx, candidates);
      for (const [i, row] of candidates.entries()) {
        const project = projects[i] ?? null;
        if (here !== null && project !== null && project !== here) continue;
        found.push({ ...shown(row), project });
        if (found.length === limit) return { rows: found, next: row.seq };
      }
      if (page.length < LOOK_ROWS) return { rows: found, next: null };
      before = page.at(-1)?.seq ?? before;
    }
    return { rows: found, next: before };
  },
});

function fits(row: JournalRow, filter: Filter): boolean {
  return (filter.actor === undefined || row.actor === filter.actor) &&
    (filter.op === undefined || row.op === filter.op) &&
    (filter.subject === undefined || row.subject === filter.subject ||
      row.subject.endsWith(`/${filter.subject}`));
}

function shown(row: JournalRow): z.input<typeof rowShape> {
  const { seq, at, actor, op, subject } = row;
  return { seq, at, actor, op, subject, detail: detailOf(row) };
}

export const exportAudit = operation({
  name: "export_audit",
  summary: "The journal with its MACs, oldest first: JSON lines on the command line.",
  roles: OPERATOR_ONLY,
  effect: "read",
  hints: {},
  risk: "low",
  unlisted: true,
  lines: { items: "rows", cursor: "after" },
  input: z.strictObject({ after: integer(0, Number.MAX_SAFE_INTEGER).optional() }),
  output: z.lazy(() =>
    z.object({
      rows: z.array(rowShape.unwrap().extend({ detail: z.string(), mac: z.string() })),
      next: z.number().nullable(),
    })
  ),
  async handle(ctx, input) {
    const rows = await rowsAfter(ctx.tx, input.after ?? 0, LOOK_ROWS);
    return { rows, next: rows.length === LOOK_ROWS ? rows.at(-1)?.seq ?? null : null };
  },
});

export const verifyAudit = operation({
  name: "verify_audit",
  summary: "Check that nobody has edited, cut or swapped the journal; names the first bad row.",
  roles: LEADING,
  effect: "read",
  hints: {},
  risk: "low",
  unlisted: true,
  input: z.strictObject({}),
  output: z.lazy(() =>
    z.object({
      ok: z.boolean(),
      rows: z.number(),
      from_seq: z.number(),
      to_seq: z.number(),
      first_bad_seq: z.number().nullable(),
      faults: z.array(z.object({ what: z.string(), seq: z.number(), text: z.string() })),
      unknown: z.array(z.string()),
    })
  ),
  survey: (_input, view) => verify(view),
  handle(_ctx, _input, { rows, fromSeq, toSeq, faults, unknown }) {
    return Promise.resolve({
      ok: faults.length === 0,
      rows,
      from_seq: fromSeq,
      to_seq: toSeq,
      first_bad_seq: firstBad(faults),
      faults: [...faults],
      unknown: [...unknown],
    });
  },
});

/** The first row that does not fit; a head file is no row. */
function firstBad(faults: readonly Fault[]): number | null {
  const rows = faults.filter((fault) => fault.what !== "head").map((fault) => fault.seq);
  return rows.length === 0 ? null : Math.min(...rows);
}

export const acknowledgeAudit = operation({
  name: "acknowledge_audit",
  summary:
    "Take note that the store was put back, its head lost or details taken out: verify stops saying so.",
  roles: OPERATOR_ONLY,
  effect: "write",
  hints: { idempotent: true },
  risk: "high",
  unlisted: true,
  input: z.strictObject({}),
  output: z.lazy(() => z.object({ acknowledged: z.boolean() })),
  survey: (_input, view) => verify(view),
  handle(ctx, _input, { early }) {
    // Exactly those rows: what is taken out later is a fault anew.
    const blanked = early.slice(0, ACKNOWLEDGED_RANGES);
    ctx.record({ subject: "home/store", detail: blanked.length === 0 ? {} : { blanked } });
    return Promise.resolve({ acknowledged: true });
  },
});

export const why = operation({
  name: "why",
  summary:
    "The history of one thing in plain lines: a task, path, message, memory key, run or peer.",
  roles: EVERYONE,
  effect: "read",
  hints: {},
  risk: "low",
  unlisted: true,
  positionals: ["what"],
  input: z.strictObject({ what: screenedAs("exact", pathField()) }),
  output: z.lazy(() =>
    z.object({
      what: z.string(),
      found: z.array(z.object({ kind: z.string(), lines: z.array(z.string()) })),
    })
  ),
  prepare: (input, folder) => keysOf(input.what, folder),
  async handle(ctx, input, paths) {
    return { what: input.what, found: await explain(ctx, input.what, paths) };
  },
});
