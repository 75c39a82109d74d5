// What is said before a run begins: nobody finds out after hours of work that it could not be, and what
// cannot begin leaves nothing behind.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { addTask, readRaw, writeConfig } from "../../src/conductor/config.ts";
import { withTempFolder } from "../support/temp.ts";
import { abandonedRun, exists, rows } from "./ground.ts";
import { resultOf, type Stage, withStage, WRITES } from "./stage.ts";

const branches = async (stage: Stage): Promise<string[]> =>
  (await stage.git("branch", "--format=%(refname:short)")).trim().split("\n");

Deno.test("begin: a file that cannot take the result is refused before anything is begun", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const ran = (output: string) => stage.skein(["run", "all", "--tasks", plan, "-o", output]);
    const refused = await ran(join(stage.folder, "no", "such", "out.json"));
    assertEquals(refused.code, 2, refused.stdout + refused.stderr);
    assertStringIncludes(refused.stderr, "no result can be written");
    assert(!exists(join(stage.home, "skein.db")), "nothing is begun");
    // A file that was there is kept until there is a result.
    const output = join(stage.folder, "out.json");
    Deno.writeTextFileSync(output, "before");
    assertEquals((await stage.skein(["run", "all", "--no-plan", "-o", output])).code, 2);
    assertEquals(Deno.readTextFileSync(output), "before");
    assertEquals((await ran(output)).code, 0);
    assertEquals(JSON.parse(Deno.readTextFileSync(output)).state, "completed");
  });
});

Deno.test("begin: what is wrong with how it is driven leaves no run and no branch", async () => {
  await withStage(async (stage) => {
    const refused = await stage.skein(["run", "goal", "-w", "999"]);
    assertEquals(refused.code, 2, refused.stderr);
    assertStringIncludes(refused.stderr, "workers");
    assert(!exists(join(stage.home, "skein.db")), "nothing is begun");
    assertEquals(await branches(stage), ["main"]);
    // Somebody who may begin a run, but not drive it.
    const worker = { SKEIN_ROLE: "worker", SKEIN_NAME: "wanda" };
    const plan = stage.plan([{ description: "write a.txt" }]);
    const foreign = await stage.skein(["run", "goal", "--tasks", plan], worker);
    assertEquals(foreign.code, 4, foreign.stdout + foreign.stderr);
    assertEquals(rows(stage, "SELECT id FROM run WHERE status = 'active'"), []);
    assertEquals(await branches(stage), ["main"]);
    stage.play([WRITES]);
    const ran = await stage.skein(["run", "goal", "--tasks", plan, "--json"]);
    assertEquals(resultOf(ran)["state"], "completed");
  });
});

Deno.test("begin: tasks that several add to a file at once are all there", async () => {
  await withTempFolder(async (folder) => {
    const file = join(folder, "orchestration.json");
    writeConfig(file, { goal: "all", tasks: [] });
    const module = new URL("../../src/conductor/config.ts", import.meta.url).href;
    const code = `import { addTask } from ${JSON.stringify(module)};
      for (let i = 0; i < 20; i++) {
        const id = addTask(Deno.args[0], { description: "x" });
        Deno.stdout.writeSync(new TextEncoder().encode(id + "\\n"));
      }`;
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const script = join(folder, "add.ts");
    Deno.writeTextFileSync(script, code);
    const all = await Promise.all(Array.from({ length: 4 }, async () => {
      const args = ["run", "-A", "--no-check", "--config", config, script, file];
      const { success, stdout } = await new Deno.Command(Deno.execPath(), { args }).output();
      assert(success);
      return new TextDecoder().decode(stdout).trim().split("\n");
    }));
    const ids = all.flat();
    assertEquals([ids.length, new Set(ids).size], [80, 80], "each has an id of its own");
    const { tasks } = readRaw(file) as { tasks: { id: string }[] };
    assertEquals(tasks.length, 80);
    assertEquals(addTask(file, { description: "one more" }), "task-81");
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      "add.ts",
      "orchestration.json",
    ]);
  });
});

Deno.test("begin: an agent's program that is not there is said at once, also one by its path", async () => {
  await withStage(async (stage) => {
    const plan = stage.plan([{ description: "write a.txt" }]);
    for (const agent of [join(stage.folder, "no-agent"), "./no-agent --prompt {prompt}"]) {
      const env = { SKEIN_AGENT: agent };
      const refused = await stage.skein(["run", "all", "--tasks", plan], env);
      assertStringIncludes(refused.stderr, "no-agent");
      assertEquals(refused.code === 0, false, refused.stdout);
      assert(!exists(join(stage.home, "skein.db")), "nothing is begun");
    }
    // One in the project is the same wherever its attempts work.
    const script = "#!/bin/sh\nsed 1q >/dev/null; echo x > a.txt\n";
    Deno.writeTextFileSync(join(stage.repo, "agent.sh"), script, { mode: 0o755 });
    Deno.mkdirSync(join(stage.repo, "sub"));
    const cwd = ["--cwd", join(stage.repo, "sub")];
    const ran = await stage.skein(["run", "all", "--tasks", plan, "--json", ...cwd], {
      SKEIN_AGENT: "./agent.sh",
    });
    assertEquals(resultOf(ran)["state"], "completed", ran.stdout + ran.stderr);
  });
});

Deno.test("begin: a run that is taken up keeps what it was begun with, and refuses what is of a new one", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const args = ["run", "all", "--tasks", plan, "-w", "2", "--model", "own"];
    await abandonedRun(stage, args);
    const news = [["--tasks", plan], ["another goal"], ["--goal", "x"], ["--plan-only"]];
    for (const words of [...news, ["--no-worktree"], ["--no-plan"]]) {
      const refused = await stage.skein(["run", "--resume", "r1", ...words]);
      assertEquals(refused.code, 2, `${words}: ${refused.stdout}`);
      assertStringIncludes(refused.stderr, "is of a new one");
    }
    const shell = { ORCHESTRATOR_MAX_WORKERS: "many", CLAUDE_MODEL: "of-this-shell" };
    const ran = await stage.skein(["run", "--resume", "r1", "--attempts", "7", "--json"], shell);
    assertEquals(resultOf(ran)["state"], "completed", ran.stdout + ran.stderr);
    const [row] = rows<{ conduct: string }>(stage, "SELECT conduct FROM run");
    const { workers, models, attempts } = JSON.parse(row?.conduct ?? "{}");
    assertEquals([workers, models, attempts], [2, ["own"], 7]);
  });
});

Deno.test("begin: what is not committed is said at once: the run does not see it, and cannot deliver", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES]);
    const told = async (name: string): Promise<string[]> => {
      const plan = stage.plan([{ description: `write ${name}` }], `${name}.json`);
      const { lines, stdout, stderr } = await stage.skein(["run", "a", "--tasks", plan, "--json"]);
      const begun = lines.findIndex(({ kind }) => kind === "begun");
      assert(begun > 0, stdout + stderr);
      return lines.slice(0, begun).filter(({ kind }) => kind === "note")
        .map(({ text }) => String(text)).filter((text) => text.includes("does not see"));
    };
    assertEquals(await told("a.txt"), []);
    Deno.writeTextFileSync(join(stage.repo, "new.txt"), "mine\n");
    assertEquals(await told("b.txt"), ["the run does not see 1 untracked file"]);
    Deno.writeTextFileSync(join(stage.repo, "README.md"), "mine\n");
    Deno.writeTextFileSync(join(stage.repo, "a.txt"), "mine\n");
    assertEquals(await told("c.txt"), [
      "the run does not see 2 changed files (nor 1 untracked file), and main cannot get its result " +
      "while they are there: commit or stash them",
    ]);
  });
});
