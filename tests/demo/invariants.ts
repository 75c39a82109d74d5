// What has to hold whatever happened, checked by an outsider who reads the store: not by asking
// those who might be wrong.

import { join } from "@std/path";
import { type JournalRow, macOf } from "../../src/store/journal.ts";
import { seat } from "./story.ts";
import type { Stage } from "./stage.ts";

/** A statement that has to be true; `seen` says what was found. */
export interface Invariant {
  readonly key: string;
  readonly name: string;
  readonly holds: boolean;
  readonly seen: string;
}

interface TaskAct {
  readonly subject: string;
  readonly op: string;
}

/** Checks everything. */
export async function invariants(stage: Stage): Promise<Invariant[]> {
  const rows = stage.store.prepare(
    "SELECT seq, at, actor, op, subject, detail, mac FROM journal ORDER BY seq",
  ).all() as unknown as JournalRow[];
  return [
    completedOnce(stage, rows),
    noDoubleClaim(rows),
    everyMessage(stage),
    chain(stage, rows),
    ...await leadership(stage, rows),
    noDeadHolders(stage),
    integrity(stage),
    reallyDead(stage),
  ];
}

function completedOnce(stage: Stage, rows: readonly TaskAct[]): Invariant {
  const done = stage.store.prepare("SELECT id FROM task WHERE status = 'completed'").all();
  const acts = rows.filter((row) => row.op === "complete_task").map((row) => row.subject);
  const different = new Set(acts).size;
  return {
    key: "completed_once",
    name: "eight tasks completed, each exactly once",
    holds: done.length === 8 && acts.length === 8 && different === 8,
    seen: `${done.length} completed, ${acts.length} completions of ${different} tasks`,
  };
}

/** Between two claims of a task it was given back: by its worker or by its worker's death. */
function noDoubleClaim(rows: readonly TaskAct[]): Invariant {
  const held = new Set<string>();
  let claims = 0;
  let double = 0;
  for (const { op, subject } of rows) {
    if (op === "claim_task" || op === "give_back") {
      claims += 1;
      if (held.has(subject)) double += 1;
      held.add(subject);
    } else if (op === "reassign" || op === "complete_task") held.delete(subject);
  }
  return {
    key: "no_double_claim",
    name: "no task claimed by two at once",
    holds: double === 0,
    seen: `${claims} claims, ${double} double`,
  };
}

function everyMessage(stage: Stage): Invariant {
  const count = (where: string): number => {
    const row = stage.store.prepare(`SELECT count(*) AS n FROM delivery WHERE ${where}`).get();
    return Number((row as { n: number }).n);
  };
  const due = stage.store.prepare(
    "SELECT coalesce(sum(json_array_length(recipients)), 0) AS n FROM message",
  ).get() as { n: number };
  const [queued, offered, seen] = [count("state = 0"), count("state = 1"), count("state = 2")];
  return {
    key: "messages_kept",
    name: "every message seen or still queued",
    holds: due.n === queued + offered + seen && seen > 0,
    seen: `${due.n} deliveries: ${seen} seen, ${offered} offered, ${queued} queued`,
  };
}

function chain(stage: Stage, rows: readonly JournalRow[]): Invariant {
  const secret = Deno.readFileSync(join(stage.home, "secret"));
  let previous = "";
  const broken = rows.find((row, i) => {
    const intact = row.seq === i + 1 && row.mac === macOf(secret, previous, row);
    previous = row.mac;
    return !intact;
  });
  return {
    key: "chain_intact",
    name: "journal chain intact",
    holds: broken === undefined && rows.length > 0,
    seen: broken === undefined ? `${rows.length} rows` : `row ${broken.seq} does not fit`,
  };
}

async function leadership(stage: Stage, rows: readonly JournalRow[]): Promise<Invariant[]> {
  const named = await Promise.all(
    stage.living.map(async ({ peer }) => (await peer.ok("status")).leader?.name ?? "nobody"),
  );
  const epochs = rows.filter((row) => row.op === "lead")
    .map((row) => Number((JSON.parse(row.detail) as { epoch: number }).epoch));
  const rising = epochs.every((epoch, i) => i === 0 || epoch > (epochs[i - 1] ?? 0));
  const now = seat(stage);
  const alive = stage.living.some((member) => member.name === now.name);
  return [{
    key: "one_leader",
    name: "one leader, and everybody names the same",
    holds: alive && named.every((name) => name === now.name),
    seen: [...new Set(named)].join(", "),
  }, {
    key: "epoch_rose",
    name: "the epoch rose with every leader",
    holds: epochs.length >= 2 && rising && epochs.at(-1) === now.epoch,
    seen: epochs.join(" -> "),
  }];
}

function noDeadHolders(stage: Stage): Invariant {
  const rows = stage.store.prepare(
    `SELECT 'lock' AS what FROM lock WHERE incarnation NOT IN
       (SELECT incarnation FROM peer WHERE incarnation IS NOT NULL)
     UNION ALL SELECT 'claim' FROM task WHERE claim_incarnation IS NOT NULL
       AND claim_incarnation NOT IN (SELECT incarnation FROM peer WHERE incarnation IS NOT NULL)`,
  ).all();
  return {
    key: "dead_hold_nothing",
    name: "the dead hold nothing",
    holds: rows.length === 0,
    seen: `${rows.length} locks and claims of the dead`,
  };
}

function integrity(stage: Stage): Invariant {
  const row = stage.store.prepare("PRAGMA integrity_check").get() as { integrity_check: string };
  return {
    key: "store_sound",
    name: "SQLite finds the store sound",
    holds: row.integrity_check === "ok",
    seen: row.integrity_check,
  };
}

function reallyDead(stage: Stage): Invariant {
  const living = stage.living.map((member) => member.peer.pid);
  const pids = stage.killed.map((one) => one.pid);
  return {
    key: "killed_for_good",
    name: "two processes were killed, and two others came back",
    holds: pids.length === 2 && !pids.some((pid) => living.includes(pid)) && living.length === 4,
    seen: `killed ${pids.join(", ")}`,
  };
}
