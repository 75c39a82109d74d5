// The races that the Claude Multi-Agent Coordination System loses, measured there as tasks that are
// executed twice, completions that are lost and tasks that vanish: here they are run with real
// processes, many at once, and counted. Every count has to be zero.

import { assertEquals } from "@std/assert";
import { type Ground, withGround } from "./ground.ts";

/** Enough for every worker to meet every other; more by the environment. */
const TASKS = Number(Deno.env.get("SKEIN_RACE_TASKS") ?? 40);
const WORKERS = 8;

async function many<T>(count: number, body: (n: number) => Promise<T>): Promise<T[]> {
  return await Promise.all(Array.from({ length: count }, (_, n) => body(n)));
}

async function plan(ground: Ground, tasks: number): Promise<void> {
  const list = Array.from({ length: tasks }, (_, n) => ({ description: `task ${n}` }));
  const all = JSON.stringify(list);
  const made = await ground.run(["task", "create", "--tasks", "-", "--json"], { stdin: all });
  assertEquals(made.code, 0, made.stdout);
}

Deno.test("promise 2: races: eight claimers as processes, every task claimed once, none lost", async () => {
  await withGround(async (ground) => {
    await plan(ground, TASKS);
    const claims = await many(WORKERS, async (n) => {
      const own: string[] = [];
      for (;;) {
        const { task } = await ground.ok("worker", "claim", `w${n}`);
        if (task === null) return own;
        own.push(task.id);
      }
    });
    const all = claims.flat();
    assertEquals(new Set(all).size, all.length, "claimed twice");
    assertEquals(all.length, TASKS, "not every task was claimed");
    const shown = ground.tasks();
    assertEquals(shown.filter((task) => task.status === "claimed").length, TASKS);
    for (const [n, own] of claims.entries()) {
      const mine = shown.filter((task) => task.claimed_by === `w${n}`).map((task) => task.id);
      assertEquals(mine.sort(), own.sort(), `w${n}`);
    }
  });
});

Deno.test("promise 1: races: claim and complete by eight, each done once, every completion kept", async () => {
  await withGround(async (ground) => {
    await plan(ground, TASKS);
    const done = await many(WORKERS, async (n) => {
      const own: string[] = [];
      for (;;) {
        const { task } = await ground.ok("worker", "claim", `w${n}`);
        if (task === null) return own;
        const id: string = task.id;
        await ground.ok("worker", "complete", `w${n}`, id, `by w${n}`, "-m", `${id}.ts`);
        own.push(id);
      }
    });
    const all = done.flat();
    assertEquals([new Set(all).size, all.length], [TASKS, TASKS], "done twice or not at all");
    for (const [n, own] of done.entries()) {
      for (const id of own) {
        const task = ground.tasks().find((one) => one.id === id);
        assertEquals([task?.status, task?.result.output], ["done", `by w${n}`], id);
        assertEquals(ground.read(`results/${id}.md`).includes(`by w${n}`), true, id);
      }
    }
    assertEquals((await ground.ok("leader", "status")).progress_percent, 100);
    assertEquals(ground.files().filter((name) => name.includes(".yours")), []);
  });
});

Deno.test("promise 1: races: tasks added by many at once, with claims beside them, are all there", async () => {
  await withGround(async (ground) => {
    const each = 6;
    const added = await many(WORKERS, async (n) => {
      const ids: string[] = [];
      for (let i = 0; i < each; i++) {
        ids.push((await ground.ok("leader", "add-task", `task ${n}.${i}`)).id);
        if (i % 3 === 2) await ground.ok("worker", "claim", `w${n}`);
      }
      return ids;
    });
    const all = added.flat();
    assertEquals(new Set(all).size, WORKERS * each, "ids given twice");
    const shown = ground.tasks();
    assertEquals(shown.map((task) => task.id).sort(), all.sort());
    assertEquals(shown.filter((task) => task.status === "claimed").length, 2 * WORKERS);
  });
});
