// The check of a run: a command that has to succeed on what is merged. Nothing unchecked gets onto the run
// branch, whoever dies, waits or is stopped meanwhile; and what was done is never done again for it.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { lives, told } from "../agent/ground.ts";
import { eventually } from "../support/eventually.ts";
import { attemptsAre, audit, auditGit, hostsOf, killAll, letGo, rows } from "./ground.ts";
import { onTask, resultOf, type Running, type Stage, withStage, WRITES } from "./stage.ts";

const tries = (stage: Stage): unknown[] =>
  rows(stage, "SELECT kind, state, cause FROM attempt ORDER BY id").map((row) =>
    Object.values(row)
  );

/** A run of one task whose check tells its process and goes on when it is let to. */
async function beingChecked(stage: Stage, ...args: string[]): Promise<Running> {
  stage.play([
    {
      ...onTask("write", { do: "write", path: "$<rest>", text: "once\n", append: true }),
      times: 1,
    },
    onTask("write", { do: "write", path: "twice.txt", text: "it was done again\n" }),
  ]);
  const plan = stage.plan([{ description: "write a.txt" }]);
  const check = `echo $$ >> '${checks(stage)}'; ` +
    `while [ ! -e '${join(stage.folder, "go")}' ]; do sleep 0.05; done; cat a.txt`;
  const order = ["run", "all", "--tasks", plan, "-w", "1", "--check", check, "--json", ...args];
  const run = stage.start(order);
  await eventually(() => told(checks(stage)).length === 1, {
    what: "its check has begun",
    withinMs: 20_000,
  });
  return run;
}

const checks = (stage: Stage): string => join(stage.folder, "checks");

/** What is left of where checks ran. */
function checkouts(stage: Stage): string[] {
  const all = [...Deno.readDirSync(join(stage.home, "worktrees"))].filter((one) => one.isDirectory);
  return all.flatMap(({ name }) => [...Deno.readDirSync(join(stage.home, "worktrees", name, "r1"))])
    .map(({ name }) => name).filter((name) => name.startsWith(".check"));
}

Deno.test("check: what fails it is not merged; the next attempt goes on from it and is told why", async () => {
  await withStage(async (stage) => {
    stage.play([
      {
        match: "Task (?<task>t\\d+): write.*left with code 7: a.txt is bad",
        steps: [{ do: "write", path: "a.txt", text: "good\n" }],
      },
      onTask("write", { do: "write", path: "a.txt", text: "bad\n" }, {
        do: "write",
        path: "kept.txt",
        text: "of the first\n",
      }),
    ]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const check = "if grep -q bad a.txt; then echo a.txt is bad; exit 7; fi";
    const ran = await stage.skein(["run", "a", "--tasks", plan, "--check", check, "--json"]);
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(tries(stage), [["work", "failed", "check"], ["work", "done", null]]);
    assertEquals(await stage.files(), ["README.md", "a.txt", "kept.txt"]);
    const merged = await stage.git("log", "--first-parent", "--format=%H", "main");
    for (const commit of merged.trim().split("\n").slice(0, -1)) {
      assertEquals(await stage.git("show", `${commit}:a.txt`), "good\n");
    }
    const { stdout } = await stage.skein(["log", "1"]);
    assert(stdout.includes("a.txt is bad") && stdout.includes("left with code 7"), stdout);
    await audit(stage, { tasks: 1 });
  });
});

Deno.test("check: work is checked together with what others have merged, and merged as it was checked", async () => {
  await withStage(async (stage) => {
    stage.play([
      {
        match: "Task (?<task>t\\d+): write.*left with code 1: not both",
        steps: [{ do: "write", path: "agreed.txt", text: "by $<task>\n" }],
      },
      onTask("write", { do: "wait", file: join(stage.folder, "go") }, {
        do: "write",
        path: "$<rest>",
        text: "by $<task>\n",
      }),
    ]);
    const plan = stage.plan([{ description: "write a.txt" }, { description: "write b.txt" }]);
    // Each alone is right.
    const check =
      "if [ -e a.txt ] && [ -e b.txt ] && [ ! -e agreed.txt ]; then echo not both; exit 1; fi";
    const run = stage.start(["run", "two", "--tasks", plan, "-w", "2", "--check", check, "--json"]);
    await attemptsAre(stage, "running", 2);
    letGo(stage);
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    const states = rows<{ state: string }>(stage, "SELECT state FROM attempt ORDER BY state");
    assertEquals(states.map(({ state }) => state), ["done", "done", "failed"]);
    assertEquals(await stage.files(), ["README.md", "a.txt", "agreed.txt", "b.txt"]);
    // No commit that anybody was handed had both and no agreement.
    for (
      const commit of (await stage.git("rev-list", "--first-parent", "main")).trim().split("\n")
    ) {
      const files = await stage.files(commit);
      const both = files.includes("a.txt") && files.includes("b.txt");
      assert(!both || files.includes("agreed.txt"), `${commit}: ${files}`);
    }
    await audit(stage, { tasks: 2 });
  });
});

Deno.test("check: its worker's death ends it; another checks what was done, at no cost to its task", async () => {
  await withStage(async (stage) => {
    const run = await beingChecked(stage, "--attempts", "1");
    const [{ reason = "" } = {}] = rows<{ reason: string }>(stage, "SELECT reason FROM attempt");
    assert(reason.startsWith("is being checked: echo"), reason);
    assertEquals((await stage.ask("status"))["attention"], [], "nobody has to do anything");
    killAll(hostsOf(stage));
    await eventually(() => told(checks(stage)).length === 2, {
      what: "it is checked again",
      withinMs: 20_000,
    });
    assertEquals(told(checks(stage)).slice(0, 1).filter(lives), [], "the first check is over");
    letGo(stage);
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(tries(stage), [["work", "done", null]]);
    assertEquals(await stage.files(), ["README.md", "a.txt"]);
    await audit(stage, { tasks: 1 });
  });
});

Deno.test("check: an interrupt ends it at once; who takes the run up checks what was done", async () => {
  await withStage(async (stage) => {
    const run = await beingChecked(stage);
    const log = stage.start(["log", "t1", "--follow"]);
    run.signal("SIGINT");
    const stopped = await run.ended;
    assert((await log.ended).stdout.includes("\n$ echo $$ >> "), "who follows sees its check");
    assertEquals(resultOf(stopped)["state"], "stopped", stopped.stdout + stopped.stderr);
    await eventually(() => told(checks(stage)).filter(lives).length === 0, { what: "it ends" });
    assertEquals(tries(stage), [["work", "waiting", "unchecked"]]);
    letGo(stage);
    const ran = await stage.skein(["run", "--resume", "r1", "--json"]);
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(tries(stage), [["work", "done", null]]);
    assertEquals(await stage.files(), ["README.md", "a.txt"]);
    assertEquals(rows(stage, "SELECT attempts FROM task"), [{ attempts: 1 }]);
    await audit(stage, { tasks: 1 });
  });
});

Deno.test("check: a task that is given up in it, or a run that is ended, ends it; the work is on its branch", async () => {
  for (const end of [["task", "update", "t1", "--action", "cancel"], ["run", "end", "r1"]]) {
    await withStage(async (stage) => {
      const run = await beingChecked(stage);
      const refused = await stage.skein(["stop", "t1"]);
      assertEquals(refused.code, 4, refused.stdout);
      assert(refused.stderr.includes("--action cancel"), refused.stderr);
      await stage.ask(...end);
      const ran = await run.ended;
      assert(ran.stdout.includes("skein/task/r1/t1-1"), ran.stdout);
      await eventually(() => told(checks(stage)).filter(lives).length === 0, { what: "it ends" });
      assertEquals(await stage.files("skein/task/r1/t1-1"), ["README.md", "a.txt"]);
      assertEquals(await stage.files("skein/run/r1"), ["README.md"]);
      await auditGit(stage);
      assertEquals((await stage.skein(["run", "clean"])).code, 0);
      assertEquals(checkouts(stage), [], "nothing stays of where it ran");
    });
  }
});

Deno.test("check: while one runs the agents go on, and only one runs at a time", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES]);
    const plan = stage.plan(["a", "b", "c"].map((name) => ({ description: `write ${name}.txt` })));
    const [alone, go] = [join(stage.folder, "alone"), join(stage.folder, "go")];
    const check = `mkdir '${alone}' || exit 9; while [ ! -e '${go}' ]; do sleep 0.05; done; ` +
      `rmdir '${alone}'`;
    const run = stage.start(["run", "all", "--tasks", plan, "-w", "2", "--check", check, "--json"]);
    await attemptsAre(stage, "waiting", 3);
    letGo(stage);
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(tries(stage), Array(3).fill(["work", "done", null]));
    await audit(stage, { tasks: 3 });
  });
});

Deno.test("check: a run whose budget is spent checks and merges what is done", async () => {
  await withStage(async (stage) => {
    stage.play([onTask("write", { do: "write", path: "$<rest>", text: "x\n" }, {
      do: "say",
      text: "done",
      tokens: 50,
    })]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const run = stage.start([
      ...["run", "a", "--tasks", plan, "--max-tokens", "50", "-w", "1", "--json"],
      ...["--check", `while [ ! -e '${join(stage.folder, "go")}' ]; do sleep 0.05; done`],
    ]);
    await attemptsAre(stage, "waiting", 1);
    killAll(hostsOf(stage));
    letGo(stage);
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(await stage.files(), ["README.md", "a.txt"]);
  });
});

Deno.test("check: one that does not end is ended, and is a failure that says so", async () => {
  await withStage(async (stage) => {
    const run = await beingChecked(stage, "--check-timeout", "0.5", "--attempts", "1");
    const ran = await run.ended;
    assertEquals(ran.code, 1, ran.stdout + ran.stderr);
    assertEquals(told(checks(stage)).filter(lives), []);
    const [{ reason = "" } = {}] = rows<{ reason: string }>(stage, "SELECT reason FROM attempt");
    assert(/did not end within 0\.5 s: it said nothing/.test(reason), reason);
    assertEquals(await stage.files("skein/run/r1"), ["README.md"]);
    await auditGit(stage);
  });
});
