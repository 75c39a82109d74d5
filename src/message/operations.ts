// send and check. Mail that is offered on other answers, and the marks of delivery, belong to the
// node (node/mail.ts): they depend on what a door has flushed.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import { content, integer, list, oneOf, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation, WAIT } from "../core/operation.ts";
import { EVERYONE, WORKING } from "../core/policy.ts";
import { suspicion } from "../filter/filter.ts";
import { secondsToToken, takeToken } from "../peer/rules.ts";
import { setBucket, setUrgent } from "../peer/standing.ts";
import { taskById } from "../task/table.ts";
import { escalation, type Recipient, recipientsOf } from "./recipients.ts";
import { CATEGORIES, escalates, messageId, messageNumber, saysResolved, STATES } from "./rules.ts";
import { deliveriesOf, unread } from "./deliveries.ts";
import { chainSince, messageById, type MessageRow, post, resolve } from "./table.ts";

/** A message as every door shows it. */
export const messageShape = z.lazy(() =>
  z.object({
    id: z.string(),
    from: z.string(),
    role: z.string(),
    category: z.enum(CATEGORIES),
    content: z.string(),
    at: z.string(),
    task: z.string().optional(),
    reply_to: z.string().optional(),
    /** Why to read it with care: it asks for what no peer may ask. */
    caution: z.string().optional(),
  })
);

export function shownMessage(row: MessageRow): z.input<typeof messageShape> {
  const caution = suspicion(row.content);
  return {
    id: messageId(row.id),
    from: row.sender_name,
    role: row.sender_role,
    category: row.category,
    content: row.content,
    at: row.at,
    ...(row.task === null ? {} : { task: row.task }),
    ...(row.reply_to === null ? {} : { reply_to: messageId(row.reply_to) }),
    ...(caution === null ? {} : { caution }),
  };
}

export const send = operation({
  name: "send",
  summary: "Message peers: a name, several, a role, or * for the project. Blockers reach the " +
    "architect, errors everyone.",
  roles: WORKING,
  effect: "write",
  hints: {},
  risk: "medium",
  positionals: ["to", "content"],
  input: z.strictObject({
    to: list(word(LIMITS.nameChars), LIMITS.recipientsPerMessage, 1),
    content: content(),
    category: oneOf(CATEGORIES).optional(),
    task: word().optional(),
    reply_to: word().optional(),
  }),
  output: z.lazy(() =>
    z.object({
      id: z.string(),
      to: z.record(z.string(), z.string()),
      /** Who of them is not here, and why: it waits for them. */
      away: z.record(z.string(), z.string()).optional(),
    })
  ),
  async handle(ctx, input) {
    const { tx, actor } = ctx;
    const category = input.category ?? "status_update";
    if (input.task !== undefined && await taskById(tx, input.task) === undefined) {
      throw new Refusal("UNKNOWN_TASK", `send: task ${input.task} does not exist`, {
        field: "task",
      });
    }
    const original = await originalOf(ctx, input.reply_to);
    const { found: recipients, away } = await recipientsOf(
      ctx,
      input.to,
      escalates(category) !== null,
      original,
    );
    for (const extra of await escalation(ctx, category)) recipients.set(extra.id, extra);
    if (recipients.size === 0 && escalates(category) === null) {
      throw new Refusal("UNKNOWN_PEER", `send: nobody else is here: ${input.to.join(", ")}`, {
        field: "to",
      });
    }
    await spendToken(ctx, escalates(category) !== null);
    const chain = original === null ? null : original.chain ?? original.id;
    if (chain !== null) await refuseStorm(ctx, chain, recipients);
    const number = await post(tx, {
      sender: actor.id,
      sender_name: actor.name,
      sender_role: actor.role,
      project: actor.project,
      category,
      content: input.content,
      task: input.task ?? null,
      run: actor.run,
      reply_to: original?.id ?? null,
      chain,
      at: ctx.at,
      upS: ctx.upS,
    }, [...recipients.keys()]);
    // Somebody else's word is an answer; whoever raised it adds to it, or says that it is over.
    const answers = original?.sender !== actor.id || saysResolved(input.content);
    if (original !== null && answers) await resolve(tx, original.id, ctx.at);
    const names: string[] = [];
    const missed: [string, string][] = [];
    for (const [id, { name, bell }] of recipients) {
      ctx.wake(id, bell);
      names.push(name);
      const why = away.get(id);
      if (why !== undefined) missed.push([name, why]);
    }
    ctx.record({
      subject: `message/${messageId(number)}`,
      detail: { to: names, category, characters: input.content.length },
    });
    return {
      id: messageId(number),
      to: Object.fromEntries(names.map((name) => [name, "queued"])),
      ...(missed.length === 0 ? {} : { away: Object.fromEntries(missed) }),
    };
  },
});

/** The message that is replied to; only who took part in it can. */
async function originalOf(ctx: Context, id: string | undefined): Promise<MessageRow | null> {
  if (id === undefined) return null;
  const number = messageNumber(id);
  const row = number === null ? undefined : await messageById(ctx.tx, number);
  if (row !== undefined && mayAnswer(ctx, row)) return row;
  throw new Refusal("UNKNOWN_MESSAGE", `send: reply_to: there is no message ${id} from or to you`, {
    field: "reply_to",
  });
}

/** Who wrote or got a message may answer it; the architect and the operator any. */
function mayAnswer(ctx: Context, row: MessageRow): boolean {
  const { id } = ctx.actor;
  return (ctx.may("read_all") && row.project === ctx.actor.project) || row.sender === id ||
    (JSON.parse(row.recipients) as string[]).includes(id);
}

/** Escalations have a bucket of their own: chatter cannot use it up, and it is not without end. */
async function spendToken(ctx: Context, urgent: boolean): Promise<void> {
  const { actor, upS } = ctx;
  const bucket = urgent ? actor.urgent : actor.bucket;
  const perMinute = urgent ? LIMITS.escalationsPerMinute : ctx.policy.messagesPerMinute;
  if (perMinute >= LIMITS.boundlessPerMinute) return;
  const left = takeToken(bucket, upS, perMinute);
  if (left !== null) {
    await (urgent ? setUrgent : setBucket)(ctx.tx, actor.id, left.tokens, left.atS);
    return;
  }
  const waitS = secondsToToken(bucket, upS, perMinute);
  const what = urgent ? "escalations" : "messages";
  throw new Refusal(
    "RATE_LIMITED",
    `send: you have sent ${perMinute} ${what} within a minute; the next one goes in ${waitS} s`,
    { retry_after_s: waitS },
  );
}

/** Two who answer each other without end are stopped; other pairs in the chain are not. */
async function refuseStorm(
  ctx: Context,
  chain: number,
  recipients: ReadonlyMap<string, Recipient>,
): Promise<void> {
  const rows = await chainSince(ctx.tx, chain, ctx.upS - 3_600);
  if (rows.length < LIMITS.repliesPerHour) return;
  for (const [other, { name }] of recipients) {
    const between = rows.filter(({ sender, recipients: to }) =>
      (sender === ctx.actor.id && to.includes(`"${other}"`)) ||
      (sender === other && to.includes(`"${ctx.actor.id}"`))
    ).length;
    if (between < LIMITS.repliesPerHour) {
      continue;
    }
    throw new Refusal(
      "REPLY_STORM",
      `send: you and ${name} have replied ${between} times within the hour in the chain of ` +
        messageId(chain),
    );
  }
}

const checkShape = z.lazy(() =>
  z.object({
    messages: z.array(messageShape),
    more: z.boolean(),
    deliveries: z.array(z.object({
      name: z.string(),
      state: z.enum(STATES),
      offered_at: z.string().nullable(),
      seen_at: z.string().nullable(),
    })).optional(),
  })
);

export const check = operation({
  name: "check",
  summary: "Read new messages; wait_ms waits for one.",
  roles: EVERYONE,
  effect: "read",
  hints: {},
  risk: "low",
  input: z.strictObject({
    wait_ms: integer(0, LIMITS.waitMs).optional(),
    limit: integer(1, LIMITS.checkMessages).optional(),
    id: word().optional(),
  }),
  output: checkShape,
  waitMs: (input) => input.id === undefined ? input.wait_ms ?? 0 : 0,
  async handle(ctx, input) {
    if (input.id !== undefined) return await stateOf(ctx, input.id);
    const limit = input.limit ?? LIMITS.checkMessagesDefault;
    const rows = await unread(ctx.tx, ctx.actor.id, ctx.actor.incarnation, limit + 1, ctx.shown);
    if (rows.length === 0 && ctx.waitMs > 0) return WAIT;
    const page: MessageRow[] = [];
    let characters = 0;
    for (const row of rows.slice(0, limit)) {
      characters += row.content.length;
      if (page.length > 0 && characters > LIMITS.checkChars) break;
      page.push(row);
    }
    // Looked at and taken in one go: a call beside this one may have read the same rows.
    const mine = page.filter((row) => !ctx.shown.has(row.id));
    for (const row of mine) ctx.offer(row.id);
    return { messages: mine.map(shownMessage), more: rows.length > page.length };
  },
});

/** The sender looks up what became of a message. */
async function stateOf(ctx: Context, id: string): Promise<z.input<typeof checkShape>> {
  const number = messageNumber(id);
  const row = number === null ? undefined : await messageById(ctx.tx, number);
  const deliveries = row === undefined ? [] : await deliveriesOf(ctx.tx, row);
  const own = row?.sender === ctx.actor.id ||
    deliveries.some((delivery) => delivery.name === ctx.actor.name);
  if (row === undefined || !own) {
    throw new Refusal("UNKNOWN_MESSAGE", `check: there is no message ${id} from or to you`, {
      field: "id",
    });
  }
  return { messages: [shownMessage(row)], more: false, deliveries };
}
