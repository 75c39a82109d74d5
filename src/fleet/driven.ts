// Runs that are driven: how, by whom, and what they use of the machine.

import type { Tx } from "../core/transaction.ts";
import type { Conduct } from "./rules.ts";
import { isOver } from "./table.ts";

/** Agents that run now, by run: those whose worker lives. */
export async function runningByRun(tx: Tx): Promise<Map<string, number>> {
  const rows = await tx.all<{ run: string; count: number }>(
    `SELECT a.run, count(*) AS count FROM attempt a JOIN peer p ON p.incarnation = a.incarnation
     WHERE a.state = 'running' GROUP BY a.run`,
  );
  return new Map(rows.map(({ run, count }) => [run, count]));
}

/** Driven runs that have a ready task and a worker that could take it. */
export async function wantingRuns(tx: Tx): Promise<Set<string>> {
  const rows = await tx.all<{ id: string }>(
    `SELECT r.id FROM run r WHERE r.id IN (SELECT hosts FROM peer WHERE hosts IS NOT NULL AND state = 'live')
       AND EXISTS (SELECT 1 FROM task t WHERE t.run = r.id AND t.status = 'pending' AND t.open_deps = 0)`,
  );
  return new Set(rows.map(({ id }) => id));
}

/** When any agent started last, in milliseconds since 1970. */
export async function lastStartMs(tx: Tx): Promise<number> {
  const row = await tx.get<{ started_ms: number }>(
    "SELECT started_ms FROM attempt ORDER BY id DESC LIMIT 1",
  );
  return row?.started_ms ?? 0;
}

/** What a run has used so far. */
export async function usageOfRun(
  tx: Tx,
  run: string,
): Promise<{ turns: number; tokens: number; cost_usd: number }> {
  const row = await tx.get<{ turns: number; tokens: number; cost_usd: number }>(
    `SELECT coalesce(sum(turns), 0) AS turns, coalesce(sum(tokens), 0) AS tokens,
       coalesce(sum(cost_usd), 0) AS cost_usd FROM attempt WHERE run = ?`,
    run,
  );
  return row ?? { turns: 0, tokens: 0, cost_usd: 0 };
}

/** How a run is driven; null if nobody drives it. */
export async function conductOf(tx: Tx, run: string): Promise<Conduct | null> {
  const row = await tx.get<{ conduct: string | null }>("SELECT conduct FROM run WHERE id = ?", run);
  return row === undefined || row.conduct === null ? null : JSON.parse(row.conduct) as Conduct;
}

export function setConduct(tx: Tx, run: string, conduct: Conduct): Promise<number> {
  return tx.run("UPDATE run SET conduct = ? WHERE id = ?", JSON.stringify(conduct), run);
}

/** The peer's process does the tasks of a run. */
export function setHosts(tx: Tx, incarnation: string, run: string): Promise<number> {
  return tx.run(
    "UPDATE peer SET hosts = ?, run = ? WHERE incarnation = ? AND hosts IS NOT ?",
    run,
    run,
    incarnation,
    run,
  );
}

/** Whether the process of a life does tasks of a run. */
export async function isHost(tx: Tx, incarnation: string, run: string): Promise<boolean> {
  return await tx.get(
    "SELECT 1 FROM peer WHERE incarnation = ? AND hosts = ?",
    incarnation,
    run,
  ) !== undefined;
}

/** Every agent of the run ends, also where no worker's process is left that could hear it. */
export function stopAgents(tx: Tx, run: string, why: string): Promise<number> {
  return tx.run(
    "UPDATE attempt SET stop = ? WHERE run = ? AND state = 'running' AND stop IS NULL",
    why,
    run,
  );
}

/** Ids of the workers whose processes do a run's tasks. */
export async function hostIds(tx: Tx, run: string): Promise<string[]> {
  const rows = await tx.all<{ id: string }>(
    "SELECT id FROM peer WHERE hosts = ? AND state = 'live'",
    run,
  );
  return rows.map(({ id }) => id);
}

/** Names of the workers that do a run's tasks now: those whose process lives. */
export async function hostsOf(tx: Tx, run: string): Promise<string[]> {
  const rows = await tx.all<{ name: string; incarnation: string }>(
    "SELECT name, incarnation FROM peer WHERE hosts = ? AND state = 'live' ORDER BY name",
    run,
  );
  const names: string[] = [];
  for (const { name, incarnation } of rows) if (!await isOver(tx, incarnation)) names.push(name);
  return names;
}

/** Workers' processes that wait for something to do, in any run. */
export function idleHosts(tx: Tx): Promise<{ id: string }[]> {
  return tx.all<{ id: string }>(
    `SELECT p.id FROM peer p WHERE p.hosts IS NOT NULL AND p.state = 'live' AND NOT EXISTS (
       SELECT 1 FROM attempt a WHERE a.state = 'running' AND a.incarnation = p.incarnation)`,
  );
}
