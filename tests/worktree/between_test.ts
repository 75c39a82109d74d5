// Death between two steps in the file system, each state made by hand: the next call goes on from it.

import { assertEquals, assertRejects } from "@std/assert";
import { basename, join } from "@std/path";
import { addWorktree } from "../../src/worktree/add.ts";
import { startConflict } from "../../src/worktree/conflict.ts";
import { leftovers, sweep } from "../../src/worktree/leftovers.ts";
import { adminOf } from "../../src/worktree/place.ts";
import { park } from "../../src/worktree/park.ts";
import { removeWorktree } from "../../src/worktree/remove.ts";
import { Refusal } from "../../src/core/errors.ts";
import { git, write } from "../support/git.ts";
import { assertSound, assertTidy, commit, withWorld, type World } from "../support/run_tree.ts";
import { step } from "./steps_child.ts";

interface Made {
  readonly path: string;
  readonly admin: string;
  /** The name under which it was made. */
  readonly fresh: string;
}

/** A complete worktree, and the name it had before it got its place. */
async function made(world: World): Promise<Made> {
  await step(world.run, "open");
  const { path } = await addWorktree(world.run, { task: "t1", attempt: 1 });
  const admin = adminOf(path) ?? "";
  return { path, admin, fresh: join(path, "..", `.${basename(admin)}`) };
}

Deno.test("between: in its place, but git's record not told: it is taken, and a sweep leaves it", async () => {
  for (const next of ["add", "sweep"]) {
    await withWorld(async (world) => {
      const { path, admin, fresh } = await made(world);
      Deno.writeTextFileSync(join(admin, "gitdir"), `${fresh}/.git\n`);
      write(`${fresh}.lock`, "");
      await step(world.run, next);
      assertEquals((await leftovers(world.run)).worktrees.map(({ state }) => state), ["ready"]);
      assertEquals(await git(path, "status", "--porcelain"), "");
      await removeWorktree(world.run, path);
      await assertTidy(world);
    });
  }
});

Deno.test("between: complete under its first name: swept, and never one that is being made", async () => {
  await withWorld(async (world) => {
    const { path, admin, fresh } = await made(world);
    Deno.renameSync(path, fresh);
    Deno.writeTextFileSync(join(admin, "gitdir"), `${fresh}/.git\n`);
    const lock = Deno.openSync(`${fresh}.lock`, { create: true, write: true });
    lock.lockSync(true);
    assertEquals(await sweep(world.run), 0);
    assertEquals((await leftovers(world.run)).worktrees.map(({ state }) => state), ["half-made"]);
    // Somebody else need not wait for it.
    assertEquals((await addWorktree(world.run, { task: "t1", attempt: 1 })).path, path);
    lock.close();
    assertEquals(await sweep(world.run), 1);
    assertEquals((await leftovers(world.run)).worktrees.map(({ path }) => path), [path]);
    await removeWorktree(world.run, path);
    await assertTidy(world);
  });
});

Deno.test("between: a record put together aside, a folder without one: swept", async () => {
  await withWorld(async (world) => {
    const { path } = await made(world);
    const fresh = join(path, "..", ".new-01234567-t2-1");
    write(join(world.repo, ".git/skein-new-new-01234567-t2-1/HEAD"), "ref: refs/heads/x\n");
    write(join(fresh, "a.txt"), "half\n");
    write(`${fresh}.lock`, "");
    assertEquals(await sweep(world.run), 1);
    await removeWorktree(world.run, path);
    await assertTidy(world);
  });
});

Deno.test("between: renamed away, its record still there; the record renamed away too: both go", async () => {
  await withWorld(async (world) => {
    const { path, admin } = await made(world);
    await git(path, "checkout", "-q", "--detach");
    await commit(path, "detached.txt", "detached\n");
    Deno.renameSync(path, join(path, "..", ".old-01234567-t1-1"));
    await removeWorktree(world.run, path);
    await assertTidy(world);
    await assertSound(world, ["detached\n"]);
    await step(world.run, "add");
    const again = adminOf(path) ?? "";
    assertEquals(again === admin, false);
    Deno.renameSync(path, join(path, "..", ".old-01234568-t1-1"));
    Deno.renameSync(again, join(world.repo, ".git/skein-old-01234568-x"));
    await assertTidy(world);
  });
});

Deno.test("between: a merge for a conflict that was cut off is parked, cleared and begun again", async () => {
  await withWorld(async (world) => {
    for (const word of ["open", "add:t1", "add:t2", "clash:t1", "clash:t2", "save:t1", "save:t2"]) {
      await step(world.run, word);
    }
    await step(world.run, "merge:t1");
    const path = await step(world.run, "again:t2@2");
    write(join(path, "a.txt"), "half of a mer");
    write(join(path, "t1.txt"), "untracked\n");
    // Without the note that says so it may be an agent's work.
    const begin = () => startConflict(path, world.run);
    await assertRejects(begin, Refusal, "uncommitted work");
    write(join(adminOf(path) ?? "", "skein-merging"), "");
    assertEquals(await begin(), { files: ["a.txt"] });
    assertEquals((await leftovers(world.run)).parked.length, 1);
    await assertSound(world, ["half of a mer"]);
    assertEquals(await park(path, { run: "r1", task: "t2", attempt: 2 }) === null, false);
    await removeWorktree(world.run, path);
  });
});
