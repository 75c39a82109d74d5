// The digests are those that everybody else computes: an auditor with another tool gets the same.

import { assertEquals, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { createHash, createHmac } from "node:crypto";
import { hmacSha256, sha256 } from "../../src/core/digest.ts";

Deno.test("property: hmacSha256 is HMAC-SHA256 of the text in UTF-8, whatever key and text", () => {
  const keys = fc.uint8Array({ minLength: 1, maxLength: 64 });
  const texts = fc.string({ unit: "binary", maxLength: 400 });
  fc.assert(fc.property(keys, fc.array(texts, { maxLength: 4 }), (key, some) => {
    // One key for several texts of different lengths: its blocks are kept.
    for (const text of some) {
      const due = createHmac("sha256", key).update(text).digest("hex");
      assertEquals(hmacSha256(key, text), due);
    }
  }));
});

Deno.test("hmacSha256: vectors of RFC 4231, and a text longer than any before", () => {
  const key = new TextEncoder().encode("Jefe");
  assertEquals(
    hmacSha256(key, "what do ya want for nothing?"),
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  );
  const long = "\u{1f9a2}x".repeat(20_000);
  assertEquals(hmacSha256(key, long), createHmac("sha256", key).update(long).digest("hex"));
  assertEquals(hmacSha256(key, ""), createHmac("sha256", key).update("").digest("hex"));
});

Deno.test("hmacSha256: a key that would have to be hashed first is refused", () => {
  assertThrows(() => hmacSha256(new Uint8Array(65), "x"), RangeError, "64");
});

Deno.test("property: sha256 is that of the text in UTF-8", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    assertEquals(sha256(text), createHash("sha256").update(text).digest("hex"));
  }));
});
