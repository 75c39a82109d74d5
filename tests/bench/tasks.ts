// Claiming and finishing: eight at once in the library and through MCP, and one completion that
// lets ten thousand go.

import { Node, operationNamed, readEnvironment } from "../../mod.ts";
import type { Peer } from "../support/peer.ts";
import { Crew } from "./crew.ts";
import type { Place } from "./place.ts";
import { bareRow, median, quantile, type Row } from "./row.ts";

const WORKERS = 8;
const TASKS = 1_000;
/** Rounds before it counts: what is measured is a session at work, not the compiler of its first calls. */
const WARM_ROUNDS = 12;

/** A refusal to go on with numbers that mean nothing. */
function requireEachOnce(ids: readonly string[], expected: number): void {
  const different = new Set(ids).size;
  if (different === ids.length && ids.length === expected) return;
  throw new Error(`${ids.length} claims of ${different} tasks; expected ${expected}, each once`);
}

function batch(count: number, blockedBy?: string): Record<string, unknown>[] {
  return Array.from({ length: count }, (_, i) => ({
    title: `task ${i}`,
    ...(blockedBy === undefined ? {} : { blocked_by: [blockedBy] }),
  }));
}

interface Claimed {
  readonly ids: string[];
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Claims a second of a crew that takes all of `TASKS`. */
async function claimRate(crew: Crew): Promise<number> {
  const answers = await crew.go<Claimed>();
  requireEachOnce(answers.flatMap((answer) => answer.ids), TASKS);
  const fromMs = Math.min(...answers.map((answer) => answer.fromMs));
  const untilMs = Math.max(...answers.map((answer) => answer.untilMs));
  return TASKS / ((untilMs - fromMs) / 1_000);
}

/** Claims of eight workers: by skein, and in turns by a bare loop on the same store. */
export async function libraryClaims(place: Place): Promise<Row[]> {
  const home = place.newHome();
  const [architect] = await place.peers(1, home, "architect") as [Peer];
  const crewOf = (task: string, prefix: string): Promise<Crew> => {
    const jobs = Array.from({ length: WORKERS }, (_, i) => ({
      task,
      home,
      folder: place.repository,
      name: `${prefix}${i}`,
      as: "architect0",
    }));
    return Crew.start(place, jobs);
  };
  const crew = await crewOf("claimer", "w");
  const bare = await crewOf("bare_claimer", "bare");
  const rates: number[] = [];
  const bareRates: number[] = [];
  const warmRounds = place.pick(0, WARM_ROUNDS);
  for (let round = -warmRounds; round < place.pick(2, 5); round++) {
    await architect.ok("create_task", { tasks: batch(TASKS) });
    const perS = await claimRate(crew);
    if (round < 0) continue;
    rates.push(perS);
    await architect.ok("create_task", { tasks: batch(TASKS) });
    bareRates.push(await claimRate(bare));
  }
  await crew.end();
  await bare.end();
  await place.dismiss([architect]);
  const perS = median(rates);
  return [{
    name: "claims, 8 workers, 1,000 tasks, library",
    value: perS,
    unit: "/s",
    budget: { least: 5_000 },
    ratioToRaw: perS / place.rawPerS,
    note: `median of ${rates.length} rounds, best ${quantile(rates, 1).toFixed(0)}; none twice`,
  }, bareRow("claims", median(bareRates), perS, place)];
}

export async function mcpClaims(place: Place): Promise<Row[]> {
  const peers = await place.peers(WORKERS, place.newHome());
  const rates: number[] = [];
  const work = async (peer: Peer): Promise<string[]> => {
    const ids: string[] = [];
    for (;;) {
      const { task } = await peer.ok("claim_task");
      if (task === null) return ids;
      ids.push(task.id);
      await peer.ok("complete_task", { id: task.id, summary: "measured" });
    }
  };
  const warmRounds = place.pick(0, WARM_ROUNDS / 2);
  for (let round = -warmRounds; round < place.pick(2, 4); round++) {
    await peers[0]?.ok("create_task", { tasks: batch(TASKS) });
    const before = performance.now();
    const ids = await Promise.all(peers.map(work));
    if (round >= 0) rates.push(TASKS / ((performance.now() - before) / 1_000));
    requireEachOnce(ids.flat(), TASKS);
  }
  await place.dismiss(peers);
  const perS = median(rates);
  return [{
    name: "claim and complete, 8 MCP servers",
    value: perS,
    unit: "pairs/s",
    budget: { least: 1_200 },
    ratioToRaw: 2 * perS / place.rawPerS,
    note: `median of ${rates.length} rounds, best ${quantile(rates, 1).toFixed(0)}; none twice`,
  }];
}

/** A node in this process: one caller, nobody to contend with. */
export function localNode(place: Place, home: string, name: string): Node {
  const environment = readEnvironment(
    { SKEIN_HOME: home, SKEIN_NAME: name, SKEIN_RATE: "100000000" },
    place.repository,
  );
  return new Node({ ...environment, session: null });
}

/** One call of a node, its answer flushed. */
export async function callOf(node: Node, name: string, input: unknown): Promise<unknown> {
  const operation = operationNamed(name);
  if (operation === undefined) throw new Error(`there is no operation ${name}`);
  node.received();
  const { answer, offer } = await node.call(operation, input);
  offer.flushed();
  return answer;
}

export async function unblocking(place: Place): Promise<Row[]> {
  const dependents = 9_999;
  const node = localNode(place, place.newHome(), "architect");
  const tookMs: number[] = [];
  for (let round = 0; round < place.pick(1, 3); round++) {
    const { id } = await callOf(node, "create_task", { title: "the root", priority: 1 }) as {
      id: string;
    };
    for (let left = dependents; left > 0; left -= TASKS) {
      await callOf(node, "create_task", { tasks: batch(Math.min(TASKS, left), id) });
    }
    await callOf(node, "claim_task", { id });
    const before = performance.now();
    const done = await callOf(node, "complete_task", { id, summary: "done" });
    tookMs.push(performance.now() - before);
    const { unblocked_count: count } = done as { unblocked_count: number };
    if (count !== dependents) throw new Error(`${count} tasks were unblocked, not ${dependents}`);
  }
  await node.leave();
  return [{
    name: "completing a task that unblocks 9,999",
    value: median(tookMs),
    unit: "ms",
    budget: { most: 60 },
    note: `median of ${tookMs.length}`,
  }];
}
