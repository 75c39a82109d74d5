// How a browser comes in. A link code is a token that is good for one thing once: to be exchanged for
// a session, at the leader for which it was made: who got it on that leader's port, after its death, has
// nothing. A session is a token of the operator that no life of it ends, since a page outlives
// leases and leaders; only the HTTP door takes it, and acts by the operator's present life.

import type { Claims } from "./token.ts";

/** Id and name of the human's peer. */
export const OPERATOR = "operator";

const LINK = /^link-([0-9a-f-]{36})\.(\d{1,12})\.(\d{1,12})$/;
const PAGE = "page-";

/** What stands in a link code in place of a life. */
export function linkMark(id: string, sessionEndsS: number, epoch: number): string {
  return `link-${id}.${sessionEndsS}.${epoch}`;
}

/** A link: its id, when its session has to end at the latest, and the leader that takes it. */
export interface Link {
  readonly id: string;
  readonly endsS: number;
  readonly epoch: number;
}

/** The link behind a token. */
export function linkOf(claims: Claims): Link | null {
  const [, id, endsS, epoch] = LINK.exec(claims.incarnation) ?? [];
  return id === undefined ? null : { id, endsS: Number(endsS), epoch: Number(epoch) };
}

/** What stands in a session in place of a life. */
export function pageMark(id: string): string {
  return `${PAGE}${id}`;
}

export function isPage(claims: Claims): boolean {
  return claims.incarnation.startsWith(PAGE) && claims.peer === OPERATOR;
}
