// list_projects: what the page's switcher shows. A project is known by the peers, tasks, runs and
// memory that belong to it; there is no table of its own.

import { basename, dirname } from "@std/path";
import * as z from "zod";
import { LIMITS } from "../core/limits.ts";
import { operation } from "../core/operation.ts";
import { OPERATOR_ONLY } from "../core/policy.ts";
import type { Tx } from "../core/transaction.ts";
import { countTasks } from "../task/list.ts";
import { attention } from "./attention.ts";

export const listProjects = operation({
  name: "list_projects",
  summary: "Every project of this home: who is there, what is open, what needs attention.",
  // It tells of every project of the home.
  roles: OPERATOR_ONLY,
  effect: "read",
  hints: {},
  risk: "low",
  unlisted: true,
  input: z.strictObject({}),
  output: z.lazy(() =>
    z.object({
      projects: z.array(z.object({
        id: z.string(),
        name: z.string(),
        peers: z.number(),
        tasks_open: z.number(),
        attention: z.number(),
        last_at: z.string().nullable(),
      })),
    })
  ),
  async handle(ctx) {
    const { tx, at, actor } = ctx;
    const projects = [];
    for (const id of await projectsOf(tx)) {
      const tasks = await countTasks(tx, id);
      const needs = await attention(tx, id, at, { id: actor.id, readsAll: true });
      projects.push({
        id,
        name: nameOf(id),
        peers: await countPeers(tx, id),
        tasks_open: tasks.proposed + tasks.ready + tasks.blocked + tasks.in_progress +
          tasks.in_review,
        attention: needs.length,
        last_at: await lastAct(tx, id),
      });
    }
    projects.sort((a, b) => (b.last_at ?? "") < (a.last_at ?? "") ? -1 : 1);
    return { projects };
  },
});

/** A repository is known by its common directory, and called like the folder around it. */
function nameOf(project: string): string {
  return basename(basename(project) === ".git" ? dirname(project) : project) || project;
}

/** Steps from one project to the next in an index, instead of through every row. */
function distinct(table: "task" | "run" | "memory"): string {
  return `p_${table}(x) AS (SELECT min(project) FROM ${table} UNION ALL
    SELECT (SELECT min(project) FROM ${table} WHERE project > p_${table}.x) FROM p_${table}
    WHERE p_${table}.x IS NOT NULL)`;
}

async function projectsOf(tx: Tx): Promise<string[]> {
  const rows = await tx.all<{ x: string }>(
    `WITH RECURSIVE ${distinct("task")}, ${distinct("run")}, ${distinct("memory")}
     SELECT x FROM p_task UNION SELECT x FROM p_run UNION SELECT x FROM p_memory
     UNION SELECT project FROM peer`,
  );
  return rows.map((row) => row.x).filter((one) => typeof one === "string" && one !== "")
    .slice(0, LIMITS.projects);
}

async function countPeers(tx: Tx, project: string): Promise<number> {
  const row = await tx.get<{ n: number }>(
    "SELECT count(*) AS n FROM peer WHERE project = ? AND state = 'live'",
    project,
  );
  return row?.n ?? 0;
}

/** When somebody was last seen there, or something of it was last changed, as far as it is at hand. */
async function lastAct(tx: Tx, project: string): Promise<string | null> {
  const row = await tx.get<{ at: string | null }>(
    `SELECT max(at) AS at FROM (
       SELECT max(coalesce(git_at, seen_at), coalesce(ended_at, '')) AS at FROM peer WHERE project = ?
       UNION ALL SELECT max(updated_at) FROM run WHERE project = ?
       UNION ALL SELECT max(at) FROM memory WHERE project = ? AND current = 1)`,
    project,
    project,
    project,
  );
  return row?.at ?? null;
}
