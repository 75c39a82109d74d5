// Shared memory: what the flock has decided, found out and made, by key, with versions.

import * as z from "zod";
import { Refusal } from "../core/errors.ts";
import { flag, integer, line, list, oneOf, text, unlisted, word } from "../core/fields.ts";
import { LIMITS } from "../core/limits.ts";
import { type Context, operation } from "../core/operation.ts";
import { EVERYONE, LEADING, WORKING } from "../core/policy.ts";
import { howComplete, searchText } from "../flock/search.ts";
import { CONFIDENCES, hasTag, mayRemember, TYPES } from "./rules.ts";
import * as table from "./table.ts";

const key = word();

export const memoryShape = z.lazy(() =>
  z.object({
    key: z.string(),
    value: z.string(),
    type: z.enum(TYPES),
    confidence: z.enum(CONFIDENCES),
    version: z.number(),
    by: z.string(),
    at: z.string(),
    run: z.string().optional(),
    supersedes: z.string().optional(),
    superseded_by: z.string().optional(),
  })
);

export function shownEntry(row: table.MemoryRow): z.input<typeof memoryShape> {
  return {
    key: row.key,
    value: row.value,
    type: row.type,
    confidence: row.confidence,
    version: row.version,
    by: row.author,
    at: row.at,
    ...(row.run === null ? {} : { run: row.run }),
    ...(row.supersedes === null ? {} : { supersedes: row.supersedes }),
    ...(row.superseded_by === null ? {} : { superseded_by: row.superseded_by }),
  };
}

export const setMemory = operation({
  name: "set_memory",
  summary: "Share a decision, fact, constraint, artifact or discovery with the project.",
  roles: { strict: WORKING, open: WORKING, lite: LEADING },
  effect: "write",
  hints: {},
  risk: "medium",
  positionals: ["key", "value"],
  input: z.strictObject({
    key,
    value: text(LIMITS.valueChars),
    type: oneOf(TYPES).optional(),
    confidence: oneOf(CONFIDENCES).optional(),
    supersedes: key.optional(),
  }),
  output: z.lazy(() => z.object({ key: z.string(), version: z.number() })),
  async handle(ctx, input) {
    const { tx, actor } = ctx;
    const before = await table.currentEntry(tx, actor.project, input.key);
    const type = input.type ?? before?.type ?? "fact";
    for (const touched of [type, before?.type ?? type]) {
      if (mayRemember(ctx.may("decide"), touched)) continue;
      throw new Refusal(
        "NOT_ALLOWED",
        `set_memory: type ${touched} is set by the architect or the operator; you are ${actor.role}`,
        { field: "type", hint: "Set a fact or a discovery, or ask the architect to decide." },
      );
    }
    if (input.supersedes !== undefined) await supersede(ctx, input.key, input.supersedes);
    if (before === undefined) await refuseFull(ctx);
    const version = (before?.version ?? 0) + 1;
    await table.putEntry(tx, {
      project: actor.project,
      key: input.key,
      version,
      value: input.value,
      type,
      confidence: input.confidence ?? "high",
      author: actor.name,
      run: actor.run,
      supersedes: input.supersedes ?? null,
      at: ctx.at,
    }, LIMITS.memoryVersions);
    ctx.record({
      subject: `memory/${input.key}`,
      detail: { project: actor.project, version, type, characters: input.value.length },
    });
    return { key: input.key, version };
  },
});

async function refuseFull(ctx: Context): Promise<void> {
  const keys = await table.countKeys(ctx.tx, ctx.actor.project, LIMITS.memoryKeys);
  if (keys < LIMITS.memoryKeys) return;
  throw new Refusal("LIMIT_REACHED", `set_memory: this project has ${keys} keys, the most it may`, {
    field: "key",
    hint: "Set a new version of a key that is there.",
  });
}

async function supersede(
  ctx: Context,
  key: string,
  old: string,
): Promise<void> {
  const entry = await table.currentEntry(ctx.tx, ctx.actor.project, old);
  if (entry === undefined || old === key) {
    const why = old === key ? "is the key itself" : "does not exist";
    throw new Refusal("INVALID_INPUT", `set_memory: supersedes ${old} ${why}`, {
      field: "supersedes",
    });
  }
  if (!mayRemember(ctx.may("decide"), entry.type)) {
    throw new Refusal("NOT_ALLOWED", `set_memory: ${old} is a ${entry.type}; you cannot end it`, {
      field: "supersedes",
    });
  }
  await table.supersede(ctx.tx, ctx.actor.project, old, key);
}

export const getMemory = operation({
  name: "get_memory",
  summary: "Read shared memory by key, type or full-text query.",
  roles: EVERYONE,
  effect: "read",
  hints: {},
  risk: "low",
  positionals: ["key"],
  input: z.strictObject({
    key: key.optional(),
    type: oneOf(TYPES).optional(),
    query: line(LIMITS.queryChars).optional(),
    history: flag().optional(),
    tags: unlisted(list(word(), LIMITS.listItems).optional()),
    limit: unlisted(integer(1, LIMITS.pageRows).optional()),
  }),
  searches: (input) => input.query !== undefined,
  output: z.lazy(() =>
    z.object({
      entries: z.array(memoryShape),
      more: z.boolean().optional(),
      /** Of a query: the index is behind, newer entries may be missing. */
      incomplete: z.boolean().optional(),
    })
  ),
  async handle(ctx, input) {
    const { tx, actor } = ctx;
    if (input.key !== undefined) {
      const rows = input.history === true
        ? await table.versions(tx, actor.project, input.key, LIMITS.memoryVersions)
        : [await table.currentEntry(tx, actor.project, input.key)].filter((row) => !!row);
      return { entries: rows.map(shownEntry) };
    }
    const limit = input.limit ?? LIMITS.pageRowsDefault;
    if (input.query !== undefined) {
      const hits = await searchText(tx, actor.project, input.query, ["memory"], limit);
      const entries = [];
      for (const hit of hits) {
        const row = await table.currentEntry(tx, actor.project, hit.ref);
        const wanted = input.type === undefined || row?.type === input.type;
        if (row !== undefined && wanted) entries.push(shownEntry(row));
      }
      return { entries, ...await howComplete(tx) };
    }
    const { tags } = input;
    const most = tags === undefined ? limit + 1 : LIMITS.mirrorDiscoveries;
    const rows = (await table.entries(tx, actor.project, input.type, most))
      .filter((row) => tags === undefined || tags.some((tag) => hasTag(row.value, tag)));
    return {
      entries: rows.slice(0, limit).map(shownEntry),
      ...(rows.length > limit ? { more: true } : {}),
    };
  },
});
