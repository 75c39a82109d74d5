// For whoever cannot see the page, or types on it without meaning to: the graph in words, states that no
// glyph alone tells, the focus where the work is, single letters that can be switched off.

import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { eventually } from "../support/eventually.ts";
import { browserTest } from "./browser.ts";
import { NARROW, settled, visit, withFlock } from "./flock.ts";

browserTest("access: what waits for what is in words, in the graph and in the table", async () => {
  await withFlock(async (flock) => {
    const ada = await flock.enter("ada", "architect");
    const { ids } = await ada.ok("create_task", {
      tasks: [
        { key: "a", title: "The ground" },
        { key: "b", title: "The house", blocked_by: ["a"] },
        { key: "c", title: "The roof", blocked_by: ["a", "b"] },
      ],
    });
    const { page, seen } = await flock.open({ viewport: NARROW });
    await visit(page, "#/tasks");
    const told = async (title: string): Promise<string> => {
      const node = page.locator(".node", { hasText: title });
      const id = await node.getAttribute("aria-describedby") ?? "none";
      return await page.locator(`#${id}`).textContent() ?? "";
    };
    await page.locator(".node", { hasText: "The roof" }).waitFor();
    assertEquals(
      await told("The roof"),
      `Waits for ${ids.a} The ground, Ready; ${ids.b} The house, Blocked.`,
    );
    assertEquals(
      await told("The ground"),
      `Waits for nothing. ${ids.b}, ${ids.c} wait for it.`,
    );
    await visit(page, "#/tasks?view=table");
    await page.locator(".task-row", { hasText: `waits for ${ids.a}, ${ids.b}` }).waitFor();
    // On a narrow screen the state is a glyph, which is hidden from a reader: its word is not.
    const row = page.getByRole("link", { name: /Blocked/ });
    assertEquals(await row.count(), 2);
    assertEquals(seen.errors, []);
  });
});

browserTest("access: after an answer the focus is on what needs somebody next", async () => {
  await withFlock(async (flock) => {
    await flock.enter("ada", "architect");
    const ben = await flock.enter("ben", "worker");
    for (const content of ["The first question", "The second question"]) {
      await ben.ok("send", { to: ["ada"], content, category: "blocker" });
    }
    const { page, seen } = await flock.open();
    const need = (content: string) => page.locator(".need", { hasText: content });
    // The whole page has every text in it: with the focus nowhere, nothing is focused.
    const focused = (): Promise<unknown> =>
      page.evaluate(
        "document.activeElement === document.body ? '' : " +
          "(document.activeElement.closest('.need') ?? document.activeElement).textContent",
      );
    await need("The second question").getByRole("button", { name: "Answer" }).click();
    await page.keyboard.press("Escape");
    assert(String(await focused()).includes("The second question"), "of what was left open");
    for (const [one, next] of [["The first", "The second"], ["The second", "Attention"]] as const) {
      await need(one).getByRole("button", { name: "Answer" }).click();
      await page.keyboard.type("Yes");
      await page.keyboard.press("Control+Enter");
      await need(one).waitFor({ state: "detached" });
      await eventually(async () => String(await focused()).includes(next), {
        what: `${next} is focused`,
      });
    }
    assertEquals(seen.errors, []);
  });
});

async function help(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Keyboard map" }).click();
  await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
}

browserTest("access: keys that are single letters can be switched off, for good", async () => {
  await withFlock(async (flock) => {
    const ada = await flock.enter("ada", "architect");
    await ada.ok("create_task", { title: "Something" });
    const { page, seen } = await flock.open();
    await help(page);
    await page.getByRole("checkbox").uncheck();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.reload();
    await page.waitForSelector("[class='live live']", { state: "attached" });
    await visit(page, "#/tasks");
    await settled(page);
    const camera = (): Promise<string | null> => page.locator(".graph-plane").getAttribute("style");
    await page.locator(".node").waitFor();
    const before = await camera();
    for (const key of ["c", "n", "?", "/", "d", "g", "p", "v", "+"]) await page.keyboard.press(key);
    assertEquals(await page.getByRole("dialog").count(), 0);
    assert(page.url().endsWith("#/tasks"), page.url());
    assertEquals(await camera(), before);
    await help(page);
    await page.getByRole("checkbox").check();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("c");
    await page.getByRole("dialog", { name: "New task" }).waitFor();
    assertEquals(seen.errors, []);
  });
});

browserTest(
  "access: where the browser's storage is blocked the page is there all the same",
  async () => {
    await withFlock(async (flock) => {
      await flock.enter("ada", "architect");
      const { page, seen } = await flock.blank();
      await page.addInitScript(`for (const name of ["localStorage", "sessionStorage"]) {
      Object.defineProperty(window, name, {
        get() { throw new DOMException("blocked", "SecurityError"); },
      });
    }`);
      await page.goto((await flock.link()).link);
      await page.getByText("Nobody needs you right now.").waitFor();
      await page.waitForSelector("[class='live live']", { state: "attached" });
      await page.keyboard.press("d");
      await page.locator("html[data-theme=light]").waitFor({ state: "attached" });
      assertEquals(seen.errors, []);
    });
  },
);
