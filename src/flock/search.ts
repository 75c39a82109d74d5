// Full-text search over messages, tasks and memory. The index follows the journal: writes stay
// cheap, the leader brings it up to date in small steps, and a search first takes in what is
// missing. `meta.search_seq` says how far the index has come.

import type { Tx } from "../core/transaction.ts";
import { rowsAfter } from "../store/journal.ts";
import { getMeta, setMeta } from "../store/meta.ts";

export type Kind = "message" | "task" | "memory" | "conversation";

export interface Hit {
  readonly kind: Kind;
  readonly ref: string;
  readonly title: string;
  readonly excerpt: string;
  readonly at: string;
}

interface Document {
  readonly project: string;
  readonly title: string;
  readonly body: string;
  readonly at: string;
}

/** Rows of the journal that one step of indexing reads. */
const STEP_ROWS = 200;

/** Takes up to `STEP_ROWS` more journal rows into the index; false when nothing is missing. */
export async function indexStep(tx: Tx): Promise<boolean> {
  const from = Number(await getMeta(tx, "search_seq") ?? 0);
  const rows = await rowsAfter(tx, from, STEP_ROWS);
  const last = rows.at(-1);
  if (last === undefined) return false;
  for (const subject of new Set(rows.map((row) => row.subject))) await indexSubject(tx, subject);
  await setMeta(tx, "search_seq", String(last.seq));
  return rows.length === STEP_ROWS;
}

/** Whether the journal has rows that are not indexed. */
export async function indexLags(tx: Tx): Promise<boolean> {
  const row = await tx.get<{ lag: number }>(
    `SELECT coalesce((SELECT seq FROM journal ORDER BY seq DESC LIMIT 1), 0) -
       coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'search_seq'), 0) AS lag`,
  );
  return (row?.lag ?? 0) > 0;
}

/** What an answer from the index says of it: nothing, unless newer things may be missing. */
export async function howComplete(tx: Tx): Promise<{ incomplete?: true }> {
  return await indexLags(tx) ? { incomplete: true } : {};
}

async function indexSubject(tx: Tx, subject: string): Promise<void> {
  const slash = subject.indexOf("/");
  const kind = subject.slice(0, slash);
  const ref = subject.slice(slash + 1);
  if (kind === "message") {
    const row = await tx.get<Document>(
      "SELECT project, sender_name AS title, content AS body, at FROM message WHERE id = ?",
      Number(ref.slice(1)),
    );
    if (row !== undefined) await put(tx, "message", ref, row);
  }
  if (kind === "task") {
    const row = await tx.get<Document & { summary: string | null }>(
      `SELECT project, title, description || char(10) || coalesce(summary, '') AS body,
         updated_at AS at FROM task WHERE id = ?`,
      ref,
    );
    if (row !== undefined) await put(tx, "task", ref, row);
  }
  if (kind === "conversation") await indexTurn(tx, ref);
  if (kind === "memory") {
    const rows = await tx.all<Document>(
      "SELECT project, key AS title, value AS body, at FROM memory WHERE key = ? AND current = 1",
      ref,
    );
    for (const row of rows) await put(tx, "memory", ref, row);
  }
}

async function indexTurn(tx: Tx, ref: string): Promise<void> {
  const row = await tx.get<Document>(
    `SELECT c.project, coalesce(p.name, c.peer) || ' ' || c.turn AS title, c.content AS body, c.at
     FROM conversation c LEFT JOIN peer p ON p.id = c.peer WHERE c.id = ?`,
    Number(ref),
  );
  if (row !== undefined) await put(tx, "conversation", ref, row);
}

async function put(tx: Tx, kind: Kind, ref: string, document: Document): Promise<void> {
  const { project, title, body, at } = document;
  const old = await tx.get<{ id: number }>(
    "SELECT id FROM search_doc WHERE project = ? AND kind = ? AND ref = ?",
    project,
    kind,
    ref,
  );
  if (old !== undefined) {
    await tx.run("UPDATE search_doc SET at = ? WHERE id = ?", at, old.id);
    await tx.run("UPDATE search_text SET title = ?, body = ? WHERE rowid = ?", title, body, old.id);
    return;
  }
  const id = await tx.insert(
    "INSERT INTO search_doc (kind, ref, project, at) VALUES (?, ?, ?, ?)",
    kind,
    ref,
    project,
    at,
  );
  await tx.run(
    "INSERT INTO search_text (rowid, title, body) VALUES (?, ?, ?)",
    id,
    title,
    body,
  );
}

/** Takes out of the index what was forgotten itself. */
export async function forgetDocument(
  tx: Tx,
  project: string,
  kind: Kind,
  ref: string,
): Promise<void> {
  const row = await tx.get<{ id: number }>(
    "DELETE FROM search_doc WHERE project = ? AND kind = ? AND ref = ? RETURNING id",
    project,
    kind,
    ref,
  );
  if (row !== undefined) await tx.run("DELETE FROM search_text WHERE rowid = ?", row.id);
}

/** Turns what somebody typed into a query that cannot be a syntax error: all words, as prefixes. */
export function ftsQuery(typed: string): string {
  const words = typed.match(/[\p{L}\p{N}_]+/gu) ?? [];
  return words.slice(0, 16).map((word) => `"${word}"*`).join(" ");
}

/** Messages are for whoever sent or got them. */
const READABLE = `SELECT 1 FROM message m WHERE m.id = CAST(substr(d.ref, 2) AS INTEGER)
  AND (m.sender = ? OR EXISTS (SELECT 1 FROM delivery x
    WHERE x.peer = ? AND x.state IN (0, 1, 2) AND x.message = m.id))`;

/** A conversation is its peer's own. */
const OWN_TURN = "SELECT 1 FROM conversation c WHERE c.id = CAST(d.ref AS INTEGER) AND c.peer = ?";

/**
 * The best hits, best first; of messages only those that `reader` sent or got, and of conversations
 * only its own, if it is given.
 */
export async function searchText(
  tx: Tx,
  project: string,
  typed: string,
  kinds: readonly Kind[],
  limit: number,
  reader: string | null = null,
): Promise<Hit[]> {
  const query = ftsQuery(typed);
  if (query === "") return [];
  const marks = kinds.map(() => "?").join(", ");
  return await tx.all<Hit>(
    `SELECT d.kind, d.ref, s.title, snippet(search_text, 1, '', '', ' ... ', 16) AS excerpt, d.at
     FROM search_text s JOIN search_doc d ON d.id = s.rowid
     WHERE search_text MATCH ? AND d.project = ? AND d.kind IN (${marks})
       AND (? IS NULL OR d.kind <> 'message' OR EXISTS (${READABLE}))
       AND (? IS NULL OR d.kind <> 'conversation' OR EXISTS (${OWN_TURN}))
     ORDER BY rank LIMIT ?`,
    query,
    project,
    ...kinds,
    reader,
    reader,
    reader,
    reader,
    reader,
    limit,
  );
}
