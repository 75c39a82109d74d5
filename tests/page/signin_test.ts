// Who may see the page: nobody without a link, nobody twice with the same one.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { OPERATOR, pageMark } from "../../src/peer/session.ts";
import { issueToken } from "../../src/peer/token.ts";
import { eventually } from "../support/eventually.ts";
import { browserTest } from "./browser.ts";
import { visit, withFlock } from "./flock.ts";

browserTest(
  "sign-in: without a token the page is an empty shell that says how to get in",
  async () => {
    await withFlock(async (flock) => {
      const ada = await flock.enter("ada", "architect");
      await ada.ok("create_task", { title: "A secret task" });
      const { url } = await flock.link();
      const { page, seen } = await flock.blank();
      await page.goto(url);
      await page.getByText("skein dashboard").first().waitFor();
      const html = await page.content();
      for (const word of ["secret", "ada", flock.repository]) assert(!html.includes(word), word);
      assertEquals(await page.getByRole("navigation").count(), 0);
      assertEquals(seen.errors, []);
      assertEquals(seen.foreign, []);
    });
  },
);

browserTest(
  "sign-in: a link works once, leaves no trace in the address, and its session ends with its tab",
  async () => {
    await withFlock(async (flock) => {
      await flock.enter("ada", "architect");
      const { page, way } = await flock.open();
      assert(!page.url().includes("code"), page.url());
      assert(
        !String(await page.evaluate("document.cookie + JSON.stringify(localStorage)")).includes(
          "ey",
        ),
      );
      await page.reload();
      await page.waitForSelector("[class='live live']", { state: "attached" });
      const { page: second } = await flock.blank();
      await second.goto(way.link);
      await second.locator("[role=alert]").waitFor();
      const told = await second.locator("[role=alert]").textContent();
      assert(/used|link/i.test(told ?? ""), told ?? "");
      assertEquals(await second.evaluate("sessionStorage.length"), 0);
    });
  },
);

browserTest(
  "sign-in: a token that counts no more leads back to the shell, which says why",
  async () => {
    await withFlock(async (flock) => {
      await flock.enter("ada", "architect");
      const { page } = await flock.open();
      const nowS = Math.floor(Deno.osUptime());
      const token = issueToken(Deno.readFileSync(join(flock.home, "secret")), {
        peer: OPERATOR,
        role: "operator",
        project: flock.repository,
        incarnation: pageMark("expired"),
        issuedS: nowS - 60,
        expiresS: nowS - 1,
      });
      await page.evaluate(`{
      const stored = JSON.parse(sessionStorage.getItem("skein-session"));
      sessionStorage.setItem("skein-session", JSON.stringify({ ...stored, token: "${token}" }));
    }`);
      await page.reload();
      await page.locator(".signin [role=alert]").waitFor();
      assertEquals(await page.evaluate("sessionStorage.getItem('skein-session')"), null);
    });
  },
);

browserTest("sign-in: a link that does not work leaves who is signed in as they are", async () => {
  await withFlock(async (flock) => {
    await flock.enter("ada", "architect");
    const { page, way, seen } = await flock.open();
    await visit(page, "#/peers");
    for (const code of ["anything", way.link.split("#code=")[1] ?? ""]) {
      await page.evaluate(`location.hash = "code=${code}"`);
      await page.locator(".toast", { hasText: "You stay signed in" }).waitFor();
      await page.locator(".toast button").click();
      await page.locator("[class='live live']").waitFor();
      assert(!page.url().includes("code"), page.url());
      assertEquals(await page.locator("#main .view h1").count(), 1);
    }
    // One that does is taken without a new load of the page, which somebody else might answer.
    const before = await page.evaluate("window.stays = true, sessionStorage['skein-session']");
    await page.evaluate(
      `location.hash = ${JSON.stringify(new URL((await flock.link()).link).hash)}`,
    );
    await eventually(async () => await page.evaluate("sessionStorage['skein-session']") !== before);
    await page.locator("[class='live live']").waitFor();
    assertEquals(await page.evaluate("window.stays"), true);
    assertEquals(seen.errors, []);
  });
});

browserTest(
  "sign-in: what is refused is shown with what to do, and nothing is lost of what was typed",
  async () => {
    await withFlock(async (flock) => {
      await flock.enter("ada", "architect");
      const { page, seen } = await flock.open();
      await visit(page, "#/tasks");
      await page.keyboard.press("c");
      await page.getByLabel("Title").fill("Waits for what is not there");
      await page.getByRole("textbox", { name: "Waits for" }).fill("t99");
      await page.getByRole("button", { name: "Create task" }).click();
      const refusal = page.locator("dialog .refusal");
      await refusal.waitFor();
      assert((await refusal.textContent())?.includes("t99"));
      assert((await refusal.locator("p").textContent())?.length ?? 0 > 0, "no hint");
      assertEquals(await page.getByLabel("Title").inputValue(), "Waits for what is not there");
      await page.getByRole("textbox", { name: "Waits for" }).fill("");
      await page.getByRole("button", { name: "Create task" }).click();
      await page.getByRole("heading", { name: "Waits for what is not there" }).waitFor();
      assertEquals(seen.errors, []);
    });
  },
);
