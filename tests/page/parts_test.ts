// The page in parts: what its address loads is small, the other views and the graph's layout come when
// they are first wanted, also while the leader changes.

import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { eventually } from "../support/eventually.ts";
import { browserTest } from "./browser.ts";
import { settled, visit, withFlock } from "./flock.ts";

/** The budget of the first view, uncompressed. */
const FIRST_BYTES = 120_000;

/** The paths of the page's files that were asked for, in the page and in its Worker. */
function asked(page: Page): Set<string> {
  const paths = new Set<string>();
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (!pathname.startsWith("/api/")) paths.add(pathname);
  });
  return paths;
}

const some = (paths: ReadonlySet<string>, name: string): boolean =>
  [...paths].some((path) => path.startsWith(`/${name}-`));

browserTest(
  "parts: the first view takes less than 120 KB, the graph its layout later",
  async () => {
    await withFlock(async (flock) => {
      const ada = await flock.enter("ada", "architect");
      await ada.ok("create_task", { title: "Draw the graph" });
      const { page, seen } = await flock.blank();
      const paths = asked(page);
      const { link, url } = await flock.link();
      await page.goto(link);
      await page.waitForSelector("[class='live live']", { state: "attached" });
      await page.waitForSelector(".facts a");
      await settled(page);
      const first = [...paths];
      let bytes = 0;
      for (const path of first) {
        const answer = await fetch(url + path, { headers: { "accept-encoding": "identity" } });
        assertEquals([answer.status, answer.headers.get("content-encoding")], [200, null], path);
        bytes += (await answer.arrayBuffer()).byteLength;
      }
      assert(["/", "/app.js", "/app.css"].every((path) => paths.has(path)), first.join());
      assert(bytes < FIRST_BYTES, `${bytes} bytes in ${first.join()}`);
      assert(!some(paths, "others") && !some(paths, "layout"), first.join());
      await visit(page, "#/peers");
      await page.getByText("ada").first().waitFor();
      assert(some(paths, "others") && !some(paths, "layout"), [...paths].join());
      await visit(page, "#/tasks");
      await page.locator(".node", { hasText: "Draw the graph" }).waitFor();
      assert(some(paths, "layout"), [...paths].join());
      assertEquals(seen.errors, []);
    });
  },
);

browserTest("parts: a view that cannot be loaded yet comes as soon as it can", async () => {
  await withFlock(async (flock) => {
    const ada = await flock.enter("ada", "architect");
    await ada.ok("create_task", { title: "Draw the graph" });
    const { page, seen } = await flock.open();
    // As between two leaders: nobody is at the port.
    let refused = 0;
    const all = /\/healthz|\.js$|\/api\//;
    await page.context().route(all, async (route) => {
      refused += 1;
      await route.abort();
    });
    await visit(page, "#/tasks");
    await eventually(() => refused > 2, { what: "somebody asks again" });
    await page.context().unroute(all);
    await page.locator(".node", { hasText: "Draw the graph" }).waitFor();
    assertEquals(seen.errors, []);
  });
});

browserTest("parts: what was fetched needs no leader any more to be shown", async () => {
  await withFlock(async (flock) => {
    const ada = await flock.enter("ada", "architect");
    const { page, seen } = await flock.open();
    await page.exposeFunction("leaderDies", () => ada.kill());
    await page.evaluate(`{
      const real = fetch;
      window.fetch = async (...given) => {
        const answer = await real(...given);
        if (!/others-/.test(String(given[0]))) return answer;
        await answer.clone().arrayBuffer();
        await window.leaderDies();
        return answer;
      };
    }`);
    await visit(page, "#/locks");
    await page.getByLabel("Filter by path or holder").waitFor();
    assertEquals(seen.errors, []);
  });
});

browserTest("parts: a view that cannot be had says so, and what to do", async () => {
  await withFlock(async (flock) => {
    await flock.enter("ada", "architect");
    const { page } = await flock.open();
    const where = /\/others-[\w]+\.js/;
    // As a leader of another version answers.
    await page.context().route(where, (route) => route.fulfill({ status: 404 }));
    await visit(page, "#/locks");
    await page.getByText("could not be loaded").waitFor();
    await page.context().unroute(where);
    await page.getByRole("button", { name: "Reload the page" }).click();
    await page.getByText("Nobody has reserved a file").waitFor();
    await eventually(() => page.title().then((title) => title.startsWith("Locks")), {
      what: "the same view, signed in",
    });
  });
});
