// The scenes of everyday work: claiming, asking, reserving files, remembering, finishing.

import { join } from "@std/path";
import { write } from "../support/git.ts";
import { expect, measure, type Scene, type Started, working } from "./story.ts";
import type { Member } from "./stage.ts";

/** A claim of whatever is best; null if nothing is ready. */
async function claim(member: Member): Promise<Started | null> {
  const { task } = await member.peer.ok("claim_task");
  return task === null ? null : { member, task };
}

async function complete({ account }: Scene, { member, task }: Started): Promise<string[]> {
  const { unblocked } = await member.peer.ok("complete_task", {
    id: task.id,
    summary: `${task.title}: done`,
    tests: "deno test: green",
  });
  const more = unblocked.length === 0 ? "" : `; now ready: ${unblocked.join(" ")}`;
  account.tell(member.name, `completed ${task.id} (${task.title})${more}`);
  return unblocked;
}

/** Everybody reaches for the first task; then everybody has one. */
export async function startWork(
  scene: Scene,
  plan: Readonly<Record<string, string>>,
): Promise<Started[]> {
  const { account, stage } = scene;
  account.part("Three workers reach for the one task that is ready");
  const first = (await Promise.all(stage.workers.map(claim))).filter((one) => one !== null);
  const [winner] = first;
  expect(first.length === 1 && winner?.task.id === plan["design"], `${first.length} got it`);
  if (winner === undefined) return [];
  account.tell(winner.member.name, `has ${winner.task.id}; the others are told that all waits`);
  await working(40);
  await complete(scene, winner);
  const started = (await Promise.all(stage.workers.map(claim))).filter((one) => one !== null);
  for (const { member, task } of started) {
    account.tell(member.name, `claimed ${task.id} (${task.title})`);
  }
  const different = new Set(started.map(({ task }) => task.id)).size;
  expect(different === 3, `three workers hold ${different} different tasks`);
  return started;
}

/** A question, its reply on the back of another answer, and the sender who can look it up. */
export async function conversation(scene: Scene, [asker]: readonly Started[]): Promise<void> {
  const { account, stage, times } = scene;
  if (asker === undefined) return;
  const { name, peer } = asker.member;
  account.part("A question, while the architect waits for mail");
  const architect = stage.member("ada").peer;
  const waiting = architect.ok("check", { wait_ms: 10_000 });
  await working(60);
  const beginMs = performance.now();
  const question = { to: ["ada"], content: "May a note have two owners?", category: "question" };
  const { id: asked } = await peer.ok("send", { ...question, task: asker.task.id });
  const { messages: [message] } = await waiting;
  times["question_delivered"] = performance.now() - beginMs;
  account.tell(name, `asks ada: "${question.content}"`);
  account.tell("ada", `has it ${account.ms(times["question_delivered"])} later, and replies`);
  expect(
    message.id === asked && message.content === question.content,
    "the question arrived whole",
  );
  const answer = { to: [name], content: "Yes: owners is a list.", reply_to: asked };
  const { id: replied } = await architect.ok("send", answer);
  const progress = { id: asker.task.id, progress: "half of it" };
  const { mail } = await peer.ok("update_task", progress);
  const [reply] = mail?.messages ?? [];
  expect(reply?.id === replied && reply.content === answer.content, "the reply rode along");
  account.tell(name, `reports progress; the answer brings along "${reply.content}"`);
  await measure("the reply being seen", async () => {
    // What an answer carried counts as seen when its reader goes on.
    await peer.ok("get_task", { id: asker.task.id });
    const { deliveries: [delivery] } = await architect.ok("check", { id: replied });
    return delivery.state === "seen" ? delivery : null;
  });
  account.tell("ada", `looks it up: ${name} has seen ${replied}`);
}

/** Two who want the same file: refused with the holder's name, then granted when it is free. */
export async function conflict(scene: Scene, [a, b]: readonly Started[]): Promise<void> {
  const { account, times } = scene;
  if (a === undefined || b === undefined) return;
  account.part("Two want the same file");
  const paths = ["src/types.ts"];
  await a.member.peer.ok("lock_file", { paths, task: a.task.id });
  account.tell(a.member.name, `reserves ${paths[0]} for ${a.task.id}`);
  const refused = await b.member.peer.call("lock_file", { paths: ["./src/../src/types.ts"] });
  const [inTheWay] = refused.json?.error?.refused ?? [];
  expect(refused.json?.error?.code === "LOCK_HELD", `the lock was not refused: ${refused.text}`);
  expect(inTheWay?.holder === a.member.name, `the holder is not ${a.member.name}`);
  account.tell(
    b.member.name,
    `is refused: ${inTheWay.holder} holds it for ${inTheWay.task}; waits`,
  );
  let grantedMs = 0;
  const granted = b.member.peer.ok("lock_file", { paths, wait_ms: 10_000 })
    .then(() => grantedMs = performance.now());
  await working(150);
  expect(grantedMs === 0, "the lock was granted while it was held");
  const freedMs = performance.now();
  await a.member.peer.ok("unlock_file", { paths });
  account.tell(a.member.name, "releases it");
  await granted;
  times["lock_granted_on_release"] = grantedMs - freedMs;
  account.tell(b.member.name, `has it ${account.ms(times["lock_granted_on_release"])} later`);
  await b.member.peer.ok("unlock_file");
}

/** What one finds out, the others know; what the architect decided binds them. */
export async function remember(scene: Scene, started: readonly Started[]): Promise<void> {
  const [a, b] = started;
  const { account } = scene;
  if (a === undefined || b === undefined) return;
  account.part("Shared memory");
  const value = "Clock skew between two browsers breaks last-writer-wins.";
  await a.member.peer.ok("set_memory", { key: "sync/clock", type: "discovery", value });
  account.tell(a.member.name, `found out: "${value}"`);
  const { entries } = await b.member.peer.ok("get_memory", { query: "browsers clock" });
  expect(entries[0]?.value === value, "the discovery was not found");
  account.tell(b.member.name, `searches for it and finds it, by ${entries[0].by}`);
  const refused = await b.member.peer.call("set_memory", {
    key: "storage",
    type: "decision",
    value: "Let us use text files.",
  });
  expect(refused.json?.error?.code === "NOT_ALLOWED", "a worker overruled the architect");
  account.tell(b.member.name, "cannot overrule the architect's decision, and is told so");
}

/** A worker at work until the whole plan is done. */
async function workOn(scene: Scene, member: Member, held: readonly Started[]): Promise<void> {
  const { stage, account } = scene;
  const done = (): boolean =>
    stage.store.prepare("SELECT 1 FROM task WHERE status <> 'completed'").get() === undefined;
  for (const own of held) await complete(scene, own);
  while (!done()) {
    const next = await claim(member);
    if (next === null) {
      await working(10);
      continue;
    }
    account.tell(member.name, `claimed ${next.task.id} (${next.task.title})`);
    write(join(stage.repository, `${next.task.id}.txt`), `${next.task.title}\n`);
    await working(40);
    await complete(scene, next);
  }
}

/** All who are there finish what is left. */
export async function finish(scene: Scene): Promise<void> {
  const { stage, account, times } = scene;
  account.part("The flock finishes");
  const beginMs = performance.now();
  await Promise.all(stage.workers.map(async (member) => {
    const mine = await member.peer.ok("list_tasks", { mine: true });
    const held = mine.tasks.map((task: Started["task"]) => ({ member, task }));
    await workOn(scene, member, held);
  }));
  times["rest_of_the_plan"] = performance.now() - beginMs;
  const { tasks } = await stage.member("ada").peer.ok("status");
  expect(tasks.completed === 8, `${tasks.completed} of 8 tasks are completed`);
  account.tell("ada", "sees all eight tasks completed");
  // Everybody reads what is left; the second call says that the first was seen.
  for (const { peer } of stage.living) {
    for (let more = true; more;) more = (await peer.ok("check")).messages.length > 0;
    await peer.ok("unlock_file");
  }
  await working(50);
}
