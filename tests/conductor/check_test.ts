// The check of a run: a command that has to succeed on what is merged. Nothing unchecked gets onto the run
// branch, whoever dies, waits or is stopped meanwhile; and what was done is never done again for it.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { lives, told } from "../agent/ground.ts";
import { eventually } from "../support/eventually.ts";
import { attemptsAre, audit, auditGit, exists, hostsOf, killAll, letGo, rows } from "./ground.ts";
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
    run.signal("SIGINT");
    const stopped = await run.ended;
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

Deno.test("check: whatever it does where it runs is nobody's work, and the next one begins in order", async () => {
  await withStage(async (stage) => {
    Deno.writeTextFileSync(join(stage.repo, ".gitignore"), "cache\n");
    await stage.git("add", ".gitignore");
    await stage.git("commit", "-q", "-m", "ignore");
    stage.play([WRITES]);
    const plan = stage.plan(["a", "b", "c"].map((name) => ({ description: `write ${name}.txt` })));
    const seen = join(stage.folder, "environment");
    const script = join(stage.folder, "check.sh");
    Deno.writeTextFileSync(
      script,
      `#!/bin/sh
set -e
env > '${seen}'
test -z "$(git status --porcelain)"
git=; test -e a.txt && test -e b.txt && test ! -e c.txt && test -e cache && git=broken
echo built > cache
echo changed > README.md; echo new > report.txt; mkdir shut; echo x > shut/x; chmod 555 shut
git init -q inner; echo x > inner/x
git -c user.name=a -c user.email=b@c commit -q -a -m 'of the check'
git switch -q -c elsewhere; git tag of-the-check; git stash -q -u || true
touch .git/index.lock
if [ -n "$git" ]; then rm -rf .git; fi
`,
      { mode: 0o755 },
    );
    const order = ["run", "a", "--tasks", plan, "-w", "1", "--check", script, "--json"];
    const ran = await stage.skein(order);
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(await stage.files(), [".gitignore", "README.md", "a.txt", "b.txt", "c.txt"]);
    assertEquals(Deno.readTextFileSync(join(stage.repo, "README.md")), "a project\n");
    assertEquals(tries(stage), Array(3).fill(["work", "done", null]));
    const refs = await stage.git("for-each-ref", "--format=%(refname)");
    assertEquals(refs.match(/parked|elsewhere|of-the-check|stash/), null, refs);
    const names = Deno.readTextFileSync(seen).match(/^(SKEIN|GIT|CLAUDE|PEER)_\w+/gm) ?? [];
    const identity = names.filter((name) => /TOKEN|HOME|NAME|ROLE|_DIR|SESSION/.test(name));
    assertEquals(identity, [], "it is nobody's session, and bound to no repository");
    await audit(stage, { tasks: 3 });
    const left = [...Deno.readDirSync(join(stage.home, "worktrees"))].filter((one) =>
      one.isDirectory
    )
      .flatMap(({ name }) => [...Deno.readDirSync(join(stage.home, "worktrees", name, "r1"))])
      .filter(({ name }) => name.startsWith(".check"));
    assertEquals(left, [], "nothing of it is left at the end");
  });
});

Deno.test("check: one that floods its output, in colours, and leaves a daemon is told of like any other", async () => {
  await withStage(async (stage) => {
    const daemon = join(stage.folder, "daemon");
    stage.play([
      {
        match: "left with code 3: .*the last words",
        steps: [{ do: "write", path: "b", text: "" }],
      },
      WRITES,
    ]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const check = `[ -e b ] && exit 0; env -i PATH="$PATH" setsid sh -c 'echo $$ >> "${daemon}"; ` +
      `exec sleep 1000' & while [ ! -e '${daemon}' ]; do sleep 0.05; done; yes x | head -c 40000000; ` +
      `printf '\\033[31mthe last\\033[0m words\\007\\000\\n'; exit 3`;
    const ran = await stage.skein(["run", "a", "--tasks", plan, "--check", check, "--json"]);
    assertEquals(ran.code, 0, ran.stdout.slice(-2_000) + ran.stderr);
    assertEquals(tries(stage), [["work", "failed", "check"], ["work", "done", null]]);
    const log = join(stage.home, "logs", "r1", "t1-1-check.log");
    assert(Deno.statSync(log).size < 17_000_000, "its log has a bound");
    const [reason = ""] = rows<{ reason: string }>(stage, "SELECT reason FROM attempt")
      .map((row) => row.reason);
    assert(reason.endsWith("the last words"), reason);
    for (const pid of told(daemon)) Deno.kill(pid, "SIGKILL");
  });
});

Deno.test("check: none is run while somebody holds the run branch; what was approved is checked before it is merged", async () => {
  await withStage(async (stage) => {
    const count = join(stage.folder, "count");
    stage.play([onTask("write", { do: "write", path: "$<rest>", text: "once\n" }, {
      do: "mcp",
      name: "update_task",
      input: { id: "$<task>", action: "request_review", note: "please look" },
    })]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const check = `echo >> '${count}'; test -e a.txt`;
    const run = stage.start(["run", "a", "--tasks", plan, "--check", check, "--json"]);
    await attemptsAre(stage, "review", 1);
    const look = join(stage.folder, "look");
    await stage.git("worktree", "add", "-q", look, "skein/run/r1");
    await stage.ask("task", "review", "t1", "approve");
    await attemptsAre(stage, "waiting", 1);
    assertEquals((await stage.skein(["run", "status", "r1"])).code, 0);
    assert(!exists(count), "nothing was checked that could not be merged");
    await stage.git("worktree", "remove", look);
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(tries(stage), [["work", "done", null]]);
    assertEquals(Deno.readTextFileSync(count), "\n", "once");
    assertEquals(resultOf(ran).tasks.map(({ status }) => status), ["completed"]);
    await auditGit(stage);
  });
});

Deno.test("check: one that is set while work goes on holds for whatever is merged from then on", async () => {
  await withStage(async (stage) => {
    const wait = { do: "wait", file: join(stage.folder, "go") } as const;
    stage.play([onTask("write", wait, { do: "write", path: "$<rest>", text: "once\n" })]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const run = stage.start(["run", "a", "--tasks", plan, "--attempts", "1", "--json"]);
    await attemptsAre(stage, "running", 1);
    await stage.ask("run", "conduct", "r1", "--check", "echo no; false");
    letGo(stage);
    assertEquals(resultOf(await run.ended)["state"], "failed");
    assertEquals(tries(stage), [["work", "failed", "check"]]);
    assertEquals(await stage.files("skein/run/r1"), ["README.md"]);
  });
});

Deno.test("check: where nothing is merged there is none, and it can be taken away again", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const order = ["run", "a", "--tasks", plan, "--check", "false", "--attempts", "1"];
    const refused = await stage.skein([...order, "--no-worktree"]);
    assertEquals(refused.code, 2, refused.stdout + refused.stderr);
    assert(/nothing is checked.*\n?.*git repository/s.test(refused.stderr), refused.stderr);
    assert(!exists(join(stage.home, "skein.db")), "before there is a run, or a store");
    const failed = await stage.skein([...order, "--json"]);
    assertEquals(resultOf(failed)["state"], "failed", failed.stdout + failed.stderr);
    const unmet = await stage.skein(["run", "conduct", "r1", "--worktrees", "false"]);
    assertEquals(unmet.code, 2, unmet.stdout + unmet.stderr);
    assertEquals((await stage.skein(["retry", "t1"])).code, 0);
    stage.play([onTask("write", { do: "write", path: "$<rest>", text: "again\n", append: true })]);
    const ran = await stage.skein(["run", "--resume", "r1", "--check", "", "--json"]);
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(await stage.files(), ["README.md", "a.txt"]);
  });
});
