// How a page and a leader prove themselves to each other, so that nothing worth stealing is ever sent to
// whoever has the port. The last part of a page's token is a key that both know: the page from its
// sign-in, every leader of the home from the secret. A request carries the rest of the token and is
// signed with the key, for one server, one address and once; an answer carries the same key's proof over
// the request's nonce. What another program was sent on this port is good for nothing at any leader.

import { equalInConstantTime, hmacSha256, sha256 } from "../core/digest.ts";
import { Refusal } from "../core/errors.ts";
import { TIMES } from "../core/limits.ts";
import { tokenOf } from "../peer/token.ts";

/** The header by which an answer proves who gave it. */
export const PROOF = "skein-proof";

/** A request's own claims; what they are worth is found out later. */
export interface Signed {
  /** The token without its last part. */
  readonly payload: string;
  /** The server that is meant; `-` by who does not know it yet. */
  readonly door: string;
  /** Milliseconds since 1970, by the clock that page and leader share. */
  readonly time: string;
  readonly nonce: string;
  /** SHA-256 of the body. */
  readonly body: string;
  readonly mac: string;
}

const SHAPE =
  /^Skein ([\w-]{1,8192})\.(-|[0-9a-f]{32})\.(\d{13})\.([0-9a-f]{32})\.([0-9a-f]{64})\.([0-9a-f]{64})$/;
const encoder = new TextEncoder();

/** What a request says by which it is signed; null where it is not. */
export function signedBy(request: Request): Signed | null {
  const [, payload, door, time, nonce, body, mac] =
    SHAPE.exec(request.headers.get("authorization") ?? "") ?? [];
  return payload === undefined || door === undefined || time === undefined ||
      nonce === undefined || body === undefined || mac === undefined
    ? null
    : { payload, door, time, nonce, body, mac };
}

function macOf(token: string, ...parts: readonly (string | number)[]): string {
  return hmacSha256(encoder.encode(token.slice(token.lastIndexOf(".") + 1)), parts.join("\n"));
}

/** The proofs of one server. */
export class Proofs {
  /** Unlike that of any other server: what was meant for another is refused. */
  readonly door: string = crypto.randomUUID().replaceAll("-", "");
  readonly #secret: Uint8Array;
  /** Nonces that came, oldest first, with the time of this process's own clock. */
  readonly #seen = new Map<string, number>();

  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  /**
   * The token behind a signed request that came in at `host`.
   * @throws Refusal `TOKEN_INVALID`; with `again` where another try, signed anew, is not refused for that
   */
  check(signed: Signed, request: Request, host: string): string {
    const { payload, door, time, nonce, body, mac } = signed;
    const token = tokenOf(this.#secret, payload);
    const { pathname, search } = new URL(request.url);
    const what = [host, door, time, nonce, request.method, pathname + search, body];
    if (!equalInConstantTime(mac, macOf(token, "skein-call", ...what))) {
      throw new Refusal("TOKEN_INVALID", "the request was not signed by a session of this home");
    }
    if (door !== this.door) throw again("it was signed for another server");
    if (Math.abs(Date.now() - Number(time)) > TIMES.signedMs) {
      throw again("it was signed too long ago");
    }
    const nowMs = performance.now();
    for (const [old, atMs] of this.#seen) {
      if (nowMs - atMs <= 2 * TIMES.signedMs) break;
      this.#seen.delete(old);
    }
    if (this.#seen.has(nonce)) throw again("it came before");
    this.#seen.set(nonce, nowMs);
    return token;
  }

  /** What proves to whoever signed a request that this answer is of a leader of its home, at `host`. */
  of(signed: Signed, host: string, status: number): string {
    const token = tokenOf(this.#secret, signed.payload);
    return `${this.door}.${macOf(token, "skein-answer", host, this.door, signed.nonce, status)}`;
  }
}

function again(why: string): Refusal {
  return new Refusal("TOKEN_INVALID", `the request is not taken: ${why}`, {
    again: true,
    hint: "Sign it anew, for the server that this answer names.",
  });
}

/** Whether a leader of the home answers at an address, by any token of the home. */
export async function provenAt(url: string, token: string, signal: AbortSignal): Promise<boolean> {
  const [, payload] = token.split(".");
  const nonce = crypto.randomUUID().replaceAll("-", "");
  const none = sha256("");
  const { host } = new URL(url);
  const response = await fetch(`${url}/healthz`, {
    // Asking is nothing that has to be signed.
    headers: { authorization: `Skein ${payload}.-.${Date.now()}.${nonce}.${none}.${none}` },
    signal,
  });
  await response.body?.cancel();
  const [door = "", mac = ""] = (response.headers.get(PROOF) ?? "").split(".");
  const { status } = response;
  return response.ok &&
    equalInConstantTime(mac, macOf(token, "skein-answer", host, door, nonce, status));
}
