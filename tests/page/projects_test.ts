// Two projects in one home: what happens in the other one does not stand in the first view of this one,
// unless somebody asks for it.

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { Page } from "playwright-core";
import { eventually } from "../support/eventually.ts";
import { startPeer } from "../support/peer.ts";
import { browserTest } from "./browser.ts";
import { type Flock, visit, withFlock } from "./flock.ts";

/** A peer of another project, in the same home; it leads nothing. */
async function neighbour(flock: Flock): Promise<Awaited<ReturnType<Flock["enter"]>>> {
  const folder = join(flock.home, "..", "website");
  Deno.mkdirSync(folder);
  const peer = await startPeer({
    home: flock.home,
    folder: Deno.realPathSync(folder),
    name: "nora",
    role: "architect",
    session: "page-nora",
    env: { SKEIN_PORT: String(flock.port), SKEIN_RATE: "600" },
  });
  flock.peers.set("nora", peer);
  await peer.ok("join");
  return peer;
}

async function feed(page: Page): Promise<string[]> {
  return await page.locator(".feed li .act").allTextContents();
}

browserTest("happening now: of the project that is looked at; all on request", async () => {
  await withFlock(async (flock) => {
    const ada = await flock.enter("ada", "architect");
    const nora = await neighbour(flock);
    await ada.ok("create_task", { title: "Ours from before" });
    await nora.ok("create_task", { title: "Theirs from before" });
    const { page, seen } = await flock.open();
    await visit(page, "#/attention");
    await page.locator(".feed", { hasText: "ada created" }).waitFor();

    // So many that they would push everything else out.
    const tasks = Array.from({ length: 450 }, (_, i) => ({ key: `k${i}`, title: `Theirs ${i}` }));
    await nora.ok("create_task", { tasks });
    await ada.ok("create_task", { title: "Ours, just now" });
    await page.locator(".feed", { hasText: "Ours, just now" }).waitFor();
    const here = await feed(page);
    assert(here.some((text) => text.includes("Ours from before")), here.join("\n"));
    assert(here.every((text) => !text.startsWith("nora")), here.join("\n"));

    await page.getByLabel("Acts of").selectOption("All projects");
    await page.locator(".feed li", { hasText: "nora created" }).first()
      .getByText("in website").waitFor();
    await nora.ok("set_memory", { key: "theirs", value: "x" });
    await page.locator(".feed", { hasText: "nora remembered theirs" }).waitFor();

    // The journal goes on where the feed left off.
    await page.getByRole("link", { name: "Journal", exact: true }).last().click();
    await page.getByText("Every act in all projects").waitFor();
    await page.locator(".journal .act", { hasText: "nora remembered theirs" }).waitFor();
    await page.getByLabel("Acts of").selectOption("This project");
    await eventually(async () => {
      const acts = await page.locator(".journal .act").allTextContents();
      return acts.some((text) => text.includes("Ours from before")) &&
        acts.every((text) => !text.startsWith("nora"));
    }, { what: "a journal of this project" });

    // From the other project it is the other way round.
    await page.getByLabel("Project").selectOption({ label: "website" });
    await page.locator(".feed", { hasText: "nora remembered theirs" }).waitFor();
    await page.getByLabel("Acts of").selectOption("This project");
    await eventually(
      async () => (await feed(page)).every((text) => !text.startsWith("ada created")),
      { what: "a feed of the other project" },
    );
    assertEquals(seen.errors, []);
  });
});
