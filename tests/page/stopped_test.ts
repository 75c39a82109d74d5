// The leader's process is stopped, not dead: it keeps its port and says nothing. The page says so within
// seconds and where to go on; the way it names leads to the next leader; and once the stopped one goes
// on, the page is live again at its old address.

import { assert, assertEquals } from "@std/assert";
import { browserTest } from "./browser.ts";
import { visit, withFlock } from "./flock.ts";

/** From the stop to the words on the screen, in milliseconds; generous for a busy machine. */
const SAYS_MS = 12_000;
/** Take-over from a stopped leader takes up to 15 s. */
const FOLLOWED_MS = 40_000;

browserTest(
  "stopped leader: the page says what is wrong and where to go on, and comes back",
  async () => {
    await withFlock(async (flock) => {
      const ada = await flock.enter("ada", "architect");
      const ben = await flock.enter("ben", "worker");
      const { page, seen } = await flock.open();
      const before = flock.leader();
      assertEquals(before.name, "ada");
      await visit(page, "#/journal");
      ada.signal("SIGSTOP");
      const stoppedMs = performance.now();
      const note = page.locator(".note.bad", { hasText: "The leader does not answer" });
      await note.waitFor({ timeout: SAYS_MS });
      const saidMs = performance.now() - stoppedMs;
      assert(saidMs < SAYS_MS, `it took ${saidMs} ms`);
      const text = await note.textContent() ?? "";
      assert(text.includes("skein dashboard") && text.includes(new URL(page.url()).host), text);

      // What the note names leads to the next leader, at another address.
      const next = await flock.open();
      assert(next.way.url !== before.url, "the stopped leader keeps its port");
      await ben.ok("create_task", { title: "Made while the leader was stopped" });
      await visit(next.page, "#/tasks");
      await next.page.locator(".node", { hasText: "Made while the leader was stopped" }).waitFor();
      assertEquals(flock.leader().name, "ben");

      // It goes on, steps down, and the next leader takes the old address: both pages are there.
      ada.signal("SIGCONT");
      await note.waitFor({ state: "detached", timeout: FOLLOWED_MS });
      await page.waitForSelector("[class='live live']", {
        state: "attached",
        timeout: FOLLOWED_MS,
      });
      await page.getByText("ben leads").first().waitFor({ state: "attached" });
      await page.locator(".journal .act", { hasText: "Made while the leader was stopped" })
        .or(page.locator(".journal .op", { hasText: "create_task" })).first().waitFor();
      await next.page.waitForURL((url) => url.origin === before.url, { timeout: FOLLOWED_MS });
      assertEquals([seen.errors, next.seen.errors], [[], []]);
    });
  },
);
