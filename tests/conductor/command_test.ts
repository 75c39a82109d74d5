// `skein run` as people type it: its files and subcommands, what it prints to whom, the words and
// variables of the system that it takes over from.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { SOURCE_COMMAND, testEnv } from "../support/peer.ts";
import { attemptsAre, audit, begun, exists, letGo, rows } from "./ground.ts";
import { HANDS_IN, onTask, resultOf, withStage, WRITES } from "./stage.ts";

Deno.test("command: init, create-task, from-config and the aliases: a run from a file that was made by hand", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES]);
    const made = await stage.skein(["orchestrate", "init", "three files", "-w", "2"]);
    assertEquals(made.code, 0, made.stderr);
    assertEquals((await stage.skein(["run", "init", "again"])).code, 2, "never over a file");
    const adds = [
      ["write a.txt", "-p", "1"],
      ["write b.txt", "-d", "task-1", "--hints", "be brief", "-f", "a.txt"],
      ["write c.txt", "-d", "2", "-d", "task-1"],
    ];
    for (const [i, words] of adds.entries()) {
      const { code, stdout } = await stage.skein(["run", "create-task", ...words, "--json"]);
      assertEquals([code, JSON.parse(stdout)], [0, { id: `task-${i + 1}` }]);
    }
    for (
      const words of [["x", "-d", "task-9"], ["x", "-p", "soon"], ["x", "-p", "11"], []]
    ) {
      const before = Deno.readTextFileSync(join(stage.repo, "orchestration.json"));
      const { code, stderr } = await stage.skein(["run", "create-task", ...words]);
      assertEquals(code, 2, `${words}: ${stderr}`);
      assertEquals(Deno.readTextFileSync(join(stage.repo, "orchestration.json")), before);
    }
    const file = join(stage.folder, "orchestration.json");
    Deno.renameSync(join(stage.repo, "orchestration.json"), file);
    const output = join(stage.folder, "result.json");
    const ran = await stage.skein(["orchestrate", "from-config", file, "-q", "-o", output]);
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    const result = JSON.parse(Deno.readTextFileSync(output));
    assertEquals([result.tasks_completed, result.tasks_failed, result.goal], [3, 0, "three files"]);
    assertEquals(result.tasks.map(({ title }: { title: string }) => title), [
      "write a.txt",
      "write b.txt",
      "write c.txt",
    ]);
    await audit(stage, { tasks: 3 });
    const order = (await stage.git("log", "--first-parent", "--format=%s", "main")).trim();
    assertEquals(order.split("\n").map((line) => line.slice(0, 8)).slice(0, 3), [
      "Merge t3",
      "Merge t2",
      "Merge t1",
    ]);
    const [described] = rows<{ description: string }>(
      stage,
      "SELECT description FROM task WHERE id = 't2'",
    );
    assert(described?.description.includes("be brief"));
    const example = await stage.skein(["run", "example"]);
    const sample = join(stage.folder, "sample.json");
    Deno.writeTextFileSync(sample, example.stdout);
    const added = await stage.skein(["run", "create-task", "and this", "-c", sample, "-d", "docs"]);
    assertEquals(added.code, 0, `the example is a file that can be gone on from: ${added.stderr}`);
  });
});

Deno.test("command: a plan with faults is refused whole, naming the place; nothing is stored", async () => {
  await withStage(async (stage) => {
    const plans: [unknown, string][] = [
      [[{ id: "a", description: "a", dependencies: ["zz"] }], "zz"],
      [[{ id: "a", description: "a", dependencies: ["b"] }, {
        id: "b",
        description: "b",
        dependencies: ["a"],
      }], "a"],
      [[{ id: "a", description: "a" }, { id: "a", description: "b" }], "twice"],
      [[{ description: "a", priority: 0 }], "priority"],
      [[{ priority: 1 }], "tasks[0]"],
      [[], "no tasks"],
      [{ tasks: "none" }, "list"],
      ["{", "JSON"],
    ];
    for (const [plan, word] of plans) {
      const path = join(stage.folder, "plan.json");
      Deno.writeTextFileSync(path, typeof plan === "string" ? plan : JSON.stringify(plan));
      const { code, stderr, stdout } = await stage.skein(["run", "all", "--tasks", path]);
      assertEquals(code, 2, `${JSON.stringify(plan)}: ${stdout}`);
      assert(stderr.includes(word), `${word}: ${stderr}`);
    }
    Deno.writeTextFileSync(join(stage.folder, "huge.json"), `[${" ".repeat(1024 * 1024)}]`);
    const huge = await stage.skein(["run", "all", "--tasks", join(stage.folder, "huge.json")]);
    assert(huge.code !== 0 && huge.stderr.includes("1048576"), huge.stderr);
    const none = await stage.skein(["run", "all", "--no-plan"]);
    assert(none.code !== 0 && none.stderr.includes("--tasks"), none.stderr);
    if (exists(join(stage.home, "skein.db"))) {
      assertEquals(rows(stage, "SELECT id FROM task"), []);
      const left = rows(stage, "SELECT id FROM run WHERE status <> 'ended'");
      assertEquals(left, [], "no run is left that nobody can end");
    }
    assertEquals((await stage.git("branch", "--format=%(refname)")).trim(), "refs/heads/main");
  });
});

Deno.test("command: the variables of the system before it are heard, flags win; lines where no terminal is", async () => {
  await withStage(async (stage) => {
    stage.play([
      onTask("find", {
        do: "mcp",
        name: "add_discovery",
        input: { agent_id: "x", content: "the port is 8080", tags: ["net"] },
      }, {
        do: "mcp",
        name: "set_memory",
        input: { key: "k", value: "v", type: "discovery" },
      }, HANDS_IN),
      WRITES,
    ]);
    const plan = stage.plan([{ description: "find it" }, { description: "write a.txt" }]);
    const ran = await stage.skein(["run", "all of it", "--tasks", plan, "-w", "2"], {
      ORCHESTRATOR_MAX_WORKERS: "1",
      ORCHESTRATOR_TASK_TIMEOUT: "77",
      ORCHESTRATOR_MAX_ATTEMPTS: "2",
      CLAUDE_MODEL: "sonnet",
    });
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    const [row] = rows<{ conduct: string }>(stage, "SELECT conduct FROM run");
    const { workers, task_ms, attempts, models } = JSON.parse(row?.conduct ?? "{}");
    assertEquals([workers, task_ms, attempts, models], [2, 77_000, 2, ["sonnet"]]);
    const lines = ran.stdout.trim().split("\n");
    assert(lines[0]?.includes("r1") && lines[0]?.includes("all of it"), lines[0]);
    for (const word of ["begins t1", "done", "discovery", "main is at", "completed: 2 of 2"]) {
      assert(lines.some((line) => line.includes(word)), `${word}: ${ran.stdout}`);
    }
    // deno-lint-ignore no-control-regex
    assert(!/[\u001b\r]/.test(ran.stdout), "no control sequences");
    const bad = await stage.skein(["run", "x", "--tasks", plan], {
      ORCHESTRATOR_MAX_WORKERS: "many",
    });
    assert(bad.code === 2 && bad.stderr.includes("workers"), bad.stderr);
  });
});

Deno.test("command: on a terminal one picture is drawn again in place, and no line wraps", async () => {
  await withStage(async (stage) => {
    stage.play([onTask("write", { do: "wait", file: join(stage.folder, "go") }, {
      do: "write",
      path: "$<rest>",
      text: "x",
    })]);
    const wide = "\u7e54\u308b".repeat(60);
    const plan = stage.plan([{ description: "write a.txt" }, { description: "write b.txt" }]);
    const command = [...SOURCE_COMMAND, "run", wide, "--tasks", plan, "-w", "2"];
    const words = command.map((word) => `'${word}'`).join(" ");
    const child = new Deno.Command("script", {
      args: ["-qec", `stty cols 60 rows 24; ${words}`, "/dev/null"],
      cwd: stage.repo,
      env: testEnv({ ...stage.env, TERM: "xterm", NO_COLOR: "" }),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    await begun(stage);
    await eventually(
      () => rows(stage, "SELECT 1 FROM attempt WHERE process IS NOT NULL").length === 2,
      { what: "both are at work", withinMs: 15_000 },
    );
    letGo(stage);
    const { code, stdout } = await child.output();
    const text = new TextDecoder().decode(stdout);
    assertEquals(code, 0, text);
    // deno-lint-ignore no-control-regex
    const redraws = text.match(/\u001b\[\d+A/g) ?? [];
    assert(redraws.length >= 2, `${redraws.length} redraws`);
    const picture = text.slice(0, text.lastIndexOf(redraws.at(-1) ?? ""));
    for (const line of picture.split(/\r?\n/)) {
      // deno-lint-ignore no-control-regex
      const plain = line.replaceAll(/\u001b\[[\d;]*[A-Za-z]/g, "");
      const columns = [...plain].reduce((sum, one) => sum + (one > "\u2e7f" ? 2 : 1), 0);
      assert(columns < 60, `${columns} columns: ${plain}`);
    }
    assert(text.includes("2/2") || text.includes("2 of 2"), text);
  });
});

Deno.test("command: --json is one object a line, each with a time, the result last", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const ran = await stage.skein(["run", "a", "--tasks", plan, "--json"]);
    const kinds = ran.stdout.trim().split("\n").map((line) => JSON.parse(line).kind as string);
    assertEquals(kinds.filter((kind) => kind !== "worker"), [
      "run",
      "begun",
      "ended",
      "delivered",
      "result",
    ]);
    assert(ran.lines.slice(0, -1).every(({ at }) => !Number.isNaN(Date.parse(String(at)))));
    const { tasks: [task] } = resultOf(ran);
    assertEquals(task?.summary, "done");
    const { turns, tokens, cost_usd } = task as unknown as Record<string, number>;
    assertEquals([turns, tokens], [2, 10]);
    assert((cost_usd ?? 0) > 0);
  });
});

Deno.test("command: an interrupt stops the run also where whoever read it was interrupted, too", async () => {
  await withStage(async (stage) => {
    stage.play([onTask("hold", { do: "say", text: "holding" }, { do: "hang" })]);
    const [command = "", ...before] = SOURCE_COMMAND;
    const child = new Deno.Command(command, {
      args: [...before, "run", "all", "--tasks", stage.plan([{ description: "hold on" }])],
      cwd: stage.repo,
      env: testEnv(stage.env),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const stderr = new Response(child.stderr).text();
    await attemptsAre(stage, "running", 1);
    await child.stdout.cancel();
    child.kill("SIGINT");
    assertEquals([(await child.status).code, await stderr], [141, ""]);
    await attemptsAre(stage, "stopped", 1);
    await eventually(() => stage.processes().length === 0, { what: "all have ended" });
  });
});
