// Work that is done and cannot be merged just now waits as it is: no attempt is spent, nothing is written
// again and again, everybody can see what it waits for, and it goes on by itself, whoever dies meanwhile.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import {
  attemptsAre,
  audit,
  auditGit,
  deadlyGitAt,
  hostsOf,
  killAll,
  letGo,
  rows,
  startHost,
  withShellAgent,
} from "./ground.ts";
import { onTask, resultOf, type Running, type Stage, withStage, WRITES } from "./stage.ts";

const tries = (stage: Stage): unknown[] =>
  rows(stage, "SELECT kind, state FROM attempt ORDER BY id").map((row) => Object.values(row));

const ends = (stage: Stage): unknown[] =>
  rows<{ detail: string }>(
    stage,
    "SELECT detail FROM journal WHERE op = 'end_attempt' ORDER BY seq",
  )
    .map(({ detail }) => JSON.parse(detail).outcome);

/** A run of one task whose agent waits in its worktree to be let go. */
async function atWork(stage: Stage): Promise<Running> {
  const go = join(stage.folder, "go");
  stage.play([
    onTask("write", { do: "wait", file: go }, { do: "write", path: "a.txt", text: "work\n" }),
  ]);
  const plan = stage.plan([{ description: "write a.txt" }]);
  const run = stage.start(["run", "all", "--tasks", plan, "-w", "1", "--json"]);
  await attemptsAre(stage, "running", 1);
  // It is made from the run branch: whatever comes next may take that away.
  await eventually(async () => (await stage.git("worktree", "list")).includes("/t1"));
  return run;
}

/** A run of one task whose work is done while somebody looks at the run branch in `look`. */
async function lookedAt(stage: Stage): Promise<{ run: Running; look: string; reason: string }> {
  const run = await atWork(stage);
  const look = join(stage.folder, "look");
  await stage.git("worktree", "add", "-q", look, "skein/run/r1");
  letGo(stage);
  await attemptsAre(stage, "waiting", 1);
  const reason = `the run branch is checked out in ${look}; it cannot move. Look at it detached: ` +
    `git -C ${look} switch --detach. Or switch to another branch there.`;
  return { run, look, reason };
}

Deno.test("waiting: who looks at the run branch holds its merge up, sees so, and nothing is lost or done again", async () => {
  await withStage(async (stage) => {
    const { run, look, reason } = await lookedAt(stage);
    const { attention } = await stage.ask("status") as { attention: Record<string, unknown>[] };
    const [need] = attention.map(({ since: _since, ...one }) => one);
    const worker = rows<{ worker: string }>(stage, "SELECT worker FROM attempt")[0]?.worker;
    assertEquals(need, {
      kind: "unmerged",
      subject: "t1",
      task: "t1",
      text: reason,
      peers: [worker],
    });
    const { run: view } = await stage.ask("run", "status", "r1") as {
      run: Record<string, unknown>;
    };
    const [waits] = view["waiting"] as Record<string, unknown>[];
    assertEquals([waits?.["task"], waits?.["text"]], ["t1", reason]);
    assertEquals((view["tasks"] as Record<string, number>)["in_progress"], 1);
    // What people see without `--json` says the same.
    const { stdout } = await stage.skein(["run", "status", "r1"]);
    assert(stdout.includes(`git -C ${look} switch --detach`), stdout);
    assertEquals(await stage.files("skein/run/r1"), ["README.md"]);
    assertEquals([tries(stage), ends(stage)], [[["work", "waiting"]], ["waiting"]], "told once");
    const left = performance.now();
    await stage.git("-C", look, "switch", "-q", "--detach");
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assert(performance.now() - left < 10_000, "within seconds");
    assertEquals([tries(stage), ends(stage)], [[["work", "done"]], ["waiting", "done"]]);
    assertEquals(rows(stage, "SELECT attempts FROM task"), [{ attempts: 1 }]);
    assertEquals(rows(stage, "SELECT reason, cause FROM attempt"), [{ reason: null, cause: null }]);
    const told = ran.lines.filter(({ kind }) => kind === "ended").map(({ text }) => text);
    assert(String(told[0]).includes(`waiting by ${worker}: ${reason}`), String(told));
    await stage.git("worktree", "remove", look);
    assertEquals(await stage.files(), ["README.md", "a.txt"]);
    await audit(stage, { tasks: 1 });
  });
});

Deno.test("waiting: the death of all changes nothing; who takes the run up merges, once", async () => {
  await withStage(async (stage) => {
    const { run, look } = await lookedAt(stage);
    run.signal("SIGKILL");
    await run.ended;
    killAll(hostsOf(stage));
    await eventually(() => stage.processes().length === 0, { what: "nobody is left" });
    // Its worker's end frees nothing: the next one waits with it.
    const host = startHost(stage);
    await eventually(() => rows(stage, "SELECT 1 FROM peer WHERE hosts = 'r1'").length === 2, {
      what: "another worker is here",
    });
    await stage.ask("status");
    assertEquals(tries(stage), [["work", "waiting"]]);
    assertEquals(rows(stage, "SELECT status, attempts FROM task"), [
      { status: "in_progress", attempts: 1 },
    ]);
    host.signal("SIGKILL");
    await host.ended;
    await stage.git("worktree", "remove", look);
    // Killed just after it has merged, and before it could say so.
    const deadly = deadlyGitAt(stage, " update-ref --create-reflog ", true);
    const cut = await stage.skein(["run", "--resume", "r1", "--json"], { PATH: deadly });
    assert(cut.code !== 0, cut.stdout);
    assertEquals(tries(stage), [["work", "waiting"]]);
    const ran = await stage.skein(["run", "--resume", "r1", "--json"]);
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(tries(stage), [["work", "done"]]);
    assertEquals(await stage.files(), ["README.md", "a.txt"]);
    await audit(stage, { tasks: 1 });
  });
});

Deno.test("waiting: work whose worker died is taken over as it is, and waits under a new epoch", async () => {
  await withStage(async (stage) => {
    const { look } = await dyingWorker(stage);
    const run = stage.start(["run", "--resume", "r1", "--json"]);
    await attemptsAre(stage, "waiting", 1);
    await stage.git("worktree", "remove", look);
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(tries(stage), [["work", "done"]]);
    await audit(stage, { tasks: 1 });
  });
});

/** A run whose only worker died when it had handed in and was about to merge. */
async function dyingWorker(stage: Stage): Promise<{ look: string }> {
  withShellAgent(stage);
  const plan = stage.plan([{ description: "write a.txt" }]);
  const run = stage.start(["run", "all", "--tasks", plan, "-w", "1", "--json"], {
    SKEIN_COMMAND: "/bin/false",
  });
  await eventually(() => rows(stage, "SELECT id FROM task").length > 0, { what: "its task" });
  run.signal("SIGKILL");
  await run.ended;
  stage.close();
  const look = join(stage.folder, "look");
  await stage.git("worktree", "add", "-q", look, "skein/run/r1");
  await startHost(stage, "r1", {
    PATH: deadlyGitAt(stage, " rev-parse refs/heads/skein/run/r1..."),
  }).ended;
  return { look };
}

Deno.test("waiting: approved work waits, too, and what builds on it begins after its merge", async () => {
  await withStage(async (stage) => {
    stage.play([
      onTask("propose", { do: "write", path: "p.txt", text: "p\n" }, {
        do: "mcp",
        name: "update_task",
        input: { id: "$<task>", action: "request_review", note: "please look" },
      }),
      WRITES,
    ]);
    const plan = stage.plan([
      { id: "a", description: "propose it" },
      { description: "write b.txt", dependencies: ["a"] },
    ]);
    const run = stage.start(["run", "all", "--tasks", plan, "-w", "1", "--json"]);
    await attemptsAre(stage, "review", 1);
    await stage.git("switch", "-q", "skein/run/r1");
    await stage.ask("task", "review", "t1", "approve");
    await attemptsAre(stage, "waiting", 1);
    await stage.ask("status");
    assertEquals(tries(stage), [["work", "waiting"]]);
    await stage.git("switch", "-q", "main");
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    const [second] = rows<{ base: string }>(stage, "SELECT base FROM attempt WHERE task = 't2'");
    assertEquals(await stage.files(second?.base), ["README.md", "p.txt"]);
    await auditGit(stage);
  });
});

Deno.test("waiting: a task that is cancelled, and a run that is ended, are not merged behind one's back", async () => {
  await withStage(async (stage) => {
    const { run, look } = await lookedAt(stage);
    await stage.ask("task", "update", "t1", "--action", "cancel");
    await attemptsAre(stage, "stopped", 1);
    await stage.git("worktree", "remove", look);
    await run.ended;
    assertEquals(await stage.files("skein/run/r1"), ["README.md"]);
    assertEquals(await stage.files("skein/task/r1/t1-1"), ["README.md", "a.txt"]);
  });
  await withStage(async (stage) => {
    const { run, look } = await lookedAt(stage);
    await stage.ask("run", "end", "r1", "--plan", "enough");
    const ran = await run.ended;
    assertEquals(ran.code, 3, ran.stdout + ran.stderr);
    assertEquals(tries(stage), [["work", "stopped"]]);
    const notes = JSON.stringify(resultOf(ran)["notes"]);
    assert(notes.includes("t1 is not merged, its work is on skein/task/r1/t1-1"), notes);
    await stage.git("worktree", "remove", look);
    assertEquals(await stage.files("skein/task/r1/t1-1"), ["README.md", "a.txt"]);
  });
});

Deno.test("waiting: a rebase of the run branch holds merges up, as a checkout does", async () => {
  await withStage(async (stage) => {
    const { run, look } = await lookedAt(stage);
    await stage.git("-C", look, "commit", "-q", "--allow-empty", "-m", "by hand");
    const editor = { GIT_SEQUENCE_EDITOR: "sed -i 1s/^pick/edit/" };
    await new Deno.Command("git", {
      args: ["rebase", "-q", "-i", "--keep-empty", "HEAD~1"],
      cwd: look,
      env: { ...editor, GIT_EDITOR: ":" },
    }).output();
    const why = (): string =>
      rows<{ reason: string }>(stage, "SELECT reason FROM attempt")[0]?.reason ?? "";
    await eventually(() => why().includes("is being rebased in "), { what: "it says so" });
    // Long enough for some looks.
    for (let looks = 0; looks < 3; looks++) await stage.ask("status");
    assertEquals([tries(stage), ends(stage)], [[["work", "waiting"]], ["waiting", "waiting"]]);
    await stage.git("-C", look, "rebase", "--continue");
    await stage.git("worktree", "remove", look);
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    const log = await stage.git("log", "--format=%s");
    assert(log.includes("by hand") && log.includes("Merge t1"), log);
  });
});

Deno.test("waiting: where the run branch was deleted, what is done waits until it is back", async () => {
  await withStage(async (stage) => {
    const run = await atWork(stage);
    const tip = (await stage.git("rev-parse", "skein/run/r1")).trim();
    await stage.git("branch", "-q", "-D", "skein/run/r1");
    letGo(stage);
    await attemptsAre(stage, "waiting", 1);
    const [why] = rows<{ reason: string }>(stage, "SELECT reason FROM attempt");
    assert(why?.reason.includes("the run branch skein/run/r1 is gone"), why?.reason);
    assert(why?.reason.includes("git branch skein/run/r1 <commit>"), why?.reason);
    await stage.git("branch", "skein/run/r1", tip);
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals([tries(stage), ends(stage)], [[["work", "done"]], ["waiting", "done"]]);
    await audit(stage, { tasks: 1 });
  });
});

Deno.test("waiting: a branch that somebody deleted under its review costs an attempt, not the run", async () => {
  await withStage(async (stage) => {
    stage.play([
      {
        ...onTask("write", { do: "write", path: "a.txt", text: "first\n" }, {
          do: "mcp",
          name: "update_task",
          input: { id: "$<task>", action: "request_review", note: "please look" },
        }),
        times: 1,
      },
      WRITES,
    ]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const run = stage.start(["run", "all", "--tasks", plan, "-w", "1", "--json"]);
    await attemptsAre(stage, "review", 1);
    const trees = async (): Promise<string[]> =>
      (await stage.git("worktree", "list")).trim().split("\n");
    await eventually(async () => (await trees()).length === 1, { what: "its worktree is gone" });
    await stage.git("branch", "-q", "-D", "skein/task/r1/t1-1");
    await stage.ask("task", "review", "t1", "approve");
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(tries(stage), [["work", "failed"], ["work", "done"]]);
    assertEquals(await stage.files(), ["README.md", "a.txt"]);
  });
});
