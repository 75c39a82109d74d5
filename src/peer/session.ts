// How a browser comes in. A link code is a token that is good for one thing once: to be exchanged for
// a session. A session is a token of the operator that no life of it ends, since a page outlives
// leases and leaders; only the HTTP door takes it, and acts by the operator's present life.

import type { Claims } from "./token.ts";

/** Id and name of the human's peer. */
export const OPERATOR = "operator";

const LINK = /^link-([0-9a-f-]{36})\.(\d{1,12})$/;
const PAGE = "page-";

/** What stands in a link code in place of a life. */
export function linkMark(id: string, sessionEndsS: number): string {
  return `link-${id}.${sessionEndsS}`;
}

/** The link behind a token: its id, and when its session has to end at the latest. */
export function linkOf(claims: Claims): { readonly id: string; readonly endsS: number } | null {
  const [, id, endsS] = LINK.exec(claims.incarnation) ?? [];
  return id === undefined ? null : { id, endsS: Number(endsS) };
}

/** What stands in a session in place of a life. */
export function pageMark(id: string): string {
  return `${PAGE}${id}`;
}

export function isPage(claims: Claims): boolean {
  return claims.incarnation.startsWith(PAGE) && claims.peer === OPERATOR;
}
