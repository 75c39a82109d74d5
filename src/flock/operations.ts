// What spans the rooms: status and search.

import * as z from "zod";
import { line } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { operation } from "../core/operation.ts";
import { EVERYONE } from "../core/policy.ts";
import { leaderShape, peerShape, shownLeader, shownPeers } from "../peer/view.ts";
import { livePeers } from "../peer/table.ts";
import { countOf } from "../memory/table.ts";
import { goalOf } from "../run/table.ts";
import { countTasks } from "../task/list.ts";
import { viewerOf } from "../task/view.ts";
import { attention } from "./attention.ts";
import { howComplete, searchText } from "./search.ts";

export const status = operation({
  name: "status",
  summary: "What needs attention, who is here, task counts, leader.",
  roles: EVERYONE,
  effect: "read",
  hints: {},
  risk: "low",
  input: z.strictObject({}),
  output: z.lazy(() =>
    z.object({
      attention: z.array(
        z.object({
          kind: z.string(),
          subject: z.string(),
          text: z.string(),
          since: z.string(),
          peers: z.array(z.string()).optional(),
          task: z.string().optional(),
          on: z.string().optional(),
          count: z.number().optional(),
        }),
      ),
      peers: z.array(peerShape),
      tasks: z.record(z.string(), z.number()),
      total_tasks: z.number(),
      progress_percent: z.number(),
      /** The goal of the caller's run, else of the newest one that goes on. */
      goal: z.string().nullable(),
      discoveries: z.number(),
      run: z.string().nullable(),
      leader: leaderShape.nullable(),
    })
  ),
  async handle(ctx) {
    const { tx, actor } = ctx;
    const tasks = await countTasks(tx, actor.project, undefined, viewerOf(ctx));
    const peers = await livePeers(tx, actor.project);
    const total = Object.values(tasks).reduce((sum, count) => sum + count, 0) - tasks.cancelled;
    return {
      attention: (await attention(tx, actor.project, ctx.at, {
        id: actor.id,
        readsAll: ctx.may("read_all"),
      }, peers)).map(({ peers: about, ...one }) => ({
        ...one,
        ...(about === undefined ? {} : { peers: [...about] }),
      })),
      peers: await shownPeers(ctx, peers),
      tasks: { ...tasks },
      total_tasks: total + tasks.cancelled,
      progress_percent: total === 0 ? 0 : Math.floor((100 * tasks.completed) / total),
      goal: await goalOf(tx, actor.project, actor.run),
      discoveries: await countOf(tx, actor.project, "discovery"),
      run: actor.run,
      leader: await shownLeader(ctx),
    };
  },
});

export const search = operation({
  name: "search",
  summary: "Full-text search in messages, tasks, memory and conversations.",
  roles: EVERYONE,
  effect: "read",
  hints: {},
  risk: "low",
  positionals: ["query"],
  input: z.strictObject({ query: line(LIMITS.queryChars) }),
  searches: () => true,
  output: z.lazy(() =>
    z.object({
      hits: z.array(z.object({
        kind: z.enum(["message", "task", "memory", "conversation"]),
        ref: z.string(),
        title: z.string(),
        excerpt: z.string(),
        at: z.string(),
      })),
      /** The index is behind: newer things may be missing. */
      incomplete: z.boolean().optional(),
    })
  ),
  async handle(ctx, input) {
    const kinds = ["message", "task", "memory", "conversation"] as const;
    const hits = await searchText(
      ctx.tx,
      ctx.actor.project,
      input.query,
      kinds,
      LIMITS.pageRowsDefault,
      ctx.may("read_all") ? null : ctx.actor.id,
    );
    return { hits, ...await howComplete(ctx.tx) };
  },
});
