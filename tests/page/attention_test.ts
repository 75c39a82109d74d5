// Every kind of thing that needs somebody stands in the first view with its act in place, and goes
// when it is settled.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { Locator, Page } from "playwright-core";
import { eventually } from "../support/eventually.ts";
import { write } from "../support/git.ts";
import { browserTest } from "./browser.ts";
import { type Flock, visit, withFlock } from "./flock.ts";

/** A thing that needs somebody, by its kind and a part of its text. */
function need(page: Page, kind: string, text: string): Locator {
  return page.locator(".need", { has: page.getByText(kind, { exact: true }), hasText: text });
}

async function press(item: Locator, name: string): Promise<void> {
  await item.getByRole("button", { name, exact: true }).click();
}

async function confirm(page: Page, name: string): Promise<void> {
  await page.locator("dialog").getByRole("button", { name, exact: true }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
}

/** What the client's hook tells of a dialog in the terminal of a session. */
async function hook(flock: Flock, name: string, event: string, tool: string): Promise<void> {
  const input = { hook_event_name: event, session_id: `page-${name}`, tool_name: tool };
  await flock.peer(name).client.callTool({ name: "hook", arguments: input });
}

/** Two peers with the same file changed; git is looked at every five seconds at most. */
async function dirty(flock: Flock): Promise<void> {
  write(join(flock.repository, "src/api.ts"), "// changed\n");
  for (const name of ["ben", "cleo"]) {
    const peer = flock.peer(name);
    await peer.ok("join", { summary: `${name} edits the API` });
  }
}

browserTest(
  "attention: errors, stuck tasks, spent budgets, an older copy: shown, acted on, gone",
  async () => {
    await withFlock(async (flock) => {
      const ada = await flock.enter("ada", "architect");
      const ben = await flock.enter("ben", "worker");
      const { ids } = await ada.ok("create_task", {
        tasks: [{ key: "a", title: "First" }, { key: "b", title: "Second", blocked_by: ["a"] }],
      });
      const { page, seen } = await flock.open();
      await page.getByText("Nobody needs you right now.").waitFor();

      await ben.ok("send", { to: ["ada"], content: "The disk is full", category: "error" });
      const error = need(page, "Error", "The disk is full");
      await press(error, "Answer");
      await page.getByLabel("Answer to ben").fill("I made room.");
      await press(error, "Send answer");
      await error.waitFor({ state: "detached" });

      await ada.ok("update_task", { id: ids.a, action: "cancel" });
      const stuck = need(page, "Stuck", ids.b);
      await press(stuck, `Retry ${ids.a}`);
      await stuck.waitFor({ state: "detached" });

      await ada.ok("control", { action: "budget", peer: "ben", value: "tokens=100" });
      flock.sql((db) => db.prepare("UPDATE peer SET used_tokens = 200 WHERE name = 'ben'").run());
      await ben.ok("join", { summary: "spent" });
      const budget = need(page, "Budget spent", "ben");
      await press(budget, "Set a budget");
      await page.locator('dialog [name="tokens"]').fill("5000");
      await confirm(page, "Set budget");
      await budget.waitFor({ state: "detached" });

      flock.sql((db) =>
        db.prepare(
          `INSERT INTO journal (seq, at, actor, op, subject, detail, mac)
         SELECT max(seq) + 1, ?, 'skein', 'older_copy', 'home/store', '{}', 'x' FROM journal`,
        ).run(new Date().toISOString())
      );
      await ben.ok("join", { summary: "goes on" });
      const copy = need(page, "Store", "older copy");
      await press(copy, "Acknowledge");
      await confirm(page, "Acknowledge");
      await copy.waitFor({ state: "detached" });
      await page.getByText("Nobody needs you right now.").waitFor();
      assertEquals(seen.errors, []);
    });
  },
);

browserTest("attention: a file that two change, and a peer that stalls", async () => {
  await withFlock(async (flock) => {
    await flock.enter("ada", "architect");
    await Promise.all([flock.enter("ben", "worker"), flock.enter("cleo", "worker")]);
    const { page, seen } = await flock.open();
    page.setDefaultTimeout(30_000);
    await visit(page, "#/attention");
    await dirty(flock);
    // Git is looked at on acts, at most every five seconds: both go on acting.
    const acting = setInterval(() => {
      for (const name of ["ben", "cleo"]) {
        const summary = `${name} at ${Math.round(performance.now())}`;
        flock.peer(name).call("join", { summary }).catch(() => {});
      }
    }, 1_000);
    const conflict = need(page, "Same file", "src/api.ts");
    try {
      await conflict.waitFor();
    } finally {
      clearInterval(acting);
    }
    assert((await conflict.textContent())?.includes("ben"));
    await press(conflict, "Message both");
    assertEquals(await page.locator('dialog [name="to"]').inputValue(), "ben, cleo");
    await page.locator('dialog [name="content"]').fill("Who keeps src/api.ts?");
    await confirm(page, "Send");

    flock.peer("ben").signal("SIGSTOP");
    const stalled = need(page, "Stalled", "ben");
    await stalled.waitFor();
    await press(stalled, "Ping");
    await page.locator(".toast", { hasText: "ben is stalled" }).waitFor();
    flock.peer("ben").signal("SIGCONT");
    await stalled.waitFor({ state: "detached" });
    assertEquals(seen.errors, []);
  });
});

browserTest("attention: a session that waits for its human, until it goes on", async () => {
  await withFlock(async (flock) => {
    await flock.enter("ada", "architect");
    await flock.enter("ben", "worker");
    const { page, seen } = await flock.open();
    await page.getByText("Nobody needs you right now.").waitFor();
    await hook(flock, "ben", "PermissionRequest", "Bash");
    const wait = need(page, "Waits for permission", "to use Bash");
    await wait.getByText(flock.repository).waitFor();
    await wait.getByText("Only its own terminal can answer.").waitFor();
    await wait.locator("time").waitFor();
    await press(wait, "What it does");
    await page.locator("#main").getByText("It waits for permission to use Bash").waitFor();
    await visit(page, "#/peers");
    await page.locator(".peer-row", { hasText: "ben" }).locator(".g-waits").first().waitFor();
    await visit(page, "#/attention");
    await wait.waitFor();
    await hook(flock, "ben", "PostToolBatch", "");
    await wait.waitFor({ state: "detached" });
    assertEquals(seen.errors, []);
  });
});

browserTest("attention: a plan of many proposals is one thing, that accepts all", async () => {
  await withFlock(async (flock) => {
    const ada = await flock.enter("ada", "architect");
    const ben = await flock.enter("ben", "worker");
    const { run } = await ada.ok("run", { action: "start", goal: "A formatter" });
    const { page, seen } = await flock.open();
    await page.getByText("Nobody needs you right now.").waitFor();
    const tasks = Array.from({ length: 7 }, (_, i) => ({ title: `Step ${i}` }));
    await ben.ok("create_task", { tasks, run: run.id });
    const text = `7 proposed tasks of run ${run.id}: A formatter`;
    const plan = need(page, "Plan proposed", text);
    await plan.waitFor();
    assertEquals(await page.locator(".need").count(), 1);
    await eventually(async () => (await page.title()).startsWith("(1) "), { what: "one thing" });

    await press(plan, "Look through them");
    await page.locator(".task-row").nth(6).waitFor();
    assertEquals(await page.locator(".task-row").count(), 7);
    await visit(page, "#/attention");
    await press(plan, "Accept all 7");
    await confirm(page, "Accept the plan");
    await plan.waitFor({ state: "detached" });
    const left = flock.sql((db) =>
      db.prepare("SELECT count(*) AS n FROM task WHERE status = 'proposed'").get()
    );
    assertEquals(left, { n: 0 });
    assertEquals(seen.errors, []);
  });
});
