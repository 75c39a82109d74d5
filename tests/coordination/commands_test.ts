// The commands of the Claude Multi-Agent Coordination System, each flag of it, through real
// processes: what they do, what they refuse, and what they print.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { withGround } from "./ground.ts";

Deno.test("leader init: a plan that holds the goal; a second one says what becomes of tasks", async () => {
  await withGround(async (ground) => {
    const said = await ground.text("leader", "init", "Build an API", "--approach", "small steps");
    assertMatch(said, /Initialised: Build an API \(run r1\)/);
    const plan = ground.read("master-plan.md");
    for (const part of ["## Objective\n\nBuild an API", "## Approach\n\nsmall steps"]) {
      assert(plan.includes(part), plan);
    }
    for (const part of ["Success Criteria", "Task Breakdown", "Status", "Notes"]) {
      assert(plan.includes(`## ${part}`), part);
    }
    await ground.text("leader", "add-task", "one");
    assertMatch(await ground.text("leader", "init", "Build an API"), /Already initialised.*r1/);
    const again = await ground.text("leader", "init", "Another goal");
    assertMatch(again, /run r2[^]*1 open tasks of this project stay as they are/);
    assertEquals((await ground.ok("leader", "status")).goal, "Another goal");
    assertMatch(ground.read("master-plan.md"), /Another goal/);
    assertEquals(ground.tasks().length, 1);
  });
});

Deno.test("leader add-task: every flag, short and long, and the defaults", async () => {
  await withGround(async (ground) => {
    await ground.text("leader", "init", "g");
    assertMatch(await ground.text("leader", "add-task", "first"), /^Added task: t1\n/);
    await ground.text("leader", "add-task", "second", "-p", "1");
    const flags = ["-p", "2", "-d", "t1", "t2", "-f", "a.ts", "b c.ts", "--hints", "use zod"];
    await ground.text("leader", "add-task", "third", ...flags);
    const long = ["--priority", "3", "--files", "x.ts", "--depends", "t3", "--hints", "@h.txt"];
    Deno.writeTextFileSync(join(ground.folder, "h.txt"), "from a file\n");
    await ground.text("leader", "add-task", ...long, "--", "fourth");
    const [first, second, third, fourth] = ground.tasks();
    assertEquals([first.priority, first.dependencies, first.status], [5, [], "available"]);
    assertEquals([first.context, first.claimed_by, first.result], [
      { files: [], hints: "" },
      null,
      null,
    ]);
    assertEquals([second.priority, second.description], [1, "second"]);
    assertEquals(third.dependencies, ["t1", "t2"]);
    assertEquals(third.context, { files: ["a.ts", "b c.ts"], hints: "use zod" });
    assertEquals(fourth.context, { files: ["x.ts"], hints: "from a file\n" });
    assertEquals([fourth.priority, fourth.dependencies], [3, ["t3"]]);
    const wrong: [number, string, string[]][] = [
      [2, "INVALID_INPUT", ["x", "-p", "0"]],
      [2, "INVALID_INPUT", ["x", "-p", "11"]],
      [2, "INVALID_INPUT", ["x", "-p", "soon"]],
      [2, "UNKNOWN_TASK", ["x", "-d", "t99"]],
      [2, "INVALID_INPUT", []],
      [2, "INVALID_INPUT", ["x", "y"]],
      [2, "INVALID_INPUT", ["x", "--color", "red"]],
      [2, "INVALID_INPUT", ["x", "--hints", "@nowhere.txt"]],
    ];
    for (const [exit, code, args] of wrong) {
      const error = await ground.refused(exit, "leader", "add-task", ...args);
      assertEquals(error.code, code, args.join(" "));
    }
    assertMatch((await ground.refused(2, "leader", "add-task", "x", "-d", "t99")).message, /t99/);
    assertEquals(ground.tasks().length, 4);
  });
});

Deno.test("leader add-task: hints up to 256 KB; files up to 1 MB; more is refused by size", async () => {
  await withGround(async (ground) => {
    const file = join(ground.folder, "hints.txt");
    Deno.writeTextFileSync(file, "h".repeat(256 * 1024));
    await ground.text("leader", "add-task", "long", "--hints", "@hints.txt");
    assertEquals(ground.tasks()[0].context.hints.length, 256 * 1024);
    // The claimer's context is spared; get_task has the whole.
    const { task } = await ground.ok("worker", "claim", "w1");
    assert(task.description.length < 17_000, `${task.description.length} characters`);
    assertEquals((await ground.ok("task", "get", "t1")).task.description.length, 262_144 + 13);
    Deno.writeTextFileSync(file, "h".repeat(256 * 1024 + 1));
    const error = await ground.refused(4, "leader", "add-task", "x", "--hints", "@hints.txt");
    assertEquals(error.code, "TOO_LARGE");
    const plan = JSON.stringify([{ title: "a", description: "x".repeat(1_100_000) }]);
    Deno.writeTextFileSync(join(ground.folder, "plan.json"), plan);
    const big = await ground.refused(4, "task", "create", "--tasks", "@plan.json");
    assertMatch(big.message, /plan\.json is larger than 1048576 bytes/);
    const typed = await ground.run(["task", "create", "--tasks", "-", "--json"], { stdin: plan });
    assertEquals([typed.code, typed.json.error.code], [4, "TOO_LARGE"]);
  });
});

Deno.test("worker: claim, start, complete, list; the lowest number first, the oldest of equals", async () => {
  await withGround(async (ground) => {
    for (const [text, p] of [["low", "8"], ["b", "2"], ["c", "2"]] as const) {
      await ground.text("leader", "add-task", text, "-p", p);
    }
    await ground.text("leader", "add-task", "last", "-p", "1", "-d", "t2", "t3");
    assertMatch(await ground.text("worker", "list"), /t2[^]*t3[^]*t1/);
    assertEquals((await ground.ok("worker", "list", "w1")).tasks.length, 3);
    const claimed = await ground.text("worker", "claim", "w1");
    assertMatch(claimed, /Claimed task: t2\nDescription: b\nPriority: 2/);
    assertEquals(ground.tasks()[1].status, "claimed");
    assertEquals(ground.tasks()[1].claimed_by, "w1");
    assertMatch(await ground.text("worker", "start", "w1", "t2"), /Started: t2/);
    assertEquals(ground.tasks()[1].status, "in_progress");
    const done = ["worker", "complete", "w1", "t2", "all b", "-m", "b.ts", "x.ts", "-c", "n.ts"];
    assertMatch(await ground.text(...done), /Completed: t2/);
    const [, two] = ground.tasks();
    assertEquals([two.status, two.claimed_by], ["done", "w1"]);
    assertEquals(two.result, {
      output: "all b",
      files_modified: ["b.ts", "x.ts"],
      files_created: ["n.ts"],
    });
    assertEquals((await ground.ok("worker", "claim", "w2")).task.id, "t3");
    const last = ["--modified", "c.ts", "--created", "d.ts", "e.ts"];
    assertMatch(
      await ground.text("worker", "complete", "w2", "t3", "all c", ...last),
      /Now ready: t4/,
    );
    assertEquals((await ground.ok("worker", "claim", "w2", "t1")).task.id, "t1");
    assertEquals((await ground.ok("worker", "claim", "w3", "--task", "t4")).task.id, "t4");
    assertMatch(await ground.text("worker", "claim", "w4"), /No task available: no task is left/);
    assertEquals((await ground.ok("worker", "claim", "w4")).task, null);
  });
});

Deno.test("worker: what is not one's own is refused and stays as it was", async () => {
  await withGround(async (ground) => {
    await ground.text("leader", "add-task", "mine");
    await ground.text("leader", "add-task", "waits", "-d", "t1");
    await ground.text("worker", "claim", "w1");
    const cases: [number, string, string[]][] = [
      [4, "TASK_TAKEN", ["claim", "w2", "t1"]],
      [4, "TASK_BLOCKED", ["claim", "w2", "t2"]],
      [4, "NOT_YOUR_CLAIM", ["start", "w2", "t1"]],
      [4, "NOT_YOUR_CLAIM", ["complete", "w2", "t1", "x"]],
      [4, "NOT_YOUR_CLAIM", ["fail", "w2", "t1", "x"]],
      [4, "NOT_YOUR_CLAIM", ["complete", "w2", "t2", "x"]],
      [2, "UNKNOWN_TASK", ["complete", "w1", "t9", "x"]],
      [2, "INVALID_INPUT", ["claim", "a name"]],
      [2, "INVALID_INPUT", ["claim"]],
      [2, "INVALID_INPUT", ["complete", "w1", "t1"]],
      [2, "INVALID_INPUT", ["dance", "w1"]],
      [4, "NOT_YOU", ["claim", "w1", "--as", "w2"]],
    ];
    for (const [exit, code, args] of cases) {
      const error = await ground.refused(exit, "worker", ...args);
      assertEquals(error.code, code, args.join(" "));
    }
    const taken = await ground.refused(4, "worker", "claim", "w2", "t1");
    assertMatch(taken.message, /w1 has t1/);
    assertEquals(ground.tasks().map((task) => task.status), ["claimed", "available"]);
    await ground.text("worker", "complete", "w1", "t1", "done");
    assertEquals(
      (await ground.refused(4, "worker", "complete", "w1", "t1", "x")).code,
      "TASK_STATE",
    );
  });
});

Deno.test("worker fail: the reason is kept, the delay holds, the dependents are shown blocked", async () => {
  await withGround(async (ground) => {
    await ground.text("leader", "add-task", "hard");
    await ground.text("leader", "add-task", "after", "-d", "t1");
    await ground.text("worker", "claim", "w1");
    const said = await ground.text("worker", "fail", "w1", "t1", "no compiler");
    assertMatch(said, /tried again after a delay \(attempt 1 of 3\)/);
    assertMatch(ground.read("results/t1.md"), /## Attempted By\n\nw1\n[^]*no compiler[^]*FAILED/);
    assertEquals((await ground.refused(4, "worker", "claim", "w2", "t1")).code, "TASK_DELAYED");
    assertMatch(await ground.text("worker", "claim", "w2"), /tried again in a while/);
    const status = await ground.text("leader", "status");
    assertMatch(status, /blocked \(1\)\n {2}t2 {2}\[5\] after waits for t1/);
  });
});

Deno.test("leader status and aggregate: every state, percent, agents, findings; one summary", async () => {
  await withGround(async (ground) => {
    await ground.text("leader", "init", "The goal");
    for (const text of ["a", "b", "c"]) await ground.text("leader", "add-task", text);
    await ground.text("worker", "claim", "w1");
    await ground.text("worker", "complete", "w1", "t1", "result of a");
    await ground.text("worker", "claim", "w2");
    await ground.text("worker", "complete", "w2", "t2", "result of b");
    await ground.text("worker", "claim", "w1");
    await ground.text("memory", "set", "k", "it is LL(1)", "--type", "discovery", "--as", "w1");
    const text = await ground.text("leader", "status");
    for (const part of [/Goal: The goal/, /2\/3 \(66 %\)/, /w1 \(worker\)/, /Discoveries: 1/]) {
      assertMatch(text, part);
    }
    assertMatch(text, /claimed \(1\)\n {2}t3 {2}\[5\] c \(w1\)[^]*done \(2\)/);
    const status = await ground.ok("leader", "status");
    assertEquals([status.goal, status.total_tasks, status.progress_percent], ["The goal", 3, 66]);
    assertEquals([status.discoveries, status.tasks.completed], [1, 2]);
    assertMatch(await ground.text("leader", "aggregate"), /2 results: .*summary\.md/);
    const summary = ground.read("summary.md");
    assertMatch(
      summary,
      /^# Summary of Results\n\nGenerated: [^]*## t1\n[^]*result of a[^]*\n---\n/,
    );
    assert(summary.indexOf("result of a") < summary.indexOf("## t2"));
    assertEquals((await ground.ok("leader", "aggregate")).results, 2);
    assertMatch(ground.read("context/discoveries.md"), /## w1, .*Z \(k\)\n\nit is LL\(1\)/);
  });
});

Deno.test("ways: help, unknown words and --no-mirror", async () => {
  await withGround(async (ground) => {
    await ground.text("leader", "add-task", "quiet", "--no-mirror");
    assertEquals(ground.has("."), false);
    assertMatch(await ground.text("leader", "--help"), /add-task DESCRIPTION \[-p, --priority/);
    assertMatch(await ground.text("worker", "complete", "--help"), /--modified MODIFIED\.\.\./);
    for (const command of ["mirror", "import", "export"]) {
      assertMatch(await ground.text(command, "--help"), /Usage: skein/);
    }
    const help = await ground.text("help");
    for (const word of ["leader", "worker", "mirror", "import", "export"]) {
      assertMatch(help, new RegExp(`^  ${word} +\\S`, "m"));
    }
    assertEquals((await ground.run(["leader", "dance"])).code, 2);
    assertEquals((await ground.run(["mirror", "--often"])).code, 2);
    assertEquals((await ground.run(["worker", "spawn", "--help"])).code, 0);
  });
});
