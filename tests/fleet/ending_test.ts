// Who may say what became of an attempt: the process that is at it, and whoever cleans up after one.

import { assert, assertEquals } from "@std/assert";
import { LIMITS } from "../../src/core/limits.ts";
import { operationNamed, Refusal } from "../../mod.ts";
import { Visitor } from "../../src/node/visitor.ts";
import { readEnvironment } from "../../src/node/settings.ts";
import { type Flock, flockTest, type Json, type Member } from "../operations/flock.ts";

async function driven(lead: Member, flock: Flock, tasks: number): Promise<string> {
  const { run } = await lead.call("run", { action: "start", goal: "all" });
  await lead.call("conduct_run", { id: run.id, repo: flock.project });
  const titled = Array.from({ length: tasks }, (_, i) => ({ title: `task ${i}` }));
  await lead.call("create_task", { run: run.id, tasks: titled });
  return run.id;
}

/** What somebody is refused who has a token of a peer, and not its process. */
async function byToken(flock: Flock, token: string, name: string, input: Json): Promise<string> {
  const env = { SKEIN_HOME: flock.home, SKEIN_DIR: flock.project, SKEIN_TOKEN: token };
  const visitor = new Visitor(readEnvironment(env, flock.project));
  const operation = operationNamed(name);
  assert(operation !== undefined);
  try {
    return JSON.stringify(await visitor.call(operation, input));
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown.code;
    throw thrown;
  }
}

flockTest(
  "end_attempt: no worker ends what another waits with, unless it cleans up for its run",
  async (flock) => {
    const { lead, anna, bob } = await flock.crew();
    const run = await driven(lead, flock, 2);
    const { attempt } = await anna.call("begin_attempt", { run });
    await anna.call("end_attempt", { attempt: attempt.id, outcome: "waiting", reason: "held" });
    const done = { attempt: attempt.id, outcome: "done", merged: "deadbeef" };
    await bob.refused("NOT_ALLOWED", "end_attempt", done);
    assertEquals((await lead.call("get_task", { id: attempt.task })).task.status, "in_progress");
    await bob.call("begin_attempt", { run });
    assertEquals((await bob.call("end_attempt", done)).status, "completed");
  },
);

flockTest(
  "end_attempt: an agent, which has only a token, neither ends its attempt nor says what it used",
  async (flock) => {
    const { lead, anna } = await flock.crew();
    const run = await driven(lead, flock, 1);
    const { attempt } = await anna.call("begin_attempt", { run });
    const token = await anna.node.token();
    for (const outcome of ["done", "failed", "limited", "waiting"]) {
      const end = { attempt: attempt.id, outcome, merged: "deadbeef" };
      assertEquals(await byToken(flock, token, "end_attempt", end), "NOT_ALLOWED", outcome);
    }
    const note = { attempt: attempt.id, folder: "/", cost_usd: 0 };
    assertEquals(await byToken(flock, token, "note_attempt", note), "NOT_ALLOWED");
    const handIn = { id: attempt.task, summary: "it is done" };
    assert((await byToken(flock, token, "complete_task", handIn)).includes("handed_in"));
    const end = { attempt: attempt.id, outcome: "done", merged: "abc" };
    assertEquals((await anna.call("end_attempt", end)).status, "completed");
  },
);

flockTest(
  "end_attempt: a limit ends within reason, and the operator's resume lifts it",
  async (flock) => {
    const { lead, anna } = await flock.crew();
    const run = await driven(lead, flock, 1);
    const { attempt } = await anna.call("begin_attempt", { run });
    const limit = { limit_until_ms: Number.MAX_SAFE_INTEGER, limit_known: true };
    await anna.call("end_attempt", { attempt: attempt.id, outcome: "limited", ...limit });
    const { reason, retry_ms: ms } = await anna.call("begin_attempt", { run });
    assertEquals([reason, ms <= LIMITS.limitFurthestS * 1_000], ["limit", true], `${ms} ms`);
    await lead.call("conduct_run", { id: run, action: "resume" });
    assertEquals(
      (await anna.call("begin_attempt", { run })).reason,
      "limit",
      "it is not the human",
    );
    const env = { SKEIN_HOME: flock.home, SKEIN_DIR: flock.project };
    const human = new Visitor(readEnvironment(env, flock.project));
    const conduct = operationNamed("conduct_run");
    assert(conduct !== undefined);
    await human.call(conduct, { id: run, action: "resume" });
    assertEquals((await anna.call("begin_attempt", { run })).attempt?.task, attempt.task);
  },
);
