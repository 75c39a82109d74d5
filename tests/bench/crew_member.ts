// One process of a crew. It gets its job as an argument, says "ready", waits for "go", does the
// job, prints the answer as one line of JSON, and stays until its standard input ends.

import { DatabaseSync } from "node:sqlite";
import { type Answer, Node, operationNamed, readEnvironment } from "../../mod.ts";
import { bareClaimer, bareSender } from "./bare.ts";
import { CONTENT } from "./content.ts";
import { type Job, linesOf } from "./crew.ts";
import { say } from "./print.ts";

/** What a job does before and after the word. */
type Prepared = () => Promise<unknown>;

/** Calls before it counts. */
const WARM_UP = 1_500;

/** Microseconds are lost in a number this large; a tenth of one is kept. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

function nodeOf(job: Job): Node {
  const environment = readEnvironment(
    { SKEIN_HOME: job.home, SKEIN_NAME: job.name, SKEIN_RATE: "100000000" },
    job.folder,
  );
  return new Node({ ...environment, session: null });
}

/** One call as a door makes it: a request came in, its answer went out. */
async function call(node: Node, name: string, input: unknown): Promise<Answer> {
  const operation = operationNamed(name);
  if (operation === undefined) throw new Error(`there is no operation ${name}`);
  node.received();
  const { answer, offer } = await node.call(operation, input);
  offer.flushed();
  return answer;
}

/** The bare loop that everything else is compared with. */
function raw(job: Job): Promise<Prepared> {
  const db = new DatabaseSync(job.home, { timeout: 5_000 });
  db.exec("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0");
  const begin = db.prepare("BEGIN IMMEDIATE");
  const insert = db.prepare("INSERT INTO bare (text) VALUES (?)");
  const commit = db.prepare("COMMIT");
  return Promise.resolve(() => {
    const endMs = performance.now() + Number(job["ms"]);
    let done = 0;
    while (performance.now() < endMs) {
      begin.run();
      insert.run(CONTENT);
      commit.run();
      done += 1;
    }
    return Promise.resolve(done);
  });
}

/** Sends for a time; the answer is how long each took. */
async function sender(job: Job): Promise<Prepared> {
  const node = nodeOf(job);
  await node.enter();
  // What is measured is a session at work, not the compiler of its first calls.
  for (let i = 0; i < WARM_UP; i++) {
    await call(node, "send", { to: [job["to"]], content: CONTENT });
  }
  return async () => {
    const endMs = performance.now() + Number(job["ms"]);
    const tookMs: number[] = [];
    for (let before = performance.now(); before < endMs;) {
      await call(node, "send", { to: [job["to"]], content: CONTENT });
      const after = performance.now();
      tookMs.push(after - before);
      before = after;
    }
    return tookMs;
  };
}

/** Sends now and then; the answer is when each message was committed. */
async function pacer(job: Job): Promise<Prepared> {
  const node = nodeOf(job);
  await node.enter();
  const { engine } = await node.store();
  const write = engine.write.bind(engine);
  let committedMs = 0;
  engine.write = async (body) => {
    const result = await write(body);
    committedMs = nowMs();
    return result;
  };
  return async () => {
    const when: [string, number][] = [];
    for (let i = 0; i < Number(job["count"]); i++) {
      await new Promise((next) => setTimeout(next, 10 + 10 * Math.random()));
      const { id } = await call(node, "send", { to: [job["to"]], content: CONTENT });
      when.push([String(id), committedMs]);
    }
    return when;
  };
}

/** Waits in `check`; the answer is when each message was here. */
async function waiter(job: Job): Promise<Prepared> {
  const node = nodeOf(job);
  await node.enter();
  return async () => {
    const when: [string, number][] = [];
    while (when.length < Number(job["count"])) {
      const answer = await call(node, "check", { wait_ms: 50_000, limit: 1 });
      const hereMs = nowMs();
      for (const { id } of answer["messages"] as { id: string }[]) when.push([id, hereMs]);
    }
    return when;
  };
}

/** Claims until nothing is ready; the answer is what it got and until when. */
async function claimer(job: Job): Promise<Prepared> {
  const node = nodeOf(job);
  await node.enter();
  return async () => {
    const fromMs = nowMs();
    const ids: string[] = [];
    for (;;) {
      const answer = await call(node, "claim_task", {});
      const task = answer["task"] as { id: string } | null;
      if (task === null) return { ids, fromMs, untilMs: nowMs() };
      ids.push(task.id);
    }
  };
}

/** Is there. */
async function idler(job: Job): Promise<Prepared> {
  const node = nodeOf(job);
  await node.enter();
  return () => Promise.resolve(null);
}

const TASKS = new Map<string, (job: Job) => Promise<Prepared>>(
  Object.entries({
    raw,
    sender,
    pacer,
    waiter,
    claimer,
    idler,
    bare_sender: (job: Job) => Promise.resolve(bareSender(job)),
    bare_claimer: (job: Job) => Promise.resolve(bareClaimer(job, nowMs)),
  }),
);

if (import.meta.main) {
  const job = JSON.parse(Deno.args[0] ?? "{}") as Job;
  const prepare = TASKS.get(job.task);
  if (prepare === undefined) throw new Error(`there is no job ${job.task}`);
  const run = await prepare(job);
  say("ready");
  for await (const line of linesOf(Deno.stdin.readable)) {
    if (line === "go") say(JSON.stringify(await run()));
  }
  Deno.exit(0);
}
