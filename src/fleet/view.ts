// Attempts as they leave skein.

import * as z from "zod";
import type { AttemptRow, Report } from "./table.ts";

export const attemptShape = z.lazy(() =>
  z.object({
    id: z.number(),
    run: z.string(),
    task: z.string(),
    title: z.string(),
    number: z.number(),
    kind: z.string(),
    worker: z.string(),
    epoch: z.number(),
    model: z.string().nullable(),
    state: z.string(),
    stop: z.string().nullable(),
    folder: z.string().nullable(),
    branch: z.string().nullable(),
    base: z.string().nullable(),
    head: z.string().nullable(),
    merged: z.string().nullable(),
    parked: z.string().nullable(),
    process: z.unknown(),
    session: z.string().nullable(),
    log: z.string().nullable(),
    started_at: z.string(),
    first_output_at: z.string().nullable(),
    ended_at: z.string().nullable(),
    duration_ms: z.number().nullable(),
    turns: z.number(),
    tokens: z.number(),
    cost_usd: z.number(),
    report: z.object({
      summary: z.string(),
      files: z.array(z.string()),
      tests: z.string(),
      risks: z.string(),
    }).nullable(),
    reason: z.string().nullable(),
    cause: z.string().nullable(),
    /** Its worker's process has ended without ending it. */
    orphaned: z.boolean().optional(),
    /** Its task is somebody else's by now, or nobody's any more. */
    lost: z.boolean().optional(),
  })
);

export type ShownAttempt = z.input<typeof attemptShape>;

export function shownAttempt(row: AttemptRow): ShownAttempt {
  const { peer: _peer, incarnation: _incarnation, claim_epoch: epoch, ...rest } = row;
  const { started_ms, ended_ms, process, report, ...shown } = rest;
  return {
    ...shown,
    epoch,
    process: process === null ? null : JSON.parse(process),
    report: report === null ? null : JSON.parse(report) as Report & { files: string[] },
    duration_ms: ended_ms === null ? null : ended_ms - started_ms,
  };
}
