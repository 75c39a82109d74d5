// `skein wait`: done means that the result is where it belongs, since `skein wait r1 && git push` is what
// people write.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { abandonedRun, attemptsAre, begun, change, exists, rows, sleepyGitAt } from "./ground.ts";
import { eventually } from "../support/eventually.ts";

import { onTask, resultOf, withStage, WRITES } from "./stage.ts";

Deno.test("wait: a run is over when its result has reached the user's branch, or cannot", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    // Whoever drives it stops for a while before it delivers.
    const { path, met } = sleepyGitAt(stage, "--ff-only");
    const run = stage.start(["run", "all", "--tasks", plan, "--json"], { PATH: path });
    await begun(stage);
    const waits = stage.start(["wait", "r1"]);
    await eventually(() => exists(met), { what: "it delivers", withinMs: 15_000 });
    const early = await stage.skein(["wait", "r1", "-t", "1"]);
    assertEquals([early.code, early.stdout], [3, "r1 is in_progress\n"]);
    run.signal("SIGCONT");
    const waited = await waits.ended;
    assertEquals([waited.code, waited.stdout], [0, "r1 completed\n"]);
    assertEquals(await stage.files(), ["README.md", "a.txt"]);
    await run.ended;
    // One whose result cannot go there is over, too, and says why.
    Deno.writeTextFileSync(join(stage.repo, "b.txt"), "the user's own\n");
    const other = stage.plan([{ description: "write b.txt" }], "other.json");
    const left = await stage.skein(["run", "more", "--tasks", other, "--json"]);
    assertEquals(left.code, 1, left.stdout + left.stderr);
    const notes = JSON.stringify(resultOf(left)["notes"]);
    assert(notes.includes("skein run --resume r2 tries once more"), notes);
    const over = await stage.skein(["wait", "r2"]);
    assertEquals([over.code, over.stdout.startsWith("r2 left: ")], [1, true], over.stdout);
    Deno.removeSync(join(stage.repo, "b.txt"));
    assertEquals((await stage.skein(["run", "--resume", "r2"])).code, 0);
    assertEquals((await stage.skein(["wait", "r2"])).code, 0);
  });
});

Deno.test("wait: a task that is approved is not done before it is merged", async () => {
  await withStage(async (stage) => {
    const asks = onTask("write", { do: "write", path: "$<rest>", text: "x\n" }, {
      do: "mcp",
      name: "update_task",
      input: { id: "$<task>", action: "request_review", note: "look" },
    });
    stage.play([asks]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const run = stage.start(["run", "all", "--tasks", plan, "--json"]);
    await attemptsAre(stage, "review", 1);
    const look = join(stage.folder, "look");
    await stage.git("worktree", "add", "-q", look, "skein/run/r1");
    await stage.ask("task", "review", "t1", "approve");
    await attemptsAre(stage, "waiting", 1);
    const told = await stage.skein(["tell", "t1", "hello"]);
    assertEquals(told.code, 4, "nobody works on it any more");
    assertEquals(rows(stage, "SELECT status FROM task"), [{ status: "completed" }]);
    const early = await stage.skein(["wait", "t1", "-t", "1"]);
    assertEquals([early.code, early.stdout], [3, "t1 is unmerged\n"]);
    await stage.git("worktree", "remove", look);
    assertEquals((await stage.skein(["wait", "t1"])).code, 0);
    assertEquals((await run.ended).code, 0);
  });
});

Deno.test("wait: what workers proposed on the way waits for somebody, and nobody for it", async () => {
  await withStage(async (stage) => {
    const more = { title: "write more.txt" };
    stage.play([
      {
        match: "Plan this goal.*with run (?<run>r\\d+)",
        steps: [{
          do: "mcp",
          name: "create_task",
          input: { run: "$<run>", tasks: [{ key: "x", title: "begin x" }] },
        }],
      },
      onTask("begin", { do: "mcp", name: "create_task", input: more }, {
        do: "write",
        path: "x.txt",
        text: "x\n",
      }),
    ]);
    const ran = await stage.skein(["run", "x", "--json"]);
    assertEquals(resultOf(ran)["state"], "proposed", ran.stdout + ran.stderr);
    assertEquals(resultOf(ran).tasks.map(({ title, status }) => [title, status]).slice(1), [
      ["begin x", "completed"],
      ["write more.txt", "proposed"],
    ]);
    const over = await stage.skein(["wait", "r1"]);
    assertEquals([over.code, over.stdout], [
      1,
      "r1 proposed: what is proposed waits: skein plan accept r1\n",
    ]);
  });
});

Deno.test("tell: a task that was imported is one, whatever its id looks like", async () => {
  await withStage(async (stage) => {
    const plan = stage.plan([{ description: "write a.txt" }]);
    await abandonedRun(stage, ["run", "all", "--tasks", plan]);
    change(stage, "UPDATE task SET id = 'task-001'");
    const told = await stage.skein(["tell", "task-001", "hello"]);
    assertStringIncludes(told.stderr, "nobody works on task-001");
    assertStringIncludes((await stage.skein(["tell", "t9", "hello"])).stderr, "nobody works on t9");
    const peer = await stage.skein(["tell", "nobody", "hello"]);
    assertEquals(peer.code, 2, peer.stderr);
    assertStringIncludes(peer.stderr, "nobody");
  });
});
