// A flock in the middle of its work, with something of everything that the page shows: made by the
// peers themselves through MCP, as their agents would.

import { join } from "@std/path";
import { write } from "../support/git.ts";
import type { Peer } from "../support/peer.ts";
import type { Flock } from "./flock.ts";

/** Ids of tasks by their key in the plan. */
export type Plan = Readonly<Record<string, string>>;

const TASKS = [
  ["model", "Design the data model", []],
  ["schema", "Write the schema and its migrations", ["model"]],
  ["store", "Write the store", ["schema"]],
  ["api", "Serve notes over HTTP", ["store"]],
  ["auth", "Sign people in", ["schema"]],
  ["session", "Keep sessions over restarts", ["auth"]],
  ["editor", "Build the editor", ["model"]],
  ["sync", "Merge edits of two people", ["editor", "api"]],
  ["offline", "Work without a network", ["sync"]],
  ["search", "Search in all notes", ["store"]],
  ["share", "Share a note by link", ["api", "session"]],
  ["export", "Export as Markdown", ["api"]],
  ["import", "Import from other apps", ["api"]],
  ["theme", "Dark and light", ["editor"]],
  ["a11y", "Pass the accessibility audit", ["theme"]],
  ["load", "Hold 1,000 people at once", ["sync", "search"]],
  ["backup", "Back up every night", ["store"]],
  ["docs", "Write the manual", ["share", "export"]],
  ["beta", "Invite the first twenty", ["a11y", "load", "docs", "backup"]],
  ["release", "Release it", ["beta"]],
] as const;

const PRIORITIES: Readonly<Record<string, number>> = { sync: 1, api: 3, export: 8, import: 8 };

/** Plays it; takes some seconds. */
export async function playScene(flock: Flock): Promise<Plan> {
  const ada = await flock.enter(
    "ada",
    "architect",
    "Plans the notes app and reviews what comes in",
  );
  const [ben, cleo, dan] = await Promise.all([
    flock.enter("ben", "worker", "HTTP and everything behind it"),
    flock.enter("cleo", "worker", "The editor and how it looks"),
    flock.enter("dan", "worker", "Tests, tools, import and export"),
  ]);
  const plan = await makePlan(ada);
  await remember(ada, cleo);
  await finish(ben, plan, ["model", "schema", "store"]);
  await finish(cleo, plan, ["editor"]);
  await underWay(flock, plan, { ada, ben, cleo, dan });
  await talk({ ada, ben, cleo, dan }, plan);
  await reserve({ ben, cleo, dan }, plan);
  await trouble(flock, plan, { ada, ben, cleo, dan });
  return plan;
}

async function makePlan(ada: Peer): Promise<Plan> {
  await ada.ok("run", {
    action: "start",
    goal: "A notes app that two people can use at once",
    plan: "1. The model and the store.\n2. HTTP and the editor beside each other.\n" +
      "3. Merging: the hard part, so it begins as soon as both ends are there.\n" +
      "4. Everything around it.\n\nNobody edits src/schema.sql without a decision.",
  });
  const { ids } = await ada.ok("create_task", {
    tasks: TASKS.map(([key, title, blocked_by]) => ({
      key,
      title,
      blocked_by: [...blocked_by],
      priority: PRIORITIES[key] ?? 5,
      ...(key === "api"
        ? {
          description: "Notes as JSON under /notes. List, read, write, delete.\n\n" +
            "A write names the version it builds on; a stale one is refused with both versions.",
          accept: "curl can do all of it; 40 tests; p99 under 5 ms with 10,000 notes",
          files: ["src/api.ts", "tests/api_test.ts"],
        }
        : {}),
    })),
  });
  return ids as Plan;
}

async function finish(peer: Peer, plan: Plan, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    await peer.ok("claim_task", { id: plan[key] });
    await peer.ok("complete_task", {
      id: plan[key],
      summary: `The ${key} is done; the edge cases are in the tests.`,
      files: [`src/${key}.ts`, `tests/${key}_test.ts`],
      tests: "deno test: 24 passed",
      risks: key === "store" ? "Not tried with more than 100,000 notes." : undefined,
    });
  }
}

interface Cast {
  readonly ada: Peer;
  readonly ben: Peer;
  readonly cleo: Peer;
  readonly dan: Peer;
}

async function underWay(flock: Flock, plan: Plan, { ben, cleo, dan }: Cast): Promise<void> {
  await ben.ok("claim_task", { id: plan["api"] });
  await ben.ok("update_task", { id: plan["api"], progress: "list and read work; writing next" });
  await ben.ok("update_task", {
    id: plan["api"],
    note: "The router takes the longest: 0.4 ms. Fine for now.",
  });
  await cleo.ok("claim_task", { id: plan["theme"] });
  await cleo.ok("update_task", { id: plan["theme"], progress: "dark is done" });
  await dan.ok("claim_task", { id: plan["backup"] });
  await dan.ok("update_task", {
    id: plan["backup"],
    action: "request_review",
    note: "Nightly copies with a check that they can be read back.",
  });
  await dan.ok("claim_task", { id: plan["search"] });
  await dan.ok("create_task", { title: "Measure the search with 100,000 notes" });
  for (const file of ["src/api.ts", "src/routes/notes.ts"]) {
    write(join(flock.repository, file), `// work in progress ${file}\n`);
  }
}

async function talk({ ada, ben, cleo, dan }: Cast, plan: Plan): Promise<void> {
  const question = await ben.ok("send", {
    to: ["ada"],
    category: "question",
    content: "May a note have two owners? The schema allows it, the API does not say.",
    task: plan["api"],
  });
  await ada.ok("check");
  const answer = await ada.ok("send", {
    to: ["ben"],
    content: "Yes. Both may delete it; the last owner's deletion counts.",
    reply_to: question.id,
  });
  await ben.ok("check");
  await ben.ok("send", { to: ["ada"], content: "Clear, thank you.", reply_to: answer.id });
  await cleo.ok("send", {
    to: ["*"],
    category: "finding",
    content: "The editor drops the selection when a remote edit comes in above the cursor. " +
      "Positions have to be mapped through the change; I have a test for it.",
  });
  await dan.ok("check");
  await dan.ok("send", {
    to: ["ada"],
    category: "blocker",
    content: "I cannot go on with the search: SQLite here was built without FTS5. " +
      "Shall I bring our own build, or search with LIKE for now?",
    task: plan["search"],
  });
}

async function remember(ada: Peer, cleo: Peer): Promise<void> {
  const decide = (key: string, value: string, more = {}): Promise<unknown> =>
    ada.ok("set_memory", { key, value, type: "decision", ...more });
  await decide("storage", "Notes live in one SQLite file.\nNo server beside it.");
  await decide(
    "storage",
    "Notes live in one SQLite file.\nWAL, synchronous NORMAL.\nNo server beside it.",
  );
  await decide(
    "storage",
    "Notes live in one SQLite file per space.\nWAL, synchronous NORMAL.\nNo server beside it.\n" +
      "A space is never larger than 2 GB.",
  );
  await decide("no-frameworks", "The editor is written without a framework.", {
    type: "constraint",
  });
  await decide("merge-algorithm", "Three-way merge of paragraphs; no CRDT.", {
    confidence: "medium",
  });
  await cleo.ok("set_memory", {
    key: "ime-composition",
    value: "Chrome sends no beforeinput during composition on Android.",
    type: "discovery",
    confidence: "low",
  });
  await cleo.ok("set_memory", {
    key: "editor-bundle",
    value: "dist/editor.js, 41 KB, no dependencies",
    type: "artifact",
  });
}

async function reserve(
  { ben, cleo, dan }: Pick<Cast, "ben" | "cleo" | "dan">,
  plan: Plan,
): Promise<void> {
  await ben.ok("lock_file", {
    paths: ["src/api.ts", "src/routes/", "tests/api_test.ts"],
    task: plan["api"],
  });
  await cleo.ok("lock_file", { paths: ["src/editor/theme.css", "src/editor/selection.ts"] });
  await cleo.ok("lock_file", { paths: ["docs/model.md"], mode: "shared" });
  await dan.ok("lock_file", { paths: ["docs/model.md"], mode: "shared" });
}

/** What needs somebody. */
async function trouble(flock: Flock, plan: Plan, { ada, dan }: Cast): Promise<void> {
  await ada.ok("control", { action: "budget", peer: "ben", value: "tool_calls=400,cost_usd=5" });
  await ada.ok("control", { action: "pause", peer: "cleo", value: "the design changes at noon" });
  await ada.ok("update_task", { id: plan["import"], action: "cancel" });
  // Failing for good takes three attempts with minutes between them.
  flock.sql((db) =>
    db.prepare(
      `UPDATE task SET status = 'failed', attempts = 3, failure = ? WHERE id = ?`,
    ).run(
      "dan, attempt 3 of 3: the exporter runs out of memory with 5,000 notes",
      plan["export"] ?? "",
    )
  );
  await dan.ok("update_task", { id: plan["search"], progress: "waiting for an answer" });
}
