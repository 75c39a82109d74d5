// What needs somebody: unanswered escalations, reviews, proposals, failed tasks, work that cannot be merged,
// stalled peers, sessions that wait for their human, files that two peers change at once. Computed from the tables, so it cannot go stale.

import { head } from "../core/text.ts";
import type { Tx } from "../core/transaction.ts";
import { UNCHECKED } from "../fleet/rules.ts";
import { waitingOf } from "../fleet/waiting.ts";
import { messageId } from "../message/rules.ts";
import { newestEscalations } from "../message/table.ts";
import { budgetSpent, dirtyOverlap } from "../peer/rules.ts";
import { usageOf } from "../peer/standing.ts";
import { waitsOf } from "../peer/waits.ts";
import type { GitState } from "../core/git.ts";
import type { PeerRow } from "../peer/table.ts";
import { livePeers } from "../peer/table.ts";
import { rowsOf } from "../store/journal.ts";
import { listTasks } from "../task/list.ts";
import { COLUMNS, type TaskRow } from "../task/table.ts";
import { nameOf } from "../task/view.ts";

/** One thing that needs somebody. */
export interface Attention {
  readonly kind:
    | "blocker"
    | "error"
    | "review_request"
    | "review"
    | "proposed"
    | "plan"
    | "failed"
    | "stalled"
    | "conflict"
    | "stuck"
    | "unmerged"
    | "paused"
    | "budget"
    | "permission"
    | "older_copy";
  readonly subject: string;
  readonly text: string;
  readonly since: string;
  /** Whom it is about or whom to ask. */
  readonly peers?: readonly string[];
  readonly task?: string;
  /** What the task waits for in vain. */
  readonly on?: string;
  /** How many tasks it stands for. */
  readonly count?: number;
}

const MOST = 20;
const EXCERPT_CHARS = 200;

/**
 * Escalations first, blockers before all, then tasks, then peers.
 * @param peers the live ones of the project, for who has read them already
 */
export async function attention(
  tx: Tx,
  project: string,
  at: string,
  reader: { readonly id: string; readonly readsAll: boolean },
  peers?: readonly PeerRow[],
): Promise<Attention[]> {
  const found: Attention[] = [];
  for (const kind of ["blocker", "review_request", "error"] as const) {
    const { rows, total } = await newestEscalations(tx, project, kind, MOST);
    const hidden = total - rows.length;
    for (const [i, row] of rows.entries()) {
      const own = reader.readsAll || row.sender === reader.id ||
        (JSON.parse(row.recipients) as string[]).includes(reader.id);
      // Everybody may know that somebody is stuck; the words are for those they were sent to.
      const said = own
        ? `${row.sender_name}: ${head(row.content, EXCERPT_CHARS)}`
        : row.sender_name;
      const last = hidden > 0 && i === rows.length - 1;
      const close = row.sender === reader.id ? ' (reply "resolved" to close it)' : "";
      const text = `${said}${close}${last ? ` (and ${hidden} more of this kind)` : ""}`;
      const about = row.task === null ? {} : { task: row.task };
      const peers = [row.sender_name];
      found.push({ kind, subject: messageId(row.id), text, since: row.at, peers, ...about });
    }
  }
  const plans = await plansOf(tx, project);
  found.push(...plans.slice(0, MOST));
  const planned = new Set(plans.map(({ subject }) => subject));
  for (const task of await waitingTasks(tx, project, planned)) {
    const kind = task.status === "in_review" ? "review" : task.status as "proposed" | "failed";
    const text = task.failure === null ? task.title : `${task.title}: ${task.failure}`;
    const whose = kind === "review" ? await nameOf(tx, task.claimed_by) : null;
    const peer = kind === "proposed" ? task.created_by : whose;
    found.push({
      kind,
      subject: task.id,
      text: head(text, EXCERPT_CHARS),
      since: task.updated_at,
      task: task.id,
      ...(peer === null ? {} : { peers: [peer] }),
    });
  }
  found.push(...await stuck(tx, project), ...await unattended(tx, project));
  found.push(...await unmerged(tx, project));
  found.push(...await swaps(tx));
  const live = peers ?? await livePeers(tx, project);
  for (const peer of live) {
    found.push(...stoppedAs(peer));
    const waits = waitsOf(peer);
    if (waits !== null) {
      const text = head(waits.text, EXCERPT_CHARS);
      const peers = [peer.name];
      found.push({ kind: "permission", subject: peer.name, text, since: waits.since, peers });
    }
    if (peer.stalled_since_s === null) continue;
    const text = "its process does not react; after the grace others may take over";
    const peers = [peer.name];
    found.push({ kind: "stalled", subject: peer.name, text, since: peer.seen_at, peers });
  }
  return [...found, ...conflictsAmong(live, at)];
}

/** Proposed tasks of one run are one thing to decide on: its plan. */
async function plansOf(tx: Tx, project: string): Promise<Attention[]> {
  const rows = await tx.all<
    { run: string; goal: string; tasks: number; since: string; authors: string }
  >(
    `SELECT t.run, r.goal, count(*) AS tasks, min(t.created_at) AS since,
       json_group_array(DISTINCT t.created_by) AS authors
     FROM task t JOIN run r ON r.id = t.run
     WHERE t.project = ? AND t.status = 'proposed' GROUP BY t.run HAVING count(*) > 1
     ORDER BY since, t.run`,
    project,
  );
  return rows.map(({ run, goal, tasks, since, authors }) => ({
    kind: "plan" as const,
    subject: run,
    text: head(`${tasks} proposed tasks of run ${run}: ${goal}`, EXCERPT_CHARS),
    since,
    peers: (JSON.parse(authors) as string[]).slice(0, MOST),
    count: tasks,
  }));
}

/** Tasks that wait for somebody's decision, besides those of plans. */
async function waitingTasks(
  tx: Tx,
  project: string,
  planned: ReadonlySet<string>,
): Promise<TaskRow[]> {
  const query = { project, pending: "all", limit: MOST } as const;
  const others = await listTasks(tx, { ...query, statuses: ["in_review", "failed"] });
  const proposed = planned.size === 0
    ? await listTasks(tx, { ...query, statuses: ["proposed"] })
    : await proposedBeside(tx, project, planned);
  return [...others, ...proposed].sort((a, b) => a.priority - b.priority || a.n - b.n)
    .slice(0, MOST);
}

/** What is proposed outside of plans: they may be long, so they are not read and thrown away. */
async function proposedBeside(
  tx: Tx,
  project: string,
  planned: ReadonlySet<string>,
): Promise<TaskRow[]> {
  return await tx.all<TaskRow>(
    `SELECT ${COLUMNS} FROM task WHERE project = ? AND status = 'proposed'
       AND (run IS NULL OR run NOT IN (SELECT value FROM json_each(?)))
     ORDER BY priority, n LIMIT 20`,
    project,
    JSON.stringify([...planned]),
  );
}

/** A peer that control, or its own refusals, have stopped; or whose budget is spent. */
function stoppedAs(peer: PeerRow): Attention[] {
  const found: Attention[] = [];
  const peers = [peer.name];
  if (peer.paused_at !== null) {
    const text = head(`paused by ${peer.paused_by}: ${peer.paused_why}`, EXCERPT_CHARS);
    found.push({ kind: "paused", subject: peer.name, text, since: peer.paused_at, peers });
  }
  const { used, budget } = usageOf(peer);
  const spent = budgetSpent(used, budget);
  if (spent !== null) {
    const text = `its budget is spent: ${spent}; it claims no more tasks`;
    found.push({ kind: "budget", subject: peer.name, text, since: peer.seen_at, peers });
  }
  return found;
}

/** The store was put back to an older copy: what was acknowledged since is gone. */
async function swaps(tx: Tx): Promise<Attention[]> {
  const rows = await rowsOf(tx, "home/store", MOST);
  const last = rows.at(-1);
  if (last === undefined || last.op === "acknowledge_audit") return [];
  const text = last.op === "older_copy"
    ? "the store was replaced by an older copy; skein audit verify says more"
    : "the head file was taken away; skein audit verify says more";
  return [{ kind: "older_copy", subject: "home/store", text, since: last.at }];
}

/** Tasks that are ready for nobody but a peer that has ended, and that nobody was started as. */
async function unattended(tx: Tx, project: string): Promise<Attention[]> {
  const rows = await tx.all<{ id: string; name: string; updated_at: string }>(
    `SELECT t.id, p.name, t.updated_at FROM task t JOIN peer p ON p.id = t.assigned_to
     WHERE t.project = ? AND t.assigned_to > '' AND t.status = 'pending' AND t.open_deps = 0
       AND p.state = 'gone' AND p.lease_until_s IS NULL ORDER BY t.assigned_to, t.n LIMIT 20`,
    project,
  );
  return rows.map((row) => ({
    kind: "stuck" as const,
    subject: row.id,
    text:
      `it is assigned to ${row.name}, who is not here: assign it to somebody else, or to nobody`,
    since: row.updated_at,
    task: row.id,
    peers: [row.name],
  }));
}

/** Tasks that wait for what will never be completed. */
async function stuck(tx: Tx, project: string): Promise<Attention[]> {
  const rows = await tx.all<{ id: string; on_task: string; updated_at: string }>(
    `SELECT w.id, d.on_task, t.updated_at FROM task t JOIN dependency d ON d.on_task = t.id
     JOIN task w ON w.id = d.task WHERE t.project = ? AND t.status = 'cancelled'
       AND w.status = 'pending' LIMIT 20`,
    project,
  );
  return rows.map((row) => ({
    kind: "stuck" as const,
    subject: row.id,
    text: `it waits for ${row.on_task}, which was cancelled: retry that one or cancel this`,
    since: row.updated_at,
    task: row.id,
    on: row.on_task,
  }));
}

/** Work that is done, and what its merge waits for. */
async function unmerged(tx: Tx, project: string): Promise<Attention[]> {
  // What is only to be checked needs nobody.
  const rows = (await waitingOf(tx, { project }, MOST)).filter(({ cause }) => cause !== UNCHECKED);
  return rows.slice(0, MOST).map((row) => ({
    kind: "unmerged" as const,
    subject: row.task,
    // Whole: what is to be done stands at its end.
    text: row.reason ?? "",
    since: row.ended_at ?? "",
    task: row.task,
    peers: [row.worker],
  }));
}

function conflictsAmong(peers: readonly PeerRow[], at: string): Attention[] {
  const dirty = peers.map((peer) => ({ peer, files: dirtyFiles(peer) }))
    .filter(({ files }) => files.length > 0).slice(0, 100);
  const found: Attention[] = [];
  for (const [i, a] of dirty.entries()) {
    for (const b of dirty.slice(i + 1)) {
      const files = dirtyOverlap(a.files, b.files);
      if (files.length === 0 || found.length >= MOST) continue;
      found.push({
        kind: "conflict",
        subject: files.slice(0, 10).join(", "),
        text: `changed by ${a.peer.name} and ${b.peer.name}` +
          (a.peer.tree === b.peer.tree ? " (one working tree)" : ""),
        since: a.peer.git_at ?? at,
        peers: [a.peer.name, b.peer.name],
      });
    }
  }
  return found;
}

/** The dirty list of a peer, as last seen. */
export function dirtyFiles(peer: Pick<PeerRow, "git">): readonly string[] {
  return peer.git === null ? [] : (JSON.parse(peer.git) as GitState).dirty;
}
