// Random interleavings: three hosts that each work on a task of their own, and do to each other's
// whatever a host does that believes the other dead (all but removing what somebody works in). Whatever the
// order, nothing that was written is lost, the user's checkout stays, and the run comes to its end.

import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { Refusal } from "../../src/core/errors.ts";
import { placeOf } from "../../src/worktree/place.ts";
import { git, write } from "../support/git.ts";
import { assertSound, assertTidy, ownership, withWorld, type World } from "../support/run_tree.ts";
import { step } from "../worktree/steps_child.ts";

const ROUNDS = 6;
const HOSTS = [1, 2, 3];
const ACTS = 14;
const OWN = ["add", "write", "write", "save", "merge", "park", "reset", "detach", "remove"];
const ANY = ["add", "save", "park", "merge", "drop", "sweep", "open"];

/** A small generator with a seed, so that a failure can be had again (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function pick<T>(random: () => number, list: readonly T[]): T {
  const one = list[Math.floor(random() * list.length)];
  if (one === undefined) throw new Error("an empty list");
  return one;
}

async function host(world: World, own: number, random: () => number): Promise<string[]> {
  const written: string[] = [];
  const path = join(placeOf(world.run).folder, `t${own}-1`);
  for (let act = 0; act < ACTS; act++) {
    const mine = random() < 0.7;
    const what = pick(random, mine ? OWN : ANY);
    try {
      if (what === "write" && exists(path)) {
        const text = `${own}, act ${act}\n`;
        write(join(path, `t${own}.txt`), text);
        // Kept by whatever comes next, before it is written over.
        await step(world.run, pick(random, [`save:t${own}`, `park:t${own}`]));
        written.push(text);
      } else if (what === "reset" && exists(path)) {
        await git(path, "reset", "-q", "--hard", "HEAD").catch(() => {});
      } else if (what === "detach" && exists(path)) {
        await git(path, "checkout", "-q", "--detach").catch(() => {});
      } else if (OWN.includes(what) || ANY.includes(what)) {
        if (what === "write" || what === "reset" || what === "detach") continue;
        await step(world.run, `${what}:t${mine ? own : pick(random, HOSTS)}`);
      }
    } catch (thrown) {
      // No worktree, no branch: an answer. Anything else is a defect.
      const gone = thrown instanceof Deno.errors.NotFound;
      if (!gone && !(thrown instanceof Refusal)) throw thrown;
      if (thrown instanceof Refusal && thrown.code === "GIT_BUSY") throw thrown;
    }
  }
  return written;
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

for (let round = 0; round < ROUNDS; round++) {
  const seed = Math.floor(Math.random() * 2 ** 31);
  Deno.test(`property: hosts in any order lose nothing (seed ${seed})`, async () => {
    await withWorld(async (world) => {
      const before = await ownership(world);
      await step(world.run, "open");
      const written = (await Promise.all(
        HOSTS.map((own) => host(world, own, seeded(seed + own))),
      )).flat();
      for (const own of HOSTS) {
        for (const what of ["add", "save", "merge", "remove", "drop"]) {
          await step(world.run, `${what}:t${own}`);
        }
      }
      await assertTidy(world);
      await assertSound(world, written);
      assertEquals(await ownership(world), before);
    });
  });
}
