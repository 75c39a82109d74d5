// Tokens: who somebody is, signed. One belongs to one life of one peer: leaving, being killed and a
// newer life end it, since the store no longer names that life. Times are seconds since boot, which
// no clock change moves. Whoever can read the secret can make one: that is the outer wall, not this.

import { equalInConstantTime, hmacSha256 } from "../core/digest.ts";
import { Refusal } from "../core/errors.ts";
import type { Role } from "../core/operation.ts";

/** What a token says. */
export interface Claims {
  readonly peer: string;
  readonly role: Role;
  readonly project: string;
  readonly incarnation: string;
  /** Seconds since boot. */
  readonly issuedS: number;
  readonly expiresS: number;
}

const VERSION = "skein1";
const SHAPE = /^skein1\.([A-Za-z0-9_-]{1,8192})\.([0-9a-f]{64})$/;
/** Verified tokens that are remembered; a session uses one for hours. */
const REMEMBERED = 1_000;
const verified = new WeakMap<Uint8Array, Map<string, Claims>>();

/** Makes a token. */
export function issueToken(secret: Uint8Array, claims: Claims): string {
  const { peer, role, project, incarnation, issuedS, expiresS } = claims;
  const text = JSON.stringify([peer, role, project, incarnation, issuedS, expiresS]);
  const payload = btoa(String.fromCharCode(...new TextEncoder().encode(text)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return tokenOf(secret, payload);
}

/** The whole token, for who holds the secret and was sent all of it but the signature. */
export function tokenOf(secret: Uint8Array, payload: string): string {
  return `${VERSION}.${payload}.${macOf(secret, payload)}`;
}

/** Keyed apart from the journal's MACs, so that neither can stand for the other. */
function macOf(secret: Uint8Array, payload: string): string {
  return hmacSha256(secret, `token\u001f${VERSION}\u001f${payload}`);
}

/**
 * What a token says, if it is one of this home's. Whether it still holds, the store knows.
 * @throws Refusal `TOKEN_INVALID`
 */
export function readToken(secret: Uint8Array, token: string): Claims {
  let known = verified.get(secret);
  if (known === undefined) verified.set(secret, known = new Map());
  const before = known.get(token);
  if (before !== undefined) return before;
  const [, payload, mac] = SHAPE.exec(token) ?? [];
  if (payload === undefined || mac === undefined) {
    throw new Refusal("TOKEN_INVALID", "the token is not one of skein's");
  }
  if (!equalInConstantTime(mac, macOf(secret, payload))) {
    throw new Refusal("TOKEN_INVALID", "the token was not signed by this home");
  }
  // What we signed, we made: no further checks of its shape.
  const bytes = Uint8Array.from(
    atob(payload.replaceAll("-", "+").replaceAll("_", "/")),
    (char) => char.charCodeAt(0),
  );
  const [peer, role, project, incarnation, issuedS, expiresS] = JSON.parse(
    new TextDecoder().decode(bytes),
  ) as [string, Role, string, string, number, number];
  const claims = { peer, role, project, incarnation, issuedS, expiresS };
  if (known.size >= REMEMBERED) known.clear();
  known.set(token, claims);
  return claims;
}
