// What a session costs while it is there: the proportional share (PSS) of each of eight, so that
// what they share is counted once; and the processor time of an idle flock.

import { join } from "@std/path";
import { type Peer, SOURCE_COMMAND, testEnv } from "../support/peer.ts";
import type { Place } from "./place.ts";
import type { Row } from "./row.ts";

const SESSIONS = 8;
/**
 * A session lives for hours. What its start and its first calls have left behind is given back by then:
 * V8 looks for it half a minute after the start.
 */
const SETTLED_MS = 40_000;

function pssMb(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  const kb = /^Pss:\s+(\d+) kB$/m.exec(text)?.[1];
  return Number(kb ?? NaN) / 1_024;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Each peer has done a little of everything: memory of a session that never worked is no news. */
async function warm(peers: readonly Peer[]): Promise<void> {
  for (const [i, peer] of peers.entries()) {
    await peer.ok("send", { to: [`p${(i + 1) % peers.length}`], content: "hello" });
    const { id } = await peer.ok("create_task", { title: `task of p${i}` });
    await peer.ok("claim_task", { id });
    await peer.ok("complete_task", { id, summary: "done" });
    await peer.ok("lock_file", { paths: [`src/${i}.ts`] });
    await peer.ok("check");
  }
}

/** Whoever starts first compiles for the others, and keeps for long what that took. */
async function peersOf(place: Place): Promise<Peer[]> {
  await place.dismiss(await place.peers(1, place.newHome()));
  return await place.peers(SESSIONS, place.newHome());
}

function settle(place: Place): Promise<void> {
  return new Promise((next) => setTimeout(next, place.pick(1_200, SETTLED_MS)));
}

async function sessionsMb(place: Place, command: readonly string[]): Promise<number> {
  const usual = place.command;
  place.command = command;
  const peers = await peersOf(place).finally(() => place.command = usual);
  await warm(peers);
  await settle(place);
  const mb = mean(peers.map((peer) => pssMb(peer.pid)));
  await place.dismiss(peers);
  return mb;
}

async function bareMb(place: Place): Promise<number> {
  const file = join(place.folder, "waits.ts");
  Deno.writeTextFileSync(file, "for await (const _ of Deno.stdin.readable);\n");
  const children = Array.from({ length: SESSIONS }, () => {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", file],
      cwd: place.folder,
      env: testEnv({}),
      clearEnv: true,
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    place.adopt(child);
    return child;
  });
  await settle(place);
  const mb = mean(children.map((child) => pssMb(child.pid)));
  for (const child of children) await child.stdin.close();
  await Promise.all(children.map((child) => child.status));
  return mb;
}

export async function memory(place: Place): Promise<Row[]> {
  const unit = "MB";
  const afterS = place.pick(1_200, SETTLED_MS) / 1_000;
  const note = `PSS, mean of ${SESSIONS}, ${afterS} s after they worked a little`;
  const rows: Row[] = [{
    name: "memory of a session, bundle",
    value: await sessionsMb(place, place.command),
    unit,
    budget: { most: 27 },
    note,
  }];
  if (place.scale === "full") {
    const value = await sessionsMb(place, SOURCE_COMMAND);
    rows.push({ name: "memory of a session, source", value, unit, budget: null, note });
  }
  const value = await bareMb(place);
  rows.push({ name: "memory of a bare deno run", value, unit, budget: null });
  return rows;
}

/** Nanoseconds on a processor so far, by thread: finer than the ticks of `stat`. */
function processorNs(peers: readonly Peer[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const { pid } of peers) {
    for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
      const text = Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`);
      found.set(name, Number(text.split(" ")[0]));
    }
  }
  return found;
}

export async function idle(place: Place): Promise<Row[]> {
  const count = place.pick(8, 20);
  const peers = await place.peers(count, place.newHome());
  await settle(place);
  const seconds = place.pick(2, 8);
  const before = processorNs(peers);
  const beginMs = performance.now();
  await new Promise((next) => setTimeout(next, seconds * 1_000));
  const tookMs = performance.now() - beginMs;
  let usedNs = 0;
  for (const [thread, ns] of processorNs(peers)) usedNs += ns - (before.get(thread) ?? 0);
  await place.dismiss(peers);
  return [{
    name: `idle flock of ${count}`,
    value: 100 * usedNs / 1e6 / tookMs,
    unit: "% of a core",
    budget: { most: 1 },
    note: `over ${seconds} s`,
  }];
}
