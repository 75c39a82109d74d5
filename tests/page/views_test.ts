// Every view with a real flock behind it: what it shows, in both themes and at both widths, without an
// error, without a request that leaves this machine, without a serious finding of axe-core.

import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { eventually } from "../support/eventually.ts";
import { findings } from "./axe.ts";
import { browserTest } from "./browser.ts";
import { type Flock, NARROW, visit, WIDE, withFlock } from "./flock.ts";
import { playHours } from "./hours.ts";
import { type Plan, playScene } from "./scene.ts";

interface Expected {
  readonly name: string;
  readonly hash: string;
  /** Texts that the view has to show. */
  readonly texts: readonly string[];
}

function expected(plan: Plan): readonly Expected[] {
  return [
    {
      name: "attention",
      hash: "#/attention",
      texts: [
        "Blocker",
        "SQLite here was built without FTS5",
        "In review",
        "Proposed",
        "Failed",
        "runs out of memory",
        "Paused",
        "design changes at noon",
        "4 here",
        "Happening now",
      ],
    },
    {
      name: "peers",
      hash: "#/peers",
      texts: ["ada", "architect", "ben", "Serve notes over HTTP", "paused", "main", "/ 400 calls"],
    },
    {
      name: "peer",
      hash: "#/peers/ben",
      texts: [
        "HTTP and everything behind it",
        "list and read work",
        "src/routes/",
        "May a note have",
      ],
    },
    {
      name: "graph",
      hash: "#/tasks",
      texts: [
        "Serve notes over HTTP",
        "In progress",
        "Export as Markdown",
        "Failed",
        "done before it",
      ],
    },
    {
      name: "graph with done work",
      hash: "#/tasks?done=1",
      texts: ["Design the data model", "Write the store", "Fold done work"],
    },
    {
      name: "board",
      hash: "#/tasks?view=board",
      texts: ["Blocked", "Ready", "In review", "Done", "Sign people in", "waiting for an answer"],
    },
    {
      name: "table",
      hash: "#/tasks?view=table",
      texts: ["21 tasks", "Import from other apps", "Cancelled", "Measure the search"],
    },
    {
      name: "task",
      hash: `#/tasks/${plan["api"]}`,
      texts: [
        "A write names the version it builds on",
        "curl can do all of it",
        "tests/api_test.ts",
        "The router takes the longest",
        "Write the store",
        "Share a note by link",
        "May a note have two owners?",
        "claimed",
      ],
    },
    {
      name: "completed task",
      hash: `#/tasks/${plan["store"]}`,
      texts: [
        "What was done",
        "The store is done",
        "deno test: 24 passed",
        "Not tried with more than",
      ],
    },
    {
      name: "messages",
      hash: "#/messages",
      texts: ["The editor drops the selection", "Clear, thank you.", "Blocker", "Finding", "3"],
    },
    { name: "thread", hash: "#/messages/m2", texts: ["May a note have two owners?", "seen"] },
    {
      name: "locks",
      hash: "#/locks",
      texts: ["src/", "editor/", "theme.css", "routes/", "cleo", "shared", "Release"],
    },
    {
      name: "memory",
      hash: "#/memory/storage",
      texts: [
        "version 3",
        "A space is never larger than 2 GB.",
        "v2",
        "ime-composition",
        "low confidence",
      ],
    },
    {
      name: "runs",
      hash: "#/runs",
      texts: ["A notes app that two people can use at once", "active"],
    },
    {
      name: "run",
      hash: "#/runs/r1",
      texts: [
        "The hard part".toLowerCase(),
        "Who did what when",
        "skein run resume r1",
        "merge-algorithm",
      ],
    },
    {
      name: "journal",
      hash: "#/journal",
      texts: ["claimed", "Following", "claim_task", "locked"],
    },
    {
      name: "why",
      hash: `#/journal?why=${plan["api"]}`,
      texts: [`${plan["api"]}, the task`, "ada made it"],
    },
    {
      name: "flock",
      hash: "#/flock",
      texts: ["epoch 1", "p95 ms", "list_messages", "Write-ahead log"],
    },
  ];
}

async function shows(page: Page, { name, texts }: Expected): Promise<void> {
  await eventually(async () => {
    // The text as it is written, also where a style hides a part of it.
    const text = String(await page.evaluate("document.getElementById('main').textContent"));
    const missing = texts.filter((one) => !text.includes(one));
    if (missing.length > 0) {
      throw new Error(`${name} lacks ${missing.join(" | ")}: ${text.slice(0, 900)}`);
    }
    return true;
  }, { what: `the view ${name}` });
}

async function tour(flock: Flock, views: readonly Expected[]): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    for (const viewport of [WIDE, NARROW]) {
      const { page, seen } = await flock.open({ viewport, colorScheme });
      for (const view of views) {
        await visit(page, view.hash);
        await shows(page, view);
        const where = `${view.name}, ${colorScheme}, ${viewport.width}`;
        const wider = await page.evaluate(
          "document.documentElement.scrollWidth - document.documentElement.clientWidth",
        );
        assertEquals(wider, 0, `${where} is wider than the screen`);
        assertEquals(await findings(page), [], where);
      }
      assertEquals(seen.errors, []);
      assertEquals(seen.foreign, []);
      await page.context().close();
    }
  }
}

browserTest(
  "page: every view, both themes, both widths, nothing that axe calls serious",
  async () => {
    await withFlock(async (flock) => {
      const plan = await playScene(flock);
      await tour(flock, expected(plan));
    });
  },
);

browserTest("page: a run that was driven for hours, and one who waits for its human", async () => {
  await withFlock(async (flock) => {
    await flock.enter("ada", "architect");
    await flock.enter("dan", "worker");
    const run = await playHours(flock);
    const input = { hook_event_name: "PermissionRequest", session_id: "page-dan" };
    await flock.peer("dan").client.callTool({
      name: "hook",
      arguments: { ...input, tool_name: "Bash" },
    });
    await tour(flock, [
      {
        name: "a driven run",
        hash: `#/runs/${run}`,
        texts: [
          "merge conflict",
          "not merged yet",
          "limit reached",
          "r2-w1",
          "t1 #1",
          "18 min",
          "no worker is here",
        ],
      },
      { name: "who waits", hash: "#/attention", texts: ["permission to use Bash", "process"] },
      { name: "a peer that waits", hash: "#/peers/dan", texts: ["It waits for permission"] },
    ]);
  });
});

browserTest("page: a graph that is too large is shown from where it begins", async () => {
  await withFlock(async (flock) => {
    const ada = await flock.enter("ada", "architect");
    const { ids } = await ada.ok("create_task", {
      tasks: [
        { key: "root", title: "The root" },
        ...Array.from({ length: 7 }, (_, i) => ({
          key: `k${i}`,
          title: `Branch ${i}`,
          blocked_by: ["root"],
        })),
        ...Array.from({ length: 7 }, (_, i) => ({ title: `Leaf ${i}`, blocked_by: [`k${i}`] })),
      ],
    });
    await ada.ok("claim_task", { id: ids.root });
    await ada.ok("complete_task", { id: ids.root, summary: "done" });
    const { page } = await flock.open({ viewport: NARROW });
    await visit(page, "#/tasks");
    await page.locator(".node", { hasText: "Branch 0" }).waitFor();
    await visit(page, "#/tasks?done=1");
    const root = page.locator(".node", { hasText: "The root" });
    await root.waitFor();
    await eventually(async () => {
      const frame = await page.locator(".graph").boundingBox();
      const at = await root.boundingBox();
      if (frame === null || at === null) return false;
      return at.x >= frame.x && at.x + at.width <= frame.x + frame.width && at.y >= frame.y;
    }, { what: "the root in sight" });
  });
});

browserTest("page: an empty flock says what to do in every view", async () => {
  await withFlock(async (flock) => {
    await flock.enter("ada", "architect");
    const { page, seen } = await flock.open();
    const empties: readonly (readonly [string, string])[] = [
      ["#/attention", "Nobody needs you right now."],
      ["#/tasks", "No tasks yet."],
      ["#/messages", "Nobody has said anything yet."],
      ["#/locks", "Nobody has reserved a file."],
      ["#/memory", "Nothing is remembered yet."],
      ["#/runs", "No runs yet."],
      ["#/nowhere", "There is no such view."],
    ];
    for (const [hash, text] of empties) {
      await visit(page, hash);
      await page.getByText(text).first().waitFor();
    }
    assertEquals(await page.title(), "skein - skein");
    await page.emulateMedia({ colorScheme: "dark" });
    const ground = "getComputedStyle(document.body).backgroundColor";
    const dark = await page.evaluate(ground);
    await page.keyboard.press("d");
    const light = await page.evaluate(ground);
    assert(dark !== light, "the switch changes nothing");
    await page.reload();
    await page.waitForSelector("[class='live live']", { state: "attached" });
    assertEquals(await page.evaluate(ground), light, "the choice is not kept");
    assertEquals(seen.errors, []);
  });
});
