// What earlier runs have left is cleared by the next run in the repository, or by a command, and the
// journal knows what it was.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { abandonedRun, attemptsAre, auditGit, endDelays, rows, withShellAgent } from "./ground.ts";
import { onTask, resultOf, type Stage, withStage, WRITES } from "./stage.ts";

async function refs(stage: Stage): Promise<string[]> {
  const args = ["for-each-ref", "--format=%(refname)", "refs/heads/skein", "refs/skein"];
  return (await stage.git(...args)).split("\n").filter(Boolean);
}

const noted = (stage: Stage): { subject: string; detail: string }[] =>
  rows(stage, "SELECT subject, detail FROM journal WHERE op = 'note_cleaning'");

Deno.test("clean: the next run clears what a delivered one left, and tells so", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES]);
    const plan = (file: string): string => stage.plan([{ description: `write ${file}` }]);
    const first = await stage.skein(["run", "one", "--tasks", plan("a.txt"), "--json"]);
    assertEquals(first.code, 0, first.stderr);
    assertEquals(await refs(stage), ["refs/heads/skein/run/r1"], "to look at, for now");
    const tip = (await stage.git("rev-parse", "skein/run/r1")).trim();
    const look = await stage.skein(["run", "clean", "--dry-run"]);
    assertEquals([look.code, look.stdout.split("\n")], [0, [
      `refs/heads/skein/run/r1 ${tip.slice(0, 10)} (merged)`,
      "would remove 1 run branch of earlier runs (merged, or parked more than 30 days ago)",
      "",
    ]]);
    assertEquals([await refs(stage), noted(stage)], [["refs/heads/skein/run/r1"], []]);
    const second = await stage.skein(["run", "two", "--tasks", plan("b.txt"), "--json"]);
    assertEquals(second.code, 0, second.stderr);
    const told = second.lines.find(({ kind }) => kind === "note");
    assert(String(told?.["text"]).startsWith("removed 1 run branch of earlier"), second.stdout);
    assertEquals(await refs(stage), ["refs/heads/skein/run/r2"]);
    assertEquals(noted(stage), [{
      subject: "run/r1",
      detail: JSON.stringify({ refs: [`refs/heads/skein/run/r1 ${tip}`] }),
    }]);
  });
});

/** A commit that was made so many days ago. */
async function parked(stage: Stage, message: string, days: number): Promise<string> {
  const author = `skein <skein@localhost> ${Math.floor(Date.now() / 1_000) - days * 86_400} +0000`;
  const tree = (await stage.git("rev-parse", "main^{tree}")).trim();
  const file = join(stage.folder, "commit");
  const text = `tree ${tree}\nauthor ${author}\ncommitter ${author}\n\n${message}\n`;
  Deno.writeTextFileSync(file, text);
  return (await stage.git("hash-object", "-t", "commit", "-w", file)).trim();
}

Deno.test("clean: parked work is kept for its time; where there is no repository it is said", async () => {
  await withStage(async (stage) => {
    const daysAgo = { old: 31, young: 29 };
    for (const [name, days] of Object.entries(daysAgo)) {
      const commit = await parked(stage, name, days);
      await stage.git("update-ref", `refs/skein/parked/r7/t1-1/${name}`, commit);
    }
    const { refs: gone } = await stage.ask("run", "clean");
    assertEquals((gone as { ref: string }[]).map(({ ref }) => ref), [
      "refs/skein/parked/r7/t1-1/old",
    ]);
    assertEquals(await refs(stage), ["refs/skein/parked/r7/t1-1/young"]);
    const again = await stage.skein(["run", "clean"]);
    assertEquals([again.code, again.stdout], [0, "nothing to remove\n"]);
    const nowhere = await stage.skein(["run", "clean", "--cwd", stage.folder]);
    assertEquals(nowhere.code, 4, nowhere.stdout);
    assert(nowhere.stderr.includes("in no git checkout"), nowhere.stderr);
  });
});

/** Makes a run's logs look as if they were last written so many days ago. */
function age(stage: Stage, run: string, days: number): void {
  const logs = join(stage.home, "logs");
  const then = new Date(Date.now() - days * 86_400_000);
  for (const { name } of Deno.readDirSync(join(logs, run))) {
    Deno.utimeSync(join(logs, run, name), then, then);
  }
  for (const name of [run, `${run}-hosts.log`]) Deno.utimeSync(join(logs, name), then, then);
}

Deno.test("clean: logs of runs that are over go in their time, those of one that rests stay", async () => {
  await withStage(async (stage) => {
    stage.play([WRITES, onTask("hang", { do: "exit", code: 1 })]);
    const plan = (what: string): string => stage.plan([{ description: what }]);
    for (const file of ["a.txt", "b.txt"]) {
      const ran = await stage.skein(["run", file, "--tasks", plan(`write ${file}`), "--json"]);
      assertEquals(ran.code, 0, ran.stderr);
    }
    const rests = ["run", "rests", "--tasks", plan("hang"), "--attempts", "1", "--json"];
    assertEquals((await stage.skein(rests)).code, 1);
    age(stage, "r1", 31);
    age(stage, "r2", 29);
    age(stage, "r3", 31);
    const logs = (): string[] =>
      [...Deno.readDirSync(join(stage.home, "logs"))].map(({ name }) => name).sort();
    const all = ["r1", "r1-hosts.log", "r2", "r2-hosts.log", "r3", "r3-hosts.log"];
    const look = await stage.skein(["run", "clean", "--dry-run"]);
    assert(look.stdout.includes("logs of 1 earlier run (30 days old)"), look.stdout);
    assertEquals(logs(), all);
    const next = await stage.skein(["run", "next", "--tasks", plan("write c.txt"), "--json"]);
    assert(next.stdout.includes("removed logs of 1 earlier run"), next.stdout);
    assertEquals(logs(), [...all.slice(2), "r4", "r4-hosts.log"]);
    const { stdout } = await stage.skein(["log", "t1"]);
    assertEquals(stdout, "its log is gone: those of runs that are over are kept for 30 days\n");
  });
});

Deno.test("clean: what a run left that is merged nowhere is said, and kept; the journal knows where", async () => {
  await withStage(async (stage) => {
    const git = "git -c user.name=a -c user.email=b@c";
    const commits = ["sh", "-c", `echo half > half.txt && git add . && ${git} commit -q -m half`];
    stage.play([
      { ...onTask("write", { do: "run", argv: commits }, { do: "exit", code: 1 }), times: 1 },
      WRITES,
    ]);
    const plan = stage.plan([{ description: "write a.txt" }]);
    const run = stage.start(["run", "one", "--tasks", plan, "--json", "-w", "1"]);
    await attemptsAre(stage, "failed", 1);
    endDelays(stage);
    const ran = await run.ended;
    assertEquals(ran.code, 0, ran.stdout + ran.stderr);
    const branch = "skein/task/r1/t1-1";
    assertEquals(resultOf(ran)["notes"], [`merged nowhere: ${branch}`]);
    const tip = (await stage.git("rev-parse", branch)).trim();
    const kept = `refs/skein/kept/r1/t1-1/${tip.slice(0, 12)}`;
    const look = await stage.skein(["run", "clean"]);
    assertEquals(look.code, 0, look.stderr);
    assertEquals(look.stdout.split("\n"), [
      `refs/heads/${branch} ${tip.slice(0, 10)} (unmerged, kept as ${kept})`,
      "removed 1 run branch of earlier runs (merged, or parked more than 30 days ago); " +
      "1 task branch that is merged nowhere (kept under refs/skein/kept/)",
      "",
    ]);
    assertEquals(await refs(stage), [kept]);
    assert(noted(stage)[0]?.detail.includes(`refs/heads/${branch} ${tip} kept as ${kept}`));
    assertEquals(await stage.git("show", `${kept}:half.txt`), "half\n");
    await stage.git("switch", "-q", "-c", "skein/run/r7");
    await stage.git("commit", "-q", "--allow-empty", "-m", "of another home");
    await stage.git("switch", "-q", "main");
    const again = await stage.skein(["run", "clean"]);
    assert(again.stdout.includes("skein/run/r7"), again.stdout);
    assert(again.stdout.includes("stays: merged nowhere, made by another home"), again.stdout);
    await auditGit(stage);
  });
});

Deno.test("clean: of a run whose store is gone everything is kept, and nothing of one that goes on", async () => {
  await withStage(async (stage) => {
    withShellAgent(stage);
    const plan = stage.plan([{ description: "write a.txt" }]);
    await abandonedRun(stage, ["run", "one", "--tasks", plan, "-w", "1"]);
    await stage.git("branch", "skein/task/r1/t1-1", "main");
    const tree = (await stage.git("rev-parse", "main^{tree}")).trim();
    const commit = (await stage.git("commit-tree", tree, "-p", "main", "-m", "work")).trim();
    await stage.git("update-ref", "refs/heads/skein/task/r1/t1-1", commit);
    const on = await stage.skein(["run", "clean"]);
    assert(on.stdout.includes("r1 goes on (else: skein run end r1)"), on.stdout + on.stderr);
    for (const end of ["", "-wal", "-shm"]) {
      await Deno.remove(join(stage.home, `skein.db${end}`)).catch(() => {});
    }
    const gone = await stage.skein(["run", "clean"]);
    assertEquals(gone.code, 0, gone.stderr);
    assertEquals(await refs(stage), [`refs/skein/kept/r1/t1-1/${commit.slice(0, 12)}`]);
  });
});
