// A home that is put back under a run: its store finds the work of the attempts that it knows to be open
// where it was, parks it and goes on. Nothing of it stays behind with the home that was moved aside.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { eventually } from "../support/eventually.ts";
import { audit, hostsOf, killAll, rows } from "./ground.ts";
import { resultOf, type Stage, withStage, WRITES } from "./stage.ts";

/** Begins a run whose only attempt leaves half a file that nobody committed, and ends every process. */
async function cutOff(stage: Stage): Promise<void> {
  stage.play([{
    match: "\\nTask (?<task>t\\d+): write (?<rest>[^\\n]*)",
    times: 1,
    steps: [
      { do: "write", path: "half-$<task>.txt", text: "half of $<task>\n" },
      { do: "write", path: join(stage.folder, "begun"), text: "" },
      { do: "wait", file: join(stage.folder, "never") },
    ],
  }, WRITES]);
  const plan = stage.plan([{ description: "write f00.txt" }]);
  const run = stage.start(["run", "all", "--tasks", plan, "--json"]);
  await eventually(() => Deno.statSync(join(stage.folder, "begun")).isFile, {
    what: "half the work",
    withinMs: 20_000,
  });
  run.signal("SIGKILL");
  killAll(hostsOf(stage));
  await run.ended;
  stage.close();
}

Deno.test("restore: an open attempt's uncommitted work is parked, and its run comes to its end", async () => {
  await withStage(async (stage) => {
    await cutOff(stage);
    const backup = join(stage.folder, "backup");
    await stage.ask("backup", backup);
    await stage.ask("restore", backup);
    const ran = await stage.skein(["run", "--resume", "r1", "--json"]);
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    assertEquals(resultOf(ran)["state"], "completed");
    const [lost] = rows<{ parked: string; log: string }>(
      stage,
      "SELECT parked, log FROM attempt WHERE number = 1",
    );
    const parked = await stage.git("show", `${lost?.parked}:half-t1.txt`);
    assertStringIncludes(parked, "half of t1");
    assertEquals(
      Deno.statSync(lost?.log ?? "").isFile,
      true,
      "its log is where the store knows it",
    );
    await audit(stage, { tasks: 1 });
  });
});

Deno.test("restore: where there are no worktrees any more a run can be stopped all the same", async () => {
  await withStage(async (stage) => {
    await cutOff(stage);
    const backup = join(stage.folder, "backup");
    await stage.ask("backup", backup);
    // On another machine: only the backup came along.
    Deno.renameSync(stage.home, join(stage.folder, "elsewhere"));
    await stage.ask("restore", backup);
    const ran = await stage.skein(["stop", "r1"]);
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
  });
});
