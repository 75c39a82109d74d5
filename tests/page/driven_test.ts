// A run that worker processes drive, as the operator sees and steers it: the plan that waits for a yes,
// the attempts in lanes and in a table, the end of one of them, and a worker that is started by hand.

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Locator, Page } from "playwright-core";
import { fakeProgram } from "../agent/ground.ts";
import { onTask, Stage, withStage, WRITES } from "../conductor/stage.ts";
import { eventually } from "../support/eventually.ts";
import { browserTest } from "./browser.ts";
import { Flock, visit } from "./flock.ts";

/** Runs `body` with a flock on a stage where agents play by a scenario. */
async function withDriven(body: (flock: Flock, stage: Stage) => Promise<void>): Promise<void> {
  await withStage(async (stage) => {
    const flock = new Flock(stage.folder, stage.repo);
    try {
      await flock.enter("ada", "architect", "", { SKEIN_AGENT: stage.env["SKEIN_AGENT"] ?? "" });
      await body(flock, stage);
    } finally {
      await flock.close();
    }
  });
}

const rows = (flock: Flock, query: string): Record<string, unknown>[] =>
  flock.sql((db) => db.prepare(query).all());

/** A button of the view, then the same in the dialog that it opens. */
async function doIt(page: Page, button: Locator, confirm: string, why = ""): Promise<void> {
  await button.click();
  if (why !== "") await page.locator('dialog [name="why"]').fill(why);
  await page.locator("dialog").getByRole("button", { name: confirm, exact: true }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
}

/** The bar of an attempt, by its name in the lanes. */
const bar = (page: Page, name: string): Locator => page.locator(".bar-span", { hasText: name });

browserTest("driven: the operator accepts a plan, and only then it is worked on", async () => {
  await withDriven(async (flock, stage) => {
    stage.play([{
      match: "Plan this goal.*with run (?<run>r\\d+)",
      steps: [{
        do: "mcp",
        name: "create_task",
        input: { run: "$<run>", tasks: [{ title: "write x.txt" }, { title: "write y.txt" }] },
      }],
    }]);
    const planned = await stage.skein(["run", "x", "--plan-only", "--json"]);
    assertEquals(planned.code, 0, planned.stdout + planned.stderr);
    const { page, seen } = await flock.open();
    await visit(page, "#/runs/r1");
    const planner = bar(page, "t1 #1");
    await planner.waitFor();
    assertMatch(
      await planner.getAttribute("title") ?? "",
      /^t1 #1 [\d.]+ s .*attempt 1 of \S+, done/,
    );
    const button = page.getByRole("button", { name: "Accept the plan" });
    await doIt(page, button, "Accept the plan");
    await eventually(
      () => rows(flock, "SELECT id FROM task WHERE status = 'proposed'").length === 0,
      { what: "an accepted plan" },
    );
    // A worker of the run may be there still, and take the first one at once.
    const open = rows(flock, "SELECT id FROM task WHERE status IN ('pending', 'in_progress')");
    assertEquals(open.map(({ id }) => id), ["t2", "t3"]);
    await button.waitFor({ state: "detached" });
    const [said] = rows(flock, "SELECT actor FROM journal WHERE op = 'accept_plan'");
    assertEquals(said?.["actor"], "operator");
    assertEquals(seen.errors, []);
  });
});

browserTest(
  "driven: attempts in lanes and in a table; one is stopped, and done after a retry",
  async () => {
    await withDriven(async (flock, stage) => {
      stage.play([
        {
          ...onTask("write b", { do: "say", text: "thinking", tokens: 5 }, { do: "hang" }),
          times: 1,
        },
        WRITES,
        // So that the run goes on meanwhile.
        onTask("hold", { do: "wait", file: `${stage.folder}/go` }, {
          do: "write",
          path: "c.txt",
          text: "c",
        }),
      ]);
      const plan = stage.plan([
        { description: "write a.txt" },
        { description: "write b.txt" },
        { description: "hold c.txt" },
      ]);
      const run = stage.start(["run", "all", "--tasks", plan, "-w", "3", "--json"]);
      const { page, seen } = await flock.open();
      await eventually(() => rows(flock, "SELECT id FROM run").length === 1, { what: "a run" });
      await visit(page, "#/runs/r1");
      const first = bar(page, "t2 #1");
      await first.and(page.locator(".o-in_progress")).waitFor({ timeout: 20_000 });
      await bar(page, "t1 #1").and(page.locator(".o-completed")).waitFor({ timeout: 20_000 });
      const [worker] = rows(flock, "SELECT worker FROM attempt WHERE task = 't2'");
      const lane = page.locator(".lane", { has: page.locator(".bar-span", { hasText: "t2 #1" }) });
      assertEquals(await lane.locator(".lane-name").textContent(), worker?.["worker"]);
      const running = page.locator("tr", { hasText: "t2" }).filter({ hasText: "running" });
      const stop = running.getByRole("button", { name: "Stop", exact: true });
      await doIt(page, stop, "Stop the task", "the wrong way");
      await first.and(page.locator(".o-cancelled")).waitFor();
      assertMatch(await first.getAttribute("title") ?? "", /, stopped, .*the wrong way/);
      await visit(page, "#/attention");
      const failed = page.locator(".need", { hasText: "write b.txt" });
      await failed.getByRole("button", { name: "Retry" }).click();
      await visit(page, "#/runs/r1");
      await bar(page, "t2 #2").and(page.locator(".o-completed")).waitFor({ timeout: 20_000 });
      // Each end has a mark of its own shape, and its word in the legend.
      const shape = (one: Locator): Promise<string> => one.locator("svg").innerHTML();
      assertEquals(new Set([await shape(first), await shape(bar(page, "t2 #2"))]).size, 2);
      const legend = await page.locator(".lanes-legend").textContent() ?? "";
      assert(["done", "stopped"].every((word) => legend.includes(word)), legend);
      // A claim that an attempt tells of is not told again.
      assertEquals(await page.locator(".bar-span").count(), 4);
      Deno.writeTextFileSync(`${stage.folder}/go`, "");
      const ran = await run.ended;
      assertEquals(ran.code, 0, ran.stdout + ran.stderr);
      await bar(page, "t3 #1").and(page.locator(".o-completed")).waitFor();
      assertEquals(seen.errors, []);
    });
  },
);

browserTest(
  "driven: a worker that the page starts comes up under its name, at its task",
  async () => {
    await withDriven(async (flock, stage) => {
      const agent = fakeProgram(stage.folder);
      assert(agent === stage.env["SKEIN_AGENT"]);
      const ada = flock.peer("ada");
      await ada.ok("create_task", { title: "Spin the yarn" });
      // The agent that the leader starts is a program that says who it was told to be.
      const said = `${stage.folder}/said.txt`;
      Deno.writeTextFileSync(
        agent,
        `#!/bin/sh\nenv >'${said}.part'\nmv '${said}.part' '${said}'\n`,
        {
          mode: 0o755,
        },
      );
      const { page, seen } = await flock.open();
      await page.getByText("New", { exact: true }).click();
      await page.getByRole("button", { name: "Worker", exact: true }).click();
      await page.locator('dialog [name="name"]').fill("nils");
      await page.locator('dialog [name="task"]').fill("t1");
      await page.locator("dialog").getByRole("button", { name: "Start", exact: true }).click();
      await page.getByText("nils is starting").waitFor();
      await eventually(() => Deno.statSync(said).isFile, { what: "the worker's process" });
      const env = Deno.readTextFileSync(said);
      for (
        const part of ["SKEIN_NAME=nils", "SKEIN_ROLE=worker", `SKEIN_DIR=${flock.repository}`]
      ) {
        assert(env.includes(part), `${part}: ${env}`);
      }
      await visit(page, "#/journal");
      await page.locator(".journal-row", { hasText: "nils" }).first().waitFor();
      assertEquals(seen.errors, []);
    });
  },
);

browserTest("driven: a run that nobody drives is looked at without a refusal", async () => {
  await withDriven(async (flock) => {
    await flock.peer("ada").ok("run", { action: "start", goal: "By hand" });
    const { page, seen } = await flock.open();
    await visit(page, "#/runs/r1");
    await page.getByText("skein run resume r1").waitFor();
    assertEquals(await page.getByText("Driven by workers").count(), 0);
    assertEquals(rows(flock, "SELECT detail FROM journal WHERE op = 'refuse'"), []);
    assertEquals(rows(flock, "SELECT op FROM refusal"), []);
    assertEquals(seen.errors, []);
  });
});

browserTest("driven: a run whose workers have gone says so, and how to go on", async () => {
  await withDriven(async (flock, stage) => {
    const ada = flock.peer("ada");
    await ada.ok("run", { action: "start", goal: "By workers" });
    await ada.ok("conduct_run", { id: "r1", repo: stage.repo, workers: 2 });
    const { page } = await flock.open();
    await visit(page, "#/runs/r1");
    await page.getByText("no worker is here").waitFor();
    await page.getByText("skein run --resume r1").waitFor();
    stage.play([onTask("hold", { do: "hang" })]);
    await ada.ok("create_task", { title: "hold on", run: "r1" });
    stage.start(["host", "r1"], { SKEIN_DIR: stage.repo });
    await page.getByText("goes on", { exact: true }).waitFor({ timeout: 15_000 });
  });
});
