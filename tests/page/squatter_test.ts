// The leader dies and somebody else's program takes its port. An open page shows nothing of what that
// one answers, says so, and sends it nothing that is good for anything at the next leader.

import { assert, assertEquals } from "@std/assert";
import { squat } from "../http/squatter.ts";
import { eventually } from "../support/eventually.ts";
import { browserTest } from "./browser.ts";
import { visit, withFlock } from "./flock.ts";

browserTest("squatter: the page believes nothing, gives nothing, and comes back", async () => {
  await withFlock(async (flock) => {
    const ada = await flock.enter("ada", "architect");
    await ada.ok("create_task", { title: "Made by the flock" });
    const { page, seen } = await flock.open();
    await visit(page, "#/tasks?view=table");
    await page.getByText("Made by the flock").first().waitFor();
    const { token } = JSON.parse(
      String(await page.evaluate("sessionStorage.getItem('skein-session')")),
    ) as { token: string };
    const before = flock.leader();
    await ada.kill();
    const squatter = await squat(flock.port);
    try {
      const note = page.locator(".note.bad", { hasText: "Something else answers" });
      await note.waitFor();
      const text = await note.textContent() ?? "";
      assert(text.includes("skein dashboard") && text.includes(`127.0.0.1:${flock.port}`), text);
      // An act is not done by it either, and says so.
      await page.keyboard.press("c");
      await page.getByLabel("Title", { exact: true }).fill("Not for strangers");
      await page.keyboard.press("Enter");
      await page.locator("dialog .refusal", { hasText: "Something else answers" }).waitFor();
      await page.keyboard.press("Escape");
      for (const hash of ["#/attention", "#/journal", "#/flock", "#/messages"]) {
        await visit(page, hash);
        assert(!(await page.content()).includes("mallory"), `${hash} shows what it was told`);
      }
      assert(squatter.got.length > 2, "it was asked for nothing");
      const [, , mac = ""] = token.split(".");
      for (const got of squatter.got) {
        const sent = JSON.stringify(got);
        assert(!sent.includes(mac) && !sent.includes("Bearer"), sent);
        assert(!sent.includes("Not for strangers"), sent);
      }
      // Who loads the page anew now gets the squatter's: there is nothing to find for it.
      assertEquals(await page.evaluate("sessionStorage.length"), 0);
    } finally {
      await squatter.stop();
    }
    await flock.enter("ben", "worker");
    await eventually(() => flock.leader().url === before.url, { what: "ben on the same port" });
    await page.waitForSelector("[class='live live']", { state: "attached" });
    for (const { status, got } of await squatter.replay()) {
      assert(status === 401 || got.path === "/healthz", `${status}: ${JSON.stringify(got)}`);
    }
    await visit(page, "#/tasks?view=table");
    await page.getByText("Made by the flock").first().waitFor();
    assertEquals(await page.getByText("Not for strangers").count(), 0);
    assertEquals(await page.evaluate("sessionStorage.length"), 1);
    assertEquals(seen.errors, []);
  });
});

browserTest(
  "squatter: no part of the page comes from it, and each comes from the next leader",
  async () => {
    await withFlock(async (flock) => {
      const ada = await flock.enter("ada", "architect");
      await ada.ok("create_task", { title: "Made by the flock" });
      const { page, seen } = await flock.open();
      await ada.kill();
      const squatter = await squat(flock.port);
      await page.locator(".note.bad", { hasText: "Something else answers" }).waitFor();
      await visit(page, "#/tasks");
      await eventually(() => squatter.got.some(({ path }) => path.startsWith("/others-")));
      // Its script is not run, and not kept for later.
      await eventually(() =>
        squatter.got.filter(({ path }) => path.startsWith("/others-")).length > 2
      );
      assertEquals(
        await page.evaluate("[window.ran, document.body.textContent.includes('mallory')]"),
        [
          undefined,
          false,
        ],
      );
      await squatter.stop();
      await flock.enter("ben", "worker");
      await page.locator(".node", { hasText: "Made by the flock" }).waitFor();
      assertEquals(await page.evaluate("window.ran"), undefined);
      assertEquals(seen.errors, []);
    });
  },
);
