// Several at once: a worker's process that slept while its task went to another, workers that die while
// they wait, two runs of one repository that share the machine's agents.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import {
  abandonedRun,
  attemptsAre,
  audit,
  deadlyGitAt,
  endDelays,
  exists,
  hostsOf,
  killAll,
  letGo,
  rows,
  sleepyGitAt,
  startHost,
  withShellAgent,
} from "./ground.ts";
import { onTask, resultOf, withStage, WRITES } from "./stage.ts";

Deno.test("races: a worker that slept while its task went to another merges nothing when it wakes", async () => {
  await withStage(async (stage) => {
    const task = "\\nTask (?<task>t\\d+): write (?<rest>[^\\n]*)";
    const go = join(stage.folder, "go");
    stage.play([{
      match: task,
      times: 1,
      steps: [
        { do: "write", path: "sleeper.txt", text: "of a sleeper\n" },
        { do: "mcp", name: "complete_task", input: { id: "t1", summary: "by a sleeper" } },
        { do: "wait", file: go },
      ],
    }, WRITES]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const run = stage.start(["run", "all", "--tasks", plan, "-w", "2", "--json"]);
    await eventually(
      () => rows(stage, "SELECT 1 FROM attempt WHERE report IS NOT NULL").length > 0,
      {
        what: "it is handed in",
        withinMs: 15_000,
      },
    );
    const [sleeper = 0] = hostsOf(stage);
    Deno.kill(sleeper, "SIGSTOP");
    letGo(stage);
    await stage.ask("task", "update", "t1", "--action", "release");
    const other = startHost(stage);
    await eventually(
      () => rows(stage, "SELECT 1 FROM task WHERE status = 'completed'").length > 0,
      { what: "another does it", withinMs: 15_000 },
    );
    Deno.kill(sleeper, "SIGCONT");
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals((await other.ended).code, 0);
    await audit(stage, { tasks: 1 });
    assertEquals(Deno.readTextFileSync(join(stage.repo, "a.txt")), "by t1\n");
    assertEquals(
      await stage.files(),
      ["README.md", "a.txt"],
      "nothing of the sleeper's is delivered",
    );
    const parked = await stage.git("for-each-ref", "--format=%(refname)", "refs/skein/parked");
    assertEquals(
      await stage.git("show", `${parked.trim()}:sleeper.txt`),
      "of a sleeper\n",
      "what it had written is kept",
    );
  });
});

for (const [what, words] of [["saved", " --no-verify "], ["merged", " commit-tree "]] as const) {
  Deno.test(`races: nor does one that fell asleep while it ${what} what was handed in`, async () => {
    await withStage(async (stage) => {
      const sleeps = { do: "write", path: "sleeper.txt", text: "of a sleeper\n" } as const;
      stage.play([{ ...onTask("write", sleeps), times: 1 }, WRITES]);
      const plan = stage.plan([{ description: "write a.txt" }]);
      await abandonedRun(stage, ["run", "all", "--tasks", plan]);
      const { path, met } = sleepyGitAt(stage, words);
      const sleeper = startHost(stage, "r1", { PATH: path });
      await eventually(() => exists(met), { what: "it sleeps", withinMs: 15_000 });
      await stage.ask("task", "update", "t1", "--action", "release");
      const other = startHost(stage);
      assertEquals((await other.ended).code, 0);
      sleeper.signal("SIGCONT");
      assertEquals((await sleeper.ended).code, 0);
      const states = rows<{ state: string }>(stage, "SELECT state FROM attempt ORDER BY id");
      assertEquals(states.map(({ state }) => state), ["stopped", "done"]);
      const ran = await stage.skein(["run", "--resume", "r1", "--json"]);
      assertEquals(ran.code, 0, ran.stdout + ran.stderr);
      assertEquals(await stage.files(), ["README.md", "a.txt"]);
      await audit(stage, { tasks: 1 });
      assertEquals(await stage.git("show", "skein/task/r1/t1-1:sleeper.txt"), "of a sleeper\n");
    });
  });
}

Deno.test("races: nor does whoever sweeps, when the task was cancelled while they slept", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    await abandonedRun(stage, ["run", "all", "--tasks", plan]);
    const dead = startHost(stage, "r1", { PATH: deadlyGitAt(stage, " commit-tree ") });
    assertEquals((await dead.ended).code === 0, false);
    const { path, met } = sleepyGitAt(stage, " commit-tree ");
    const sweeper = stage.start(["run", "--resume", "r1", "--json"], { PATH: path });
    await eventually(() => exists(met), { what: "it sleeps", withinMs: 15_000 });
    await stage.ask("task", "update", "t1", "--action", "cancel");
    sweeper.signal("SIGCONT");
    await sweeper.ended;
    const states = rows<{ state: string }>(stage, "SELECT state FROM attempt");
    assertEquals(states.map(({ state }) => state), ["stopped"]);
    assertEquals(await stage.files("skein/run/r1"), ["README.md"]);
    assertEquals(await stage.git("show", "skein/task/r1/t1-1:a.txt"), "by t1\n");
  });
});

Deno.test("races: workers that die while they wait for a delay are replaced", async () => {
  await withStage(async (stage) => {
    stage.play([{ ...onTask("write", { do: "exit", code: 3 }), times: 1 }, WRITES]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const run = stage.start(["run", "all", "--tasks", plan, "-w", "1", "--json"]);
    await eventually(() => rows(stage, "SELECT 1 FROM attempt WHERE state = 'failed'").length > 0, {
      what: "the first attempt has failed",
      withinMs: 15_000,
    });
    const [task] = rows<{ wait: number }>(stage, "SELECT not_before_s AS wait FROM task");
    assert((task?.wait ?? 0) > 0, "it waits before the next attempt");
    killAll(hostsOf(stage));
    endDelays(stage);
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    await audit(stage, { tasks: 1 });
  });
});

Deno.test("races: two runs of one repository: no more agents than the machine may have, and a fair share", async () => {
  await withStage(async (stage) => {
    const [tally, most] = [join(stage.folder, "tally"), join(stage.folder, "most")];
    withShellAgent(
      stage,
      `mkdir -p ${tally}; touch ${tally}/$1; ls ${tally} | wc -l >> ${most}
while [ ! -e ${stage.folder}/go ]; do sleep 0.05; done; sleep 0.2; rm ${tally}/$1`,
    );
    stage.env["SKEIN_AGENTS"] = "2";
    const tasks = (name: string, count: number) =>
      stage.plan(
        Array.from({ length: count }, (_, i) => ({ description: `write ${name}${i}.txt` })),
        `${name}.json`,
      );
    const args = (plan: string) => ["run", "all", "--tasks", plan, "-w", "2", "--json"];
    const first = stage.start(args(tasks("a", 6)));
    await attemptsAre(stage, "running", 2);
    const second = stage.start(args(tasks("b", 2)));
    await eventually(
      () => rows(stage, "SELECT 1 FROM peer WHERE hosts = 'r2' AND state = 'live'").length > 0,
      { what: "the second run's workers", withinMs: 15_000 },
    );
    letGo(stage);
    const ran = [await first.ended, await second.ended];
    for (const one of ran) assertEquals(one.lines.at(-1)?.kind, "result", one.stdout + one.stderr);
    const seen = Deno.readTextFileSync(most).split("\n").filter(Boolean).map(Number);
    assertEquals(Math.max(...seen), 2, `agents at once: ${seen}`);
    const order = rows<{ run: string }>(stage, "SELECT run FROM attempt ORDER BY id");
    const runs = order.map(({ run }) => run);
    assert(runs.indexOf("r2") <= 4, `the second run waits for no whole first: ${runs}`);
    // Who comes second finds the branch moved on by the other, and leaves the rest to the user.
    const states = ran.map((one) => [one.code, resultOf(one)["delivered"]]);
    assertEquals(states.filter(([code]) => code === 0).length, 1, JSON.stringify(states));
    const branches = await stage.git("branch", "--format=%(refname:short)");
    assert(branches.includes("skein/run/"), branches);
    for (const run of ["r1", "r2"]) {
      const left = rows(stage, `SELECT 1 FROM task WHERE run = '${run}' AND status <> 'completed'`);
      assertEquals(left, [], run);
    }
  });
});
