// Many tabs of one browser: it opens six connections to one address, so tabs that nobody sees must not
// keep one each. Whoever looks at a tab finds it live; whoever does not still sees its title count.

import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { Line } from "../../dashboard/data/proof.ts";
import { eventually } from "../support/eventually.ts";
import { browserTest } from "./browser.ts";
import { visit, WIDE, withFlock } from "./flock.ts";

const TABS = 9;

/** A headless browser shows all of its tabs: whether one is seen is said here. */
const HIDEABLE = `
  Object.defineProperty(document, "hidden", { get: () => window.unseen === true });
  window.see = (on) => {
    window.unseen = !on;
    document.dispatchEvent(new Event("visibilitychange"));
  };
`;

async function see(page: Page, on: boolean): Promise<void> {
  await page.evaluate(`window.see(${on})`);
}

browserTest("tabs: nine of one browser, each live when it is looked at", async () => {
  await withFlock(async (flock) => {
    await flock.enter("ada", "architect");
    const ben = await flock.enter("ben", "worker");
    const context = await (await flock.browser()).newContext({ viewport: WIDE });
    await context.addInitScript(HIDEABLE);
    const pages: Page[] = [];
    for (let i = 0; i < TABS; i++) {
      const page = await context.newPage();
      page.setDefaultTimeout(25_000);
      await page.goto((await flock.link()).link);
      await page.waitForSelector("[class='live live']", { state: "attached" });
      await page.getByText("Nobody needs you right now.").waitFor();
      pages.push(page);
      // The last one stays in sight.
      if (i < TABS - 1) await see(page, false);
    }
    const [first] = pages;
    const last = pages.at(-1);
    assert(first !== undefined && last !== undefined);
    const stored = String(await last.evaluate("sessionStorage['skein-session']"));
    const line = new Line(JSON.parse(stored).token, new URL(last.url()).origin);
    const streams = async (): Promise<number> => {
      const text = await (await line.ask("/metrics")).text();
      return Number(/skein_event_streams (\d+)/.exec(text)?.[1]);
    };
    await eventually(async () => await streams() <= 4, {
      withinMs: 20_000,
      what: "tabs that let go of their streams",
    });
    await ben.ok("send", { to: ["ada"], content: "The disk is full", category: "blocker" });
    await last.getByText("The disk is full").first().waitFor();
    // Nobody looks at the first; its title says so all the same, a little later.
    await eventually(async () => (await first.title()).startsWith("(1) "), {
      withinMs: 40_000,
      what: "a title that counts",
    });
    await ben.ok("send", { to: ["ada"], content: "And the fan is loud", category: "blocker" });
    await see(first, true);
    await first.getByText("And the fan is loud").first().waitFor();
    assertEquals(await first.locator(".note.bad").count(), 0);
    await context.close();
  });
});

browserTest("tabs: a link opened in a new one is signed in there, at its place", async () => {
  await withFlock(async (flock) => {
    const ada = await flock.enter("ada", "architect");
    await ada.ok("create_task", { title: "Look at this beside the others" });
    const { page, seen } = await flock.open();
    await visit(page, "#/tasks?view=table");
    const link = page.locator(".task-row", { hasText: "Look at this" });
    for (const how of [{ modifiers: ["Control"] }, { button: "middle" }] as const) {
      const opening = page.context().waitForEvent("page");
      await link.click(how as Parameters<typeof link.click>[0]);
      const tab = await opening;
      await tab.getByRole("heading", { name: "Look at this beside the others" }).waitFor();
      assert(tab.url().endsWith("#/tasks/t1"), tab.url());
      assertEquals(await tab.evaluate("[opener, history.length]"), [null, 1]);
      assert(page.url().endsWith("#/tasks?view=table"), page.url());
      await tab.close();
    }
    assertEquals(page.context().pages().length, 1);
    assertEquals(seen.errors, []);
  });
});

browserTest(
  "tabs: one that is hidden before it is live lets go of its connection, too",
  async () => {
    await withFlock(async (flock) => {
      await flock.enter("ada", "architect");
      const { page: watcher } = await flock.open();
      const stored = String(await watcher.evaluate("sessionStorage['skein-session']"));
      const line = new Line(JSON.parse(stored).token, new URL(watcher.url()).origin);
      const streams = async (): Promise<number> => {
        const text = await (await line.ask("/metrics")).text();
        return Number(/skein_event_streams (\d+)/.exec(text)?.[1]);
      };
      const { page } = await flock.blank();
      await page.addInitScript(`${HIDEABLE} window.unseen = true;`);
      let held = 0;
      await page.route("**/api/events*", async (route) => {
        held += 1;
        // Longer than an unseen tab keeps a stream.
        await new Promise((go) => setTimeout(go, 3_000));
        await route.continue();
      });
      await page.goto((await flock.link()).link);
      await eventually(() => held === 1, { what: "it asks for its stream" });
      await eventually(async () => await streams() === 2, { what: "it is live" });
      await eventually(async () => await streams() === 1, { withinMs: 8_000, what: "it lets go" });
    });
  },
);
