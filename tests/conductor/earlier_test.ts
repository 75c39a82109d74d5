// What earlier attempts and earlier stores have left, or somebody has taken away of it: a store that is
// begun anew in an old home, a branch that was to be gone on from and was deleted.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { attemptsAre, audit, exists, letGo, rows } from "./ground.ts";
import { HANDS_IN, onTask, resultOf, type Stage, withStage, WRITES } from "./stage.ts";

/** Puts the store away, to begin anew. */
function putAway(stage: Stage): void {
  for (const name of ["skein.db", "skein.db-wal", "skein.db-shm", "head"]) {
    const path = join(stage.home, name);
    if (exists(path)) Deno.renameSync(path, join(stage.folder, name));
  }
}

for (const [where, flags] of [["worktrees", []], ["one folder", ["--no-worktree"]]] as const) {
  Deno.test(`earlier: a store begun anew in an old home takes nothing of it for its own (${where})`, async () => {
    await withStage(async (stage) => {
      const says = (text: string) => [onTask("talk", { do: "say", text }, HANDS_IN)];
      const talk = stage.plan([{ description: "talk" }]);
      const run = () => stage.skein(["run", "all", "--tasks", talk, ...flags, "--json"]);
      stage.play(says("of the old store"));
      for (const id of ["r1", "r2"]) {
        const ran = await run();
        assertEquals([ran.code, resultOf(ran)["run"]], [0, id], ran.stdout + ran.stderr);
        assertEquals(ran.stdout.includes("earlier store"), false, ran.stdout);
      }
      putAway(stage);
      stage.play(says("of the new store"));
      const first = await run();
      assertEquals([first.code, resultOf(first)["run"]], [0, "r3"], first.stdout + first.stderr);
      assertStringIncludes(first.stdout + first.stderr, "runs up to r2 are of an earlier store");
      const log = await stage.skein(["log", "t1"]);
      assertStringIncludes(log.stdout, "of the new store");
      assert(!log.stdout.includes("of the old store"), log.stdout);
      const second = await run();
      assertEquals([second.code, resultOf(second)["run"]], [0, "r4"], second.stdout);
      assert(!(second.stdout + second.stderr).includes("earlier store"), "it is told once");
    });
  });
}

Deno.test("earlier: a task whose branch in conflict was deleted is begun anew from the run's", async () => {
  await withStage(async (stage) => {
    const edit = (word: string, go: string) =>
      onTask(word, { do: "wait", file: join(stage.folder, go) }, {
        do: "write",
        path: "README.md",
        text: `${word}\n`,
      });
    stage.play([
      { match: "could not be merged", times: 1, steps: [{ do: "hang" }] },
      edit("first", "go"),
      { ...edit("second", "go2"), times: 1 },
      onTask("second", { do: "write", path: "again.txt", text: "again\n" }),
      WRITES,
    ]);
    const plan = stage.plan([{ description: "first" }, { description: "second" }]);
    const run = stage.start(["run", "all", "--tasks", plan, "-w", "2", "--json"]);
    await attemptsAre(stage, "running", 2);
    letGo(stage, "go");
    const is = (what: string, condition: string) =>
      eventually(() => rows(stage, `SELECT 1 FROM attempt WHERE ${condition}`).length > 0, {
        what,
        withinMs: 20_000,
      });
    await is("the first is merged", "state = 'done'");
    letGo(stage, "go2");
    await is("the conflict is given to an agent", "kind = 'resolve' AND process IS NOT NULL");
    run.signal("SIGINT");
    await run.ended;
    const [kept] = rows<{ branch: string }>(
      stage,
      "SELECT branch FROM attempt WHERE state = 'conflict'",
    );
    await stage.git("branch", "-q", "-D", kept?.branch ?? "");
    const ran = await stage.skein(["run", "--resume", "r1", "--json"]);
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(await stage.files(), ["README.md", "again.txt"]);
    assertEquals(await stage.git("show", "main:README.md"), "first\n");
    await audit(stage, { tasks: 2 });
  });
});
