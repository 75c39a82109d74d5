// What `--keep` shows: the flock goes on with a second run, at the pace of people who watch. Tasks are
// planned, claimed, reviewed and done; files are reserved; questions are asked; now and then
// somebody needs the operator. It never ends by itself.

import type { Member, Stage } from "./stage.ts";

const STEP_MS = 1_600;
/** Plans that follow each other, each a small DAG. */
const ROUNDS = [
  ["Notes that link to each other", ["Model links", "Parse links", "Show backlinks", "Test links"]],
  ["Search as you type", ["Index words", "Rank hits", "Draw the hits", "Test the search"]],
  ["Work without a network", ["Queue edits", "Merge edits", "Show conflicts", "Test offline"]],
  ["Share a note", ["Make share links", "Check rights", "Draw the dialog", "Test sharing"]],
] as const;

const PROGRESS = ["reading what is there", "first half works", "tests are green, cleaning up"];

/** Somebody who works, and how far it is. */
interface Worker {
  readonly member: Member;
  task: string | null;
  step: number;
}

/** Lives on until the process ends. What is refused on the way is part of life. */
export async function live(stage: Stage): Promise<never> {
  const workers = stage.workers.map((member): Worker => ({ member, task: null, step: 0 }));
  for (let turn = 0;; turn++) {
    if (turn % 30 === 0) await plan(stage, turn / 30);
    const worker = workers[turn % workers.length];
    if (worker !== undefined) await advance(stage, worker, turn);
    await new Promise((next) => setTimeout(next, STEP_MS));
  }
}

async function plan(stage: Stage, round: number): Promise<void> {
  const { peer } = stage.member("ada");
  const [goal, titles] = ROUNDS[round % ROUNDS.length] ?? ROUNDS[0];
  await peer.call("run", { action: "start", goal, plan: titles.join(", then ") });
  const [first, second, third, last] = titles;
  await peer.call("create_task", {
    tasks: [
      { key: "a", title: first, priority: 3 },
      { key: "b", title: second, blocked_by: ["a"] },
      { key: "c", title: third, blocked_by: ["a"] },
      { key: "d", title: last, blocked_by: ["b", "c"] },
      { key: "e", title: `Write down: ${goal.toLowerCase()}`, blocked_by: ["d"], priority: 8 },
    ],
  });
  await peer.call("set_memory", {
    key: "focus",
    type: "decision",
    value: `We work on: ${goal}.\nRound ${round + 1}.`,
  });
}

/** One thing that a worker does next. */
async function advance(stage: Stage, worker: Worker, turn: number): Promise<void> {
  const { peer } = worker.member;
  await peer.call("check");
  if (worker.task === null) {
    const { json } = await peer.call("claim_task");
    worker.task = json?.task?.id ?? null;
    worker.step = 0;
    if (worker.task === null) return;
    const path = `src/${String(json.task.title).toLowerCase().replaceAll(/\W+/g, "-")}.ts`;
    await peer.call("lock_file", { paths: [path], task: worker.task });
    return;
  }
  const progress = PROGRESS[worker.step];
  worker.step += 1;
  if (progress !== undefined) {
    await peer.call("update_task", { id: worker.task, progress });
    if (turn % 7 === 0) await ask(worker, turn);
    return;
  }
  await finish(stage, worker, turn);
}

async function ask({ member, task }: Worker, turn: number): Promise<void> {
  const blocked = turn % 21 === 0;
  await member.peer.call("send", {
    to: ["ada"],
    category: blocked ? "blocker" : "question",
    content: blocked
      ? "Which licence do the icons have? I cannot go on with the dialog before I know."
      : "Shall old notes keep their ids?",
    task,
  });
}

async function finish(stage: Stage, worker: Worker, turn: number): Promise<void> {
  const { peer } = worker.member;
  const id = worker.task;
  worker.task = null;
  await peer.call("unlock_file");
  if (turn % 5 === 0) {
    await peer.call("update_task", {
      id,
      action: "request_review",
      note: "Ready to be looked at.",
    });
    // Every second review is the operator's: it stays where it can be seen.
    if (turn % 10 === 0) {
      await stage.member("ada").peer.call("review_task", { id, verdict: "approve" });
    }
    return;
  }
  await peer.call("complete_task", { id, summary: "Done; edge cases are tested.", tests: "green" });
}
