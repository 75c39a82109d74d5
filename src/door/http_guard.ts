// What is asked of every request before anybody looks at what it wants: that it comes from this
// machine's own page or from a program, by the right method, and not too large. And the headers that
// every answer carries.

import { sha256 } from "../core/digest.ts";
import { ERRORS, Refusal } from "../core/errors.ts";
import { LIMITS, TIMES } from "../core/limits.ts";

/** Headers of every answer. */
export const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

/** What goes wrong before there is an operation: the status is not that of the code. */
export class Rejected extends Error {
  readonly status: number;
  readonly refusal: Refusal;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, refusal: Refusal, headers: Readonly<Record<string, string>> = {}) {
    super(refusal.message);
    this.name = "Rejected";
    this.status = status;
    this.refusal = refusal;
    this.headers = headers;
  }
}

/** An answer of JSON. */
export function json(
  status: number,
  body: unknown,
  more: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...HEADERS, "content-type": "application/json", ...more },
  });
}

/** A refusal as HTTP has it: the status of its code, unless another one fits better. */
export function refused(
  refusal: Refusal,
  status: number = ERRORS[refusal.code].http,
  more: Readonly<Record<string, string>> = {},
): Response {
  const { code, message, hint, details } = refusal;
  return json(status, { ...details, code, message, hint }, more);
}

/**
 * Refuses whatever a page of somebody else could send: a foreign name for this address, or an origin
 * that is not our own.
 * @throws Rejected
 */
export function refuseForeign(request: Request, port: number): void {
  const host = request.headers.get("host") ?? "";
  if (host !== `127.0.0.1:${port}` && host !== `localhost:${port}`) {
    throw foreign("Host", "the page is reached as 127.0.0.1 or localhost, with its port");
  }
  const origin = request.headers.get("origin");
  if (origin !== null && origin !== `http://${host}`) {
    throw foreign("Origin", "only skein's own page may call it from a browser");
  }
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") {
    // Whoever follows a link to the page gets the page, and nothing else.
    const opens = request.method === "GET" && request.headers.get("sec-fetch-mode") === "navigate";
    if (!opens) throw foreign("Sec-Fetch-Site", "only skein's own page may call it");
  }
}

function foreign(field: string, why: string): Rejected {
  return new Rejected(403, new Refusal("NOT_ALLOWED", `${field}: ${why}`, { field }));
}

/** @throws Rejected 405 */
export function refuseMethod(request: Request, ...allowed: readonly string[]): void {
  if (allowed.includes(request.method)) return;
  const list = allowed.join(", ");
  throw new Rejected(
    405,
    new Refusal("INVALID_INPUT", `${request.method} is not for this path`, {
      field: "method",
      hint: `Use ${list}.`,
    }),
    { allow: list },
  );
}

/** The token of a request, if it brings one. */
export function bearer(request: Request): string | null {
  const [, token] = /^Bearer ([^\s]{1,10000})$/i.exec(request.headers.get("authorization") ?? "") ??
    [];
  return token ?? null;
}

/**
 * The body of a request, as JSON.
 * @param digest SHA-256 that it has to have, where the request is signed
 * @throws Rejected 413, 415, 408, 401 or 400
 */
export async function bodyOf(request: Request, digest: string | null = null): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new Rejected(
      415,
      new Refusal("INVALID_INPUT", "content-type has to be application/json", {
        field: "content-type",
        hint: "Send one JSON object.",
      }),
    );
  }
  if (Number(request.headers.get("content-length") ?? 0) > LIMITS.requestBytes) throw tooLarge();
  const text = await textOf(request);
  if (digest !== null && sha256(text) !== digest) {
    throw new Rejected(401, new Refusal("TOKEN_INVALID", "another body was signed"));
  }
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Rejected(
      400,
      new Refusal("INVALID_INPUT", "the body is not JSON", {
        field: "body",
        hint: "Send one JSON object.",
      }),
    );
  }
}

function tooLarge(): Rejected {
  const most = LIMITS.requestBytes;
  return new Rejected(
    413,
    new Refusal("TOO_LARGE", `the body has more than ${most} bytes`, { field: "body" }),
  );
}

async function textOf(request: Request): Promise<string> {
  if (request.body === null) return "";
  const reader = request.body.getReader();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    reader.cancel().catch(() => {
      // The connection is gone already.
    });
  }, TIMES.bodyMs);
  try {
    const decoder = new TextDecoder();
    let text = "";
    let bytes = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (late) throw new Rejected(408, new Refusal("INVALID_INPUT", "the body came too slowly"));
      if (done) return text + decoder.decode();
      bytes += value.length;
      if (bytes > LIMITS.requestBytes) throw tooLarge();
      text += decoder.decode(value, { stream: true });
    }
  } finally {
    clearTimeout(timer);
    reader.releaseLock();
  }
}
