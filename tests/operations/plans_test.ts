// What calls cost does not grow with what was: every statement that a mixed workload runs is asked for
// its plan, and none goes through a table that only grows, but for those named here with their reason.

import { DatabaseSync } from "node:sqlite";
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { type Flock, flockTest, type Json, type Member } from "./flock.ts";

/** Tables that grow as long as a home is used. */
const GROWING = new Set([
  "journal",
  "message",
  "delivery",
  "task",
  "task_count",
  "note",
  "dependency",
  "attempt",
  "memory",
  "conversation",
  "search_doc",
  "idempotency",
]);

/** Statements that go through one all the same, by how they begin, and why they may. */
const ALLOWED: readonly (readonly [RegExp, string])[] = [
  [
    /^SELECT seq\b.* FROM journal ORDER BY seq(?: DESC)? LIMIT 1$/,
    "one end of it",
  ],
  [/^SELECT n FROM task ORDER BY n DESC LIMIT 1$/, "one end of it"],
  [/SELECT seq FROM journal ORDER BY seq(?: DESC)? LIMIT 1\)/, "one end of it"],
  [/^SELECT \(SELECT id FROM (\w+) WHERE id > \? ORDER BY id LIMIT 1\) AS first/, "the next row"],
  [/^SELECT id, at FROM conversation ORDER BY id LIMIT/, "a chunk of the oldest"],
  [/FROM journal WHERE seq > \? ORDER BY seq LIMIT \?$/, "a page of all rows"],
  [/FROM message m WHERE m.id < \? ORDER BY m.id DESC LIMIT 256$/, "a page of all rows"],
  [/FROM journal j JOIN task t .* WHERE j.seq > \?/, "what was done since a time, found before"],
  [/FROM note o JOIN task t ON t.id = o.task/, "an export reads all of it, page by page"],
];

/** Every statement that is prepared from here on. */
function listen(): Set<string> {
  const heard = new Set<string>();
  const prepare = DatabaseSync.prototype.prepare;
  DatabaseSync.prototype.prepare = function (this: DatabaseSync, sql: string) {
    heard.add(sql);
    return prepare.call(this, sql);
  };
  return heard;
}

/** What of a plan goes through a growing table row by row, and by what index if any. */
function scansOf(db: DatabaseSync, sql: string): string[] {
  const names = new Map<string, string>();
  for (
    const [, table = "", alias = table] of sql.matchAll(
      /\b(?:FROM|JOIN)\s+(\w+)(?:\s+(?:AS\s+)?(?!ON\b|WHERE\b|INDEXED\b|ORDER\b|GROUP\b|JOIN\b|CROSS\b|LEFT\b|LIMIT\b|SET\b|UNION\b)(\w+))?/gi,
    )
  ) {
    names.set(alias, table);
    names.set(table, table);
  }
  const rows = db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as unknown as { detail: string }[];
  return rows.map(({ detail }) => detail).filter((detail) => {
    // From a row of a table on to its end is a way through it, too; from one to another is none.
    const name = /^(?:SCAN (\w+)|SEARCH (\w+) USING INTEGER PRIMARY KEY \(rowid[<>]\?\))/.exec(
      detail,
    )
      ?.slice(1).find((one) => one !== undefined);
    return name !== undefined && GROWING.has(names.get(name) ?? name);
  });
}

/** A bit of everything that agents, hooks, pages and duties do. */
async function workload(flock: Flock): Promise<void> {
  const crew = await flock.crew();
  const { run, task, said } = await work(crew);
  await look(crew, run, task, said);
  await crew.bob.leave();
  await crew.lead.call("run", { action: "end" });
}

type Crew = Readonly<Record<"lead" | "anna" | "bob", Member>>;

async function work({ lead, anna, bob }: Crew): Promise<Record<"run" | "task" | "said", string>> {
  await lead.call("run", { action: "start", goal: "a goal", plan: "a plan" });
  const { run: started }: Json = await lead.call("run", { action: "status" });
  const run = started.id;
  for (const member of [anna, bob]) await member.call("join", { run });
  const { ids } = await lead.call("create_task", {
    tasks: [
      { key: "a", title: "a" },
      { key: "b", title: "b", blocked_by: ["a"] },
      { key: "c", title: "c", assign_to: "bob" },
      { key: "d", title: "d" },
      { key: "e", title: "e" },
    ],
  });
  await anna.call("claim_task");
  await anna.call("update_task", { id: ids.a, note: "half", progress: "half" });
  await anna.call("complete_task", { id: ids.a, summary: "done", files: ["a.ts"] });
  await bob.call("claim_task", { id: ids.c });
  await bob.call("update_task", { id: ids.c, action: "request_review" });
  await lead.call("review_task", { id: ids.c, verdict: "approve" });
  await bob.call("claim_task", { id: ids.d });
  await bob.call("update_task", { id: ids.d, action: "fail" });
  await lead.call("update_task", { id: ids.e, action: "cancel" });
  await bob.call("claim_task", { id: ids.b });
  await bob.call("claim_task");
  await bob.call("update_task", { id: ids.b, action: "release" });
  const { id: said } = await anna.call("send", { to: "*", content: "hello", task: ids.b });
  await anna.call("send", { to: "lead", content: "help", category: "blocker" });
  await bob.call("check", { limit: 5 });
  await bob.call("send", { to: "anna", content: "yes", reply_to: said });
  await anna.call("set_memory", { key: "k", value: "v" }, { key: "once" });
  await lead.call("set_memory", { key: "l", value: "w", type: "decision", supersedes: "k" });
  await anna.call("log_conversation", { turn: "user", content: "hi" });
  await anna.call("lock_file", { paths: ["x.ts"] });
  await bob.refused("LOCK_HELD", "lock_file", { paths: ["x.ts"] });
  await bob.call("guard_edit", { paths: ["y.ts"] });
  await bob.call("end_turn");
  await anna.call("unlock_file");
  await bob.call("report_usage", { turns: 1 });
  await lead.call("control", { action: "ping", peer: "bob" });
  await lead.call("take_findings", { discoveries: [{ value: "it rains" }] });
  return { run, task: ids.b, said };
}

async function look(
  { lead, anna, bob }: Crew,
  run: string,
  task: string,
  said: string,
): Promise<void> {
  for (const part of ["overview", "runs", "open", "closed", "notes", "discoveries", "memory"]) {
    await lead.call("export_project", { part });
  }
  for (const part of ["messages", "conversation", "peers", "locks", "acts"]) {
    for (const member of [lead, anna]) await member.call("export_project", { part });
  }
  for (const filter of [{}, { status: "open" }, { ready: true }, { mine: true }, { run }]) {
    await bob.call("list_tasks", filter);
  }
  await bob.call("list_tasks", { status: "completed", limit: 1, cursor: "1.1" });
  for (const filter of [{}, { task }, { thread: said }, { query: "hello" }]) {
    await lead.call("list_messages", filter);
  }
  for (const filter of [{}, { key: "k" }, { key: "k", history: true }, { type: "decision" }]) {
    await bob.call("get_memory", filter);
  }
  await bob.call("get_memory", { query: "v" });
  await bob.call("search", { query: "hello" });
  await lead.call("search", { query: "hello" });
  await bob.call("get_task", { id: task });
  await bob.call("get_conversation");
  await bob.call("list_locks");
  for (const scope of ["folder", "project", "machine"]) await bob.call("list_peers", { scope });
  for (const member of [lead, bob]) {
    await member.call("status");
    await member.call("run", { action: "status" });
    await member.call("run", { action: "list" });
    await member.call("why", { what: task });
  }
  await lead.call("timeline", { run });
  await lead.call("timeline", { minutes: 5 });
  await lead.call("timeline", { run, minutes: 5 });
  await lead.call("task_graph", { run });
  await lead.call("task_graph");
  await lead.call("flock_state");
  await bob.call("list_attempts");
}

flockTest("statements: none goes through what only grows", async (flock) => {
  const heard = listen();
  await workload(flock);
  const db = new DatabaseSync(join(flock.home, "skein.db"), { readOnly: true });
  const found: string[] = [];
  let asked = 0;
  for (const sql of [...heard]) {
    if (!/^\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b/i.test(sql) || /sqlite_master/.test(sql)) {
      continue;
    }
    asked += 1;
    const scans = scansOf(db, sql);
    const flat = sql.replaceAll(/\s+/g, " ").trim();
    if (scans.length === 0 || ALLOWED.some(([pattern]) => pattern.test(flat))) continue;
    found.push(`${scans.join("; ")}: ${flat}`);
  }
  db.close();
  assert(asked > 150, `${asked} statements`);
  assertEquals(found, []);
});
