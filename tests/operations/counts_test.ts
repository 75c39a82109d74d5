// Counting tasks: right whatever becomes of them, and at the price of what is open.

import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { LIMITS } from "../../src/core/limits.ts";
import { migrate } from "../../src/store/open.ts";
import { MIGRATIONS } from "../../src/store/schema.ts";
import { type Flock, flockTest, type Json } from "./flock.ts";

/** What the rows themselves say, by state as the database has it. */
function counted(flock: Flock): Record<string, number> {
  const db = new DatabaseSync(join(flock.home, "skein.db"), { readOnly: true });
  const rows = db.prepare(
    `SELECT CASE WHEN status <> 'pending' THEN status WHEN open_deps = 0 THEN 'ready'
       ELSE 'blocked' END AS state, count(*) AS total FROM task GROUP BY state`,
  ).all() as unknown as { state: string; total: number }[];
  db.close();
  return Object.fromEntries(rows.map(({ state, total }) => [state, total]));
}

flockTest("counts: agree with the rows through every change of state", async (flock) => {
  const { lead, anna } = await flock.crew();
  let run = "";
  for (const inRun of [false, true]) {
    if (inRun) run = (await lead.call("run", { action: "start", goal: "g" })).run.id;
    const { ids } = await lead.call("create_task", {
      tasks: ["a", "b", "c", "d"].map((key, n, all) => ({
        key,
        title: key,
        blocked_by: n === 3 ? [all[0]] : [],
      })),
    });
    const agree = async (): Promise<void> => {
      const { tasks } = await lead.call("status");
      const nonzero = Object.entries(tasks).filter(([, total]) => total !== 0);
      assertEquals(Object.fromEntries(nonzero), counted(flock));
    };
    await agree();
    await anna.call("claim_task", { id: ids.a });
    await anna.call("complete_task", { id: ids.a, summary: "s" });
    await agree();
    await lead.call("update_task", { id: ids.b, action: "cancel" });
    await agree();
    for (let n = 0; n < 3; n++) {
      flock.pass(1_000);
      await anna.call("claim_task", { id: ids.c });
      await anna.call("update_task", { id: ids.c, action: "fail" });
    }
    await agree();
    await lead.call("update_task", { id: ids.c, action: "retry" });
    await agree();
  }
  const { run: seen }: Json = await lead.call("run", { action: "status", id: run });
  assertEquals([seen.tasks.completed, seen.tasks.cancelled, seen.done, seen.total], [1, 1, 1, 4]);
});

flockTest(
  "counts: what is taken over ended is counted, what waits is told apart",
  async (flock) => {
    const { lead, anna } = await flock.crew();
    assertEquals((await anna.call("claim_task")).reason, "empty");
    const old = {
      description: "",
      priority: 5,
      depends_on: [],
      files: [],
      claimed_by: "",
      started: false,
      summary: "s",
      files_modified: [],
      files_created: [],
      failure: null,
      created_at: null,
      completed_at: null,
    };
    await lead.call("import_project", {
      goal: null,
      plan: "",
      discoveries: [],
      tasks: [
        { ...old, id: "x", title: "x", status: "completed" },
        { ...old, id: "y", title: "y", status: "in_progress" },
      ],
    });
    const { tasks } = await lead.call("status");
    assertEquals([tasks.completed, tasks.ready], [1, 1]);
    await anna.call("claim_task", { id: "y" });
    await lead.call("create_task", { title: "z", blocked_by: ["y"] });
    assertEquals((await anna.call("claim_task")).reason, "blocked");
    await anna.call("update_task", { id: "y", action: "fail" });
    assertEquals((await anna.call("claim_task")).reason, "delayed");
  },
);

Deno.test("counts: a store of before counts what has ended there", () => {
  const db = new DatabaseSync(":memory:");
  const step = MIGRATIONS.findIndex(({ sql }) => sql.includes("CREATE TABLE task_count"));
  migrate(db, MIGRATIONS.slice(0, step), 0, () => false);
  const insert = db.prepare(
    `INSERT INTO task (id, project, run, title, description, accept, files, status, priority,
       open_deps, created_by, creator, created_at, max_attempts, updated_at)
     VALUES (?, '/p', ?, '', '', '', '[]', ?, 5, 0, '', '', '', 3, '')`,
  );
  insert.run("a", null, "completed");
  insert.run("b", "r1", "completed");
  insert.run("c", "r1", "pending");
  migrate(db, MIGRATIONS, MIGRATIONS[step - 1]?.version ?? 0, () => false);
  const rows = (): unknown[] =>
    (db.prepare("SELECT run, status, total FROM task_count ORDER BY run, status").all() as Json[])
      .map(({ run, status, total }) => [run, status, total]);
  assertEquals(rows(), [
    ["", "completed", 1],
    ["", "made", 1],
    ["r1", "completed", 1],
    ["r1", "made", 2],
  ]);
  // As a writer of before would do it.
  db.exec("UPDATE task SET status = 'cancelled' WHERE id = 'c'");
  db.exec("UPDATE task SET status = 'pending' WHERE id = 'b'");
  db.exec("DELETE FROM task WHERE id = 'a'");
  assertEquals(rows(), [
    ["", "completed", 0],
    ["", "made", 0],
    ["r1", "cancelled", 1],
    ["r1", "completed", 0],
    ["r1", "made", 2],
  ]);
  db.close();
});

flockTest(
  "create_task: the limit of open tasks holds for each call and each state",
  async (flock) => {
    const { lead } = await flock.crew();
    const { id } = await lead.call("create_task", { title: "one" });
    const db = new DatabaseSync(join(flock.home, "skein.db"), { timeout: 1_000 });
    const fill = db.prepare(
      `WITH RECURSIVE c (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM c WHERE i < ?)
     INSERT INTO task (n, id, project, title, description, accept, files, status, priority, open_deps,
       created_by, creator, created_at, max_attempts, updated_at)
     SELECT i, 't' || i, project, 'x', '', '', '[]', ?, 5, 0, 'x', 'x', created_at, 3, created_at
     FROM c, task WHERE task.id = 't1'`,
    );
    fill.run(LIMITS.openTasks - 1, "proposed");
    db.prepare("UPDATE sequence SET value = ? WHERE name = 'task'").run(LIMITS.openTasks - 1);
    db.close();
    await lead.refused("LIMIT_REACHED", "create_task", { tasks: [{ title: "a" }, { title: "b" }] });
    await lead.call("create_task", { title: "the last" });
    for (let n = 0; n < 3; n++) {
      await lead.refused("LIMIT_REACHED", "create_task", {
        title: "more",
      });
    }
    await lead.call("update_task", { id, action: "cancel" });
    await lead.call("create_task", { title: "in its place" });
    await lead.refused("LIMIT_REACHED", "create_task", { title: "more" });
  },
);

flockTest("take_findings: costs what it takes, not what is there each time", async (flock) => {
  const lead = await flock.member("lead");
  const took = async (from: number, count: number): Promise<number> => {
    const discoveries = Array.from({ length: count }, (_, n) => ({ value: `finding ${from + n}` }));
    const startMs = performance.now();
    assertEquals((await lead.call("take_findings", { discoveries })).taken, count);
    return performance.now() - startMs;
  };
  const first = await took(0, 2_000);
  await took(10_000, 5_000);
  const last = await took(20_000, 2_000);
  assert(last < 4 * first, `${first} ms into an empty memory, ${last} ms into a full one`);
  const most = { discoveries: [{ value: "one" }, { value: "two" }] };
  await took(30_000, 999);
  await lead.refused("LIMIT_REACHED", "take_findings", most);
  await took(40_000, 1);
});
