// Whom a message is for: names, roles, everybody, and whoever gets a copy of what needs somebody.

import { Refusal } from "../core/errors.ts";
import type { Context } from "../core/operation.ts";
import { stillHere } from "../peer/life.ts";
import { makeHuman } from "../peer/lives.ts";
import { idIn } from "../peer/names.ts";
import { OPERATOR } from "../peer/session.ts";
import {
  allLivePeers,
  architectOf,
  type Called,
  idByName,
  livePeers,
  type PeerRow,
} from "../peer/table.ts";
import type { MessageRow } from "./table.ts";
import { type Category, escalates } from "./rules.ts";

/** What each is called, and where it is rung. */
export type Recipient = Pick<PeerRow, "name" | "bell">;

/** Who gets a message, by id, and why it is not here, if it is not. */
export interface Recipients {
  readonly found: Map<string, Recipient>;
  readonly away: ReadonlyMap<string, string>;
}

/** What is said to all, or to a role, is for those who are here. */
async function peersHere(ctx: Context): Promise<PeerRow[]> {
  return await stillHere(ctx, await livePeers(ctx.tx, ctx.actor.project));
}

/** Who is meant: names first, then roles of the project, `*` for all of it. */
export async function recipientsOf(
  ctx: Context,
  to: readonly string[],
  escalating: boolean,
  original: MessageRow | null,
): Promise<Recipients> {
  const found = new Map<string, Recipient>();
  const away = new Map<string, string>();
  const add = (peers: readonly PeerRow[]): void => {
    for (const peer of peers) if (peer.id !== ctx.actor.id) found.set(peer.id, peer);
  };
  for (const name of to) {
    if (name === "*") {
      add(await peersHere(ctx));
      continue;
    }
    const isRole = name === "architect" || name === "worker" || name === "observer";
    // A role is a role first: whoever calls itself so gets no mail for it.
    const live = isRole ? await peersHere(ctx) : [];
    const matching = live.filter((row) => row.role === name);
    if (name === OPERATOR) await makeHuman(ctx.tx, ctx.at);
    const peer = matching.length > 0 ? undefined : await called(ctx, name, original);
    if (peer !== undefined) {
      found.set(peer.id, peer);
      const why = awayAs(peer);
      if (why !== null) away.set(peer.id, why);
    } else if (isRole) {
      // An escalation waits for the next architect; anything else would wait unseen.
      if (matching.length === 0 && !escalating) nobodyAs(ctx, name, live);
      add(matching);
    } else {
      unknownPeer(ctx, name, await allLivePeers(ctx.tx));
    }
  }
  return { found, away };
}

/** Whom a name means: in an answer whoever wrote, also if another is called so in this project. */
async function called(
  { tx, actor }: Context,
  name: string,
  original: MessageRow | null,
): Promise<Called | undefined> {
  const writer = original === null ? undefined : await idByName(tx, name);
  return writer?.id === original?.sender && writer !== undefined
    ? writer
    : await idIn(tx, name, actor.project);
}

/** Why a peer is not here; the human comes and goes without being waited for. */
function awayAs({ id, state, killed_at }: Called): string | null {
  if (killed_at !== null) return "killed";
  return state === "gone" && id !== OPERATOR ? "gone" : null;
}

/** Nobody has the role: what is said to a role is for those who are here. */
function nobodyAs(
  ctx: Context,
  role: "architect" | "worker" | "observer",
  live: readonly PeerRow[],
): never {
  const names = live.filter((peer) => peer.id !== ctx.actor.id).map((peer) => peer.name);
  throw new Refusal("UNKNOWN_PEER", `send: no ${role} is here`, {
    field: "to",
    peers: names.slice(0, 20),
    hint: role === "architect"
      ? "list_peers shows who is here. A message of category blocker waits for the next architect."
      : "list_peers shows who is here.",
  });
}

function unknownPeer(ctx: Context, name: string, live: readonly PeerRow[]): never {
  const names = live.filter((peer) => peer.id !== ctx.actor.id).map((peer) => peer.name);
  throw new Refusal("UNKNOWN_PEER", `send: nobody is called ${name}`, {
    field: "to",
    peers: names.slice(0, 20),
  });
}

/** Who gets a copy whoever was addressed. */
export async function escalation(ctx: Context, category: Category): Promise<PeerRow[]> {
  const reach = escalates(category);
  if (reach === null) return [];
  if (reach === "project") {
    const live = await peersHere(ctx);
    return live.filter((peer) => peer.id !== ctx.actor.id);
  }
  const architect = await architectOf(ctx.tx, ctx.actor.project);
  return architect === undefined || architect.id === ctx.actor.id ? [] : [architect];
}
