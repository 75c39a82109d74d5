// `skein run` from a goal to the user's branch, with real processes, real git and a fake agent.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { onTask, resultOf, withStage, WRITES } from "./stage.ts";

Deno.test("run: tasks of a file are done in order of their dependencies and reach the user's branch", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES]);
    const plan = stage.plan([
      { id: "a", description: "write a.txt" },
      { id: "b", description: "write b.txt", dependencies: ["a"] },
      { description: "write c.txt", dependencies: ["task-2"], priority: 2 },
    ]);
    const ran = await stage.skein(["run", "all of it", "--tasks", plan, "-w", "2", "--json"]);
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    const result = resultOf(ran);
    assertEquals(result["state"], "completed");
    assertEquals(result["delivered"], true);
    assertEquals(await stage.files(), ["README.md", "a.txt", "b.txt", "c.txt"]);
    assertEquals(Deno.readTextFileSync(join(stage.repo, "b.txt")), "by t2\n");
    assertEquals(await stage.git("status", "--porcelain"), "");
    assertEquals(result.tasks.map(({ status }) => status), ["completed", "completed", "completed"]);
    // b began from what a had left.
    const parents = await stage.git("log", "--format=%s", "main");
    assert(parents.indexOf("Merge t1") > parents.indexOf("Merge t2"));
    await eventually(() => stage.processes().length === 0, { what: "every process has ended" });
  });
});

Deno.test("run: an agent plans by the tool; its proposals are accepted and done", async () => {
  await withStage(async (stage) => {
    const tasks = [
      { key: "x", title: "write x.txt" },
      { key: "y", title: "write y.txt", blocked_by: ["x"] },
    ];
    stage.play([
      {
        match: "Plan this goal.*with run (?<run>r\\d+)",
        steps: [{ do: "mcp", name: "create_task", input: { run: "$<run>", tasks } }],
      },
      WRITES,
    ]);
    const ran = await stage.skein(["run", "x and y", "--json"]);
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(await stage.files(), ["README.md", "x.txt", "y.txt"]);
    const planned = ran.lines.find(({ kind }) => kind === "planned");
    assertEquals(planned?.["tasks"], ["t2", "t3"]);
  });
});

Deno.test("run: a plan in plain JSON is taken; an unusable one is tried once more, then the goal is one task", async () => {
  await withStage(async (stage) => {
    const json = '[{"id":"x","description":"write x.txt"}]';
    stage.play([
      {
        match: "Plan this goal",
        times: 1,
        steps: [{ do: "say", text: "I would rather not." }],
      },
      {
        match: "Plan this goal",
        steps: [{ do: "result", fields: { result: `Here:\n\`\`\`json\n${json}\n\`\`\`` } }],
      },
      WRITES,
    ]);
    const ran = await stage.skein(["run", "x", "--json"]);
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(await stage.files(), ["README.md", "x.txt"]);

    stage.play([{ match: "Plan this goal", steps: [{ do: "say", text: "no" }] }, WRITES]);
    const again = await stage.skein(["run", "write z.txt", "--json"]);
    assertEquals(again.code, 0, again.stdout + again.stderr);
    const notes = again.lines.filter(({ kind }) => kind === "note").map(({ text }) => text);
    assert(String(notes).includes("no usable plan came"), String(notes));
    assert((await stage.files()).includes("z.txt"));
  });
});

Deno.test("run: --plan-only shows the plan and waits; --resume accepts and does it", async () => {
  await withStage(async (stage) => {
    const tasks = [{ key: "x", title: "write x.txt" }];
    stage.play([
      {
        match: "Plan this goal.*with run (?<run>r\\d+)",
        steps: [{ do: "mcp", name: "create_task", input: { run: "$<run>", tasks } }],
      },
      WRITES,
    ]);
    const planned = await stage.skein(["run", "x", "--plan-only", "--json"]);
    assertEquals(planned.code, 0, planned.stdout + planned.stderr);
    const result = resultOf(planned);
    assertEquals(result["state"], "proposed");
    assertEquals(result.tasks.map(({ status }) => status).sort(), ["completed", "proposed"]);
    assertEquals(await stage.files(), ["README.md"]);
    const ran = await stage.skein(["run", "--resume", String(result["run"]), "--json"]);
    assertEquals(resultOf(ran)["state"], "completed", ran.stdout + ran.stderr);
    assertEquals(await stage.files(), ["README.md", "x.txt"]);
  });
});

Deno.test("run: what fails is tried again to the limit; the exit code says so and dependents stay blocked", async () => {
  await withStage(async (stage) => {
    stage.play([
      onTask("break", { do: "result", fields: { is_error: true, result: "I cannot" } }),
      WRITES,
    ]);
    const plan = stage.plan([
      { id: "a", description: "break it" },
      { id: "b", description: "write b.txt", dependencies: ["a"] },
      { id: "c", description: "write c.txt" },
    ]);
    const args = ["run", "all", "--tasks", plan, "--attempts", "1", "--json"];
    const ran = await stage.skein(args);
    assertEquals(ran.code, 1, ran.stdout + ran.stderr);
    const result = resultOf(ran);
    assertEquals(result["state"], "failed");
    assertEquals(result.tasks.map(({ title, status }) => `${title}: ${status}`).sort(), [
      "break it: failed",
      "write b.txt: pending",
      "write c.txt: completed",
    ]);
    assertEquals(await stage.files(), ["README.md"], "nothing of a failed run is delivered");
    assertEquals(await stage.files("skein/run/r1"), ["README.md", "c.txt"]);

    // Its workers have heard the old scenario.
    await eventually(() => stage.processes().length === 0, { what: "its workers have ended" });
    // Once it can be done, a retry finishes the run without doing again what was done.
    stage.play([onTask("break", { do: "write", path: "broken.txt", text: "x" }), WRITES]);
    assertEquals((await stage.skein(["retry", "t1"])).code, 0);
    const again = await stage.skein(["run", "--resume", "r1", "--json"]);
    assertEquals(again.code, 0, again.stdout + again.stderr);
    const done = resultOf(again).tasks.find(({ title }) => title === "write c.txt");
    assertEquals(done?.attempts, 1);
    assertEquals(await stage.files(), ["README.md", "b.txt", "broken.txt", "c.txt"]);
  });
});

Deno.test("run: two that change the same lines: the second is given back with the conflict, and resolved", async () => {
  await withStage(async (stage) => {
    stage.play([
      {
        match: "resolve the conflicts in shared.txt.*Task",
        steps: [{ do: "write", path: "shared.txt", text: "both\n" }],
      },
      {
        match: "Task (?<task>t\\d+): edit (?<rest>\\w+).*resolve the conflicts in shared.txt",
        steps: [{ do: "write", path: "shared.txt", text: "both\n" }],
      },
      onTask("edit", { do: "wait", file: join(stage.folder, "go") }, {
        do: "write",
        path: "shared.txt",
        text: "by $<rest>\n",
      }),
    ]);
    const plan = stage.plan([{ description: "edit one" }, { description: "edit two" }]);
    const run = stage.start(["run", "all", "--tasks", plan, "-w", "2", "--json"]);
    await eventually(async () => {
      const { attempts } = await stage.ask("attempt", "list");
      return (attempts as { state: string }[]).filter((one) => one.state === "running").length ===
        2;
    }, { what: "both are at work" });
    Deno.writeTextFileSync(join(stage.folder, "go"), "");
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(Deno.readTextFileSync(join(stage.repo, "shared.txt")), "both\n", ran.stdout);
    const { attempts } = await stage.ask("attempt", "list");
    const states = (attempts as { state: string; kind: string }[]).map((a) =>
      `${a.kind} ${a.state}`
    );
    assertEquals(states.sort(), ["resolve done", "work conflict", "work done"]);
  });
});

Deno.test("run: a checkout with the user's changes is left alone, and it is said", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES]);
    Deno.writeTextFileSync(join(stage.repo, "README.md"), "mine\n");
    const plan = stage.plan([{ description: "write a.txt" }]);
    const ran = await stage.skein(["run", "a", "--tasks", plan, "--json"]);
    assertEquals(ran.code, 1, ran.stdout + ran.stderr);
    const { notes, delivered } = resultOf(ran) as unknown as {
      notes: string[];
      delivered: boolean;
    };
    assertEquals(delivered, false);
    assert(notes.join(" ").includes("left alone"), notes.join(" "));
    assertEquals(await stage.files(), ["README.md"]);
    assertEquals(Deno.readTextFileSync(join(stage.repo, "README.md")), "mine\n");
  });
});

Deno.test("run: without the agent's program it ends at once with advice", async () => {
  await withStage(async (stage) => {
    const plan = stage.plan([{ description: "write a.txt" }]);
    const ran = await stage.skein(["run", "a", "--tasks", plan], { SKEIN_AGENT: "no-such-agent" });
    assertEquals(ran.code, 4, ran.stdout);
    assert(ran.stderr.includes("Install Claude Code"), ran.stderr);
  });
});

Deno.test("run: tasks that a worker proposes on the way hold nothing back, and are begun when accepted", async () => {
  await withStage(async (stage) => {
    const propose = { do: "mcp", name: "create_task", input: { title: "write b.txt" } } as const;
    stage.play([
      { ...onTask("write a", { do: "write", path: "a.txt", text: "a" }, propose) },
      WRITES,
    ]);
    const plan = stage.plan([{ description: "write a" }]);
    const ran = await stage.skein(["run", "all", "--tasks", plan, "--json"]);
    assertEquals(ran.code, 1, ran.stdout + ran.stderr);
    const result = resultOf(ran);
    assertEquals([result["state"], result["tasks_completed"]], ["proposed", 1]);
    assert(JSON.stringify(result["notes"]).includes("skein plan accept r1"), ran.stdout);
    // What is done is the user's already: what is only proposed holds nothing back.
    assertEquals(await stage.files(), ["README.md", "a.txt"]);
    await stage.ask("plan", "accept", "r1");
    const again = await stage.skein(["run", "--resume", "r1", "--json"]);
    assertEquals(again.code, 0, again.stdout + again.stderr);
    assertEquals(await stage.files(), ["README.md", "a.txt", "b.txt"]);
  });
});
