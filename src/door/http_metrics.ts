// The figures as Prometheus reads them: counts from the store, latencies of the serving process.

import { BUCKETS_MS, type Measured, METER } from "../core/meter.ts";
import type { Tx } from "../core/transaction.ts";
import { VERSION } from "../core/version.ts";
import { storeSizes } from "../flock/figures.ts";
import { leaderRow } from "../peer/leader.ts";
import { headSeq } from "../store/journal.ts";
import type { Store } from "../store/unit.ts";

/** What only the door knows. */
export interface Served {
  readonly streams: number;
  /** Answers by HTTP status. */
  readonly answered: ReadonlyMap<number, number>;
}

type Labels = Readonly<Record<string, string | number>>;
type Sample = readonly [Labels, number];
type Kind = "gauge" | "counter";

/** Everything as text, version 0.0.4 of the format. */
export async function metricsText(store: Store, served: Served): Promise<string> {
  const nowMs = store.clock.wallMs();
  const figures = await store.engine.read((tx) => read(tx, nowMs));
  const sizes = storeSizes(store.folder);
  const lines: string[] = [];
  const put = (name: string, kind: Kind, help: string, samples: readonly Sample[]): void => {
    lines.push(`# HELP skein_${name} ${help}`, `# TYPE skein_${name} ${kind}`);
    for (const [labels, value] of samples) {
      lines.push(`skein_${name}${labelled(labels)} ${value}`);
    }
  };
  put("info", "gauge", "The serving process.", [[{ version: VERSION }, 1]]);
  put("peers", "gauge", "Peers that live, by role and kind.", figures.peers);
  put("peers_stalled", "gauge", "Peers whose process does not react.", [[{}, figures.stalled]]);
  put(
    "tasks",
    "gauge",
    "Tasks of all projects by state; ready ones are among the pending.",
    figures.tasks,
  );
  put("queue_length", "gauge", "What waits, by queue.", figures.lengths);
  put("queue_age_seconds", "gauge", "Age of the oldest that waits, by queue.", figures.ages);
  put("locks", "gauge", "Locks that are held.", [[{}, figures.locks]]);
  put("leader_epoch", "gauge", "Epoch of the present leader.", [[{}, figures.epoch]]);
  put("takeovers_total", "counter", "Changes of leadership since the store was made.", [
    [{}, Math.max(0, figures.epoch - 1)],
  ]);
  put("journal_seq", "counter", "Number of the newest row of the journal.", [[{}, figures.seq]]);
  put("store_bytes", "gauge", "Size of the store's files.", [
    [{ file: "db" }, sizes.bytes],
    [{ file: "wal" }, sizes.walBytes],
  ]);
  put("event_streams", "gauge", "Streams of events that are open.", [[{}, served.streams]]);
  put(
    "http_responses_total",
    "counter",
    "Answers over HTTP of this process, by status.",
    [
      ...served.answered,
    ].sort(([a], [b]) => a - b).map(([status, count]) => [{ status }, count]),
  );
  const measured = METER.all();
  put(
    "operation_refused_total",
    "counter",
    "Refusals of this process, by operation and code.",
    measured.flatMap(({ op, refused }) =>
      [...refused].map(([code, count]): Sample => [{ operation: op, code }, count])
    ),
  );
  lines.push(...histograms(measured));
  return `${lines.join("\n")}\n`;
}

function histograms(measured: readonly Measured[]): string[] {
  const name = "skein_operation_seconds";
  const lines = [
    `# HELP ${name} Time of operations in this process; those that waited are left out.`,
    `# TYPE ${name} histogram`,
  ];
  for (const { op, timed, sumMs, buckets } of measured) {
    let total = 0;
    for (const [at, bound] of BUCKETS_MS.entries()) {
      total += buckets[at] ?? 0;
      lines.push(`${name}_bucket${labelled({ operation: op, le: bound / 1000 })} ${total}`);
    }
    lines.push(
      `${name}_bucket${labelled({ operation: op, le: "+Inf" })} ${timed}`,
      `${name}_sum${labelled({ operation: op })} ${sumMs / 1000}`,
      `${name}_count${labelled({ operation: op })} ${timed}`,
    );
  }
  return lines;
}

function labelled(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => {
    const text = String(value).replaceAll("\\", "\\\\").replaceAll('"', '\\"')
      .replaceAll("\n", "\\n");
    return `${name}="${text}"`;
  });
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}

interface Figures {
  readonly peers: readonly Sample[];
  readonly stalled: number;
  readonly tasks: readonly Sample[];
  readonly lengths: readonly Sample[];
  readonly ages: readonly Sample[];
  readonly locks: number;
  readonly epoch: number;
  readonly seq: number;
}

async function read(tx: Tx, nowMs: number): Promise<Figures> {
  const peers = await tx.all<{ role: string; kind: string; n: number }>(
    "SELECT role, kind, count(*) AS n FROM peer WHERE state = 'live' GROUP BY role, kind",
  );
  const stalled = await tx.get<{ n: number }>(
    "SELECT count(*) AS n FROM peer WHERE state = 'live' AND stalled_since_s IS NOT NULL",
  );
  const tasks = await tx.all<{ status: string; n: number }>(
    "SELECT status, count(*) AS n FROM task INDEXED BY task_list GROUP BY status",
  );
  const ready = await waiting(
    tx,
    `SELECT count(*) AS n, min(n) AS oldest FROM task INDEXED BY task_ready
     WHERE status = 'pending' AND open_deps = 0`,
    "SELECT created_at AS at FROM task WHERE n = ?",
  );
  const review = await waiting(
    tx,
    `SELECT count(*) AS n, min(n) AS oldest FROM task INDEXED BY task_list
     WHERE status = 'in_review'`,
    "SELECT updated_at AS at FROM task WHERE n = ?",
  );
  const mail = await waiting(
    tx,
    `SELECT count(*) AS n, min(d.message) AS oldest FROM peer p JOIN delivery d ON d.peer = p.id
     WHERE p.state = 'live' AND d.state = 0`,
    "SELECT at FROM message WHERE id = ?",
  );
  const locks = await tx.get<{ n: number }>("SELECT count(*) AS n FROM lock");
  const queues = [["ready_tasks", ready], ["review", review], ["messages", mail]] as const;
  const age = (at: string | null): number =>
    at === null ? 0 : Math.max(0, (nowMs - Date.parse(at)) / 1000);
  return {
    peers: peers.map(({ role, kind, n }) => [{ role, kind }, n]),
    stalled: stalled?.n ?? 0,
    tasks: [...tasks.map(({ status, n }): Sample => [{ status }, n])],
    lengths: queues.map(([queue, { count }]) => [{ queue }, count]),
    ages: queues.map(([queue, { since }]) => [{ queue }, age(since)]),
    locks: locks?.n ?? 0,
    epoch: (await leaderRow(tx)).epoch,
    seq: await headSeq(tx),
  };
}

/** How many wait, and since when the oldest of them does. */
async function waiting(
  tx: Tx,
  counting: string,
  since: string,
): Promise<{ count: number; since: string | null }> {
  const row = await tx.get<{ n: number; oldest: number | null }>(counting);
  const oldest = row?.oldest ?? null;
  const at = oldest === null ? undefined : await tx.get<{ at: string }>(since, oldest);
  return { count: row?.n ?? 0, since: at?.at ?? null };
}
