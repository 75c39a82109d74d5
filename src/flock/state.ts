// flock_state: the machinery itself, for whoever wonders how it is: who leads since when, who led
// before, which nodes there are, how large the store is, how long operations take.

import * as z from "zod";
import { METER, quantileMs } from "../core/meter.ts";
import { operation } from "../core/operation.ts";
import { LEADING } from "../core/policy.ts";
import { leaderRow, takeovers } from "../peer/leader.ts";
import { allLivePeers, peerByIncarnation } from "../peer/table.ts";
import { headSeq } from "../store/journal.ts";
import { SCHEMA_VERSION } from "../store/schema.ts";
import { lastHour, storeSizes } from "./figures.ts";

const numbers = z.array(z.number());

export const flockState = operation({
  name: "flock_state",
  summary: "The flock's machinery: leader, take-overs, nodes, store, latencies, the last hour.",
  roles: LEADING,
  effect: "read",
  hints: {},
  risk: "low",
  unlisted: true,
  input: z.strictObject({}),
  output: z.lazy(() =>
    z.object({
      leader: z.object({
        name: z.string(),
        incarnation: z.string(),
        epoch: z.number(),
        since: z.string().nullable(),
        url: z.string().nullable(),
      }).nullable(),
      takeovers: z.array(z.object({ at: z.string(), epoch: z.number(), name: z.string() })),
      nodes: z.array(z.object({
        name: z.string(),
        project: z.string(),
        version: z.string(),
        since: z.string(),
        stalled: z.boolean(),
      })),
      store: z.object({
        schema: z.number(),
        journal_seq: z.number(),
        bytes: z.number(),
        wal_bytes: z.number(),
      }),
      /** Of the process that answers, since it began. */
      operations: z.array(z.object({
        op: z.string(),
        count: z.number(),
        p50_ms: z.number(),
        p95_ms: z.number(),
        p99_ms: z.number(),
        errors: z.number(),
      })),
      series: z.object({
        minute: z.array(z.string()),
        acts: numbers,
        messages: numbers,
        completed: numbers,
      }),
    })
  ),
  survey: async (_input, view) => ({
    series: await lastHour(view.folder, (body) => view.read(body), view.nowMs),
    sizes: storeSizes(view.folder),
  }),
  async handle(ctx, _input, { series, sizes }) {
    const { tx } = ctx;
    const row = await leaderRow(tx);
    const peer = row.incarnation === null ? undefined : await peerByIncarnation(
      tx,
      row.incarnation,
    );
    const { epoch, since, url, incarnation } = row;
    const nodes = (await allLivePeers(tx)).filter((one) => one.kind === "resident");
    return {
      leader: peer === undefined || incarnation === null
        ? null
        : { name: peer.name, incarnation, epoch, since, url },
      takeovers: await takeovers(tx),
      nodes: nodes.map((one) => ({
        name: one.name,
        project: one.project,
        version: one.version,
        since: one.joined_at,
        stalled: one.stalled_since_s !== null,
      })),
      store: {
        schema: SCHEMA_VERSION,
        journal_seq: await headSeq(tx),
        bytes: sizes.bytes,
        wal_bytes: sizes.walBytes,
      },
      operations: METER.all().map((one) => ({
        op: one.op,
        count: one.calls,
        p50_ms: rounded(quantileMs(one, 0.5)),
        p95_ms: rounded(quantileMs(one, 0.95)),
        p99_ms: rounded(quantileMs(one, 0.99)),
        errors: [...one.refused.values()].reduce((sum, count) => sum + count, 0),
      })),
      series,
    };
  },
});

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
