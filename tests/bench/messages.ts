// Sending and being told: one sender through MCP, eight at once, and the time from a send to the
// recipient that waits in another process.

import type { Peer } from "../support/peer.ts";
import { CONTENT } from "./content.ts";
import { Crew } from "./crew.ts";
import type { Place } from "./place.ts";
import { bareRow, median, quantile, type Row } from "./row.ts";

const SENDERS = 8;
/** A rate is the median of so many: one bad moment of the machine is no verdict. */
const ROUNDS = 5;
/** Rounds before it counts: what is measured is a session at work, not the compiler of its first calls. */
const WARM_ROUNDS = 2;
/** Calls of each server before it counts. */
const WARM_UP = 1_000;

/** Milliseconds of each of `count` calls in a row. */
async function timed(count: number, body: () => Promise<unknown>): Promise<number[]> {
  const tookMs: number[] = [];
  for (let i = 0; i < count; i++) {
    const before = performance.now();
    await body();
    tookMs.push(performance.now() - before);
  }
  return tookMs;
}

function spread(values: readonly number[]): string {
  return `p90 ${quantile(values, 0.9).toFixed(2)}, p99 ${quantile(values, 0.99).toFixed(2)}`;
}

function each(values: readonly number[]): string {
  return `each ${median(values).toFixed(2)} ms, ${spread(values)}`;
}

export async function oneSend(place: Place): Promise<Row[]> {
  const [peer, sink] = await place.peers(2, place.newHome()) as [Peer, Peer];
  const send = (): Promise<unknown> => peer.ok("send", { to: ["p1"], content: CONTENT });
  const ping = (): Promise<unknown> => peer.client.ping();
  const count = place.pick(200, 1_000);
  await timed(count, send);
  const sendMs: number[] = [];
  const pingMs: number[] = [];
  for (let round = 0; round < 4; round++) {
    pingMs.push(...await timed(count / 4, ping));
    sendMs.push(...await timed(count / 4, send));
  }
  await place.dismiss([peer, sink]);
  return [{
    name: "one send through MCP",
    value: median(sendMs),
    unit: "ms",
    budget: { most: 0.25 },
    note: `median; ${spread(sendMs)}`,
  }, {
    name: "one ping through MCP",
    value: median(pingMs),
    unit: "ms",
    budget: null,
    note: `median; ${spread(pingMs)}`,
  }];
}

/** Sends of eight processes for a time: by skein, and in turns by a bare loop on the same store. */
export async function librarySends(place: Place): Promise<Row[]> {
  const home = place.newHome();
  const ms = place.pick(400, 1_500);
  const [sink] = await place.peers(1, home, "sink") as [Peer];
  const crewOf = (task: string, prefix: string): Promise<Crew> => {
    const jobs = Array.from({ length: SENDERS }, (_, i) => ({
      task,
      home,
      folder: place.repository,
      name: `${prefix}${i}`,
      to: "sink0",
      ms,
    }));
    return Crew.start(place, jobs);
  };
  const crew = await crewOf("sender", "s");
  const bare = await crewOf("bare_sender", "bare");
  const tookMs: number[] = [];
  const rates: number[] = [];
  const bareRates: number[] = [];
  for (let round = -place.pick(0, WARM_ROUNDS); round < ROUNDS; round++) {
    const took = (await crew.go<number[]>()).flat();
    if (round < 0) continue;
    rates.push(took.length / (ms / 1_000));
    tookMs.push(...took);
    const counts = await bare.go<number>();
    bareRates.push(counts.reduce((sum, count) => sum + count, 0) / (ms / 1_000));
  }
  await crew.end();
  await bare.end();
  await place.dismiss([sink]);
  const perS = median(rates);
  return [{
    name: "sends, 8 senders in the library",
    value: perS,
    unit: "/s",
    budget: { least: 15_000 },
    ratioToRaw: perS / place.rawPerS,
    note: `best ${quantile(rates, 1).toFixed(0)}; ${each(tookMs)}`,
  }, bareRow("sends", median(bareRates), perS, place)];
}

export async function mcpSends(place: Place): Promise<Row[]> {
  const peers = await place.peers(SENDERS, place.newHome());
  const ms = place.pick(400, 1_500);
  const tookMs: number[] = [];
  const rates: number[] = [];
  const send = (i: number): Promise<unknown> =>
    peers[i]?.ok("send", { to: [`p${(i + 1) % SENDERS}`], content: CONTENT }) ?? Promise.resolve();
  const loop = async (i: number, untilMs: number): Promise<void> => {
    while (performance.now() < untilMs) {
      const before = performance.now();
      await send(i);
      tookMs.push(performance.now() - before);
    }
  };
  await Promise.all(peers.map((_, i) => timed(place.pick(50, WARM_UP), () => send(i))));
  for (let round = -place.pick(0, WARM_ROUNDS); round < ROUNDS; round++) {
    const before = tookMs.length;
    await Promise.all(peers.map((_, i) => loop(i, performance.now() + ms)));
    if (round < 0) tookMs.length = 0;
    else rates.push((tookMs.length - before) / (ms / 1_000));
  }
  await place.dismiss(peers);
  const perS = median(rates);
  return [{
    name: "sends, 8 MCP servers in a ring",
    value: perS,
    unit: "/s",
    budget: { least: 2_500 },
    ratioToRaw: perS / place.rawPerS,
    note: `best ${quantile(rates, 1).toFixed(0)}; ${each(tookMs)}`,
  }];
}

async function wakeMs(place: Place, nodes: number): Promise<number[]> {
  const home = place.newHome();
  const base = { home, folder: place.repository };
  const count = place.pick(60, 250);
  const idle = Array.from({ length: nodes - 2 }, (_, i) => ({
    ...base,
    task: "idler",
    name: `idle${i}`,
  }));
  const others = await Crew.start(place, idle);
  const pair = await Crew.start(place, [
    { ...base, task: "waiter", name: "waiter", count },
    { ...base, task: "pacer", name: "pacer", to: "waiter", count },
  ]);
  const [here = [], committed = []] = await pair.go<[string, number][]>();
  await pair.end();
  await others.end();
  const committedMs = new Map(committed);
  return here.map(([id, hereMs]) => hereMs - (committedMs.get(id) ?? NaN));
}

export async function wakes(place: Place): Promise<Row[]> {
  const rows: Row[] = [];
  for (const nodes of [2, place.pick(10, 40, 200)]) {
    const laterMs = await wakeMs(place, nodes);
    const name = `commit to the waiting recipient, ${nodes} nodes`;
    rows.push({
      name: `${name}, median`,
      value: median(laterMs),
      unit: "ms",
      budget: { most: 1 },
      note: `until its check has answered; best ${quantile(laterMs, 0).toFixed(2)}`,
    }, {
      name: `${name}, p99`,
      value: quantile(laterMs, 0.99),
      unit: "ms",
      budget: { most: 15 },
    });
  }
  return rows;
}
