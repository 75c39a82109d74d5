// What is said before a run begins: nobody finds out after hours of work that it could not be, and what
// cannot begin leaves nothing behind.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { addTask, readRaw, writeConfig } from "../../src/conductor/config.ts";
import { withTempFolder } from "../support/temp.ts";
import { exists, rows } from "./ground.ts";
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
      for (let i = 0; i < 20; i++) console.log(addTask(Deno.args[0], { description: "x" }));`;
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
