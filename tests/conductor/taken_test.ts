// A task that somebody takes from a worker at work: its agent ends before it has cost more, what it
// had is kept, and the run goes on or ends only after that.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { attemptsAre, audit, auditGit, exists, rows } from "./ground.ts";
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
