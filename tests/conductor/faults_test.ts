// What agents and people do to git under a run, and what is not lost by it: a crash after asking for a
// review, a torn index, a worktree that git cannot read, branches of a run that another home had in the
// repository.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { attemptsAre, audit, auditGit, endDelays, letGo, realGit, rows } from "./ground.ts";
import { onTask, resultOf, type Stage, withStage, WRITES } from "./stage.ts";

const tries = (stage: Stage): unknown[] =>
  rows(stage, "SELECT state, cause FROM attempt ORDER BY id").map((row) => Object.values(row));

const oneTask = (stage: Stage): string[] => {
  const plan = stage.plan([{ description: "write a.txt" }]);
  return ["run", "all", "--tasks", plan, "-w", "1", "--json"];
};

const ASK = {
  do: "mcp",
  name: "update_task",
  input: { id: "$<task>", action: "request_review", note: "please look" },
} as const;

Deno.test("faults: what asked for a review is there to be merged, however its agent ended", async () => {
  await withStage(async (stage) => {
    const crashes = onTask("write", { do: "write", path: "a.txt", text: "work\n" }, ASK, {
      do: "exit",
      code: 1,
    });
    stage.play([crashes]);
    const run = stage.start(oneTask(stage));
    await attemptsAre(stage, "review", 1);
    await stage.ask("task", "review", "t1", "approve");
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(await stage.files(), ["README.md", "a.txt"]);
    await auditGit(stage);
  });
});

Deno.test("faults: whose task is cancelled in its review is told that, not that changes were asked for", async () => {
  await withStage(async (stage) => {
    stage.play([onTask("write", { do: "write", path: "a.txt", text: "work\n" }, ASK)]);
    const run = stage.start(oneTask(stage));
    await attemptsAre(stage, "review", 1);
    await stage.ask("task", "update", "t1", "--action", "cancel");
    await attemptsAre(stage, "stopped", 1);
    await run.ended;
    const [one] = rows<{ reason: string }>(stage, "SELECT reason FROM attempt");
    assertEquals(one?.reason, "the task was cancelled in its review");
    assertEquals(await stage.files("skein/task/r1/t1-1"), ["README.md", "a.txt"]);
  });
});

Deno.test("faults: a review of what cannot be saved is given up, and the task done again", async () => {
  await withStage(async (stage) => {
    const nested = ["sh", "-c", "git init -q nested && touch nested/file"];
    const wait = { do: "wait", file: join(stage.folder, "go") } as const;
    stage.play([
      { ...onTask("write", { do: "run", argv: nested }, ASK), times: 1 },
      { ...onTask("write", { do: "run", argv: nested }, ASK, wait), times: 1 },
      onTask("late", { do: "write", path: "late.txt", text: "after the approved one\n" }),
      WRITES,
    ]);
    const plan = stage.plan([
      { id: "a", description: "write a.txt" },
      { description: "late", dependencies: ["a"] },
    ]);
    const run = stage.start(["run", "all", "--tasks", plan, "-w", "1", "--json"]);
    await attemptsAre(stage, "failed", 1);
    endDelays(stage);
    const status = (): unknown =>
      rows(stage, "SELECT status FROM task WHERE id = 't1'")[0]?.["status"];
    await eventually(() => status() === "in_review", { what: "the second asks, too" });
    // Approved by somebody who has not seen that nothing of it can be merged.
    await stage.ask("task", "review", "t1", "approve");
    assertEquals(status(), "completed");
    letGo(stage);
    await attemptsAre(stage, "failed", 2);
    endDelays(stage);
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(await stage.files(), ["README.md", "a.txt", "late.txt"]);
    assert(JSON.stringify(resultOf(ran)["notes"]).includes("a worktree stays"), ran.stdout);
  });
});

Deno.test("faults: a torn index of a worktree costs nothing", async () => {
  await withStage(async (stage) => {
    const tear = ["sh", "-c", 'echo junk > "$(git rev-parse --git-dir)/index"'];
    stage.play([
      onTask("write", { do: "write", path: "a.txt", text: "work\n" }, { do: "run", argv: tear }),
    ]);
    const ran = await stage.skein(oneTask(stage));
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(await stage.files(), ["README.md", "a.txt"]);
    await audit(stage, { tasks: 1 });
  });
});

Deno.test("faults: a worktree that git cannot read stays, is named, and stops nobody", async () => {
  await withStage(async (stage) => {
    const tear = ["sh", "-c", 'echo junk > "$(git rev-parse --git-dir)/HEAD"'];
    const torn = onTask("write", { do: "write", path: "a.txt", text: "lost?\n" }, {
      do: "run",
      argv: tear,
    });
    stage.play([{ ...torn, times: 1 }, WRITES]);
    const run = stage.start(oneTask(stage));
    await attemptsAre(stage, "failed", 1);
    const [first] = rows<{ reason: string; folder: string }>(
      stage,
      "SELECT reason, folder FROM attempt",
    );
    const { reason, folder } = first ?? { reason: "", folder: "" };
    assert(reason.includes(`${folder} stays: `), reason);
    endDelays(stage);
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(tries(stage), [["failed", "service"], ["done", null]]);
    assertEquals(Deno.readTextFileSync(join(folder, "a.txt")), "lost?\n");
    assert(JSON.stringify(resultOf(ran)["notes"]).includes("a worktree stays"), ran.stdout);
  });
});

Deno.test("faults: what another home's runs left in the repository is nobody else's run", async () => {
  await withStage(async (stage) => {
    // Of a home that was deleted since: a run that was never delivered, and work at a task.
    await stage.git("switch", "-q", "-c", "skein/run/r1");
    Deno.writeTextFileSync(join(stage.repo, "foreign.txt"), "of another goal\n");
    await stage.git("add", ".");
    await stage.git("commit", "-q", "-m", "of another home");
    await stage.git("branch", "skein/task/r4/t1-1");
    await stage.git("switch", "-q", "main");
    stage.play([WRITES]);
    const ran = await stage.skein(oneTask(stage));
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(resultOf(ran)["run"], "r5", "their numbers are passed over");
    assertEquals(await stage.files(), ["README.md", "a.txt"]);
    assertEquals(
      (await stage.git("log", "-1", "--format=%s", "skein/run/r1")).trim(),
      "of another home",
    );
    await audit(stage, { tasks: 1, run: "r5" });
  });
});

Deno.test("faults: a run that cannot begin is none that anybody finds", async () => {
  await withStage(async (stage) => {
    await stage.git("switch", "-q", "--orphan", "empty");
    const ran = await stage.skein(oneTask(stage));
    assertEquals(ran.code, 4, ran.stdout + ran.stderr);
    const found = rows(stage, "SELECT status, outcome FROM run").map((row) => Object.values(row));
    assertEquals(found.map(([status]) => status), ["ended"]);
    assert(String(found[0]?.[1]).startsWith("not begun: "), String(found));
  });
});

/** A git that has no room for a worktree's files, so many times. */
function fullGit(stage: Stage, times: number): string {
  const folder = join(stage.folder, "full");
  Deno.mkdirSync(folder);
  const text = `#!/bin/sh
case " $* " in *" reset -q --hard"*)
  n=$(cat '${folder}/n' 2>/dev/null || echo 0)
  if [ "$n" -lt ${times} ]; then
    echo $((n + 1)) > '${folder}/n'
    echo "fatal: unable to write file x: No space left on device" >&2
    exit 128
  fi
esac
exec '${realGit()}' "$@"
`;
  Deno.writeTextFileSync(join(folder, "git"), text, { mode: 0o755 });
  return `${folder}:${Deno.env.get("PATH") ?? ""}`;
}

Deno.test("faults: a disk that is full for a while, and a service that is down, cost no attempt", async () => {
  await withStage(async (stage) => {
    const down = { is_error: true, result: "API Error: 529 overloaded", api_error_status: 529 };
    stage.play([{ ...onTask("write", { do: "result", fields: down }), times: 1 }, WRITES]);
    const args = [...oneTask(stage), "--attempts", "1", "--model", "small", "--model", "large"];
    const run = stage.start(args, { PATH: fullGit(stage, 2) });
    for (const failed of [1, 2, 3]) {
      await eventually(
        () => tries(stage).filter((one) => String(one) === "failed,service").length === failed,
        {
          what: `${failed} that do not count`,
        },
      );
      const [task] = rows<{ status: string; attempts: number; not_before_s: number }>(
        stage,
        "SELECT status, attempts, not_before_s FROM task",
      );
      assertEquals([task?.status, task?.attempts], ["pending", 0]);
      assert((task?.not_before_s ?? 0) > Deno.osUptime() + 15, "it is tried later");
      endDelays(stage);
    }
    const ran = await run.ended;
    assertEquals(resultOf(ran)["state"], "completed", ran.stdout + ran.stderr);
    assertEquals(rows(stage, "SELECT DISTINCT model FROM attempt"), [{ model: "small" }]);
    await auditGit(stage);
  });
});

Deno.test("faults: what git cannot take of an agent's worktree is the agent's fault, and the next model's turn", async () => {
  await withStage(async (stage) => {
    const nested = ["sh", "-c", "git init -q nested && touch nested/file"];
    stage.play([{ ...onTask("write", { do: "run", argv: nested }), times: 1 }, WRITES]);
    const run = stage.start([...oneTask(stage), "--model", "small", "--model", "large"]);
    await attemptsAre(stage, "failed", 1);
    endDelays(stage);
    const ran = await run.ended;
    assertEquals(resultOf(ran)["state"], "completed", ran.stdout + ran.stderr);
    assertEquals(rows(stage, "SELECT model, cause FROM attempt ORDER BY id"), [
      { model: "small", cause: "agent" },
      { model: "large", cause: null },
    ]);
  });
});

Deno.test("faults: an agent that only asks has done nothing; what it was denied and its words are told", async () => {
  await withStage(async (stage) => {
    const denied = [{ tool_name: "Write" }, { tool_name: "Bash" }, { tool_name: "Write" }];
    const said = { result: "May I write the file?", permission_denials: denied };
    stage.play([{ ...onTask("write", { do: "result", fields: said }), times: 2 }, WRITES]);
    const run = await stage.skein([...oneTask(stage), "--attempts", "1"]);
    assertEquals(run.code, 1, run.stdout + run.stderr);
    const reason = "it handed nothing in and changed nothing; it was denied Write, Bash " +
      "(--allow permits a tool); its last words: May I write the file?";
    assertEquals(rows(stage, "SELECT state, cause, reason FROM attempt"), [
      { state: "failed", cause: "agent", reason },
    ]);
    assert(run.stdout.includes("it was denied Write, Bash"), run.stdout);
    // Without a worktree of its own only what it was denied tells.
    const more = await stage.skein([...oneTask(stage), "--attempts", "1", "--no-worktree"]);
    assertEquals(more.code, 1, more.stdout);
    const plain = await stage.skein([...oneTask(stage), "--attempts", "1", "--no-worktree"]);
    assertEquals(plain.code, 0, plain.stdout);
  });
});

Deno.test("faults: files with odd names and agents that speak in colours are told of like others", async () => {
  await withStage(async (stage) => {
    const name = "tab\tbell\u0007.txt";
    stage.play([onTask("write", { do: "write", path: name, text: "x\n" }, {
      do: "result",
      fields: { result: "\u001b[32mdone\u001b[0m" },
    })]);
    const ran = await stage.skein(oneTask(stage));
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(tries(stage), [["done", null]]);
    const { task } = await stage.ask("task", "get", "t1") as { task: Record<string, unknown> };
    assertEquals(task["summary"], "done");
    assertEquals((task["artifacts"] as { files: string[] }).files, ["tab\\tbell\\u0007.txt"]);
    const plan = stage.plan([{ description: "fail it" }]);
    stage.play([
      onTask("fail", { do: "complain", text: "\u001b[31mno such thing\u001b[0m" }, {
        do: "exit",
        code: 3,
      }),
    ]);
    await stage.skein(["run", "more", "--tasks", plan, "--attempts", "1", "--json"]);
    const [{ reason = "" } = {}] = rows<{ reason: string }>(
      stage,
      "SELECT reason FROM attempt WHERE state = 'failed'",
    );
    assert(/no such thing/.test(reason) && !reason.includes("[31m"), reason);
  });
});
