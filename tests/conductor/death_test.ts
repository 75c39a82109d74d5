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
    for (let at = 1, ended = 0; ended < 3; at += 3) {
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
