// Who acts through HTTP. A link code becomes a session, once; a session acts as the human in the
// project that the request names; any other token acts as its peer. None of it depends on which
// process leads, so it all survives a take-over.

import { dirname } from "@std/path";
import type { Identity } from "../authorise.ts";
import { iso } from "../core/clock.ts";
import { Refusal } from "../core/errors.ts";
import { LIMITS } from "../core/limits.ts";
import type { Settings } from "../core/operation.ts";
import { head } from "../core/text.ts";
import type { Tx } from "../core/transaction.ts";
import { markAllOfferedSeen } from "../message/deliveries.ts";
import { isPage, linkOf, OPERATOR, pageMark } from "../peer/session.ts";
import { peerById, renewLease } from "../peer/table.ts";
import { type Claims, issueToken, readToken } from "../peer/token.ts";
import { commit, type Store } from "../store/unit.ts";
import { liveOperator, operatorLife } from "./operator.ts";

const AGAIN = "Ask for a new link: skein dashboard.";

/** A session as the page gets it. */
export interface SignedIn {
  readonly token: string;
  /** ISO 8601, by the clock of now; what counts is seconds since boot. */
  readonly expires_at: string;
  readonly project: string;
}

/**
 * Exchanges a link code for a session.
 * @param epoch of the leader that does it
 * @throws Refusal `TOKEN_INVALID` when it is none, was used, is too old, or was made for another leader
 */
export async function signIn(
  store: Store,
  settings: Settings,
  epoch: number,
  code: string,
): Promise<SignedIn> {
  const claims = readToken(store.secret, code);
  const link = linkOf(claims);
  if (link === null) {
    throw new Refusal("TOKEN_INVALID", "this is a token, not the code of a sign-in link", {
      hint: AGAIN,
    });
  }
  const upS = store.clock.upS();
  if (isOver(claims, upS)) {
    throw new Refusal("TOKEN_INVALID", "the sign-in link is older than two minutes", {
      hint: AGAIN,
    });
  }
  if (link.epoch !== epoch) {
    throw new Refusal("TOKEN_INVALID", "the sign-in link was for a leader that leads no more", {
      hint: AGAIN,
    });
  }
  await commit(store, async (unit) => {
    // The use of a link is an idempotency key of its own: it stands until nobody could bring it again.
    const first = await unit.tx.run(
      `INSERT INTO idempotency (peer, key, op, request, answer, at) VALUES (?, ?, 'sign_in', '', '', ?)
       ON CONFLICT DO NOTHING`,
      `link of ${OPERATOR}`,
      link.id,
      unit.at,
    );
    if (first === 0) {
      throw new Refusal("TOKEN_INVALID", "the sign-in link was used already", { hint: AGAIN });
    }
    await liveOperator(unit, settings);
    unit.record({
      actor: OPERATOR,
      op: "sign_in",
      subject: `peer/${OPERATOR}`,
      detail: { project: claims.project },
    });
  });
  const issuedS = Math.floor(upS);
  const expiresS = Math.min(issuedS + LIMITS.pageTokenS, link.endsS);
  const token = issueToken(store.secret, {
    peer: OPERATOR,
    role: "operator",
    project: claims.project,
    incarnation: pageMark(crypto.randomUUID()),
    issuedS,
    expiresS,
  });
  const leftMs = (expiresS - upS) * 1000;
  return { token, expires_at: iso(store.clock.wallMs() + leftMs), project: claims.project };
}

/** Whether a token is a browser's: its session, or the code of the link to one. */
export function isOfPage(secret: Uint8Array, token: string): boolean {
  try {
    const claims = readToken(secret, token);
    return isPage(claims) || linkOf(claims) !== null;
  } catch {
    // None of ours: refused as such where it is read.
    return false;
  }
}

/** Over, or made in an earlier boot, whose seconds are over. */
function isOver(claims: Claims, upS: number): boolean {
  return upS >= claims.expiresS || upS + 1 < claims.issuedS;
}

/** Who acts, with what is needed to tell it what it was shown. */
export interface Visiting extends Identity {
  readonly peer: string;
  readonly incarnation: string;
  readonly operator: boolean;
}

/**
 * Who acts by a token. What was shown to it before counts as seen: it came back.
 * @param project the project that the request names; the operator acts in that one
 * @throws Refusal `TOKEN_INVALID`, `TOKEN_EXPIRED`, `INVALID_INPUT`
 */
export async function visiting(
  store: Store,
  settings: Settings,
  token: string,
  project: string | null,
): Promise<Visiting> {
  const claims = readToken(store.secret, token);
  if (linkOf(claims) !== null) {
    throw new Refusal("TOKEN_INVALID", "the code of a link has to be exchanged for a session", {
      hint: "Open the link in a browser.",
    });
  }
  if (claims.peer !== OPERATOR) return await asPeer(store, settings, token, claims);
  if (isPage(claims) && isOver(claims, store.clock.upS())) {
    throw new Refusal("TOKEN_EXPIRED", "the session has expired", { hint: AGAIN });
  }
  const where = project ?? claims.project;
  if (project !== null && project !== claims.project) await refuseUnknown(store, project);
  const folder = where.endsWith("/.git") ? dirname(where) : where;
  const rest = { folder, project: where, settings, peer: OPERATOR, operator: true };
  if (!isPage(claims)) {
    await seen(store, settings, OPERATOR, claims.incarnation);
    return { ...rest, token, incarnation: claims.incarnation };
  }
  const incarnation = await operatorLife(store, settings);
  await seen(store, settings, OPERATOR, incarnation);
  const { issuedS, expiresS } = claims;
  const own = { peer: OPERATOR, role: "operator" as const, project: "", incarnation };
  return {
    ...rest,
    token: issueToken(store.secret, { ...own, issuedS, expiresS }),
    incarnation,
  };
}

async function asPeer(
  store: Store,
  settings: Settings,
  token: string,
  claims: Claims,
): Promise<Visiting> {
  const { peer, incarnation, project } = claims;
  const row = await store.engine.read((tx) => peerById(tx, peer));
  if (row?.kind === "leased") await seen(store, settings, peer, incarnation);
  const folder = row?.folder ?? "/";
  return { token, peer, incarnation, folder, project, settings, operator: false };
}

/** Whoever calls again has read what the last answer showed. */
async function seen(
  store: Store,
  settings: Settings,
  peer: string,
  incarnation: string,
): Promise<void> {
  const shown = await store.engine.read((tx) =>
    tx.get(
      "SELECT 1 AS x FROM delivery WHERE peer = ? AND state = 1 AND offered_to = ? LIMIT 1",
      peer,
      incarnation,
    )
  );
  if (shown === undefined) return;
  await commit(store, async ({ tx, at, upS }) => {
    const row = await peerById(tx, peer);
    if (row?.incarnation !== incarnation) return;
    await markAllOfferedSeen(tx, peer, incarnation, at);
    await renewLease(tx, peer, upS + settings.leaseS, at);
  });
}

/** The human acts in a project that exists: a slip of the pen makes no new one. */
async function refuseUnknown(store: Store, project: string): Promise<void> {
  if (await store.engine.read((tx) => isKnown(tx, project))) return;
  const shown = head(project, 200);
  throw new Refusal("INVALID_INPUT", `Skein-Project: ${shown} is no project of this home`, {
    field: "Skein-Project",
    hint: "list_projects shows them; the header carries the id, percent-encoded.",
  });
}

async function isKnown(tx: Tx, project: string): Promise<boolean> {
  const row = await tx.get<{ known: number }>(
    `SELECT EXISTS (SELECT 1 FROM peer WHERE project = ?) OR
       EXISTS (SELECT 1 FROM run WHERE project = ?) OR
       EXISTS (SELECT 1 FROM task WHERE project = ?) OR
       EXISTS (SELECT 1 FROM memory WHERE project = ?) AS known`,
    project,
    project,
    project,
    project,
  );
  return row?.known === 1;
}
