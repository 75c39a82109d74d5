// A task that somebody takes from a worker at work: its agent ends before it has cost more, what it
// had is kept, and the run goes on or ends only after that.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { attemptsAre, audit, auditGit, change, exists, hostsOf, killAll, rows } from "./ground.ts";
import { onTask, resultOf, type Stage, withStage, WRITES } from "./stage.ts";

/** An agent that has written half of its file and works on, whatever it is told. */
const holds = (stage: Stage) => ({
  ...onTask(
    "write",
    { do: "write", path: "$<rest>", text: "half\n" },
    { do: "run", argv: ["touch", join(stage.folder, "half")] },
    { do: "deaf" },
    { do: "hang" },
  ),
  times: 1,
});

const half = (stage: Stage): Promise<boolean> =>
  eventually(() => exists(join(stage.folder, "half")), { what: "the agent is at it" });

Deno.test("taken: a released task's agent ends, and the task is begun again", async () => {
  await withStage(async (stage) => {
    stage.play([holds(stage), WRITES]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const run = stage.start(["run", "all", "--tasks", plan, "-w", "1", "--json"]);
    await half(stage);
    await stage.ask("task", "update", "t1", "--action", "release");
    await attemptsAre(stage, "stopped", 1);
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    const [first] = rows<{ reason: string }>(stage, "SELECT reason FROM attempt ORDER BY id");
    assert(first?.reason.includes("t1 was taken from"), first?.reason);
    await audit(stage, { tasks: 1 });
  });
});

Deno.test("taken: a run whose last task is cancelled ends after its agent, whose work is kept", async () => {
  await withStage(async (stage) => {
    stage.play([holds(stage)]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const run = stage.start(["run", "all", "--tasks", plan, "-w", "1", "--json"]);
    await half(stage);
    await stage.ask("task", "update", "t1", "--action", "cancel");
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(resultOf(ran).tasks.map(({ status }) => status), ["cancelled"]);
    assertEquals(rows(stage, "SELECT 1 FROM attempt WHERE state = 'running'"), []);
    await eventually(() => stage.processes().length === 0, { what: "all have ended" });
    const parked = (await stage.git("for-each-ref", "--format=%(refname)", "refs/skein/parked"))
      .trim();
    assertEquals(await stage.git("show", `${parked}:a.txt`), "half\n");
    await auditGit(stage);
  });
});

Deno.test("taken: a run that a person ends takes its agents along", async () => {
  await withStage(async (stage) => {
    stage.play([holds(stage)]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const run = stage.start(["run", "all", "--tasks", plan, "-w", "1", "--json"]);
    await half(stage);
    await stage.ask("run", "end", "r1", "--plan", "given up");
    const ran = await run.ended;
    assertEquals(ran.code, 3, ran.stdout + ran.stderr);
    assert(JSON.stringify(resultOf(ran)["notes"]).includes("given up"), ran.stdout);
    const [first] = rows<{ state: string; reason: string }>(
      stage,
      "SELECT state, reason FROM attempt",
    );
    assertEquals(first, { state: "stopped", reason: "operator: the run was ended" });
    await eventually(() => stage.processes().length === 0, { what: "all have ended" });
    await auditGit(stage);
    await stage.ask("run", "start", "by hand");
    const refused = await stage.skein(["stop", "r2"]);
    assertEquals(refused.code, 4, refused.stdout);
    assert(refused.stderr.includes("no worker processes drive run r2"), refused.stderr);
  });
});

Deno.test("taken: who interrupts twice is not told that the workers go on", async () => {
  await withStage(async (stage) => {
    stage.play([holds(stage)]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const run = stage.start(["run", "all", "--tasks", plan, "-w", "1", "--json"]);
    await half(stage);
    run.signal("SIGINT");
    const asked = (): boolean =>
      rows(stage, "SELECT 1 FROM attempt WHERE stop IS NOT NULL").length === 1;
    await eventually(asked, { what: "the run is stopped" });
    run.signal("SIGINT");
    const ran = await run.ended;
    assertEquals(ran.code, 3, ran.stdout + ran.stderr);
    assertEquals(resultOf(ran)["state"], "stopped");
    assert(JSON.stringify(resultOf(ran)["notes"]).includes("still being ended"), ran.stdout);
    await eventually(() => stage.processes().length === 0, { what: "all end", withinMs: 15_000 });
  });
});

/** A run whose conductor and worker are dead, and whose agent does not hear. */
async function leftAlone(stage: Stage): Promise<void> {
  stage.play([holds(stage)]);
  const plan = stage.plan([{ description: "write a.txt" }]);
  const run = stage.start(["run", "all", "--tasks", plan, "-w", "1", "--json"]);
  await half(stage);
  run.signal("SIGKILL");
  await run.ended;
  killAll(hostsOf(stage));
}

/** Nothing of it goes on, and what was done by halves is kept. */
async function isSettled(stage: Stage): Promise<void> {
  assertEquals(rows(stage, "SELECT state FROM attempt WHERE run = 'r1'"), [{ state: "stopped" }]);
  assertEquals(stage.processes(), []);
  const parked = (await stage.git("for-each-ref", "--format=%(refname)", "refs/skein/parked"))
    .trim();
  assertEquals(await stage.git("show", `${parked}:a.txt`), "half\n");
  await auditGit(stage);
}

Deno.test("taken: whoever ends a run that nobody drives any more ends its agents, and keeps their work", async () => {
  await withStage(async (stage) => {
    await leftAlone(stage);
    const ended = await stage.skein(["run", "end", "r1"]);
    assertEquals([ended.code, ended.stderr], [0, ""]);
    await isSettled(stage);
    const over = await stage.skein(["run", "--resume", "r1"]);
    assertStringIncludes(over.stderr, "r1 has ended: no reason given");
    const clean = await stage.skein(["run", "clean"]);
    assertStringIncludes(clean.stdout, "removed 1 run branch");
  });
});

Deno.test("taken: what a run that was ended left open the next one settles", async () => {
  await withStage(async (stage) => {
    await leftAlone(stage);
    // As a session does, which may start no process.
    change(stage, "UPDATE run SET status = 'ended', ended_at = created_at");
    change(stage, "UPDATE attempt SET stop = 'lead: the run was ended'");
    stage.play([WRITES]);
    const plan = stage.plan([{ description: "write b.txt" }], "next.json");
    const ran = await stage.skein(["run", "next", "--tasks", plan, "--json"]);
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    await eventually(() => stage.processes().length === 0, { what: "every process has ended" });
    await isSettled(stage);
  });
});
