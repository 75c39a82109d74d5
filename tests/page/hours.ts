// A run that worker processes have driven for two hours, put into the store as rows: what of it nobody
// can wait for. Its conduct and its tasks are made by a peer.

import type { Flock } from "./flock.ts";

const MINUTE_MS = 60_000;

/** Task, worker, minutes after the beginning, minutes it took (null: it goes on), state, why. */
const ATTEMPTS = [
  ["plan", "r2-w1", 0, 6, "done", null, "plan"],
  ["parser", "r2-w1", 7, 28, "done", null, "work"],
  [
    "printer",
    "r2-w2",
    8,
    3,
    "failed",
    "the check (npm ci && npm test) left with code 1: 3 of 41 tests failed",
    "work",
  ],
  ["printer", "r2-w2", 14, 22, "conflict", "src/print.ts was changed by t22 too", "work"],
  ["cli", "r2-w3", 36, 0.4, "limited", "You've hit your session limit", "work"],
  ["cli", "r2-w3", 52, 31, "review", null, "work"],
  ["printer", "r2-w2", 40, 18, "done", null, "resolve"],
  ["docs", "r2-w1", 60, 12, "stopped", "operator: the wrong language", "work"],
  ["docs", "r2-w1", 84, 9, "lost", "its process ended without a word", "work"],
  ["cli", "r2-w3", 86, 9, "waiting", "the run branch is checked out in /look", "work"],
  ["docs", "r2-w3", 97, null, "running", null, "work"],
] as const;

/** Plays it; returns the run's id. */
export async function playHours(flock: Flock): Promise<string> {
  const ada = flock.peer("ada");
  const { run } = await ada.ok("run", { action: "start", goal: "A formatter for our templates" });
  const id = run.id as string;
  await ada.ok("conduct_run", {
    id,
    repo: flock.repository,
    workers: 3,
    models: ["opus", "sonnet"],
    target: "main",
    check: "npm ci && npm test",
  });
  const { ids } = await ada.ok("create_task", {
    run: id,
    tasks: [
      { key: "plan", title: "Plan: a formatter for our templates" },
      { key: "parser", title: "Parse what we have" },
      { key: "printer", title: "Print it back, the same" },
      { key: "cli", title: "A command for it", blocked_by: ["printer"] },
      { key: "docs", title: "Write the manual page", blocked_by: ["cli"] },
    ],
  });
  const beginMs = Date.now() - 110 * MINUTE_MS;
  flock.sql((db) => {
    const insert = db.prepare(
      `INSERT INTO attempt (run, task, number, kind, worker, peer, incarnation, claim_epoch, model,
         state, started_at, started_ms, ended_at, ended_ms, turns, tokens, cost_usd, report, reason)
       VALUES (?, ?, ?, ?, ?, 'p', 'gone', 1, 'opus', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    const tries = new Map<string, number>();
    for (const [key, worker, from, took, state, reason, kind] of ATTEMPTS) {
      const task = String(ids[key]);
      const number = (tries.get(task) ?? 0) + 1;
      tries.set(task, number);
      const startMs = beginMs + from * MINUTE_MS;
      const endMs = took === null ? null : startMs + took * MINUTE_MS;
      const report = state === "done"
        ? JSON.stringify({
          summary: "Done; the edge cases are in the tests.",
          files: [],
          tests: "",
          risks: "",
        })
        : null;
      insert.run(
        id,
        task,
        number,
        kind,
        worker,
        state,
        new Date(startMs).toISOString(),
        startMs,
        endMs === null ? null : new Date(endMs).toISOString(),
        endMs,
        12 + number,
        140_000 * (took ?? 13),
        0.4 * (took ?? 13),
        report,
        reason,
      );
    }
    // It goes on in a process that is there.
    db.prepare(
      `UPDATE attempt SET incarnation = (SELECT incarnation FROM peer WHERE name = 'dan')
       WHERE state = 'running'`,
    ).run();
  });
  return id;
}
