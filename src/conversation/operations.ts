// The conversation log: what an agent said and did, turn by turn, for whoever takes over or looks
// into it. Its own limits, apart from those of messages; texts may hold tool calls, made harmless.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import { integer, oneOf, text, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { EVERYONE, WORKING } from "../core/policy.ts";
import { excerpt } from "../core/text.ts";
import { peerByName } from "../peer/table.ts";
import { addTurn, TURNS, turnsOf } from "./table.ts";

export const logConversation = operation({
  name: "log_conversation",
  summary: "Log a turn of your conversation.",
  roles: WORKING,
  effect: "write",
  hints: {},
  risk: "low",
  positionals: ["turn", "content"],
  input: z.strictObject({ turn: oneOf(TURNS), content: text(LIMITS.conversationChars) }),
  output: z.lazy(() => z.object({ id: z.string() })),
  async handle(ctx, input) {
    const { tx, actor, at } = ctx;
    const id = await addTurn(tx, {
      peer: actor.id,
      project: actor.project,
      run: actor.run,
      turn: input.turn,
      content: input.content,
      at,
    }, LIMITS.conversationTurns);
    ctx.record({
      subject: `conversation/${id}`,
      detail: { turn: input.turn, characters: input.content.length },
    });
    return { id: String(id) };
  },
});

export const getConversation = operation({
  name: "get_conversation",
  summary: "The last turns of a conversation: yours; the architect may read anyone's.",
  roles: EVERYONE,
  effect: "read",
  hints: {},
  risk: "low",
  positionals: ["peer"],
  input: z.strictObject({
    peer: word(LIMITS.nameChars).optional(),
    last: integer(1, LIMITS.conversationPage).optional(),
  }),
  output: z.lazy(() =>
    z.object({
      peer: z.string(),
      turns: z.array(z.object({
        turn: z.enum(TURNS),
        content: z.string(),
        at: z.string(),
        truncated: z.boolean().optional(),
      })),
    })
  ),
  async handle(ctx, input) {
    const { id, name } = await whose(ctx, input.peer ?? ctx.actor.name);
    const rows = await turnsOf(ctx.tx, id, input.last ?? LIMITS.conversationDefault);
    // One turn alone is read whole; of many, enough to find it.
    const most = input.last === 1 ? LIMITS.conversationChars : LIMITS.turnChars;
    return {
      peer: name,
      turns: rows.map(({ turn, content, at }) => ({
        turn,
        content: excerpt(content, most),
        at,
        ...(content.length > most ? { truncated: true } : {}),
      })),
    };
  },
});

async function whose(ctx: Context, name: string): Promise<{ id: string; name: string }> {
  const { actor } = ctx;
  if (name === actor.name) return { id: actor.id, name };
  if (!ctx.may("read_all")) {
    throw new Refusal("NOT_ALLOWED", `get_conversation: ${name}'s is not yours to read`, {
      field: "peer",
      hint: "Ask it with send, or ask the architect.",
    });
  }
  const row = await peerByName(ctx.tx, name);
  if (row?.project === actor.project) return row;
  throw new Refusal("UNKNOWN_PEER", `get_conversation: nobody in this project is called ${name}`, {
    field: "peer",
  });
}
