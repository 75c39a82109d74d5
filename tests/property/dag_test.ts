// Dependencies for any graph: findCycle against an oracle that shares no idea with it, and the
// counters of open dependencies in the real tables against a recount from scratch.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { openStore } from "../../src/store/open.ts";
import { commit } from "../../src/store/unit.ts";
import type { Tx } from "../../src/core/transaction.ts";
import { findCycle, type Status } from "../../src/task/rules.ts";
import * as table from "../../src/task/table.ts";
import { withTempFolder } from "../support/temp.ts";

type Graph = ReadonlyMap<string, readonly string[]>;

/** Up to 9 tasks with dependencies on each other, on themselves and on tasks elsewhere. */
const graphs: fc.Arbitrary<Graph> = fc.integer({ min: 0, max: 9 }).chain((size) => {
  const names = Array.from({ length: size }, (_, i) => `k${i}`);
  const targets = fc.constantFrom(...names, "elsewhere");
  return fc.tuple(...names.map(() => fc.uniqueArray(targets, { maxLength: 3 })))
    .map((lists) => new Map(names.map((name, i) => [name, lists[i] ?? []])));
});

/** The oracle: take away what waits for nothing, again and again; a cycle is what stays. */
function hasCycle(graph: Graph): boolean {
  const left = new Set(graph.keys());
  for (;;) {
    const free = [...left].filter((key) => !(graph.get(key) ?? []).some((on) => left.has(on)));
    if (free.length === 0) return left.size > 0;
    for (const key of free) left.delete(key);
  }
}

Deno.test("findCycle: finds one exactly when there is one, for any graph", () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      assertEquals(findCycle(graph) !== null, hasCycle(graph));
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("findCycle: what it names is a cycle of the graph and visits nobody twice", () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const cycle = findCycle(graph);
      if (cycle === null) return;
      assert(cycle.length >= 2);
      assertEquals(cycle[0], cycle.at(-1));
      assertEquals(new Set(cycle).size, cycle.length - 1);
      for (const [i, key] of cycle.slice(1).entries()) {
        assert(graph.get(cycle[i] ?? "")?.includes(key), `${cycle[i]} does not wait for ${key}`);
      }
    }),
    { numRuns: 5_000 },
  );
});

Deno.test("findCycle: adding a dependency never opens a closed cycle", () => {
  fc.assert(fc.property(graphs, fc.nat(8), fc.nat(8), (graph, from, to) => {
    const more = new Map(graph);
    more.set(`k${from}`, [...(graph.get(`k${from}`) ?? []), `k${to}`]);
    return findCycle(graph) === null || findCycle(more) !== null;
  }));
});

/** One step in the life of a plan; `pick` and `deps` choose among the tasks there are. */
type Step =
  | { readonly do: "create"; readonly deps: readonly number[] }
  | { readonly do: "complete" | "cancel" | "fail" | "retry"; readonly pick: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant("create" as const), deps: fc.array(fc.nat(), { maxLength: 3 }) }),
    fc.record({
      do: fc.constantFrom("complete" as const, "complete", "cancel", "fail", "retry"),
      pick: fc.nat(),
    }),
  ),
  { minLength: 1, maxLength: 40 },
);

/** What the plan should look like, kept in the simplest way there is. */
class Model {
  readonly tasks: { id: string; n: number; status: Status; deps: string[] }[] = [];

  at(pick: number): { id: string; n: number; status: Status; deps: string[] } | undefined {
    return this.tasks[pick % Math.max(1, this.tasks.length)];
  }

  openDeps(deps: readonly string[]): number {
    return this.tasks.filter((task) => deps.includes(task.id) && task.status !== "completed")
      .length;
  }

  ready(): string[] {
    return this.tasks
      .filter(({ status, deps }) => status === "pending" && this.openDeps(deps) === 0)
      .map((task) => task.id);
  }
}

async function create(tx: Tx, model: Model, project: string, deps: string[]): Promise<void> {
  const n = await table.takeNumbers(tx, "task", 1);
  await table.insertTask(tx, {
    n,
    id: `t${n}`,
    project,
    run: null,
    title: "t",
    description: "",
    accept: "",
    files: [],
    status: "pending",
    priority: 5,
    openDeps: model.openDeps(deps),
    assignedTo: "",
    createdBy: "p",
    creator: "p",
    maxAttempts: 3,
    at: "",
  });
  for (const on of deps) await table.insertDependency(tx, `t${n}`, on);
  model.tasks.push({ id: `t${n}`, n, status: "pending", deps });
}

/** Does a step in the tables and in the model, and compares what it says it unblocked. */
async function take(tx: Tx, model: Model, project: string, step: Step): Promise<void> {
  if (step.do === "create") {
    const deps = new Set(step.deps.map((pick) => model.at(pick)?.id));
    return await create(tx, model, project, [...deps].filter((id) => id !== undefined));
  }
  const task = model.at(step.pick);
  if (task === undefined || task.status === "completed") return;
  if (step.do === "complete") {
    const before = model.ready();
    if (!before.includes(task.id)) return;
    const row = await table.taskById(tx, task.id);
    if (row === undefined) throw new Error(`${task.id} is not stored`);
    const claimed = await table.claim(tx, row, "p", "i", "");
    // What a claim tells is what is stored then.
    assertEquals(await table.taskById(tx, task.id), claimed);
    const unblocked = await table.complete(tx, row, "p", "done", {}, "");
    task.status = "completed";
    assertEquals(unblocked.sort(), model.ready().filter((id) => !before.includes(id)).sort());
    return;
  }
  const to = { cancel: "cancelled", fail: "failed", retry: "pending" } as const;
  task.status = to[step.do];
  await table.setStatus(tx, task.id, task.status, "");
}

Deno.test("open_deps: the ready set equals the recounted one after every step of any plan", async () => {
  await withTempFolder(async (folder) => {
    const store = await openStore(folder);
    let runs = 0;
    try {
      await fc.assert(
        fc.asyncProperty(steps, async (plan) => {
          const project = `project-${runs++}`;
          const model = new Model();
          for (const step of plan) {
            await commit(store, async ({ tx }) => {
              await take(tx, model, project, step);
              const rows = await tx.all<{ id: string }>(
                "SELECT id FROM task WHERE project = ? AND status = 'pending' AND open_deps = 0 ORDER BY n",
                project,
              );
              assertEquals(rows.map((row) => row.id), model.ready());
              const best = await table.bestReady(tx, project, "", 0);
              assertEquals(best?.id, model.ready()[0]);
            });
          }
        }),
        { numRuns: 100 },
      );
    } finally {
      store.engine.close();
    }
  });
});
