// How the page bears a large flock: 200 peers, 5,000 tasks, 50 events a second. Prints for each view
// the frames and long tasks of ten seconds, the first paint, and the leader's share of a core; then
// that share again with several pages open.
//   deno task bench:page [crowd]     crowd: only what several pages cost

import type { Page } from "playwright-core";
import type { Peer } from "../support/peer.ts";
import { Flock, settled, visit } from "./flock.ts";

const PEERS = 200;
const TASKS = 5_000;
const EVENTS_PER_S = 50;
const SECONDS = 10;
/** Pages that are open at the same time at the end. */
const CROWD = 4;
const encoder = new TextEncoder();

function say(text: string): void {
  Deno.stdout.writeSync(encoder.encode(`${text}\n`));
}

/** Peers without a process: rows, as command lines and people are. */
function addPeers(flock: Flock): void {
  flock.sql((db) => {
    const { project, folder } = db.prepare("SELECT project, folder FROM peer WHERE name = 'ada'")
      .get() as { project: string; folder: string };
    const insert = db.prepare(
      `INSERT INTO peer (id, name, role, project, folder, tree, kind, state, incarnation, schema,
         joined_at, seen_at, lease_until_s, rate_tokens, rate_at_s, summary)
       VALUES (?, ?, 'worker', ?, ?, ?, 'leased', 'live', ?, 1, ?, ?, 1e12, 10, 0, ?)`,
    );
    const now = new Date().toISOString();
    for (let i = 0; i < PEERS; i++) {
      const summary = `Works on part ${i} of the large plan`;
      insert.run(`load-${i}`, `load-${i}`, project, folder, folder, `life-${i}`, now, now, summary);
    }
  });
}

async function addTasks(ada: Peer): Promise<void> {
  const batch = 500;
  for (let from = 0; from < TASKS; from += batch) {
    await ada.ok("create_task", {
      tasks: Array.from({ length: batch }, (_, i) => ({
        key: `k${i}`,
        title: `Part ${from + i} of the large plan, with a title of usual length`,
        priority: 1 + ((from + i) % 10),
        blocked_by: i < 40
          ? []
          : [`k${i - 40}`, `k${i - 1 - (i % 7)}`].filter((one, at, all) => all.indexOf(one) === at),
      })),
    });
  }
}

/** Acts at a steady rate until told to stop; returns how many were done. */
async function work(peer: Peer, perS: number, stop: AbortSignal): Promise<number> {
  let done = 0;
  let task: string | null = null;
  const beginMs = performance.now();
  while (!stop.aborted) {
    if (task === null) task = (await peer.ok("claim_task")).task.id as string;
    else if (done % 8 === 7) {
      await peer.ok("complete_task", { id: task, summary: "done" });
      task = null;
    } else await peer.ok("update_task", { id: task, progress: `step ${done}` });
    done += 1;
    const dueMs = beginMs + (done * 1_000) / perS - performance.now();
    if (dueMs > 0) await new Promise((next) => setTimeout(next, dueMs));
  }
  return done;
}

/** Seconds of processor time that a process has used; Linux only. */
function cpuS(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

interface Frames {
  readonly frames: number[];
  readonly long: number[];
}

/** Watches the frames of the page for some seconds. */
async function frames(page: Page): Promise<Frames> {
  return await page.evaluate(`new Promise((done) => {
    const frames = [];
    const long = [];
    const observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) long.push(entry.duration);
    });
    observer.observe({ type: "longtask" });
    let last = performance.now();
    const end = last + ${SECONDS * 1_000};
    const tick = (now) => {
      frames.push(now - last);
      last = now;
      if (now < end) requestAnimationFrame(tick);
      else { observer.disconnect(); done({ frames, long }); }
    };
    requestAnimationFrame(tick);
  })`) as Frames;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

const VIEWS = [
  ["attention", "#/attention"],
  ["graph", "#/tasks"],
  ["board", "#/tasks?view=board"],
  ["table", "#/tasks?view=table"],
  ["peers", "#/peers"],
  ["journal", "#/journal"],
] as const;

async function measure(flock: Flock, page: Page, name: string, hash: string): Promise<void> {
  await visit(page, hash);
  await settled(page);
  await page.waitForTimeout(1_500);
  const leader = flock.peer(flock.leader().name);
  const stop = new AbortController();
  const working = ["ben", "cleo"].map((one) =>
    work(flock.peer(one), EVENTS_PER_S / 2, stop.signal)
  );
  const before = cpuS(leader.pid);
  const { frames: all, long } = await frames(page);
  const share = ((cpuS(leader.pid) - before) / SECONDS) * 100;
  stop.abort();
  const acts = (await Promise.all(working)).reduce((sum, one) => sum + one, 0);
  const ms = (value: number): string => value.toFixed(0).padStart(4);
  say(
    `${name.padEnd(12)} ${ms(acts / SECONDS)} acts/s  frame p50 ${ms(quantile(all, 0.5))} p95 ${
      ms(quantile(all, 0.95))
    } max ${ms(Math.max(...all))} ms  long tasks ${String(long.length).padStart(3)}, ${
      ms(long.reduce((sum, one) => sum + one, 0))
    } ms in all, longest ${ms(Math.max(0, ...long))} ms  leader ${share.toFixed(1)} % of a core`,
  );
}

/** The leader's share with one page and with several, all of which look at the same. */
async function measureCrowd(flock: Flock, page: Page): Promise<void> {
  const crowd = ["attention", "peers"];
  const shown = VIEWS.filter(([name]) => crowd.includes(name));
  for (const [name, hash] of shown) await measure(flock, page, `${name} x1`, hash);
  const more: Page[] = [];
  while (more.length < CROWD - 1) more.push((await flock.open()).page);
  for (const [name, hash] of shown) {
    for (const one of more) await visit(one, hash);
    await measure(flock, page, `${name} x${CROWD}`, hash);
  }
}

async function main(): Promise<void> {
  const folder = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "skein-load-" }));
  const flock = new Flock(folder);
  try {
    await flock.begin();
    const ada = await flock.enter("ada", "architect");
    await flock.enter("ben", "worker");
    await flock.enter("cleo", "worker");
    addPeers(flock);
    await addTasks(ada);
    const { page } = await flock.open();
    for (let i = 0; i < 3; i++) {
      await page.reload();
      await page.waitForSelector(".facts a");
      const paint = await page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0]?.startTime",
      );
      say(`first paint ${Number(paint).toFixed(0)} ms`);
    }
    const all = Deno.args[0] !== "crowd";
    for (const [name, hash] of all ? VIEWS : []) await measure(flock, page, name, hash);
    await measureCrowd(flock, page);
  } finally {
    await flock.close();
    Deno.removeSync(folder, { recursive: true });
  }
}

if (import.meta.main) await main();
