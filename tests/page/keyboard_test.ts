// The page without a mouse: going places, finding, opening, acting, closing; and where the focus is.

import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { browserTest } from "./browser.ts";
import { withFlock } from "./flock.ts";
import { playScene } from "./scene.ts";

function focused(page: Page): Promise<string> {
  return page.evaluate(
    "(document.activeElement?.getAttribute('href') ?? '') + ' ' + document.activeElement?.textContent",
  ) as Promise<string>;
}

const PLACES: readonly (readonly [key: string, title: string])[] = [
  ["p", "Peers"],
  ["t", "Tasks"],
  ["m", "Messages"],
  ["l", "Locks"],
  ["e", "Memory"],
  ["r", "Runs"],
  ["j", "Journal"],
  ["f", "Flock"],
  ["a", "Attention"],
];

browserTest("keyboard: everywhere, the map, search, rows, an act, and the way back", async () => {
  await withFlock(async (flock) => {
    await playScene(flock);
    const { page, seen } = await flock.open();
    for (const [key, title] of PLACES) {
      await page.keyboard.press("g");
      await page.keyboard.press(key);
      await page.getByRole("heading", { name: title, level: 1 }).waitFor();
      assertEquals(await page.evaluate("document.activeElement?.id"), "main", title);
    }
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });

    await page.keyboard.press("/");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type("selection");
    await page.locator("#hits li", { hasText: "message" }).first().waitFor();
    await page.keyboard.press("Enter");
    await page.locator(".bubble", { hasText: "The editor drops the selection" }).waitFor();

    // By id, and what no index has: goals, what peers do, reserved paths.
    for (
      const [typed, kind, at] of [
        ["r1", "run", "#/runs/r1"],
        ["two people", "run", "#/runs/r1"],
        ["tools import", "peer", "#/peers/dan"],
        ["theme.css", "lock", "#/locks?q=src%2Feditor%2Ftheme.css"],
      ] as const
    ) {
      await page.keyboard.press("/");
      await page.getByRole("dialog").waitFor();
      await page.keyboard.type(typed);
      await page.locator("#hits li.on .kind", { hasText: kind }).waitFor();
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert(page.url().endsWith(at), `${typed}: ${page.url()}`);
      assertEquals(await page.getByText("There is no such view").count(), 0, typed);
    }

    await page.keyboard.press("g");
    await page.keyboard.press("t");
    await page.keyboard.press("v");
    await page.keyboard.press("v");
    await page.locator(".task-row").first().waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    assert((await focused(page)).startsWith("#/tasks/"), await focused(page));
    await page.keyboard.press("Enter");
    await page.getByText("What is asked").waitFor();

    await page.keyboard.press("n");
    await page.keyboard.type("ben");
    await page.keyboard.press("Tab");
    await page.keyboard.type("Typed without a mouse");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.locator(".toast", { hasText: "on its way" }).waitFor();
    const { messages } = await flock.peer("ben").ok("check");
    assert(messages.some((one: { content: string }) => one.content === "Typed without a mouse"));
    assertEquals(seen.errors, []);
  });
});

browserTest("keyboard: letters that are typed into a field are only text", async () => {
  await withFlock(async (flock) => {
    await flock.enter("ada", "architect");
    const { page } = await flock.open();
    await page.keyboard.press("g");
    await page.keyboard.press("p");
    await page.locator("#main:focus").waitFor();
    await page.getByPlaceholder("Filter by name").focus();
    await page.keyboard.type("c?gtn/d");
    assertEquals(await page.getByPlaceholder("Filter by name").inputValue(), "c?gtn/d");
    assertEquals(await page.locator("dialog").count(), 0);
    await page.keyboard.press("Escape");
    assertEquals(await page.evaluate("document.activeElement?.id"), "main");
  });
});
