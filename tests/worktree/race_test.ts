// Several at once: hosts that merge into one run branch, makers of one worktree, removers of one
// worktree, and a process that was stopped in the middle and goes on when others are long done.

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { mergeTask } from "../../src/worktree/merge.ts";
import { addWorktree } from "../../src/worktree/add.ts";
import { removeWorktree } from "../../src/worktree/remove.ts";
import { leftovers } from "../../src/worktree/leftovers.ts";
import { taskBranch } from "../../src/worktree/place.ts";
import { asRefusal } from "../../src/core/errors.ts";
import { git, write } from "../support/git.ts";
import { eventually } from "../support/eventually.ts";
import {
  assertSound,
  assertTidy,
  forEachCommand,
  ownership,
  withWorld,
  type World,
} from "../support/run_tree.ts";
import { step, textOf } from "./steps_child.ts";

const CHILD = fromFileUrl(new URL("./steps_child.ts", import.meta.url));

function spawn(world: World, words: readonly string[], env: Record<string, string> = {}) {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", CHILD, world.repo, world.home, ...words],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function answers(child: Deno.ChildProcess): Promise<string[]> {
  const { code, stdout, stderr } = await child.output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trim().split("\n").slice(1);
}

Deno.test("race: six processes with five tasks each merge into one run branch", async () => {
  await withWorld(async (world) => {
    const before = await ownership(world);
    const tasks = Array.from({ length: 30 }, (_, i) => `t${i}`);
    await Promise.all(Array.from({ length: 6 }, (_, host) => {
      const own = tasks.filter((_, i) => i % 6 === host);
      const words = ["add", "work", "save", "merge", "remove", "drop"];
      return answers(
        spawn(world, ["open", ...own.flatMap((task) => words.map((w) => `${w}:${task}`))]),
      );
    }));
    const files = await git(world.repo, "ls-tree", "--name-only", "skein/run/r1");
    for (const task of tasks) assert(files.includes(`${task}.txt\n`), task);
    const merges = await git(
      world.repo,
      "log",
      "--first-parent",
      "--merges",
      "--format=%s",
      "skein/run/r1",
    );
    assertEquals(merges.trim().split("\n").length, 30);
    await assertTidy(world);
    await assertSound(world, tasks.map(textOf));
    assertEquals((await leftovers(world.run)).branches, []);
    assertEquals(await ownership(world), before);
  });
});

Deno.test("race: of those that make, merge or remove the same at once, all get one answer", async () => {
  await withWorld(async (world) => {
    await step(world.run, "open");
    const five = [1, 2, 3, 4, 5];
    const made = await Promise.all(five.map(() => answers(spawn(world, ["add"]))));
    assertEquals(new Set(made.flat()).size, 1);
    assertEquals((await leftovers(world.run)).worktrees.map(({ state }) => state), ["ready"]);
    await step(world.run, "work");
    const saved = await Promise.all(five.map(() => step(world.run, "save").catch(asRefusal)));
    const tip = (await git(world.repo, "rev-parse", "skein/task/r1/t1-1")).trim();
    assert(saved.includes(tip));
    const branch = taskBranch("r1", { task: "t1", attempt: 1 });
    const merged = await Promise.all(five.map(() => mergeTask(world.run, { task: "t1", branch })));
    assertEquals(merged.map(({ outcome }) => outcome).sort().slice(-2), ["already", "merged"]);
    assertEquals(new Set(merged.map((one) => "commit" in one ? one.commit : "")).size, 1);
    const { path } = await addWorktree(world.run, { task: "t1", attempt: 1 });
    write(join(path, "late.txt"), "late\n");
    await Promise.all(five.map(() => removeWorktree(world.run, path).catch(asRefusal)));
    await removeWorktree(world.run, path);
    await assertTidy(world);
    await assertSound(world, [textOf("t1"), "late\n"]);
  });
});

/** A `git` that stops the process that called it at the n-th call and says so. */
const STOPPER = `#!/bin/sh
n=$(($(cat "$COUNT" 2>/dev/null || echo 0) + 1))
echo $n > "$COUNT"
[ "$n" = "$AT" ] && { kill -STOP $PPID; echo stopped > "$COUNT.stopped"; }
exec "$REAL_GIT" "$@"
`;

Deno.test("race: a process that was stopped at any git command goes on when all is done", async () => {
  const words = ["add", "work", "save", "merge", "remove"];
  const real = (await new Deno.Command("sh", { args: ["-c", "command -v git"] }).output()).stdout;
  const realGit = new TextDecoder().decode(real).trim();
  await forEachCommand(async (at) => {
    let stopped = false;
    await withWorld(async (world) => {
      const before = await ownership(world);
      await step(world.run, "open");
      const bin = join(world.folder, "bin");
      write(join(bin, "git"), STOPPER);
      Deno.chmodSync(join(bin, "git"), 0o755);
      const count = join(world.folder, "count");
      const child = spawn(world, words, {
        PATH: `${bin}:${Deno.env.get("PATH")}`,
        COUNT: count,
        AT: String(at),
        REAL_GIT: realGit,
      });
      let ended = false;
      const end = child.output().then((output) => {
        ended = true;
        return output;
      });
      stopped = await eventually(() =>
        hasFile(`${count}.stopped`) ? "yes" : ended ? "no" : null
      ) ===
        "yes";
      // The others think it dead, and bring the task to its end.
      if (stopped) {
        for (const word of words) await step(world.run, word).catch(orGone);
        Deno.kill(child.pid, "SIGCONT");
      }
      await end;
      for (const word of words.slice(3)) await step(world.run, word).catch(orGone);
      assertEquals(await git(world.repo, "show", "skein/run/r1:t1.txt"), textOf("t1"));
      await assertTidy(world);
      await assertSound(world, [textOf("t1")]);
      assertEquals(await ownership(world), before);
    });
    return stopped;
  });
});

Deno.test("race: a run branch that is brought back while its absence is noticed is merged into", async () => {
  await withWorld(async (world) => {
    for (const word of ["open", "add", "work", "save"]) await step(world.run, word);
    const real = (await new Deno.Command("sh", { args: ["-c", "command -v git"] }).output()).stdout;
    const bin = join(world.folder, "bin");
    write(
      join(bin, "git"),
      `#!/bin/sh
case "$*" in *rev-parse*...*) if mkdir '${bin}/met' 2>/dev/null; then
  "$REAL_GIT" "$@"; code=$?
  "$REAL_GIT" branch skein/run/r1 main
  exit $code
fi; esac
exec "$REAL_GIT" "$@"
`,
    );
    Deno.chmodSync(join(bin, "git"), 0o755);
    await git(world.repo, "branch", "-q", "-D", "skein/run/r1");
    const env = {
      PATH: `${bin}:${Deno.env.get("PATH")}`,
      REAL_GIT: new TextDecoder().decode(real).trim(),
    };
    assertEquals(await answers(spawn(world, ["merge"], env)), ["merge merged"]);
    assert(hasFolder(join(bin, "met")));
  });
});

function hasFolder(path: string): boolean {
  return Deno.statSync(path).isDirectory;
}

/** What was removed meanwhile is no more there to be saved. */
function orGone(thrown: unknown): void {
  const { code } = asRefusal(thrown);
  if (code === "INTERNAL" && !(thrown instanceof Deno.errors.NotFound)) throw thrown;
}

function hasFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
