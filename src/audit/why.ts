// Why is it so? The history of one thing in plain lines, from the journal and from what is stored.

import type { Context } from "../core/operation.ts";
import { Refusal } from "../core/errors.ts";
import { excerpt } from "../core/text.ts";
import { type LockPath, lockPaths } from "../lock/paths.ts";
import { locksIn } from "../lock/table.ts";
import { currentEntry } from "../memory/table.ts";
import { messageId, messageNumber } from "../message/rules.ts";
import { deliveriesOf } from "../message/deliveries.ts";
import { chainOf, messageById, type MessageRow } from "../message/table.ts";
import { peerById, peerByName } from "../peer/table.ts";
import { runById } from "../run/table.ts";
import { type JournalRow, rowsOf } from "../store/journal.ts";
import { notesOf } from "../task/notes.ts";
import { taskById } from "../task/table.ts";
import { detailOf } from "./chain.ts";

const MOST = 200;
const EXCERPT_CHARS = 200;
/** Of a time in ISO 8601, as every line begins with one. */
const TIME_CHARS = 24;

/** What was found under one name. */
export interface Story {
  readonly kind: string;
  readonly lines: string[];
}

/** The lock keys of something that may be a path; none if it is not. */
export function keysOf(what: string, folder: string): LockPath[] {
  try {
    return lockPaths(what, folder, "what");
  } catch (thrown) {
    if (thrown instanceof Refusal) return [];
    throw thrown;
  }
}

/**
 * Everything that goes by this name.
 * @throws Refusal `UNKNOWN_TASK` when there is nothing
 */
export async function why(
  ctx: Context,
  what: string,
  paths: readonly LockPath[],
): Promise<Story[]> {
  const found: Story[] = [];
  const add = (kind: string, lines: string[]): void => {
    if (lines.length > 0) found.push({ kind, lines });
  };
  add("message", await ofMessage(ctx, what));
  add("task", await ofTask(ctx, what));
  add("run", await ofRun(ctx, what));
  add("memory", await ofMemory(ctx, what));
  add("peer", await ofPeer(ctx, what));
  add("path", await ofPath(ctx, what, paths));
  if (found.length > 0) return found;
  throw new Refusal("UNKNOWN_TASK", `why: nothing here goes by the name ${excerpt(what, 100)}`, {
    field: "what",
    hint: "Give a task, a message, a run, a memory key, a peer or a path.",
  });
}

async function ofMessage(ctx: Context, what: string): Promise<string[]> {
  const number = /^m\d/.test(what) ? messageNumber(what) : null;
  const row = number === null ? undefined : await messageById(ctx.tx, number);
  if (row === undefined || !mayRead(ctx, row)) return [];
  const lines = [
    `${row.at} ${row.sender_name} sent ${messageId(row.id)} (${row.category}): ${
      quote(row.content)
    }`,
  ];
  for (const { name, state, offered_at, seen_at } of await deliveriesOf(ctx.tx, row)) {
    const offered = offered_at === null ? "not offered yet" : `offered ${offered_at}`;
    const seen = seen_at === null ? "" : `, seen ${seen_at}`;
    lines.push(`to ${name}: ${state}, ${offered}${seen}`);
  }
  if (row.reply_to !== null) lines.push(`it answers ${messageId(row.reply_to)}`);
  for (const reply of await chainOf(ctx.tx, row.chain ?? row.id, row.id, MOST)) {
    if (reply.reply_to !== row.id || !mayRead(ctx, reply)) continue;
    lines.push(`${reply.at} ${reply.sender_name} answered with ${messageId(reply.id)}`);
  }
  if (row.resolved_at !== null) lines.push(`${row.resolved_at} it was answered and needs nobody`);
  return lines;
}

function mayRead(ctx: Context, row: MessageRow): boolean {
  const { id, project } = ctx.actor;
  return row.sender === id || (JSON.parse(row.recipients) as string[]).includes(id) ||
    (ctx.may("read_all") && row.project === project);
}

async function ofTask(ctx: Context, what: string): Promise<string[]> {
  const row = await taskById(ctx.tx, what);
  if (row === undefined || row.project !== ctx.actor.project) return [];
  const lines = told(await rowsOf(ctx.tx, `task/${row.id}`, MOST));
  for (const note of await notesOf(ctx.tx, row.id, MOST)) {
    lines.push(`${note.at} ${note.author} noted (${note.kind}): ${quote(note.text)}`);
  }
  inTime(lines);
  lines.push(`now: ${row.status}, attempt ${row.attempts} of ${row.max_attempts}`);
  return lines;
}

async function ofRun(ctx: Context, what: string): Promise<string[]> {
  const row = await runById(ctx.tx, what);
  if (row === undefined || row.project !== ctx.actor.project) return [];
  return [
    ...told(await rowsOf(ctx.tx, `run/${row.id}`, MOST)),
    `now: ${row.status}, goal ${quote(row.goal)}`,
  ];
}

async function ofMemory(ctx: Context, what: string): Promise<string[]> {
  const { project } = ctx.actor;
  const entry = await currentEntry(ctx.tx, project, what);
  const rows = (await rowsOf(ctx.tx, `memory/${what}`, MOST))
    .filter((row) => detailOf(row)?.["project"] === project);
  if (entry === undefined) return [];
  return [
    ...told(rows),
    `now: version ${entry.version}, ${entry.type} by ${entry.author}: ${quote(entry.value)}`,
  ];
}

async function ofPeer(ctx: Context, what: string): Promise<string[]> {
  const row = await peerByName(ctx.tx, what);
  if (row === undefined) return [];
  const human = ctx.actor.role === "operator";
  if (row.project !== ctx.actor.project && !human) return [];
  return [...told(await rowsOf(ctx.tx, `peer/${what}`, MOST)), `now: ${row.state}, ${row.role}`];
}

async function ofPath(ctx: Context, what: string, paths: readonly LockPath[]): Promise<string[]> {
  const lines: string[] = [];
  for (const { space, path } of paths) {
    const rows = await rowsOf(ctx.tx, `lock/${path}`, MOST);
    const own = rows.filter((row) => detailOf(row)?.["space"] === space);
    lines.push(...told(own), ...await endedWith(ctx, own, path));
    for (const lock of await locksIn(ctx.tx, space)) {
      if (lock.path !== path) continue;
      const holder = await peerById(ctx.tx, lock.peer);
      lines.push(`now: held by ${holder?.name ?? "nobody"} since ${lock.since} (${lock.mode})`);
    }
    lines.push(...await tasksWith(ctx, path));
  }
  if (paths.length > 0 && paths[0]?.path !== what) lines.push(...await tasksWith(ctx, what));
  return inTime([...new Set(lines)]);
}

/** A reservation ends with the life of who made it; the journal has that under the peer. */
async function endedWith(
  ctx: Context,
  rows: readonly JournalRow[],
  path: string,
): Promise<string[]> {
  const lines: string[] = [];
  for (const name of new Set(rows.map((row) => row.actor))) {
    for (const row of await rowsOf(ctx.tx, `peer/${name}`, MOST)) {
      const locks = detailOf(row)?.["locks"];
      const ended = (row.op === "leave" || row.op === "reap") && Array.isArray(locks);
      if (ended && locks.some((shown) => shown === path || path.endsWith(`/${shown}`))) {
        lines.push(`${row.at} it was free again: ${name} ${row.op === "leave" ? "left" : "ended"}`);
      }
    }
  }
  return lines;
}

/** By their times; what happened at one time stays in the order in which it was told. */
function inTime(lines: string[]): string[] {
  return lines.sort((a, b) => {
    const [one, other] = [a.slice(0, TIME_CHARS), b.slice(0, TIME_CHARS)];
    return one < other ? -1 : one > other ? 1 : 0;
  });
}

/** Tasks that named the path when they were made, or when they were completed. */
async function tasksWith(ctx: Context, path: string): Promise<string[]> {
  const rows = await ctx.tx.all<{ id: string; title: string; status: string; updated_at: string }>(
    `SELECT id, title, status, updated_at FROM task WHERE project = ?
       AND (instr(files, ?) > 0 OR instr(coalesce(artifacts, ''), ?) > 0)
     ORDER BY updated_at DESC LIMIT 20`,
    ctx.actor.project,
    JSON.stringify(path),
    JSON.stringify(path),
  );
  return rows.map((row) =>
    `${row.updated_at} ${row.id} (${quote(row.title)}) names it: ${row.status}`
  );
}

/** Rows as lines: when, who, what, and what else there is to say. */
function told(rows: readonly JournalRow[]): string[] {
  return rows.map((row) => `${row.at} ${row.actor} ${phrase(row)}`);
}

const PHRASES: Readonly<Record<string, string>> = {
  create_task: "made it",
  claim_task: "claimed it",
  complete_task: "completed it",
  update_task: "changed it",
  review_task: "reviewed it",
  unblocked: "found it unblocked",
  reassign: "made it claimable again",
  fail_task: "gave it up",
  give_back: "gave it back",
  lock_file: "reserved it",
  unlock_file: "released it",
  expire: "let the reservation run out",
  take_over: "took it over",
  set_memory: "set it",
  start_run: "started it",
  resume_run: "resumed it",
  update_run: "changed it",
  end_run: "ended it",
  join: "joined",
  leave: "left",
  reap: "noticed its end",
  lead: "saw it take the lead",
  seat: "gave it the architect's seat",
  refuse: "was refused",
  begin_attempt: "began an attempt at it",
  note_attempt: "told how the attempt stands",
  end_attempt: "ended the attempt",
  stop_attempt: "stopped it",
  accept_plan: "accepted its plan",
  conduct_run: "set how it is driven",
  note_cleaning: "cleaned up after it",
  control: "used control on it",
  pause: "paused it",
};

function phrase(row: JournalRow): string {
  const detail = detailOf(row);
  const what = detail?.["handed_in"] === true ? "handed it in" : PHRASES[row.op] ?? row.op;
  if (detail === null) return `${what} (details are forgotten)`;
  const parts = Object.entries(detail)
    .filter(([name, value]) =>
      name !== "space" && name !== "incarnation" && name !== "handed_in" && !isEmpty(value)
    )
    .map(([name, value]) => `${name} ${isWord(value) ? value : JSON.stringify(value)}`);
  return parts.length === 0 ? what : `${what}: ${excerpt(parts.join(", "), 2 * EXCERPT_CHARS)}`;
}

/** What is one of our own words needs no quotes. */
function isWord(value: unknown): boolean {
  return typeof value === "string" && /^[a-z_]{1,32}$/.test(value);
}

function isEmpty(value: unknown): boolean {
  return value === null || (Array.isArray(value) && value.length === 0);
}

/** Text of peers is quoted: it is what somebody said, nothing else. */
function quote(text: string): string {
  return JSON.stringify(excerpt(text, EXCERPT_CHARS));
}
