// What people do with a run: interrupt it, stop it or a task of it, wait, try again, talk to an agent,
// read its log, approve its work.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { told } from "../agent/ground.ts";
import { eventually } from "../support/eventually.ts";
import { abandonedRun, attemptsAre, audit, exists, letGo, rows, startHost } from "./ground.ts";
import type { Step } from "../agent/scenario.ts";
import { onTask, resultOf, type Stage, withStage, WRITES } from "./stage.ts";

const go = (stage: Stage, name = "go"): string => join(stage.folder, name);

/** Half of a work, and a sign that it is there. */
const half = (stage: Stage): Step[] => [
  { do: "write", path: "h.txt", text: "half" },
  { do: "run", argv: ["touch", go(stage, "half")] },
];

async function isHalfDone(stage: Stage): Promise<void> {
  await eventually(() => exists(go(stage, "half")), { what: "half is done", withinMs: 15_000 });
  await attemptsAre(stage, "running", 1);
}

Deno.test("people: an interrupt ends the agents and keeps their work; going on repeats nothing done", async () => {
  await withStage(async (stage) => {
    const waits = onTask(
      "hold",
      { do: "write", path: "$<rest>", text: "half" },
      { do: "fork", tell: go(stage, "children") },
      { do: "wait", file: go(stage) },
    );
    stage.play([waits, WRITES]);
    const plan = stage.plan([
      { id: "a", description: "write a.txt", priority: 1 },
      { id: "b", description: "hold b.txt" },
      { id: "c", description: "hold c.txt" },
    ]);
    const run = stage.start(["run", "all", "--tasks", plan, "-w", "2", "--json"]);
    await attemptsAre(stage, "done", 1);
    await attemptsAre(stage, "running", 2);
    await eventually(() => told(go(stage, "children")).length === 2, { what: "both are at it" });
    run.signal("SIGINT");
    const ran = await run.ended;
    assertEquals(ran.code, 3, ran.stdout + ran.stderr);
    assertEquals(resultOf(ran)["state"], "stopped");
    await eventually(() => stage.processes().length === 0, { what: "all have ended" });
    const parked = await stage.git("for-each-ref", "--format=%(refname)", "refs/skein/parked");
    assertEquals(parked.trim().split("\n").length, 2, parked);
    letGo(stage);
    // Asked for nothing, a stopped run begins nothing, and nobody waits for it.
    const waited = await stage.skein(["wait", "r1"]);
    assertEquals([waited.code, waited.stdout], [1, "r1 stopped: operator: interrupted\n"]);
    const task = await stage.skein(["wait", "t2"]);
    assertEquals(task.code, 1);
    assert(task.stdout.startsWith("t2 pending: its run r1 is stopped: "), task.stdout);
    const again = await stage.skein(["run", "--resume", "r1", "--json"]);
    assertEquals(again.code, 0, again.stdout + again.stderr);
    const tries = resultOf(again).tasks.map(({ attempts }) => attempts);
    assertEquals(tries, [1, 2, 2]);
    await audit(stage, { tasks: 3 });
    assertEquals(await stage.files(), ["README.md", "a.txt", "b.txt", "c.txt"]);
  });
});

Deno.test("people: tell reaches the agent at work and is seen; log follows it; wait knows the end", async () => {
  await withStage(async (stage) => {
    stage.play([
      onTask(
        "listen",
        { do: "say", text: "I listen" },
        { do: "hear" },
        { do: "write", path: "heard.txt", text: "heard\n" },
        { do: "run", argv: ["false"] },
      ),
    ]);
    const plan = stage.plan([{ description: "listen carefully" }]);
    const run = stage.start(["run", "all", "--tasks", plan, "--json"]);
    await attemptsAre(stage, "running", 1);
    const followed = stage.start(["log", "t1", "-f"]);
    const waited = stage.start(["wait", "t1", "-t", "30"]);
    assertEquals((await stage.skein(["wait", "t1", "-t", "0.1"])).code, 3, "it is not done yet");
    assertEquals((await stage.skein(["tell", "t1", "use tabs, not spaces"])).code, 0);
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals((await waited.ended).code, 0);
    const log = await followed.ended;
    assertEquals(log.code, 0, log.stderr);
    for (const part of ["I listen", "use tabs, not spaces", "> Write", "failed:", "done:"]) {
      assert(log.stdout.includes(part), `${part}: ${log.stdout}`);
    }
    assertEquals((await stage.skein(["log", "1"])).stdout, log.stdout, "the same once more");
    assertEquals((await stage.skein(["log", "r1"])).stdout, log.stdout, "and by the run");
    const raw = await stage.skein(["log", "t1", "--raw"]);
    assert(raw.lines.length > 5 && raw.lines.every(({ line }) => typeof line === "string"));
    const delivered = rows<{ state: number }>(
      stage,
      "SELECT d.state FROM delivery d JOIN message m ON m.id = d.message WHERE m.content LIKE '%tabs%'",
    );
    assertEquals(delivered.map(({ state }) => state), [2], "it was seen");
    assertEquals((await stage.skein(["wait", "r1"])).code, 0);
    const late = await stage.skein(["tell", "t1", "too late"]);
    assertEquals(late.code === 0, false);
    assert((late.stdout + late.stderr).includes("nobody works on t1"), late.stderr);
    assertEquals((await stage.skein(["log", "t99"])).code === 0, false);
  });
});

Deno.test("people: a stopped task stays out of work until it is retried, the rest goes on", async () => {
  await withStage(async (stage) => {
    stage.play([
      {
        ...onTask("hold", ...half(stage), { do: "deaf" }, { do: "hang" }),
        times: 1,
      },
      { ...onTask("fail", { do: "exit", code: 1 }), times: 1 },
      onTask("fail", { do: "wait", file: go(stage) }, { do: "write", path: "f.txt", text: "f" }),
      onTask("hold", { do: "write", path: "h.txt", text: "h" }),
      WRITES,
    ]);
    const plan = stage.plan([
      { id: "a", description: "hold on" },
      { description: "fail once" },
      { description: "write w.txt", dependencies: ["a"] },
    ]);
    const args = ["run", "all", "--tasks", plan, "-w", "2", "--attempts", "1", "--json"];
    const run = stage.start(args);
    await attemptsAre(stage, "failed", 1);
    await isHalfDone(stage);
    assertEquals((await stage.skein(["wait", "t2"])).code, 1, "it failed");
    assertEquals((await stage.skein(["retry", "t2"])).code, 0);
    const stopped = await stage.skein(["stop", "t1", "--why", "wrong way"]);
    assertEquals(stopped.code, 0, stopped.stderr);
    assert(stopped.stdout.includes("skein retry t1"), stopped.stdout);
    await attemptsAre(stage, "stopped", 1);
    const waited = await stage.skein(["wait", "t1"]);
    assertEquals([waited.code, waited.stdout], [1, "t1 failed: stopped by operator: wrong way\n"]);
    letGo(stage);
    const ran = await run.ended;
    assertEquals(ran.code, 1, ran.stdout + ran.stderr);
    const result = resultOf(ran);
    assertEquals(result.tasks.map(({ status }) => status), ["failed", "completed", "pending"]);
    assert(JSON.stringify(result["notes"]).includes("t1 was stopped by operator: wrong way"));
    const tries = rows<{ task: string }>(stage, "SELECT task FROM attempt ORDER BY id");
    assertEquals(tries.map(({ task }) => task).sort(), ["t1", "t2", "t2"], "t1 was tried once");
    const parked = await stage.git("for-each-ref", "refs/skein/parked");
    assert(parked.includes("/t1-1/"), "its work is kept");
    assertEquals((await stage.skein(["retry", "t1"])).code, 0);
    const again = await stage.skein(["run", "--resume", "r1", "--json"]);
    assertEquals(again.code, 0, again.stdout + again.stderr);
    await audit(stage, { tasks: 3 });
    assertEquals((await stage.skein(["stop", "t1"])).code, 4, "it is done");
    const over = await stage.skein(["run", "--resume", "r1"]);
    assert(over.stderr.includes("r1 has ended"), over.stderr);
  });
});

Deno.test("people: a worker that dies before it hears of the stop leaves the task stopped", async () => {
  await withStage(async (stage) => {
    stage.play([
      { ...onTask("hold", ...half(stage), { do: "hang" }), times: 1 },
      onTask("hold", { do: "write", path: "again.txt", text: "begun again" }),
      WRITES,
    ]);
    const plan = stage.plan([{ description: "hold on" }, { description: "write w.txt" }]);
    await abandonedRun(stage, ["run", "all", "--tasks", plan]);
    const host = startHost(stage);
    await isHalfDone(stage);
    host.signal("SIGSTOP");
    const waits = stage.start(["wait", "t1"]);
    assertEquals((await stage.skein(["stop", "t1"])).code, 0);
    host.signal("SIGKILL");
    await host.ended;
    assertEquals((await waits.ended).code, 1);
    const ran = await stage.skein(["run", "--resume", "r1", "--json"]);
    assertEquals(ran.code, 1, ran.stdout + ran.stderr);
    const tries = rows(stage, "SELECT task, state, reason FROM attempt ORDER BY id");
    assertEquals(tries, [
      { task: "t1", state: "stopped", reason: "operator: no reason given" },
      { task: "t2", state: "done", reason: null },
    ]);
    const parked = await stage.git("for-each-ref", "refs/skein/parked");
    assert(parked.includes("/t1-1/"), "its work is kept");
    await eventually(() => stage.processes().length === 0, { what: "nothing runs any more" });
  });
});

Deno.test("people: a planner that was stopped does not make the goal one task", async () => {
  await withStage(async (stage) => {
    stage.play([{ match: "Plan this goal", steps: [{ do: "hang" }] }]);
    const run = stage.start(["run", "make it good", "--json"]);
    await attemptsAre(stage, "running", 1);
    assertEquals((await stage.skein(["stop", "t1"])).code, 0);
    const ran = await run.ended;
    assertEquals(ran.code, 1, ran.stdout + ran.stderr);
    assertEquals(resultOf(ran).tasks.map(({ id, status }) => [id, status]), [["t1", "failed"]]);
  });
});

Deno.test("people: whoever waits for a run hears that it was stopped, or its budget spent", async () => {
  await withStage(async (stage) => {
    stage.play([onTask("hold", { do: "say", text: "holding" }, { do: "hang" }), WRITES]);
    const plan = stage.plan([{ description: "hold on" }]);
    const run = stage.start(["run", "all", "--tasks", plan]);
    await attemptsAre(stage, "running", 1);
    const waits = stage.start(["wait", "r1", "--json"]);
    assertEquals((await stage.skein(["stop", "r1", "--why", "enough"])).code, 0);
    assertEquals((await run.ended).code, 3);
    const waited = await waits.ended;
    assertEquals(waited.code, 1);
    const said = JSON.parse(waited.stdout);
    assertEquals(said, { id: "r1", state: "stopped", why: "operator: enough" });
    const ended = await stage.skein(["run", "end", "r1", "--plan", "given up"]);
    assertEquals(ended.code, 0, ended.stderr);
    const gone = await stage.skein(["wait", "r1"]);
    assertEquals([gone.code, gone.stdout], [1, "r1 ended: given up\n"]);
    const files = stage.plan(["a.txt", "b.txt"].map((file) => ({ description: `write ${file}` })));
    const args = ["run", "more", "--tasks", files, "-w", "1", "--max-tokens", "5", "-q"];
    assertEquals((await stage.skein(args)).code, 1);
    const spent = await stage.skein(["wait", "r2"]);
    assertEquals([spent.code, spent.stdout], [1, "r2 stopped: its budget is spent: 10 tokens\n"]);
  });
});

Deno.test("people: what asks for a review is merged when it is approved, and done over when it is not", async () => {
  await withStage(async (stage) => {
    const ask = {
      do: "mcp",
      name: "update_task",
      input: { id: "$<task>", action: "request_review", note: "please look" },
    } as const;
    stage.play([
      onTask("rush", { do: "write", path: "r.txt", text: "rushed\n" }, ask, {
        do: "wait",
        file: go(stage),
      }),
      { ...onTask("write", { do: "write", path: "$<rest>", text: "first try\n" }, ask), times: 2 },
      onTask("write", { do: "write", path: "$<rest>", text: "second try\n", append: true }),
    ]);
    const plan = stage.plan([
      { id: "a", description: "write a.txt" },
      { id: "b", description: "write b.txt" },
      { id: "c", description: "write c.txt", dependencies: ["a", "d"] },
      { id: "d", description: "rush it" },
    ]);
    const run = stage.start(["run", "all", "--tasks", plan, "-w", "3", "--json"]);
    await attemptsAre(stage, "review", 2);
    // Approved while its agent is still at it.
    await eventually(
      () => rows(stage, "SELECT 1 FROM task WHERE id = 't4' AND status = 'in_review'").length === 1,
      { what: "the third asks, too" },
    );
    await stage.ask("task", "review", "t4", "approve");
    assertEquals(await stage.files("skein/run/r1"), ["README.md"], "nothing is merged unseen");
    await eventually(
      async () => (await stage.git("worktree", "list")).trim().split("\n").length === 2,
      { what: "their worktrees go, but for that of the one still at work" },
    );
    await stage.ask("task", "review", "t1", "approve");
    await stage.ask("task", "review", "t2", "request_changes", "--findings", "say it twice");
    await attemptsAre(stage, "done", 1);
    letGo(stage);
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(Deno.readTextFileSync(join(stage.repo, "a.txt")), "first try\n");
    assertEquals(
      Deno.readTextFileSync(join(stage.repo, "b.txt")),
      "first try\nsecond try\n",
      "the second attempt goes on where the first was",
    );
    const bases = rows<{ task: string; base: string }>(
      stage,
      "SELECT task, base FROM attempt WHERE task = 't3'",
    );
    assert(bases.length === 1, "what waits for it began once, after the merge");
    const files = await stage.git("ls-tree", "--name-only", bases[0]?.base ?? "");
    assert(files.includes("a.txt") && files.includes("r.txt"), files);
  });
});

Deno.test("people: approved work that conflicts by then is resolved, and what waits for it waits on", async () => {
  await withStage(async (stage) => {
    stage.play([
      {
        match: "resolve the conflicts in shared.txt",
        steps: [{ do: "write", path: "shared.txt", text: "both\n" }],
      },
      onTask("propose", { do: "write", path: "shared.txt", text: "proposal\n" }, {
        do: "mcp",
        name: "update_task",
        input: { id: "$<task>", action: "request_review", note: "please look" },
      }),
      onTask("decide", { do: "write", path: "shared.txt", text: "decision\n" }),
      WRITES,
    ]);
    const plan = stage.plan([
      { id: "a", description: "propose it" },
      { id: "b", description: "decide it" },
      { id: "c", description: "write c.txt", dependencies: ["a"] },
    ]);
    const run = stage.start(["run", "all", "--tasks", plan, "-w", "2", "--json"]);
    await attemptsAre(stage, "review", 1);
    await attemptsAre(stage, "done", 1);
    await stage.ask("task", "review", "t1", "approve");
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(Deno.readTextFileSync(join(stage.repo, "shared.txt")), "both\n");
    const kinds = rows<{ kind: string }>(stage, "SELECT kind FROM attempt WHERE task = 't1'");
    assertEquals(kinds.map(({ kind }) => kind), ["work", "resolve"]);
    const [third] = rows<{ base: string }>(stage, "SELECT base FROM attempt WHERE task = 't3'");
    assertEquals(await stage.git("show", `${third?.base}:shared.txt`), "both\n");
    assertEquals(resultOf(ran).tasks.map(({ status }) => status), Array(3).fill("completed"));
  });
});
