// Hashes. node:crypto is loaded at the first use, not at the start: a session that only lists its
// tools does not pay for it.

type NodeCrypto = typeof import("node:crypto");

let loaded: NodeCrypto | null = null;

function nodeCrypto(): NodeCrypto {
  return loaded ??= process.getBuiltinModule("node:crypto") as NodeCrypto;
}

/** SHA-256 of a text in UTF-8, as 64 hexadecimal digits. */
export function sha256(text: string): string {
  return nodeCrypto().hash("sha256", text, "hex");
}

/** HMAC-SHA256 of a text in UTF-8, as 64 hexadecimal digits. */
export function hmacSha256(key: Uint8Array, text: string): string {
  return nodeCrypto().createHmac("sha256", key).update(text).digest("hex");
}

/** Whether two texts are equal, in a time that does not tell where they differ. */
export function equalInConstantTime(a: string, b: string): boolean {
  const { timingSafeEqual } = nodeCrypto();
  const encoder = new TextEncoder();
  // Of equal length, or the comparison itself would refuse: so the digests are compared.
  return timingSafeEqual(encoder.encode(sha256(a)), encoder.encode(sha256(b)));
}
