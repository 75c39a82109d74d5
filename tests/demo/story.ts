// The story: a flock plans, works, talks, loses a worker and its leader in the middle of the work,
// and finishes all the same. Each scene is a function; what it measures goes into `times`.

import type { Account } from "./account.ts";
import { bothReturn, leaderDies, workerDies } from "./deaths.ts";
import type { Member, Stage } from "./stage.ts";
import { conflict, conversation, finish, remember, startWork } from "./work.ts";

/** What was measured, in milliseconds, by name. */
export type Times = Record<string, number>;

/** What the scenes have in common. */
export interface Scene {
  readonly stage: Stage;
  readonly account: Account;
  readonly times: Times;
}

/** A scene did not go as it has to. */
export class Off extends Error {}

/** Says what is off unless `condition` holds. */
export function expect(condition: boolean, what: string): void {
  if (!condition) throw new Off(what);
}

/** Eight tasks: what is in the list waits for nobody else. */
export const PLAN = [
  { key: "design", title: "Design the data model", files: ["docs/model.md"], blocked_by: [] },
  { key: "store", title: "Write the store", files: ["src/store.ts"], blocked_by: ["design"] },
  { key: "api", title: "Write the HTTP API", files: ["src/api.ts"], blocked_by: ["design"] },
  { key: "ui", title: "Write the page", files: ["src/page.ts"], blocked_by: ["design"] },
  { key: "login", title: "Add sign-in", files: ["src/login.ts"], blocked_by: ["store", "api"] },
  { key: "sync", title: "Wire page and API", files: ["src/sync.ts"], blocked_by: ["api", "ui"] },
  { key: "tests", title: "Test it whole", files: ["tests/"], blocked_by: ["login", "sync"] },
  { key: "release", title: "Release it", files: ["CHANGES.md"], blocked_by: ["tests"] },
] as const;

const CAST = [["ada", "architect"], ["ben", "worker"], ["cleo", "worker"], [
  "dan",
  "worker",
]] as const;

/** Plays the whole story. */
export async function play(scene: Scene): Promise<void> {
  await gather(scene);
  const plan = await makePlan(scene);
  const started = await startWork(scene, plan);
  await conversation(scene, started);
  await conflict(scene, started);
  await remember(scene, started);
  await workerDies(scene, started);
  const leader = await leaderDies(scene);
  await bothReturn(scene, leader);
  await finish(scene);
}

async function gather({ stage, account, times }: Scene): Promise<void> {
  account.part("Four sessions start, each with its own process; nothing else runs");
  const beginMs = performance.now();
  await Promise.all(CAST.map(async ([name, role]) => {
    const member = await stage.enter(name, role);
    const { you } = await member.peer.ok("join", { summary: `${role} of the notes app` });
    account.tell(name, `joined as ${you.role}, pid ${member.peer.pid}`);
    expect(you.name === name && you.role === role, `${name} joined as ${you.name}, ${you.role}`);
  }));
  times["four_sessions_joined"] = performance.now() - beginMs;
  const { leader } = await stage.member("ada").peer.ok("status");
  account.tell(leader.name, "leads: it came first, and any other could");
}

/** Creates the run, what binds everybody, and the eight tasks in one call; ids by key. */
async function makePlan({ stage, account, times }: Scene): Promise<Record<string, string>> {
  account.part("The architect plans");
  const { peer } = stage.member("ada");
  await peer.ok("run", { action: "start", goal: "A notes app that two people can use at once" });
  await peer.ok("set_memory", {
    key: "storage",
    type: "decision",
    value: "Notes live in one SQLite file.",
  });
  const beginMs = performance.now();
  const tasks = PLAN.map((task) => ({ ...task, files: [...task.files] }));
  const { ids } = await peer.ok("create_task", { tasks });
  times["eight_tasks_created"] = performance.now() - beginMs;
  const { tasks: listed } = await peer.ok("list_tasks");
  const ready = listed.filter((task: { ready: boolean }) => task.ready).length;
  account.tell("ada", `${PLAN.length} tasks in one call: ${Object.values(ids).join(" ")}`);
  account.tell("ada", `${ready} is ready, ${listed.length - ready} wait for others`);
  expect(listed.length === PLAN.length && ready === 1, `${listed.length} tasks, ${ready} ready`);
  return ids;
}

/** Tries until `probe` gives something, and says how long that took since `beginMs`. */
export async function measure<T>(
  what: string,
  probe: () => Promise<T | null> | T | null,
  beginMs = performance.now(),
): Promise<{ value: T; ms: number }> {
  for (;;) {
    const value = await probe();
    const ms = performance.now() - beginMs;
    if (value !== null) return { value, ms };
    if (ms > 15_000) throw new Off(`${what} did not happen within 15 s`);
    await new Promise((next) => setTimeout(next, 1));
  }
}

/** Who leads, as the store says it. */
export function seat(stage: Stage): { name: string; epoch: number } {
  const row = stage.store.prepare(
    `SELECT coalesce(p.name, '') AS name, l.epoch FROM leader l
     LEFT JOIN peer p ON p.incarnation = l.incarnation`,
  ).get();
  return row as { name: string; epoch: number };
}

/** A pause of somebody who works. */
export function working(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** Somebody with a task in hand. */
export interface Started {
  readonly member: Member;
  readonly task: { readonly id: string; readonly title: string };
}
