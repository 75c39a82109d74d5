// Where runs work: without worktrees, without git, on no branch, beside a user who goes on working, with
// goals that nobody should have to fear, with agents that leave what cannot be kept.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { git, write } from "../support/git.ts";
import { attemptsAre, audit, auditGit, exists, letGo, rows } from "./ground.ts";
import { HANDS_IN, onTask, resultOf, withStage, WRITES } from "./stage.ts";

Deno.test("places: --no-worktree shares the tree, under locks; nothing is committed or delivered", async () => {
  await withStage(async (stage) => {
    stage.play([
      onTask("both", { do: "mcp", name: "lock_file", input: { path: "shared.txt" } }, {
        do: "write",
        path: "shared.txt",
        text: "by $<task>\n",
        append: true,
      }),
    ]);
    const plan = stage.plan([{ description: "both one" }, { description: "both two" }]);
    const args = ["run", "all", "--tasks", plan, "--no-worktree", "-w", "1", "--json"];
    const ran = await stage.skein(args);
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(Deno.readTextFileSync(join(stage.repo, "shared.txt")), "by t1\nby t2\n");
    assertEquals((await stage.git("status", "--porcelain")).trim(), "?? shared.txt");
    assertEquals((await stage.git("branch", "--format=%(refname)")).trim(), "refs/heads/main");
    const log = (await stage.skein(["log", "r1"])).stdout;
    assert(!log.includes("failed:"), `each got its lock: ${log}`);
    const locks = rows(stage, "SELECT path FROM lock");
    assertEquals(locks, [], "and none outlives its worker");
  });
});

Deno.test("places: a folder without git is shared; that is said, and it works", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES]);
    const folder = join(stage.folder, "plain");
    Deno.mkdirSync(folder);
    const plan = stage.plan([{ description: "write a.txt" }, { description: "write b.txt" }]);
    const ran = await stage.skein(["run", "all", "--tasks", plan, "-C", folder, "--json"]);
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    const note = ran.lines.find(({ kind }) => kind === "note")?.["text"] as string;
    assert(note.includes("no git repository"), note);
    assertEquals(Deno.readTextFileSync(join(folder, "b.txt")), "by t2\n");
    assert(!exists(join(stage.repo, "a.txt")));
  });
});

Deno.test("places: on no branch the result stays on the run's; ignored files and the remote stay as they are", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES]);
    write(join(stage.repo, ".gitignore"), "secret.env\n");
    await stage.git("add", ".");
    await stage.git("commit", "-qm", "ignore");
    write(join(stage.repo, "secret.env"), "mine\n");
    await stage.git("switch", "-q", "--detach");
    const before = await stage.git("rev-parse", "HEAD");
    const plan = stage.plan([{ description: "write a.txt" }]);
    const ran = await stage.skein(["run", "all", "--tasks", plan, "--json"]);
    assertEquals(ran.lines.at(-1)?.kind, "result", ran.stdout + ran.stderr);
    const result = resultOf(ran);
    assertEquals(result["state"], "completed");
    assertEquals(result["branch"], "skein/run/r1");
    assertEquals(await stage.files("skein/run/r1"), [".gitignore", "README.md", "a.txt"]);
    assertEquals(await stage.git("rev-parse", "HEAD"), before);
    assertEquals(await stage.git("status", "--porcelain"), "");
    assertEquals(Deno.readTextFileSync(join(stage.repo, "secret.env")), "mine\n");
    const remote = await git(stage.remote, "for-each-ref", "--format=%(refname)");
    assertEquals(remote.trim(), "refs/heads/main", "nothing is pushed");
    await auditGit(stage);
  });
});

Deno.test("places: a branch on which its user goes on is left, and taken along once they have merged", async () => {
  await withStage(async (stage) => {
    stage.play([onTask("write", { do: "wait", file: join(stage.folder, "go") }, {
      do: "write",
      path: "$<rest>",
      text: "x\n",
    })]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const run = stage.start(["run", "all", "--tasks", plan, "--json"]);
    await attemptsAre(stage, "running", 1);
    write(join(stage.repo, "own.txt"), "mine\n");
    await stage.git("add", "own.txt");
    await stage.git("commit", "-qm", "mine");
    letGo(stage);
    const ran = await run.ended;
    assertEquals(ran.code, 1, ran.stdout + ran.stderr);
    const { notes, delivered } = resultOf(ran) as unknown as Record<string, string[]>;
    assertEquals(delivered as unknown, false);
    assert(notes?.join(" ").includes("left alone"), notes?.join(" "));
    assertEquals(await stage.files(), ["README.md", "own.txt"]);
    await stage.git("merge", "-q", "-m", "by hand", "skein/run/r1");
    const again = await stage.skein(["run", "--resume", "r1", "--json"]);
    assertEquals(again.code, 0, again.stdout + again.stderr);
    assertEquals(resultOf(again)["state"], "completed");
    assertEquals(await stage.files(), ["README.md", "a.txt", "own.txt"]);
    await audit(stage, { tasks: 1 });
  });
});

Deno.test("places: a goal is words and nothing else, however it looks", async () => {
  await withStage(async (stage) => {
    stage.play([
      { match: "Plan this goal", steps: [{ do: "say", text: "no" }] },
      { match: "\\nTask (?<task>t\\d+): ", steps: [HANDS_IN] },
    ]);
    const goals = [
      "\n\n  $(touch pwned); `touch pwned`; touch pwned\n--json -w 99 {prompt} {folder}\n",
      `${"\u{1f9f6}".repeat(150)} "quotes" 'and' \\ back`,
    ];
    for (const [i, goal] of goals.entries()) {
      const ran = await stage.skein(["run", `--goal=${goal}`, "--json", "--attempts", "1"]);
      assertEquals(ran.code, 0, `${i}: ${ran.stdout}${ran.stderr}`);
      const result = resultOf(ran);
      assertEquals(result["goal"], goal.trim(), ran.stderr);
      assertEquals(result["state"], "completed");
    }
    const control = await stage.skein(["run", "--goal=\u001b[31mred", "--json"]);
    assert(control.code === 2 && control.stdout.includes("U+001b"), control.stdout);
    assertEquals(rows(stage, "SELECT id FROM run").length, goals.length, "nothing is stored of it");
    assertEquals(await stage.files(), ["README.md"]);
    for (const folder of [stage.repo, stage.folder]) assert(!exists(join(folder, "pwned")));
    const empty = await stage.skein(["run", "  "]);
    assert(empty.code !== 0 && empty.stderr.includes("goal"), empty.stderr);
  });
});

Deno.test("places: what an agent leaves that cannot be kept holds up its own task and no other", async () => {
  await withStage(async (stage) => {
    stage.play([
      onTask("nest", { do: "run", argv: ["git", "init", "-q", "inner"] }, {
        do: "write",
        path: "inner/deep.txt",
        text: "deep\n",
      }),
      onTask(
        "wander",
        { do: "write", path: "w.txt", text: "w\n" },
        { do: "run", argv: ["git", "add", "."] },
        {
          do: "run",
          argv: ["git", "-c", "user.name=a", "-c", "user.email=b@c", "commit", "-qm", "x"],
        },
        { do: "run", argv: ["git", "switch", "-q", "--detach"] },
        { do: "write", path: "locked/deep.txt", text: "w\n" },
        { do: "run", argv: ["chmod", "500", "locked"] },
      ),
      WRITES,
    ]);
    const plan = stage.plan([
      { description: "nest one" },
      { description: "wander off" },
      { description: "write c.txt" },
    ]);
    const ran = await stage.skein(["run", "all", "--tasks", plan, "--attempts", "1", "--json"]);
    assertEquals(ran.code, 1, ran.stdout + ran.stderr);
    const result = resultOf(ran);
    assertEquals(result.tasks.map(({ title, status }) => `${title}: ${status}`).sort(), [
      "nest one: failed",
      "wander off: completed",
      "write c.txt: completed",
    ]);
    assertEquals(await stage.files("skein/run/r1"), [
      "README.md",
      "c.txt",
      "locked/deep.txt",
      "w.txt",
    ]);
    const [failure] = rows<{ failure: string; folder: string }>(
      stage,
      "SELECT t.failure, a.folder FROM task t JOIN attempt a ON a.task = t.id WHERE t.id = 't1'",
    );
    assert(failure?.failure.includes("repository of its own"), JSON.stringify(failure));
    const inner = join(failure?.folder ?? "", "inner", "deep.txt");
    assertEquals(Deno.readTextFileSync(inner), "deep\n", "it is where it was");
  });
});
