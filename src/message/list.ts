// list_messages: the messages of a project as somebody reads who watches over it. Looking is not being
// told: nothing is offered or seen by it.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import { integer, line, oneOf, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { LEADING } from "../core/policy.ts";
import { suspicion } from "../filter/filter.ts";
import { howComplete, searchText } from "../flock/search.ts";
import { peerById, peerByName } from "../peer/table.ts";
import { messagesBefore, messagesOfThread } from "./reading.ts";
import { CATEGORIES, messageId, messageNumber, STATES } from "./rules.ts";
import { deliveriesOf } from "./deliveries.ts";
import { messageById, type MessageRow } from "./table.ts";

/** Rows that one look reads, and looks of one call: what is rare is found page by page. */
const LOOK_ROWS = 256;
const LOOKS = 16;
/** Recipients of one message that are named; past that, their number says the rest. */
const NAMED = 50;
const DEFAULT = 50;

const messageOfList = z.object({
  id: z.string(),
  at: z.string(),
  from: z.string(),
  role: z.string(),
  to: z.array(z.string()),
  /** Further recipients, if there are more than are named. */
  to_more: z.number().optional(),
  category: z.enum(CATEGORIES),
  content: z.string(),
  task: z.string().optional(),
  run: z.string().optional(),
  reply_to: z.string().optional(),
  /** The message that the thread begins with. */
  thread: z.string(),
  resolved_at: z.string().optional(),
  /** Why to read it with care: it asks for what no peer may ask. */
  caution: z.string().optional(),
  states: z.array(
    z.object({ peer: z.string(), state: z.enum(STATES), at: z.string().optional() }),
  ),
});

export const listMessages = operation({
  name: "list_messages",
  summary: "Messages of the project, newest first, with the state of each delivery.",
  roles: LEADING,
  effect: "read",
  hints: {},
  risk: "low",
  unlisted: true,
  input: z.strictObject({
    peer: word(LIMITS.nameChars).optional(),
    task: word().optional(),
    category: oneOf(CATEGORIES).optional(),
    thread: word().optional(),
    query: line(LIMITS.queryChars).optional(),
    before: word().optional(),
    limit: integer(1, LIMITS.pageRows).optional(),
  }),
  searches: (input) => input.query !== undefined,
  output: z.lazy(() =>
    z.object({
      messages: z.array(messageOfList),
      /** Ask with `before` for older ones; there may be some even if this page is short. */
      next: z.string().nullable(),
      /** Of a query: the index is behind, newer messages may be missing. */
      incomplete: z.boolean().optional(),
    })
  ),
  async handle(ctx, input) {
    const limit = input.limit ?? DEFAULT;
    const before = input.before === undefined ? Infinity : messageNumber(input.before) ?? 0;
    const peer = input.peer === undefined ? null : (await peerByName(ctx.tx, input.peer))?.id ?? "";
    const fit = (row: MessageRow): Promise<boolean> => fits(ctx, row, { ...input, peer });
    const { rows, next } = input.thread !== undefined
      ? await ofThread(ctx, input.thread, before, limit, fit)
      : input.query !== undefined
      ? await ofQuery(ctx, input.query, before, limit, fit)
      : await scan(ctx, before, limit, fit, input.task);
    const messages = [];
    for (const row of rows) messages.push(await shown(ctx, row));
    return {
      messages,
      next: next === null ? null : messageId(next),
      ...(input.query === undefined ? {} : await howComplete(ctx.tx)),
    };
  },
});

/** A page, and where the next one begins. */
interface Page {
  readonly rows: readonly MessageRow[];
  readonly next: number | null;
}

type Fit = (row: MessageRow) => Promise<boolean>;

/** Goes through the messages backwards, a bounded way. */
async function scan(
  ctx: Context,
  before: number,
  limit: number,
  fit: Fit,
  task?: string,
): Promise<Page> {
  const rows: MessageRow[] = [];
  let at = before;
  for (let look = 0; look < LOOKS; look++) {
    const page = await messagesBefore(ctx.tx, at, LOOK_ROWS, task);
    for (const row of page) {
      at = row.id;
      if (await fit(row)) rows.push(row);
      if (rows.length === limit) return { rows, next: at };
    }
    if (page.length < LOOK_ROWS) return { rows, next: null };
  }
  return { rows, next: at };
}

async function ofThread(
  ctx: Context,
  thread: string,
  before: number,
  limit: number,
  fit: Fit,
): Promise<Page> {
  const number = messageNumber(thread);
  const one = number === null ? undefined : await messageById(ctx.tx, number);
  if (one === undefined) {
    throw new Refusal("UNKNOWN_MESSAGE", `list_messages: there is no message ${thread}`, {
      field: "thread",
    });
  }
  const page = await messagesOfThread(ctx.tx, one.chain ?? one.id, before, limit);
  const rows: MessageRow[] = [];
  for (const row of page) if (await fit(row)) rows.push(row);
  return { rows, next: page.length === limit ? page.at(-1)?.id ?? null : null };
}

/** The best hits, newest first: one page of them. */
async function ofQuery(
  ctx: Context,
  query: string,
  before: number,
  limit: number,
  fit: Fit,
): Promise<Page> {
  const { tx, actor } = ctx;
  const hits = await searchText(tx, actor.project, query, ["message"], LIMITS.pageRows);
  const rows: MessageRow[] = [];
  for (const { ref } of hits) {
    const row = await messageById(tx, messageNumber(ref) ?? 0);
    if (row !== undefined && row.id < before && await fit(row)) rows.push(row);
  }
  rows.sort((a, b) => b.id - a.id);
  const next = rows.length > limit ? rows[limit - 1]?.id ?? null : null;
  return { rows: rows.slice(0, limit), next };
}

/** Of this project, sent or got, and as asked for. */
async function fits(
  ctx: Context,
  row: MessageRow,
  wanted: {
    readonly peer: string | null;
    readonly task?: string | undefined;
    readonly category?: string | undefined;
  },
): Promise<boolean> {
  if (wanted.task !== undefined && row.task !== wanted.task) return false;
  if (wanted.category !== undefined && row.category !== wanted.category) return false;
  const { peer } = wanted;
  if (peer !== null && row.sender !== peer && !row.recipients.includes(`"${peer}"`)) return false;
  if (row.project === ctx.actor.project) return true;
  for (const id of JSON.parse(row.recipients) as string[]) {
    if ((await peerById(ctx.tx, id))?.project === ctx.actor.project) return true;
  }
  return false;
}

async function shown(ctx: Context, row: MessageRow): Promise<z.input<typeof messageOfList>> {
  const recipients = JSON.parse(row.recipients) as string[];
  const named = { id: row.id, recipients: JSON.stringify(recipients.slice(0, NAMED)) };
  const deliveries = await deliveriesOf(ctx.tx, named);
  const caution = suspicion(row.content);
  const more = recipients.length - NAMED;
  return {
    id: messageId(row.id),
    at: row.at,
    from: row.sender_name,
    role: row.sender_role,
    to: deliveries.map(({ name }) => name),
    ...(more > 0 ? { to_more: more } : {}),
    category: row.category,
    content: row.content,
    ...(row.task === null ? {} : { task: row.task }),
    ...(row.run === null ? {} : { run: row.run }),
    ...(row.reply_to === null ? {} : { reply_to: messageId(row.reply_to) }),
    thread: messageId(row.chain ?? row.id),
    ...(row.resolved_at === null ? {} : { resolved_at: row.resolved_at }),
    ...(caution === null ? {} : { caution }),
    states: deliveries.map(({ name, state, offered_at, seen_at }) => {
      const at = seen_at ?? offered_at;
      return { peer: name, state, ...(at === null ? {} : { at }) };
    }),
  };
}
