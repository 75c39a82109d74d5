// Death at every step: a process that adds, saves, parks, merges, resolves, removes or delivers is
// killed before or after each of its git commands, or with its running git at any moment; the
// next one goes on and comes to the same end, with nothing lost and nothing of the user's changed.

import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { git, write } from "../support/git.ts";
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

/** A `git` that ends the process that called it at the n-th call, before or after doing the work. */
const WRAPPER = `#!/bin/sh
n=$(($(cat "$COUNT" 2>/dev/null || echo 0) + 1))
echo $n > "$COUNT"
[ "$n" = "$AT" ] && [ "$WHEN" = before ] && { kill -9 $PPID; exit 1; }
"$REAL_GIT" "$@"
code=$?
[ "$n" = "$AT" ] && [ "$WHEN" = after ] && kill -9 $PPID
exit $code
`;

interface Life {
  /** Done beforehand, by nobody who is killed. */
  readonly before: readonly string[];
  /** Done by the process that is killed, and then again by the next. */
  readonly steps: readonly string[];
}

const LIVES: Record<string, Life> = {
  "add": { before: ["open"], steps: ["open", "add", "work", "save", "merge", "remove"] },
  "a later merge": {
    before: ["open", "add:t0", "add", "work:t0", "work", "save:t0", "merge:t0", "remove:t0"],
    steps: ["save", "merge", "remove", "drop"],
  },
  "deliver": {
    before: ["open", "add", "work", "save", "merge", "remove"],
    steps: ["deliver"],
  },
};

function denoCommand(world: World, words: readonly string[], env: Record<string, string>) {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", CHILD, world.repo, world.home, ...words],
    env,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

function realGit(): string {
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    try {
      if (Deno.statSync(join(folder, "git")).isFile) return join(folder, "git");
    } catch {
      // Not in this folder.
    }
  }
  throw new Error("git is not installed");
}

/** Runs steps in a process that ends at its n-th git. @returns whether it got that far */
async function killedAt(
  world: World,
  words: readonly string[],
  at: number,
  when: "before" | "after",
): Promise<boolean> {
  const bin = join(world.folder, "bin");
  write(join(bin, "git"), WRAPPER);
  Deno.chmodSync(join(bin, "git"), 0o755);
  const { code, stderr } = await denoCommand(world, words, {
    PATH: `${bin}:${Deno.env.get("PATH")}`,
    COUNT: join(world.folder, "count"),
    AT: String(at),
    WHEN: when,
    REAL_GIT: realGit(),
  }).output();
  if (code !== 137) assertEquals(code, 0, new TextDecoder().decode(stderr));
  return code === 137;
}

async function doAll(world: World, words: readonly string[]): Promise<void> {
  for (const word of words) await step(world.run, word);
}

/** The end that every life comes to. */
async function assertEnd(world: World, texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    const task = /of (\w+)/.exec(text)?.[1];
    assertEquals(await git(world.repo, "show", `skein/run/r1:${task}.txt`), text);
  }
  await assertTidy(world);
  await assertSound(world, texts);
}

for (const [what, life] of Object.entries(LIVES)) {
  for (const when of ["before", "after"] as const) {
    Deno.test(`crash: killed ${when} each git command: ${what}`, async () => {
      await forEachCommand(async (at) => {
        let killed = false;
        await withWorld(async (world) => {
          const before = await ownership(world);
          await doAll(world, life.before);
          killed = await killedAt(world, life.steps, at, when);
          // Whoever comes next, and knows only that it was not finished.
          await redoLife(world, life.steps);
          await assertEnd(world, [textOf("t1")]);
          if (what !== "deliver") assertEquals(await ownership(world), before);
        }, { dirty: what !== "deliver" });
        return killed;
      });
    });
  }
}

/** Goes on with a life: what is merged and removed already has no worktree to save any more. */
async function redoLife(world: World, words: readonly string[]): Promise<void> {
  for (const word of words) {
    if (word === "save" && !hasTree(world)) continue;
    if (word === "merge" && !await hasBranch(world)) continue;
    await step(world.run, word);
  }
}

function hasTree(world: World): boolean {
  return [...Deno.readDirSync(join(world.home, "worktrees"))].some(({ name }) => {
    try {
      return Deno.statSync(join(world.home, "worktrees", name, "r1", "t1-1")).isDirectory;
    } catch {
      return false;
    }
  });
}

async function hasBranch(world: World): Promise<boolean> {
  return (await git(world.repo, "branch", "--list", "skein/task/r1/t1-1")).trim() !== "";
}

for (const when of ["before", "after"] as const) {
  Deno.test(`crash: killed ${when} each git command of park and remove: the work is kept`, async () => {
    await forEachCommand(async (at) => {
      let killed = false;
      await withWorld(async (world) => {
        const before = await ownership(world);
        await doAll(world, ["open", "add", "work"]);
        killed = await killedAt(world, ["park", "remove"], at, when);
        await doAll(world, ["park", "remove"]);
        await assertTidy(world);
        await assertSound(world, [textOf("t1")]);
        const refs = await git(world.repo, "for-each-ref", "refs/skein/parked/");
        assertEquals(refs.trim().split("\n").length, 1);
        assertEquals(await ownership(world), before);
      });
      return killed;
    });
  });

  Deno.test(`crash: killed ${when} each git command while a conflict is begun`, async () => {
    await forEachCommand(async (at) => {
      let killed = false;
      await withWorld(async (world) => {
        await doAll(world, ["open", "add:t1", "add:t2", "clash:t1", "clash:t2", "save:t1"]);
        await doAll(world, ["save:t2", "merge:t1", "merge:t2", "again:t2@2"]);
        killed = await killedAt(world, ["conflict:t2@2"], at, when);
        assertEquals(await step(world.run, "conflict:t2@2"), "a.txt");
        await doAll(world, ["clash:t2@2", "save:t2@2"]);
        assertEquals(await step(world.run, "merge:t2@2"), "merged");
        assertEquals(await git(world.repo, "show", "skein/run/r1:a.txt"), textOf("t2"));
        await doAll(world, ["remove:t1", "remove:t2", "remove:t2@2"]);
        await assertTidy(world);
        await assertSound(world, [textOf("t1"), textOf("t2")]);
      });
      return killed;
    });
  });
}

Deno.test("promise 8: killed at any moment with its git, again and again, a host loses nothing", async () => {
  const steps = ["open", "add", "work", "save", "merge", "remove"];
  for (let round = 0; round < 12; round++) {
    await withWorld(async (world) => {
      const before = await ownership(world);
      for (let tries = 0; tries < 4; tries++) await killedAfter(world, steps, Math.random() * 90);
      await step(world.run, "open");
      if (!await mergedWork(world)) await redoLife(world, ["add", "work", "save", "merge"]);
      await redoLife(world, ["remove"]);
      await assertEnd(world, [textOf("t1")]);
      assertEquals(await ownership(world), before);
    });
  }
});

async function mergedWork(world: World): Promise<boolean> {
  return (await git(world.repo, "ls-tree", "--name-only", "skein/run/r1")).includes("t1.txt");
}

/** Kills a process and all it started, so many milliseconds after it began. */
async function killedAfter(world: World, words: readonly string[], afterMs: number): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", CHILD, world.repo, world.home, ...words],
    // A group of its own: its git dies with it.
    detached: true,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  await new Promise((wake) => setTimeout(wake, afterMs));
  try {
    Deno.kill(-child.pid, "SIGKILL");
  } catch (thrown) {
    // It was done before.
    if (!(thrown instanceof Deno.errors.NotFound)) throw thrown;
  }
  while (!(await reader.read()).done);
  await child.status;
}
