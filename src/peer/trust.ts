// The policy of the home, and tokens for callers without a node of their own.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import { integer, oneOf } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { operation } from "../core/operation.ts";
import {
  effectivePolicy,
  EVERYONE,
  OPERATOR_ONLY,
  POLICIES,
  type StoredPolicy,
} from "../core/policy.ts";
import { getMeta, setMeta } from "../store/meta.ts";
import { leaderRow } from "./leader.ts";
import { linkMark } from "./session.ts";
import { issueToken } from "./token.ts";

export const policy = operation({
  name: "policy",
  summary: "Show the policy of this home, or set it (operator): strict, open or lite; rate.",
  roles: EVERYONE,
  effect: "write",
  hints: { idempotent: true },
  risk: "high",
  unlisted: true,
  positionals: ["mode"],
  input: z.strictObject({
    mode: oneOf(POLICIES).optional(),
    messages_per_minute: integer(1, 100_000_000).optional(),
  }),
  readsOnly: (input) => input.mode === undefined && input.messages_per_minute === undefined,
  output: z.lazy(() =>
    z.object({
      /** What holds now for the caller: what is stored, tightened by its environment. */
      modes: z.array(z.enum(POLICIES)),
      messages_per_minute: z.number(),
      stored: z.object({
        mode: z.enum(POLICIES).nullable(),
        messages_per_minute: z.number().nullable(),
      }),
    })
  ),
  async handle(ctx, input) {
    const text = await getMeta(ctx.tx, "policy");
    const before = text === undefined ? {} : JSON.parse(text) as StoredPolicy;
    const stored: StoredPolicy = {
      ...before,
      ...(input.mode === undefined ? {} : { mode: input.mode }),
      ...(input.messages_per_minute === undefined
        ? {}
        : { messagesPerMinute: input.messages_per_minute }),
    };
    if (input.mode !== undefined || input.messages_per_minute !== undefined) {
      if (!ctx.may("set_policy")) {
        throw new Refusal("NOT_ALLOWED", "policy: the operator sets it", {
          role: ctx.actor.role,
          hint: "Ask the human to run: skein policy.",
        });
      }
      await setMeta(ctx.tx, "policy", JSON.stringify(stored));
      ctx.record({ subject: "home/policy", detail: { was: before, is: stored } });
    }
    const now = effectivePolicy(stored, ctx.settings, LIMITS.messagesPerMinute);
    return {
      modes: [...now.modes],
      messages_per_minute: now.messagesPerMinute,
      stored: {
        mode: stored.mode ?? null,
        messages_per_minute: stored.messagesPerMinute ?? null,
      },
    };
  },
});

export const issue = operation({
  name: "issue_token",
  summary: "A token that acts as you, for a script or for SKEIN_TOKEN; ends with your session.",
  roles: EVERYONE,
  effect: "write",
  hints: {},
  risk: "high",
  unlisted: true,
  secret: true,
  input: z.strictObject({ ttl_s: integer(LIMITS.tokenMinS, 7 * LIMITS.tokenS).optional() }),
  output: z.lazy(() => z.object({ token: z.string(), peer: z.string(), expires_in_s: z.number() })),
  // The one thing of the view that is needed is what signs.
  survey: (_input, view) => Promise.resolve(view.secret),
  handle(ctx, input, secret) {
    const { actor } = ctx;
    // Whoever only has a token cannot make itself one that lasts longer.
    const leftS = (actor.proofEndsS ?? Number.POSITIVE_INFINITY) - ctx.upS;
    const ttlS = Math.floor(Math.min(input.ttl_s ?? LIMITS.tokenS, leftS));
    const issuedS = Math.floor(ctx.upS);
    const token = issueToken(secret, {
      peer: actor.id,
      role: actor.role,
      project: actor.role === "operator" ? "" : actor.project,
      incarnation: actor.incarnation,
      issuedS,
      expiresS: issuedS + ttlS,
    });
    ctx.record({ subject: `peer/${actor.name}`, detail: { ttl_s: ttlS } });
    return Promise.resolve({ token, peer: actor.name, expires_in_s: ttlS });
  },
});

export const issueLink = operation({
  name: "issue_link",
  summary: "A code that signs one browser in as the operator: use it once, within two minutes.",
  roles: OPERATOR_ONLY,
  effect: "write",
  hints: {},
  risk: "high",
  unlisted: true,
  secret: true,
  input: z.strictObject({}),
  output: z.lazy(() =>
    z.object({
      code: z.string(),
      /** The leader that takes it, and no other. */
      epoch: z.number(),
      project: z.string(),
      expires_in_s: z.number(),
    })
  ),
  survey: (_input, view) => Promise.resolve(view.secret),
  async handle(ctx, _input, secret) {
    const { actor } = ctx;
    const { epoch } = await leaderRow(ctx.tx);
    const issuedS = Math.floor(ctx.upS);
    // A session that makes a link (to move to another port) does not live longer by it.
    const endsS = Math.floor(Math.min(issuedS + LIMITS.pageTokenS, actor.proofEndsS ?? Infinity));
    const code = issueToken(secret, {
      peer: actor.id,
      role: actor.role,
      project: actor.project,
      incarnation: linkMark(crypto.randomUUID(), endsS, epoch),
      issuedS,
      expiresS: issuedS + LIMITS.linkS,
    });
    ctx.record({ subject: `peer/${actor.name}`, detail: { project: actor.project } });
    return { code, epoch, project: actor.project, expires_in_s: LIMITS.linkS };
  },
});
