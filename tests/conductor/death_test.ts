// Death in a run: of its conductor, of its workers' processes at each of their git commands, of agents
// that leave deaf children. Whatever dies, the run comes to its end, each task is done once and
// nothing of anybody's work is lost.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { lives, told } from "../agent/ground.ts";
import { eventually } from "../support/eventually.ts";
import {
  abandonedRun,
  attemptsAre,
  audit,
  deadlyGit,
  deadlyGitAt,
  exists,
  hostsOf,
  killAll,
  letGo,
  rows,
  startHost,
  withShellAgent,
} from "./ground.ts";
import { onTask, resultOf, type Running, type Stage, withStage, WRITES } from "./stage.ts";

const names = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `f${String(i).padStart(2, "0")}.txt`);
const writes = (files: readonly string[]) =>
  files.map((file) => ({ description: `write ${file}` }));

async function resumed(stage: Stage, run = "r1", ...more: string[]): Promise<void> {
  const ran = await stage.skein(["run", "--resume", run, "--json", ...more]);
  assertEquals(ran.code, 0, ran.stdout + ran.stderr);
  assertEquals(resultOf(ran)["state"], "completed");
}

Deno.test("death: a worker's process that dies at any of its git commands costs nothing but the try", async () => {
  await withStage(async (stage) => {
    withShellAgent(stage);
    Deno.writeTextFileSync(join(stage.repo, "mine.txt"), "untracked\n");
    const files = names(6);
    const plan = stage.plan(writes(files));
    await abandonedRun(stage, ["run", "all", "--tasks", plan, "--attempts", "20", "--json"]);
    // Each dies one command later than the one before it; the last of them get to their end.
    let deaths = 0;
    let ended = 0;
    for (let at = 1; ended < 3; at += 3) {
      const wave: Running[] = [0, 1, 2].map((more) =>
        startHost(stage, "r1", { PATH: deadlyGit(stage, at + more, (at + more) % 4 === 0) })
      );
      const codes = await Promise.all(wave.map(async ({ ended }) => (await ended).code));
      deaths += codes.filter((code) => code === 137).length;
      ended = codes.filter((code) => code === 0).length;
    }
    assert(deaths >= 12, `${deaths} deaths`);
    await resumed(stage);
    await audit(stage, { tasks: 6 });
    assertEquals(await stage.files(), ["README.md", ...files].sort());
    assertEquals((await stage.git("status", "--porcelain")).trim(), "?? mine.txt");
    assertEquals(Deno.readTextFileSync(join(stage.repo, "mine.txt")), "untracked\n");
  });
});

Deno.test("death: handed in, merged and swept: a death between any two of these is made good", async () => {
  await withStage(async (stage) => {
    stage.play([onTask("write", { do: "write", path: "$<rest>", text: "by $<task>\n" }, {
      do: "mcp",
      name: "complete_task",
      input: { id: "$<task>", summary: "handed in" },
    })]);
    const deaths = ["commit -q", "commit-tree", "update-ref -m skein: merge", "status --porcelain"];
    const files = names(deaths.length);
    const plan = stage.plan(writes(files));
    await abandonedRun(stage, ["run", "all", "--tasks", plan, "--json"]);
    // The last one dies after its merge, while it looks whether the worktree may go.
    const hosts = deaths.map((words, i) =>
      startHost(stage, "r1", { PATH: deadlyGitAt(stage, words, i === 2) })
    );
    await Promise.all(hosts.map(({ ended }) => ended));
    await resumed(stage);
    await audit(stage, { tasks: deaths.length });
    assertEquals(await stage.files(), ["README.md", ...files].sort());
    const summaries = rows<{ summary: string }>(stage, "SELECT summary FROM task");
    assertEquals(new Set(summaries.map(({ summary }) => summary)), new Set(["handed in"]));
  });
});

Deno.test("death: with worker and agent at work, deaf children too; what was not committed is parked", async () => {
  await withStage(async (stage) => {
    const children = join(stage.folder, "children");
    stage.play([{
      match: "\\nTask (?<task>t\\d+): write (?<rest>[^\\n]*)",
      times: 2,
      steps: [
        { do: "deaf" },
        { do: "fork", deaf: true, ownGroup: true, tell: children },
        { do: "fork", deaf: true, tell: children, holdOutput: true },
        { do: "write", path: "half-$<task>.txt", text: "half of $<task>\n" },
        { do: "wait", file: join(stage.folder, "never") },
      ],
    }, WRITES]);
    const run = stage.start(["run", "all", "--tasks", stage.plan(writes(names(2))), "--json"]);
    await eventually(() => told(children).length === 4, {
      what: "their children",
      withinMs: 15_000,
    });
    const first = told(children);
    killAll(hostsOf(stage));
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    await audit(stage, { tasks: 2 });
    assertEquals(first.filter(lives), [], "no child is left");
    const parked = await stage.git("for-each-ref", "--format=%(refname)", "refs/skein/parked");
    for (const task of ["t1", "t2"]) {
      const ref = parked.split("\n").find((one) => one.includes(`/${task}-1/`)) ?? "";
      assertEquals(await stage.git("show", `${ref}:half-${task}.txt`), `half of ${task}\n`);
    }
    assertEquals(await stage.files(), ["README.md", ...names(2)], "and none of it is delivered");
  });
});

Deno.test("death: without their conductor the workers go on; two that take over share what is left", async () => {
  await withStage(async (stage) => {
    const [tally, most] = [join(stage.folder, "tally"), join(stage.folder, "most")];
    // Each agent tells how many are at work beside it.
    withShellAgent(
      stage,
      `mkdir -p ${tally}; touch ${tally}/$1; ls ${tally} | wc -l >> ${most}
while [ ! -e ${stage.folder}/go ]; do sleep 0.05; done; sleep 0.1; rm ${tally}/$1`,
    );
    const files = names(8);
    const plan = stage.plan(writes(files));
    const run = stage.start(["run", "all", "--tasks", plan, "-w", "2", "--json"]);
    await attemptsAre(stage, "running", 2);
    run.signal("SIGKILL");
    await run.ended;
    const hosts = hostsOf(stage);
    assertEquals(hosts.length, 2, "the workers live on");
    const both = [1, 2].map(() => stage.start(["run", "--resume", "r1", "--json"]));
    letGo(stage);
    await attemptsAre(stage, "done", 2);
    killAll(hosts.slice(0, 1));
    for (const { ended } of both) {
      const ran = await ended;
      assertEquals(ran.code, 0, ran.stdout + ran.stderr);
      assertEquals(resultOf(ran)["state"], "completed");
    }
    await audit(stage, { tasks: 8 });
    assertEquals(await stage.files(), ["README.md", ...files].sort());
    const seen = Deno.readTextFileSync(most).split("\n").filter(Boolean).map(Number);
    assert(Math.max(...seen) <= 2, `never more than -w at once: ${seen}`);
  });
});

Deno.test("death: stop ends also the agents of workers that died, where nobody else is left", async () => {
  await withStage(async (stage) => {
    const sign = join(stage.folder, "half");
    stage.play([
      onTask(
        "hold",
        { do: "write", path: "half.txt", text: "half" },
        { do: "deaf" },
        { do: "run", argv: ["touch", sign] },
        { do: "hang" },
      ),
    ]);
    const plan = stage.plan([{ description: "hold one" }, { description: "hold two" }]);
    await abandonedRun(stage, ["run", "all", "--tasks", plan, "-w", "2"]);
    for (const id of ["t1", "r1"]) {
      const host = startHost(stage);
      await eventually(() => exists(sign), { what: "its agent is at it", withinMs: 15_000 });
      Deno.removeSync(sign);
      host.signal("SIGKILL");
      await host.ended;
      assert(stage.processes().length > 0, "its agent lives");
      const stopped = await stage.skein(["stop", id]);
      assertEquals(stopped.code, 0, stopped.stderr);
      assertEquals(stage.processes(), []);
    }
    const states = rows<{ state: string }>(stage, "SELECT state FROM attempt").map(({ state }) =>
      state
    );
    assertEquals(states, ["stopped", "stopped"]);
    const parked = await stage.git("for-each-ref", "--format=%(refname)", "refs/skein/parked");
    assertEquals(parked.trim().split("\n").length, 2, parked);
  });
});
