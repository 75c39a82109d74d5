// Everything that the operator can do, done through the page as a person would, and looked up by a
// peer or in the store.

import { assert, assertEquals } from "@std/assert";
import type { Locator, Page } from "playwright-core";
import { eventually } from "../support/eventually.ts";
import { browserTest } from "./browser.ts";
import { type Flock, visit, withFlock } from "./flock.ts";
import { type Plan, playScene } from "./scene.ts";

/** A thing that needs somebody, by its text. */
function need(page: Page, text: string): Locator {
  return page.locator(".need", { hasText: text });
}

async function press(page: Page, name: string): Promise<void> {
  await page.locator(".view-head").getByRole("button", { name, exact: true }).click();
}

/** A field of the dialog. */
function field(page: Page, name: string): Locator {
  return page.locator(`dialog [name="${name}"]`);
}

/** The dialog's own button, which does it. */
async function confirm(page: Page, name: string): Promise<void> {
  await page.locator("dialog").getByRole("button", { name, exact: true }).click();
  await page.locator("dialog").waitFor({ state: "detached" });
}

function row(flock: Flock, sql: string, ...params: string[]): Record<string, unknown> {
  return flock.sql((db) => db.prepare(sql).get(...params)) ?? {};
}

async function becomes(what: string, probe: () => unknown): Promise<void> {
  await eventually(() => probe() === true, { what });
}

async function attention(flock: Flock, page: Page, plan: Plan): Promise<void> {
  const status = (id: string | undefined): unknown =>
    row(flock, "SELECT status FROM task WHERE id = ?", id ?? "")["status"];
  await visit(page, "#/attention");
  const blocker = need(page, "built without FTS5");
  await blocker.getByRole("button", { name: "Answer" }).click();
  await page.keyboard.type("Bring our own build; I will pay the 2 MB.");
  await page.keyboard.press("Control+Enter");
  await blocker.waitFor({ state: "detached" });
  const { messages } = await flock.peer("dan").ok("check");
  assert(messages.some((one: { content: string }) => one.content.includes("2 MB")), "no answer");

  await need(page, "Back up every night").getByRole("button", { name: "Approve" }).click();
  await becomes("an approved task", () => status(plan["backup"]) === "completed");
  await need(page, "Measure the search").getByRole("button", { name: "Accept" }).click();
  await becomes("an accepted task", () => status("t21") === "pending");
  await need(page, "out of memory").getByRole("button", { name: "Retry" }).click();
  await becomes("a retried task", () => status(plan["export"]) === "pending");
  await need(page, "design changes at noon").getByRole("button", { name: "Resume" }).click();
  await becomes(
    "cleo resumed",
    () => row(flock, "SELECT paused_at FROM peer WHERE name = 'cleo'")["paused_at"] === null,
  );
  await flock.peer("cleo").ok("update_task", { id: plan["theme"], progress: "on it again" });
  await page.getByText("Nobody needs you right now.").waitFor();
  assert(!(await page.title()).startsWith("("), await page.title());
}

async function tasks(flock: Flock, page: Page, plan: Plan): Promise<void> {
  const { api = "", theme = "", docs = "" } = plan;
  const task = (id: string): Record<string, unknown> =>
    row(
      flock,
      `SELECT t.status, t.priority, p.name AS claimed, a.name AS assigned FROM task t
       LEFT JOIN peer p ON p.id = t.claimed_by LEFT JOIN peer a ON a.id = t.assigned_to
       WHERE t.id = ?`,
      id,
    );
  await visit(page, `#/tasks/${docs}`);
  await page.getByLabel("Change the priority").selectOption("1");
  await becomes("a priority of 1", () => task(docs)["priority"] === 1);
  await press(page, "Note");
  await field(page, "note").fill("Keep it under ten pages.");
  await confirm(page, "Add note");
  await page.locator("#main").getByText("Keep it under ten pages.").waitFor();
  await press(page, "Cancel");
  await confirm(page, "Cancel the task");
  await becomes("a cancelled task", () => task(docs)["status"] === "cancelled");
  await press(page, "Retry");
  await becomes("a task again", () => task(docs)["status"] === "pending");

  await visit(page, `#/tasks/${api}`);
  await press(page, "Reassign");
  await field(page, "assign_to").fill("dan");
  await confirm(page, "Assign");
  await becomes(
    "assigned to dan",
    () => task(api)["assigned"] === "dan" && task(api)["claimed"] === null,
  );
  await visit(page, `#/tasks/${theme}`);
  await press(page, "Release");
  await confirm(page, "Release");
  await becomes("a free task", () => task(theme)["status"] === "pending");
}

async function peers(flock: Flock, page: Page): Promise<void> {
  const peer = (name: string): Record<string, unknown> =>
    row(flock, "SELECT paused_at, budget, killed_at, state FROM peer WHERE name = ?", name);
  await visit(page, "#/peers/dan");
  await press(page, "Pause");
  await field(page, "value").fill("lunch");
  await confirm(page, "Pause");
  await becomes("paused", () => peer("dan")["paused_at"] !== null);
  await press(page, "Resume");
  await becomes("resumed", () => peer("dan")["paused_at"] === null);
  await press(page, "Ping");
  await page.locator(".toast", { hasText: "dan is live" }).waitFor();
  await press(page, "Budget");
  await field(page, "tokens").fill("50000");
  await confirm(page, "Set budget");
  await becomes("a budget", () => String(peer("dan")["budget"]).includes("50000"));
  await visit(page, "#/peers");
  await press(page, "Pause all");
  await confirm(page, "Pause all");
  await becomes(
    "all paused",
    () => ["ben", "cleo", "dan"].every((one) => peer(one)["paused_at"] !== null),
  );
  await press(page, "Resume all");
  await becomes(
    "all resumed",
    () => ["ben", "cleo", "dan"].every((one) => peer(one)["paused_at"] === null),
  );
  await visit(page, "#/peers/cleo");
  await press(page, "Kill");
  await page.locator("dialog").getByRole("button", { name: "Cancel" }).click();
  assertEquals(peer("cleo")["killed_at"], null);
  await press(page, "Kill");
  await confirm(page, "Kill");
  await becomes("killed", () => peer("cleo")["killed_at"] !== null);
}

async function words(flock: Flock, page: Page): Promise<void> {
  await visit(page, "#/messages");
  await press(page, "Message");
  await field(page, "to").fill("ben, dan");
  await field(page, "content").fill("The audit is on Friday.");
  await field(page, "category").selectOption("alert");
  await confirm(page, "Send");
  await page.locator(".thread", { hasText: "The audit is on Friday." }).click();
  await page.locator(".bubble").getByText("queued").first().waitFor();
  await flock.peer("ben").ok("check");
  await flock.peer("ben").ok("list_peers");
  await page.locator(".bubble").getByText("seen").first().waitFor();
  await page.locator(".compose textarea").fill("And the demo on Thursday.");
  await page.getByRole("button", { name: "Send", exact: true }).click();
  await page.locator(".bubble", { hasText: "And the demo on Thursday." }).waitFor();
  await press(page, "Tell everybody");
  await field(page, "content").fill("Well done, all.");
  await confirm(page, "Send");
  await page.locator(".thread", { hasText: "Well done, all." }).waitFor();

  await visit(page, "#/locks");
  await page.getByRole("button", { name: "Release src/routes/", exact: true }).click();
  await confirm(page, "Release the lock");
  await page.getByText("routes/", { exact: true }).waitFor({ state: "detached" });
  const { locks } = await flock.peer("ben").ok("list_locks");
  assert(!locks.some((one: { path: string }) => one.path === "src/routes/"));

  await visit(page, "#/memory/storage");
  await page.getByRole("button", { name: "New version" }).click();
  await field(page, "value").fill("Notes live in Postgres.");
  await confirm(page, "Remember");
  await page.locator(".entry").getByText("version 4").waitFor();
  await page.locator(".diff .add", { hasText: "Notes live in Postgres." }).waitFor();
}

async function runs(flock: Flock, page: Page): Promise<void> {
  await visit(page, "#/runs");
  await press(page, "Run");
  await field(page, "goal").fill("Ship the beta");
  await field(page, "plan").fill("Slowly.");
  await confirm(page, "Start run");
  await page.getByRole("heading", { name: "Ship the beta" }).waitFor();
  await press(page, "Change");
  await field(page, "plan").fill("Slowly, but steadily.");
  await confirm(page, "Save");
  await page.getByText("Slowly, but steadily.").waitFor();
  await press(page, "End");
  await field(page, "plan").fill("Shipped.");
  await confirm(page, "End the run");
  await page.locator("#main").getByText("Shipped.").waitFor();
  assertEquals(row(flock, "SELECT status FROM run WHERE id = 'r2'")["status"], "ended");
}

browserTest("acts: everything the operator can do is done through the page", async () => {
  await withFlock(async (flock) => {
    const plan = await playScene(flock);
    const { page, seen } = await flock.open();
    await attention(flock, page, plan);
    await tasks(flock, page, plan);
    await words(flock, page);
    await runs(flock, page);
    await peers(flock, page);
    assertEquals(seen.errors, []);
    assertEquals(seen.foreign, []);
  });
});
