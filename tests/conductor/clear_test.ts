// What is cleared at the end of a run: what the dead left, and nothing of whoever works.

import { assertEquals } from "@std/assert";
import { type Call, Calls } from "../../src/conductor/calls.ts";
import { tidy, turnOf } from "../../src/conductor/clear.ts";
import { addWorktree } from "../../src/worktree/add.ts";
import { openRun } from "../../src/worktree/branch.ts";
import { write } from "../support/git.ts";
import { withWorld } from "../support/run_tree.ts";
import { exists } from "./ground.ts";

/** A store in which so many attempts at t1 are open. */
const storeWith = (...numbers: number[]): Calls => {
  const attempts = numbers.map((number) => ({ task: "t1", number, state: "running" }));
  return new Calls((() => Promise.resolve({ attempts, hosts: [], next: null })) as Call);
};

Deno.test("tidy: the worktree of an attempt that was begun since the look stays", async () => {
  await withWorld(async ({ run }) => {
    await openRun(run);
    const [dead, alive] = [
      await addWorktree(run, { task: "t1", attempt: 1 }),
      await addWorktree(run, { task: "t1", attempt: 2 }),
    ];
    write(`${alive.path}/new.txt`, "at work\n");
    {
      using _turn = turnOf(run);
      await tidy(storeWith(2), run);
      assertEquals(exists(dead.path), true, "another clears up");
    }
    await tidy(storeWith(2), run);
    assertEquals([exists(dead.path), exists(`${alive.path}/new.txt`)], [false, true]);
    await tidy(storeWith(), run);
    assertEquals(exists(alive.path), false);
  });
});
