// The library's way to drive a run: the example of its documentation as it stands there, and what its
// callbacks, its stop and its resume promise.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { Orchestrator, Refusal } from "../../mod.ts";
import { MOD, testEnv } from "../support/peer.ts";
import { attemptsAre, audit, letGo } from "./ground.ts";
import { HANDS_IN, onTask, type Stage, withStage, WRITES } from "./stage.ts";

const SOURCE = fromFileUrl(new URL("../../src/conductor/orchestrator.ts", import.meta.url));

/** The environment of a program is this process's: for as long as `body` runs it is the stage's. */
async function inProgram<T>(stage: Stage, body: () => Promise<T>): Promise<T> {
  const before = new Map(Object.keys(stage.env).map((name) => [name, Deno.env.get(name)]));
  for (const [name, value] of Object.entries(stage.env)) Deno.env.set(name, value);
  try {
    return await body();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}

Deno.test("program: the example in the documentation runs as it stands there", async () => {
  await withStage(async (stage) => {
    stage.play([onTask("Write", { do: "write", path: "bucket.txt", text: "b\n" }), {
      match: "Apply it to every route",
      steps: [{ do: "write", path: "routes.txt", text: "r\n" }],
    }]);
    const block = /```ts\n([\s\S]*?)```/.exec(Deno.readTextFileSync(SOURCE))?.[1] ?? "";
    const example = block.replaceAll(/^ \* ?/gm, "").replace("/my/project", stage.repo);
    assert(example.includes("new Orchestrator("), example);
    const program = join(stage.folder, "program.ts");
    Deno.writeTextFileSync(
      program,
      `import { Orchestrator } from ${JSON.stringify(MOD)};\n${example}\n` +
        `await Deno.stdout.write(new TextEncoder().encode(state + " " + completed));\n`,
    );
    const config = fromFileUrl(new URL("../../deno.json", import.meta.url));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", "--config", config, program],
      cwd: stage.folder,
      env: testEnv(stage.env),
      clearEnv: true,
    }).output();
    const decoder = new TextDecoder();
    assertEquals(code, 0, decoder.decode(stderr));
    assertEquals(decoder.decode(stdout), "completed 2");
    assertEquals(await stage.files(), ["README.md", "bucket.txt", "routes.txt"]);
    await audit(stage, { tasks: 2 });
  });
});

Deno.test("program: each event once; stop ends the agents, resume goes on; what an earlier run found is not told", async () => {
  await withStage(async (stage) => {
    const found = (key: string) =>
      ({ do: "mcp", name: "set_memory", input: { key, value: "v", type: "discovery" } }) as const;
    stage.play([
      onTask("early", found("of-before"), HANDS_IN),
      onTask("find", found("one"), found("two"), HANDS_IN),
      onTask("hold", { do: "wait", file: join(stage.folder, "go") }, HANDS_IN),
      { ...onTask("fail", { do: "exit", code: 1 }), times: 1 },
      onTask("fail", HANDS_IN),
      WRITES,
    ]);
    const early = await stage.skein([
      "run",
      "x",
      "--tasks",
      stage.plan([{ description: "early" }]),
    ]);
    assertEquals(early.code, 0, early.stderr);
    await inProgram(stage, async () => {
      const [ended, discovered, begun]: string[][] = [[], [], []];
      const orchestrator = new Orchestrator({
        folder: stage.repo,
        workers: 2,
        attempts: 1,
        onTaskComplete: ({ attempt }) => ended?.push(`${attempt.task} ${attempt.state}`),
        onDiscovery: ({ key }) => discovered?.push(key),
        onEvent: ({ kind }) => kind === "begun" && begun?.push(kind),
      });
      await assertRejects(() => orchestrator.run(), Refusal, "no run yet");
      const run = await orchestrator.initialize("all of it", "first this, then that");
      const ids = await orchestrator.addTasks([
        { key: "f", title: "find it" },
        { key: "h", title: "hold on", blockedBy: ["f"] },
        { title: "write a.txt", blockedBy: ["f"], priority: "high" },
      ]);
      assertEquals(Object.keys(ids).sort(), ["3", "f", "h"]);
      const fails = await orchestrator.addTask({ title: "fail", priority: 10 });
      const driven = orchestrator.run();
      await attemptsAre(stage, "done", 3);
      await attemptsAre(stage, "failed", 1);
      const { run: seen, running } = await orchestrator.status();
      assertEquals([seen.done, seen.total, running.length], [2, 4, 1]);
      await orchestrator.stop();
      const stopped = await driven;
      assertEquals([stopped.state, stopped.completed, stopped.failed], ["stopped", 2, 1]);
      assertEquals(discovered?.toSorted(), ["one", "two"]);
      assertEquals(
        ended?.toSorted(),
        [
          `${ids["f"]} done`,
          `${ids["h"]} stopped`,
          `${ids["3"]} done`,
          `${fails} failed`,
        ].toSorted(),
      );
      assertEquals(begun?.length, 4);
      letGo(stage);
      await stage.ask("retry", fails);
      const again = await new Orchestrator({ folder: stage.repo }).resume(run);
      assertEquals([again.state, again.completed, again.delivered], ["completed", 4, true]);
    });
    await audit(stage, { tasks: 4, run: "r2" });
  });
});

Deno.test("program: a run with a plan; the signal leaves the workers at it; without an agent it is said", async () => {
  await withStage(async (stage) => {
    stage.play([
      {
        match: "Plan this goal.*with run (?<run>r\\d+)",
        steps: [{
          do: "mcp",
          name: "create_task",
          input: { run: "$<run>", tasks: [{ key: "x", title: "write x.txt" }] },
        }],
      },
      onTask("write", { do: "wait", file: join(stage.folder, "go") }, {
        do: "write",
        path: "$<rest>",
        text: "x\n",
      }),
    ]);
    await inProgram(stage, async () => {
      const orchestrator = new Orchestrator({ folder: stage.repo, workers: 1 });
      const run = await orchestrator.initialize("x");
      const left = new AbortController();
      const driven = orchestrator.runWithPlan(left.signal);
      await attemptsAre(stage, "done", 1);
      await attemptsAre(stage, "running", 1);
      left.abort();
      assertEquals((await driven).state, "left");
      letGo(stage);
      const { state, completed } = await new Orchestrator({ folder: stage.repo }).resume(run);
      assertEquals([state, completed], ["completed", 2]);
      assertEquals(await stage.files(), ["README.md", "x.txt"]);
      Deno.env.set("SKEIN_AGENT", "no-such-agent");
      await assertRejects(
        () => new Orchestrator({ folder: stage.repo }).initialize("y"),
        Refusal,
        "no program no-such-agent",
      );
    });
  });
});
