// A process that a test can kill: does steps of a task's life one after the other, as a worker's host
// does, and prints each when it is done. Arguments: repository, home, and the steps as words.

import { join } from "@std/path";
import { addWorktree } from "../../src/worktree/add.ts";
import { dropBranch, openRun } from "../../src/worktree/branch.ts";
import { startConflict } from "../../src/worktree/conflict.ts";
import { deliver } from "../../src/worktree/deliver.ts";
import { sweep } from "../../src/worktree/leftovers.ts";
import { mergeTask } from "../../src/worktree/merge.ts";
import { park } from "../../src/worktree/park.ts";
import { placeOf, type RunTree, taskBranch } from "../../src/worktree/place.ts";
import { removeWorktree } from "../../src/worktree/remove.ts";
import { saveWork } from "../../src/worktree/save.ts";
import { write } from "../support/git.ts";

/** Does one step; `task` may name an attempt: `t1@2`. */
export async function step(r: RunTree, word: string): Promise<string> {
  const [what = "", named = "t1"] = word.split(":");
  const [task = "", number = "1"] = named.split("@");
  const one = { task, attempt: Number(number) };
  const path = join(placeOf(r).folder, `${task}-${number}`);
  const branch = taskBranch(r.run, one);
  switch (what) {
    case "open":
      return (await openRun(r)).branch;
    case "add":
      return (await addWorktree(r, one)).path;
    case "again":
      return (await addWorktree(r, { ...one, from: taskBranch(r.run, { task, attempt: 1 }) })).path;
    case "work":
      write(join(path, `${task}.txt`), textOf(task));
      return "worked";
    case "clash":
      write(join(path, "a.txt"), textOf(task));
      return "worked";
    case "save":
      return (await saveWork(path, { message: task })).commit;
    case "park":
      return (await park(path, { run: r.run, ...one }))?.commit ?? "none";
    case "merge":
      return (await mergeTask(r, { task, branch })).outcome;
    case "conflict":
      return (await startConflict(path, r)).files.join(",");
    case "remove":
      return String((await removeWorktree(r, path)).length);
    case "drop":
      return String(await dropBranch(r, branch));
    case "sweep":
      return String(await sweep(r));
    case "deliver":
      return (await deliver(r, { target: "main" })).outcome;
    default:
      throw new Error(`unknown step ${word}`);
  }
}

/** What a task's worker writes. */
export function textOf(task: string): string {
  return `the work of ${task}\n`;
}

if (import.meta.main) {
  const [repo = "", home = "", ...words] = Deno.args;
  const encoder = new TextEncoder();
  Deno.stdout.writeSync(encoder.encode("begun\n"));
  for (const word of words) {
    const answer = await step({ run: "r1", repo, home }, word);
    Deno.stdout.writeSync(encoder.encode(`${word} ${answer}\n`));
  }
}
