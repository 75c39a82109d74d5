// Tokens that are none: cut, changed, swapped, signed by others, and well signed ones that say what
// is not so (any more).

import { hmacSha256 } from "../../src/core/digest.ts";
import { type Claims, issueToken } from "../../src/peer/token.ts";

/** A token, what is wrong with it, and the codes it may be refused with. */
export interface BadToken {
  readonly what: string;
  readonly token: string;
  readonly codes: readonly string[];
}

const INVALID = ["TOKEN_INVALID"];

/** Whatever is not, to the letter, what this home has signed. */
export function malformed(good: string, other: string): BadToken[] {
  const [version = "", payload = "", mac = ""] = good.split(".");
  const [, payload2 = "", mac2 = ""] = other.split(".");
  const found: BadToken[] = [];
  const bad = (what: string, token: string): void =>
    void found.push({ what, token, codes: INVALID });
  bad("empty", "");
  bad("a space", " ");
  bad("a word", "operator");
  bad("json", JSON.stringify({ peer: "operator", role: "operator" }));
  bad("a signed nothing", `${version}..${mac}`);
  bad("no mac", `${version}.${payload}.`);
  bad("no mac, no dot", `${version}.${payload}`);
  bad("another version", `skein2.${payload}.${mac}`);
  bad("no version", `${payload}.${mac}`);
  bad("unsigned, as others allow it", `${btoa('{"alg":"none"}')}.${payload}.`);
  bad("zeros for a mac", `${version}.${payload}.${"0".repeat(64)}`);
  bad("mac in capitals", `${version}.${payload}.${mac.toUpperCase()}x`);
  bad("mac twice", `${version}.${payload}.${mac}${mac}`);
  bad("payload of one, mac of another", `${version}.${payload2}.${mac}`);
  bad("mac of one, payload of another", `${version}.${payload}.${mac2}`);
  bad("two tokens", `${good}${other}`);
  bad("two tokens, a line each", `${good}\n${other}`);
  bad("padded", `${version}.${payload}=.${mac}`);
  bad("giant", "a".repeat(100_000));
  bad("giant payload", `${version}.${"A".repeat(100_000)}.${mac}`);
  bad("payload just too long", `${version}.${"A".repeat(8_193)}.${mac}`);
  for (const char of ["\u0001", "\n", "\r", "\t", "\u007f", "\u200b", "\ufeff", "\u0661", " "]) {
    const shown = char.charCodeAt(0).toString(16);
    bad(`U+${shown} in front`, `${char}${good}`);
    bad(`U+${shown} behind`, `${good}${char}`);
    bad(`U+${shown} within`, `${version}.${payload.slice(0, 9)}${char}${payload.slice(9)}.${mac}`);
  }
  for (let length = 1; length < good.length; length += 17) {
    bad(`cut to ${length}`, good.slice(0, length));
    bad(`cut by ${length} in front`, good.slice(length));
  }
  for (let at = 0; at < good.length; at += 5) {
    for (const bit of [1, 4, 32]) {
      const flipped = String.fromCharCode(good.charCodeAt(at) ^ bit);
      bad(`bit ${bit} flipped at ${at}`, good.slice(0, at) + flipped + good.slice(at + 1));
    }
  }
  return found;
}

/** Made by somebody who knows how, but not the secret. */
export function forged(claims: Claims, good: string): BadToken[] {
  const [version = "", payload = ""] = good.split(".");
  const guesses: readonly Uint8Array[] = [
    new Uint8Array(32),
    new Uint8Array(32).fill(255),
    crypto.getRandomValues(new Uint8Array(32)),
    new TextEncoder().encode("skein"),
  ];
  return guesses.flatMap((secret, i) => [
    { what: `signed with guess ${i}`, token: issueToken(secret, claims), codes: INVALID },
    {
      what: `operator signed with guess ${i}`,
      token: issueToken(secret, { ...claims, peer: "operator", role: "operator" }),
      codes: INVALID,
    },
    {
      what: `a plain mac with guess ${i}`,
      token: `${version}.${payload}.${hmacSha256(secret, payload)}`,
      codes: INVALID,
    },
  ]);
}

/** Signed as it should be; what it says is not so. */
export function untrue(secret: Uint8Array, claims: Claims): BadToken[] {
  const table: readonly [string, Partial<Claims>, string][] = [
    ["another role", { role: "architect" }, "TOKEN_STALE"],
    ["the human's role", { role: "operator" }, "TOKEN_STALE"],
    ["another project", { project: "/elsewhere" }, "TOKEN_STALE"],
    ["no project", { project: "" }, "TOKEN_STALE"],
    ["another life", { incarnation: "0123456789ab" }, "FENCED"],
    ["no life", { incarnation: "" }, "FENCED"],
    ["somebody unknown", { peer: "nobody-here" }, "NOT_JOINED"],
    ["nobody", { peer: "" }, "NOT_JOINED"],
    ["another life of the human", { peer: "operator", role: "operator" }, "FENCED"],
    ["expired", { expiresS: claims.issuedS - 1 }, "TOKEN_EXPIRED"],
    [
      "expired just now",
      { issuedS: claims.issuedS - 60, expiresS: claims.issuedS },
      "TOKEN_EXPIRED",
    ],
    ["expired before it was issued", { expiresS: 0 }, "TOKEN_EXPIRED"],
    ["no end", { expiresS: Number.NaN }, "TOKEN_EXPIRED"],
  ];
  return table.map(([what, change, code]) => ({
    what,
    token: issueToken(secret, { ...claims, ...change }),
    codes: [code],
  }));
}
