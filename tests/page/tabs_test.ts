// Many tabs of one browser: it opens six connections to one address, so tabs that nobody sees must not
// keep one each. Whoever looks at a tab finds it live; whoever does not still sees its title count.

import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { Line } from "../../dashboard/data/proof.ts";
import { eventually } from "../support/eventually.ts";
import { browserTest } from "./browser.ts";
import { WIDE, withFlock } from "./flock.ts";

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
